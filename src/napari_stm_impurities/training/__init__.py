"""Training: losses, the loop, checkpoints, calibration, and adapting to a person's own stack."""

from .adaptation import Adaptation, AdaptConfig, adaptation_of
from .adapting import adapt
from .checkpoint import EpochReport
from .config import TrainingConfig
from .loop import train

__all__ = ["AdaptConfig", "Adaptation", "EpochReport", "TrainingConfig", "adapt", "adaptation_of", "train"]
