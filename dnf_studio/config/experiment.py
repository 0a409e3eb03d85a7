"""All settings of an experiment, one frozen document: made, changed, read and written.

A `Config` is validated when made; a change yields a new one. It travels as TOML (files a person writes) and
as JSON (checkpoints and exports).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from reprlib import repr as short_repr
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from dnf_studio.config.model_kinds import GROUPS, MODEL_KINDS, faults, filled, replaced
from dnf_studio.config.names import AnyModel
from dnf_studio.config.settings import Missing, NetworkConfig, SDEConfig, Settings, TrainingConfig
from dnf_studio.errors import SettingError, continued

DATA_SETTINGS = ("data", "validation", "test", "drop_constant", "missing", "label")
"""The settings of a `Config` that say which data there are."""


MAX_TOML = 1 << 20


class Config(Settings):
    """One experiment: data, model, SDE, networks and training.

    What is not given has the default of the kind of network (`NETWORK_DEFAULTS`), of the forward drift
    (`DRIFT_DEFAULTS`), of the model (`MODEL_KINDS`), or else that of the group.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> config = dnf.Config.create({"data": "moons", "sde": {"steps": 10}})
    >>> config.changed({"training.batch": 64}).training.batch
    64
    """

    data: str = Field(
        "rings",
        min_length=1,
        title="Data name or file",
        description="A data set of the studio, a file (.csv, .tsv, .txt, .xlsx, .npy, .npz, .h5, .parquet) or a "
        "picture (.png, .jpg).",
    )
    validation: str | None = Field(
        None,
        min_length=1,
        title="Validation file",
        description="A file of rows to validate on, with the columns of the data, which is then a file too; "
        "without one a tenth of the data's own rows.",
    )
    test: str | None = Field(
        None,
        min_length=1,
        title="Test file",
        description="A file of rows to test on, all of which are used; without one a tenth of the data's own rows.",
    )
    drop_constant: bool = Field(
        False,
        title="Drop constant columns",
        description="Leave out columns that hold one value only, which cannot be standardised.",
    )
    missing: Missing = Field(
        "error",
        title="Missing values",
        description="What is done about values of a table that are missing or not finite: nothing, so that it is "
        "refused, or their rows or their columns are left out.",
    )
    label: str | None = Field(
        None,
        min_length=1,
        title="Label",
        description="The column of a table, of text or whole numbers, that says what each row is called; it is no "
        "component.",
    )
    model: AnyModel = Field(
        "diffflow",
        title="Model",
        description="A diffusion normalizing flow, or what it is compared with.",
    )
    sde: SDEConfig = SDEConfig()
    network: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_its_model(cls, values: object) -> object:
        """Settings that are not given, as the docstring of the class says."""
        return filled(values) if isinstance(values, Mapping) else values

    @model_validator(mode="after")
    def _fits_its_model(self) -> Self:
        if found := faults(self.model, self.value):
            raise ValueError(next(iter(found.values())))
        return self

    @classmethod
    def create(cls, values: object) -> Self:
        """Build from plain values; raises `SettingError` naming the first wrong one."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingError(_first_mistake(error)) from None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        try:
            return cls.create(json.loads(text))
        except ValueError as error:
            raise SettingError(f"The settings are not valid JSON: {error}.") from None
        except RecursionError:
            raise SettingError("The settings are not valid JSON: they are nested too deeply.") from None

    @classmethod
    def from_toml(cls, path: Path | str) -> Self:
        """Read a TOML file whose tables are `sde`, `network` and `training`."""
        try:
            return cls.create(tomllib.loads(_text(Path(path))))
        except FileNotFoundError:
            raise SettingError(f"There is no file '{path}'.") from None
        except OSError as error:
            raise SettingError(f"Cannot read '{path}': {continued(error.strerror or str(error))}.") from None
        except UnicodeDecodeError:
            raise SettingError(f"'{path}' is not UTF-8 text.") from None
        except ValueError as error:
            raise SettingError(f"'{path}' is not valid TOML: {error}.") from None
        except RecursionError:
            raise SettingError(f"'{path}' is not valid TOML: it is nested too deeply.") from None

    def to_json(self) -> str:
        """One line of JSON."""
        return self.model_dump_json()

    def to_toml(self) -> str:
        """TOML with one table a group; what is None is left out."""
        import tomli_w

        return tomli_w.dumps(self.model_dump(exclude_none=True))

    def without(self, preset: Self | None, own: Self | None = None) -> Self:
        """A copy in which settings that stand as in `preset` are the defaults of this model and these networks.

        What stands at those defaults then is as in `own`, a preset of the same model and networks. Data, model, kind of
        network and drift stay.
        """
        defaults, values = self.defaults().model_dump(), self.model_dump()
        if preset is not None:
            values = replaced(values, preset.model_dump(), defaults)
        return self.create(values if own is None else replaced(values, defaults, own.model_dump()))

    def noise_changes(self, noise: float) -> dict[str, float]:
        """The changes with which the total noise g²T (`SDEConfig.total_noise`) is `noise`: g is scaled as a whole.

        This is the dial between a flow, with next to none, and a diffusion, with 4 or more. Raises `SettingError` for
        a model without noise and for what is no noise.
        """
        if why := MODEL_KINDS[self.model].unused.get("sde.g_start"):
            raise SettingError(why)
        return {f"sde.{name}": g for name, g in self.sde.scaled_to(noise).items()}

    @property
    def kinds(self) -> dict[str, str]:
        """Model, kind of network and forward drift, which other settings have their defaults from, by dotted name."""
        network = self.network
        return {"model": self.model, "network.kind": network.kind, "network.drift": network.drift}

    def defaults(self) -> Self:
        """The defaults of this model, kind of network and forward drift."""
        return self._of(self.kinds)

    @classmethod
    def _of(cls, kinds: Mapping[str, Any]) -> Self:
        network = {"kind": kinds["network.kind"], "drift": kinds["network.drift"]}
        return cls.create({"model": kinds["model"], "network": network})

    def changes_to(self, model: str) -> dict[str, Any]:
        """The changes to another kind of model: its name, and the default of each setting that it refuses.

        What stands at the default of this model goes to that of the other anyway (`changed`) and is not named. Raises
        `SettingError` for a model that there is not.

        Examples
        --------
        >>> import dnf_studio as dnf
        >>> dnf.Config.create({"sde": {"condition": "node"}}).changes_to("diffusion")
        {'model': 'diffusion', 'sde.condition': 'time'}
        """
        own, other = self.defaults(), self.create({"model": model})
        back = [name for name in faults(model, self.value) if self.value(name) != own.value(name)]
        return {"model": model, **{name: other.value(name) for name in back}}

    def value(self, name: str) -> Any:  # noqa: ANN401 - of any setting
        """The setting of this dotted name, such as ``sde.steps``."""
        return reduce(getattr, name.split("."), self)

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """A copy with `changes` applied; keys are dotted (``sde.steps``) or nested mappings.

        Files to validate and to test on, the label and what is done about missing values belong to their data: with
        other data they go, unless they are named too. With another model, kind of network or drift, settings that stand
        at the default of the old one go to that of the new; a U-Net takes over no larger batch than its own.
        """
        flat, values = flatten(changes), self.model_dump()
        if flat.keys() & self.kinds.keys():
            coming = self._of({name: flat.get(name, value) for name, value in self.kinds.items()})
            values = replaced(values, self.defaults().model_dump(), coming.model_dump())
        if flat.get("data", self.data) != self.data:
            flat = {"validation": None, "test": None, "missing": "error", "label": None, **flat}
        for key, value in flat.items():
            group = values
            *parents, leaf = key.split(".")
            for parent in parents:
                group = group.get(parent, {}) if isinstance(group, dict) else {}
            if not isinstance(group, dict) or leaf not in group:
                raise SettingError(f"There is no setting named '{key}'.")
            group[leaf] = value
        return self.create(values)

    def moved(self, changes: Mapping[str, Any]) -> Self:
        """A copy with `changes` applied, of which `data` is another place of the same rows: all that belongs to them
        stays."""
        own = {name: getattr(self, name) for name in DATA_SETTINGS if name not in ("data", "drop_constant")}
        return self.changed(own | dict(changes))


