"""The logs of a run folder of `train`, as curves and counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

import msgspec

from qrd.errors import ConfigError
from qrd.models.names import base_name
from qrd.rows.manifest import sha256_of, stored
from qrd.rows.reader import Reader
from qrd.rows.records import Fields

Numbers = dict[str, float | None]
Curve = list[tuple[float, float | None]]


class Metrics(msgspec.Struct, frozen=True):
    """A line of metrics.jsonl."""

    step: int
    epoch: float
    loss: float | None
    terms: Numbers = {}
    tokens: int | None = None
    student_tokens: dict[str, int] = {}
    spread: Numbers | None = None
    seconds: float | None = None


class Routed(msgspec.Struct, frozen=True):
    """A line of routing.jsonl."""

    epoch: int
    path_id: str
    id: str
    style: str
    probability: dict[str, float]
    routed: list[str]


@dataclass
class Curves:
    """The terms of a run over its steps, the spread of each student, and what was run through them."""

    terms: dict[str, Curve] = field(default_factory=lambda: defaultdict(list))
    spread: dict[str, Curve] = field(default_factory=lambda: defaultdict(list))
    num_steps: int = 0
    num_epochs: float = 0.0
    tokens: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, line: Metrics) -> None:
        """Take one line."""
        self.num_steps, self.num_epochs = max(self.num_steps, line.step), max(self.num_epochs, line.epoch)
        self.terms["loss"].append((line.step, line.loss))
        for name, value in line.terms.items():
            self.terms[name].append((line.step, value))
        for name, value in (line.spread or {}).items():
            self.spread[name].append((line.step, value))
        self.tokens.update(line.student_tokens)
        self.seconds += line.seconds or 0.0


@dataclass
class Shares:
    """How many of the paths of a group went to each student; keys are (epoch, student, kind of group, group, style)."""

    seen: Counter[tuple[int, str, str, str, str]] = field(default_factory=Counter)
    taken: Counter[tuple[int, str, str, str, str]] = field(default_factory=Counter)
    students: list[str] = field(default_factory=list)
    last_epoch: int = 0

    def add(self, line: Routed, groups: dict[str, str]) -> None:
        """Count one line; `groups` are the difficulty and data set of its question, where they are known."""
        self.last_epoch = max(self.last_epoch, line.epoch)
        for student in line.probability:
            if student not in self.students:
                self.students.append(student)
            for kind, group in (("all", ""), *groups.items()):
                key = (line.epoch, student, kind, group, line.style)
                self.seen[key] += 1
                self.taken[key] += student in line.routed

    def styles(self) -> list[str]:
        """The styles in the order of how often they are seen."""
        counts: Counter[str] = Counter()
        for (_, _, kind, _, style), number in self.seen.items():
            counts[style] += number * (kind == "all")
        return [style for style, _ in counts.most_common()]

    def cell(self, student: str, kind: str, group: str, style: str) -> tuple[int, int]:
        """(taken, seen) in the last epoch."""
        key = (self.last_epoch, student, kind, group, style)
        return self.taken[key], self.seen[key]

    def over_epochs(self, student: str, style: str) -> Curve:
        """The share of the style that the student gets, in percent, for each epoch from 1."""
        found: Curve = []
        for epoch in sorted({key[0] for key in self.seen}):
            key = (epoch, student, "all", "", style)
            if self.seen[key]:
                found.append((epoch + 1, 100 * self.taken[key] / self.seen[key]))
        return found

    def load_over_epochs(self, student: str) -> Curve:
        """The share of all paths that the student gets, in percent, for each epoch from 1."""
        seen, taken = Counter[int](), Counter[int]()
        for key, number in self.seen.items():
            if key[1] == student and key[2] == "all":
                seen[key[0]] += number
                taken[key[0]] += self.taken[key]
        return [(epoch + 1, 100 * taken[epoch] / seen[epoch]) for epoch in sorted(seen)]

    def load(self, student: str) -> tuple[int, int]:
        """(taken, seen) of all styles in the last epoch."""
        cells = [self.cell(student, "all", "", style) for style in self.styles()]
        return sum(taken for taken, _ in cells), sum(seen for _, seen in cells)


@dataclass
class Run:
    """A run folder: its manifest, what `train` was told, and its logs."""

    folder: str
    name: str
    manifest: Fields
    config: Fields
    students: dict[str, str]
    curves: Curves = field(default_factory=Curves)
    shares: Shares = field(default_factory=Shares)
    num_bad: int = 0
    sha256: dict[str, str] = field(default_factory=dict)

    @property
    def manifest_sha256(self) -> str | None:
        """What predictions name the run by."""
        return sha256_of(File(self.folder) / "manifest.json")

    @property
    def bases(self) -> dict[str, str]:
        """Student to the name of its untrained base: students of one model share that of the first."""
        first: dict[str, str] = {}
        return {name: base_name(first.setdefault(model, name)) for name, model in self.students.items()}

    def read_curves(self, *, skip_bad: bool) -> None:
        """Take in metrics.jsonl. Raises: DataError."""
        for line in self._lines("metrics.jsonl", Metrics, skip_bad):
            self.curves.add(line)

    def read_routing(self, take: Callable[[Routed], dict[str, str]], *, skip_bad: bool) -> None:
        """Take in routing.jsonl; `take` sees each line and returns the groups it belongs to. Raises: DataError."""
        for line in self._lines("routing.jsonl", Routed, skip_bad):
            self.shares.add(line, take(line))

    def _lines(self, name: str, kind: type[Any], skip_bad: bool) -> Any:
        file = str(File(self.folder) / name)
        if not File(file).is_file():
            return
        reader = Reader([file], kind, unique=None, skip_bad=skip_bad)
        for row in reader:
            yield row.record
        self.num_bad += len(reader.bad)
        self.sha256 |= reader.sha256


def opened(folder: str, name: str) -> Run:
    """The run in a folder, its logs not yet read.

    Raises: ConfigError where it is no run folder.
    """
    if not (File(folder) / "config.toml").is_file():
        raise ConfigError(f"{folder}: is no run folder of qrd train: it has no config.toml")
    manifest = stored(folder)
    config = manifest.get("config")
    students = manifest.get("students")
    known = {str(k): str(v) for k, v in students.items()} if isinstance(students, dict) else {}
    return Run(folder, name, manifest, config if isinstance(config, dict) else {}, known)
