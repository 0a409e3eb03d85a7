"""The settings of an experiment: every default, its checks, and its files."""

from dnf_studio.config.experiment import (
    DATA_SETTINGS,
    MAX_STEPS,
    Config,
    Device,
    GridName,
    Missing,
    ModelName,
    NetworkConfig,
    Precision,
    SDEConfig,
    TrainingConfig,
    flatten,
    recorded,
)

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
