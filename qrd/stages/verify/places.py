"""What a manifest says of a file, and where each of the file's keys stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qrd.errors import DataError
from qrd.rows.lines import BadLines
from qrd.rows.manifest import output_of
from qrd.rows.reader import Reader
from qrd.rows.records import AnyRow, Fields

PATH_KEY, QUESTION_KEY = ("path_id",), ("id",)
KEYS: dict[str, tuple[str, ...]] = {
    "generate": PATH_KEY,
    "judge": PATH_KEY,
    "filter": PATH_KEY,
    "data paths": PATH_KEY,
    "data export": PATH_KEY,
    "data import": QUESTION_KEY,
    "eval": ("model", "id", "sample"),
}
Key = tuple[Any, ...]


@dataclass
class Told:
    """What a manifest says; a field of another type than it should have is as good as missing."""

    command: str
    config: Fields
    sha256: Any
    files: Fields
    inputs: dict[str, Any]
    num_out: Any
    reasons: Fields
    finished: bool
    altered: bool

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Told:
        """The parts of a manifest that are checked here."""
        inputs = [item for item in _as(list, facts.get("inputs")) if isinstance(item, dict)]
        return cls(
            command=str(facts.get("command")),
            config=_as(dict, facts.get("config")),
            sha256=output_of(facts).get("sha256"),
            files=_as(dict, output_of(facts).get("files")),
            inputs={str(item.get("file")): item.get("sha256") for item in inputs},
            num_out=facts.get("rows_out"),
            reasons=_as(dict, facts.get("reasons")),
            finished=facts.get("finished") is True,
            altered=facts.get("altered") is True,
        )


@dataclass
class Places:
    """Where each key of an output stands, and what is wrong; `first` of several files may be compared."""

    names: tuple[str, ...]
    wrong: BadLines
    first: dict[Key, str] = field(default_factory=dict)

    def blame(self, file: str, line: int | None, problem: str) -> None:
        """Note what is wrong."""
        self.wrong.append(DataError(file, line, None, problem))

    def enter(self, file: str, *, once: bool = True) -> list[Fields]:
        """The rows of a file without what is not needed here; each key is noted, with `once` also where it repeats."""
        reader, rows = Reader([file], AnyRow, unique=None, skip_bad=True), []
        for row in reader:
            key = tuple(row.fields.get(name) for name in self.names)
            before = self.first.get(key)
            if None in key:
                self.blame(file, row.line, f"has no {' and '.join(self.names)}")
            elif before is None:
                self.first[key] = f"{file}:{row.line}"
            elif once:
                self.blame(file, row.line, f"{shown(key)} stands here again, first at {before}")
            rows.append({"reject_reason": row.fields.get("reject_reason")})
        for error in reader.bad.first:
            self.wrong.append(error)
        return rows


def _as(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else kind()


def shown(key: Key) -> str:
    """A key in words."""
    return " ".join(map(str, key))
