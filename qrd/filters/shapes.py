"""Paths read at once from lines that look like those before them.

An object and then a check of it take twice as long as a line whose fields are known beforehand. What is read so is
written again and compared with the line: a key that stands twice, a field that is new, or any other difference shows,
and the line is read the slow way, which also names what is wrong.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from qrd.rows.lines import decode_object
from qrd.rows.records import Fields, Path, Verdict, checked, misfit

MOST_SHAPES = 8
TRIED = 64  # lines, or chunks of lines, before it shows whether a shape fits them
# What rules read must be there as a path has it; the rest may be left out.
REQUIRED = frozenset(
    {"id", "task", "question", "answer", "choices", "path_id", "response", "teacher", "style", "finish_reason", "usage"}
)

_NO_NAME = re.compile(r'[\\"\x00-\x1f]')  # in a field's name, which msgspec cannot give to a class
_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines
_known = {field.name: field for field in msgspec.structs.fields(Path)}
_AnyVerdict = msgspec.defstruct(  # no rule for one path reads verdicts, and rubrics differ in what a verdict holds
    "_AnyVerdict",
    [
        (field.name, field.type) if field.required else (field.name, field.type | UnsetType, UNSET)
        for field in msgspec.structs.fields(Verdict)
    ],
    kw_only=True,
)
_TYPES: dict[str, Any] = {name: field.type for name, field in _known.items()}
_TYPES["verdicts"] = list[_AnyVerdict] | None  # type: ignore[valid-type]


class Shapes:
    """Reads lines as paths, or as records with all attributes of one. `num_plain` counts the lines it gives as written.

    A line as written begins with its brace and ends with one line end and nothing else.
    """

    def __init__(self) -> None:
        self.num_plain = 0
        self._names: list[str] = []
        self._num_shapes = self._hits = self._misses = self._whole = self._broken = 0
        self._decode: Any = None
        self._decode_lines: Any = None

    def read_lines(self, lines: bytes) -> list[Path] | None:
        """The paths of lines that are all as written; None where one is not, or may not be.

        One call for many lines takes half as long as one for each. What it makes of them is written again and is the
        same as `lines` only where each is one record on one line.
        """
        if self._decode_lines is None or self._broken > TRIED + self._whole:
            return None
        try:
            records: list[Path] = self._decode_lines(lines)
            is_whole = _encode_lines(records) == lines and not any(map(misfit, records))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            is_whole = False
        self._whole += is_whole
        self._broken += not is_whole
        if not is_whole:
            return None
        self.num_plain += len(records)
        return records

    def read(self, raw: bytes) -> Path:
        """The path of one line. Raises: DataError where it is bad."""
        if self._decode is not None and (record := self._at_once(raw)) is not None:
            return record
        fields = decode_object(raw, "", 0)
        path = checked(fields, Path, file="", line=0)
        self._learn(fields)
        return path

    def _at_once(self, raw: bytes) -> Path | None:
        try:
            record: Path = self._decode(raw)
            again = _encode(record)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return None
        if not raw.startswith(again) or misfit(record) is not None:
            return None
        self._hits += 1
        self.num_plain += len(raw) == len(again) + 1
        return record

    def _learn(self, fields: Fields) -> None:
        """Take up new fields of a good line; give up where lines keep differing."""
        self._misses += 1
        if self._misses > TRIED and self._misses > self._hits:
            self._decode = self._decode_lines = None
        elif (
            self._num_shapes < MOST_SHAPES
            and not fields.keys() <= set(self._names)
            and not any(map(_NO_NAME.search, fields))
        ):
            self._names = _merged(self._names, list(fields))
            self._num_shapes += 1
            decoder = msgspec.json.Decoder(_shape(self._names))
            self._decode, self._decode_lines = decoder.decode, decoder.decode_lines


def _merged(names: list[str], new: list[str]) -> list[str]:
    """Both lists in one: the new order, each old name that it lacks behind the one it stood behind."""
    merged = list(new)
    for at, name in enumerate(names):
        if name not in merged:
            merged.insert(merged.index(names[at - 1]) + 1 if at else 0, name)
    return merged


def _shape(names: list[str]) -> Any:
    """A class of records with these fields in this order; a path's other fields are as they are where left out."""
    fields: list[Any] = []
    renamed: dict[str, str] = {}
    for number, name in enumerate(names):
        known = _known.get(name)
        attribute = name if known else f"other_{number}"
        renamed[attribute] = name
        if known is None:
            fields.append((attribute, Any, UNSET))
        elif name in REQUIRED:
            fields.append((attribute, _TYPES[name]))
        else:
            fields.append((attribute, _TYPES[name] | UnsetType, UNSET))
    absent = {name: known.default for name, known in _known.items() if name not in names}
    return msgspec.defstruct("Shape", fields, namespace=absent, rename=renamed, kw_only=True, frozen=True)
