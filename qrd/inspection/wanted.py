"""What a search looks for: a text, an id, conditions; each with a quick look that rules most blocks of a file out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from qrd.errors import ConfigError
from qrd.inspection.book import loose
from qrd.inspection.where import Condition, condition
from qrd.masking import one_line

_CONDITION = re.compile(r"[^=!\s]+!?=.*", re.DOTALL)
_SURE = re.compile(r"[ !#-.0-\[\]-~]+")  # what stands in JSON as it is, wherever no \\u is used


class Wanted(Protocol):
    """What is looked for."""

    def may_be_in(self, data: bytes) -> bool:
        """Whether some line of `data` may be wanted; quick, and never wrong when it says no."""

    def holds(self, raw: bytes) -> bool:
        """Whether this line is wanted."""


@dataclass(frozen=True)
class Text:
    """Lines with a text anywhere in their values, in capitals or not; in lines that are no JSON, anywhere."""

    text: str
    _lowered: str = field(init=False)
    _sure: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lowered", self.text.lower())
        object.__setattr__(self, "_sure", _longest_sure_part(self.text.lower()))

    def may_be_in(self, data: bytes) -> bool:
        """As Wanted."""
        return not self._sure or self._sure in data.lower() or b"\\u" in data

    def holds(self, raw: bytes) -> bool:
        """As Wanted."""
        if not self.may_be_in(raw):
            return False
        fields = loose(raw)
        if fields is None:
            return self._lowered in raw.decode("utf-8", "replace").lower()
        return any(self._lowered in text.lower() for text in _texts(fields))


@dataclass(frozen=True)
class Id:
    """Lines whose `id` or `path_id` is this one."""

    id: str
    _sure: bytes = field(init=False)

    def __post_init__(self) -> None:
        sure = _longest_sure_part(self.id)
        object.__setattr__(
            self, "_sure", b'"%s"' % sure if sure == self.id.encode() else sure
        )  # a longer one is quicker

    def may_be_in(self, data: bytes) -> bool:
        """As Wanted."""
        return self._sure in data or b"\\u" in data

    def holds(self, raw: bytes) -> bool:
        """As Wanted."""
        fields = loose(raw) if self.may_be_in(raw) else None
        return fields is not None and self.id in (fields.get("id"), fields.get("path_id"))


@dataclass(frozen=True)
class Where:
    """Lines that meet all conditions."""

    conditions: Sequence[Condition]

    def may_be_in(self, data: bytes) -> bool:
        """As Wanted."""
        return True

    def holds(self, raw: bytes) -> bool:
        """As Wanted."""
        fields = loose(raw)
        return fields is not None and all(holds(fields) for holds in self.conditions)


@dataclass(frozen=True)
class All:
    """Lines that are wanted in every way."""

    parts: Sequence[Wanted]

    def may_be_in(self, data: bytes) -> bool:
        """As Wanted."""
        return all(part.may_be_in(data) for part in self.parts)

    def holds(self, raw: bytes) -> bool:
        """As Wanted."""
        return all(part.holds(raw) for part in self.parts)


def wanted(query: str) -> Wanted:
    """What a line such as `style=cot verdict!=valid "carried over"` asks for: conditions, and texts.

    Words and quotes are as in a shell. Raises: ConfigError where a quote is not closed.
    """
    try:
        words = shlex.split(query)
    except ValueError as error:
        raise ConfigError(f"{query!r}: {one_line(error).lower()}") from None
    conditions = [condition(word) for word in words if _CONDITION.fullmatch(word)]
    texts = [Text(word) for word in words if not _CONDITION.fullmatch(word)]
    return All([*texts, *([Where(conditions)] if conditions else [])])


def _longest_sure_part(text: str) -> bytes:
    return max(_SURE.findall(text), key=len, default="").encode()


def _texts(value: Any) -> Iterator[str]:
    """All texts and numbers in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)
