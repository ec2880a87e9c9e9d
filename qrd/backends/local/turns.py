"""Who answers now: adapters that take turns on one base."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from qrd.errors import ConfigError

A = TypeVar("A")


class Turns(Generic[A]):
    """The adapters on a base by the names of their students, as a backend knows them; `name` is whose turn it is."""

    def __init__(self) -> None:
        self.adapters: dict[str, A] = {}
        self.name: str | None = None

    @property
    def active(self) -> A | None:
        """The adapter that answers; None is the base without any."""
        return None if self.name is None else self.adapters[self.name]

    @contextmanager
    def student(self, name: str | None) -> Iterator[None]:
        """Within this context the adapter `name` answers; None is the base without any.

        Raises: ConfigError for a name that was not loaded.
        """
        if name is not None and name not in self.adapters:
            raise ConfigError(f"{name!r} is not one of the loaded students {', '.join(self.adapters) or '(none)'}")
        before, self.name = self.name, name
        try:
            yield
        finally:
            self.name = before
