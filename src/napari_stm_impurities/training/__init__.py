"""Training: losses, the loop, checkpoints, calibration, and adapting to a person's own stack."""

from .checkpoint import EpochReport
from .config import TrainingConfig
from .loop import train

__all__ = ["EpochReport", "TrainingConfig", "train"]
