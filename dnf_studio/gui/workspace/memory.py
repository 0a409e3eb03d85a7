"""What the window remembers from one start to the next.

Whatever is stored may be old, broken or meant for another screen: a value that does not fit is dropped,
and the window opens as if it were the first time.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QSettings

__all__ = ["Memory", "exactly"]

T = TypeVar("T")


class Memory:
    """Plain values by name, in a file of the user's settings or, without one, for as long as the program runs."""

    def __init__(self, settings: QSettings | None = None) -> None:
        self._settings = settings
        self._held: dict[str, str] = {}

    @classmethod
    def of_user(cls) -> Memory:
        """The settings file of whoever runs the program."""
        return cls(QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "dnf-studio", "window"))

    def get(self, name: str, kind: Callable[[Any], T], default: T) -> T:
        """The value of `name` as `kind` takes it; the default where there is none or it does not fit."""
        text = self._held.get(name) if self._settings is None else self._settings.value(name)
        try:
            return default if not isinstance(text, str) else kind(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return default

    def put(self, name: str, value: object) -> None:
        """Store what JSON can hold."""
        text = json.dumps(value)
        if self._settings is None:
            self._held[name] = text
        else:
            self._settings.setValue(name, text)


def exactly(kind: type[T]) -> Callable[[Any], T]:
    """For `Memory.get`: takes values of this type and nothing that could be turned into one."""

    def check(value: object) -> T:
        if not isinstance(value, kind):
            raise TypeError
        return value

    return check