def _text(path: Path) -> str:
    """The text of a file of settings; no more is read of a larger one, a device that never ends for instance."""
    with path.open("rb") as file:
        content = file.read(MAX_TOML + 1)
    if len(content) > MAX_TOML:
        raise SettingError(f"'{path}' is larger than {MAX_TOML >> 20} MiB, too large for a file of settings.")
    return content.decode("utf-8-sig")


def recorded(values: object) -> object:
    """The settings in a file of a model as plain values: one that was written before there was one of them has none."""
    if not isinstance(values, dict):
        return values
    full = dict(values)
    for group, setting in (("network", "features"), ("training", "inward")):
        if isinstance(given := full.get(group), dict):
            full[group] = {setting: 0, **given}
    return full


def flatten(changes: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings, and groups of settings, as one mapping with dotted keys."""
    flat: dict[str, Any] = {}
    for key, given in changes.items():
        value = given.model_dump() if isinstance(given, Settings) else given
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _first_mistake(error: ValidationError) -> str:
    """The first of pydantic's complaints as one sentence."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    # What does not fit within a group says itself which settings; all others of the group are beside the point
    if not name or (name in GROUPS and first["type"] == "value_error"):
        return f"{message[:1].upper()}{message[1:]}."
    if first["type"] == "extra_forbidden":
        return f"There is no setting named '{name}'."
    value = first["input"]
    shown = short_repr(value) if isinstance(value, list | tuple) else repr(value)
    return f"The setting '{name}' cannot be {shown}: {continued(message)}."
