"""The settings of an experiment: every default, its checks, and its files."""

from dnf_studio.config.experiment import DATA_SETTINGS, Config, flatten, recorded
from dnf_studio.config.grids import MAX_STEPS, GridName
from dnf_studio.config.model_kinds import ModelName
from dnf_studio.config.settings import Device, Missing, NetworkConfig, Precision, SDEConfig, TrainingConfig

__all__ = [
    "DATA_SETTINGS",
    "MAX_STEPS",
    "Config",
    "Device",
    "GridName",
    "Missing",
    "ModelName",
    "NetworkConfig",
    "Precision",
    "SDEConfig",
    "TrainingConfig",
    "flatten",
    "recorded",
]
