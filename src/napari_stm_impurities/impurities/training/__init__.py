"""Training: losses, the loop, checkpoints, calibration, and adapting to a person's own stack."""

from .checkpoint import EpochReport
from .config import TrainingConfig
from .fine_tune_config import Adaptation, AdaptConfig, adaptation_of
from .fine_tuning import adapt
from .from_scratch import train

__all__ = ["AdaptConfig", "Adaptation", "EpochReport", "TrainingConfig", "adapt", "adaptation_of", "train"]
