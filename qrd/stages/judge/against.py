"""Known labels of paths, and how the judges of a run do against them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path as File
from typing import Any

import msgspec

from qrd.console import Console
from qrd.errors import ConfigError, DataError
from qrd.evaluation.against import INVALID, VALID, Against
from qrd.inspection.marks import content_of
from qrd.rows.disk import write_json
from qrd.rows.reader import Reader
from qrd.rows.records import Fields, digest

PANEL = "all together"
COLUMNS = ("judge", "paths", "precision", "recall", "faulty caught", "kappa", "unscored")


class Label(msgspec.Struct):
    """A line of the file of labels; `content` is what `inspect` noted of the text that was marked."""

    path_id: str | None = None  # marks on rows that are no paths have none
    verdict: str | None = None
    content: str | None = None


class KnownLabels:
    """The labels of `file`; the last line on a path holds, and one without a verdict takes the label back.

    Raises: DataError for a line that is no label; ConfigError where there is none.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._labels: dict[str, Label] = {}
        for row in Reader([file], Label, unique=None):
            if row.record.verdict not in (VALID, INVALID, None):
                found = f"found {row.record.verdict!r}, expected valid or invalid"
                raise DataError(row.file, row.line, "verdict", found)
            if row.record.path_id:
                self._labels[row.record.path_id] = row.record
        self._labels = {name: label for name, label in self._labels.items() if label.verdict}
        if not self._labels:
            raise ConfigError(f"--against: {file}: holds no label")

    @property
    def hash(self) -> str:
        """What decides which paths are judged."""
        return digest(sorted(self._labels))

    def of(self, fields: Fields) -> str | None:
        """The label of a path; None where it has none, or its text is not the one that was marked."""
        label = self._labels.get(str(fields.get("path_id")))
        if label is None or (label.content is not None and label.content != content_of(fields)):
            return None
        return label.verdict


class Contest:
    """How each judge, and all of them together, do on the labelled paths."""

    def __init__(self, labels: KnownLabels, judges: Iterable[str]) -> None:
        self.labels = labels
        self.scores: dict[str, Against] = {judge: Against() for judge in (*judges, PANEL)}

    def add(self, fields: Fields) -> None:
        """Count one judged path; one that was rejected before any call counts for all together only."""
        label = self.labels.of(fields)
        if label is None or fields.get("verdict") is None:
            return
        self.scores[PANEL].add(label, fields["verdict"])
        for verdict in fields.get("verdicts") or ():
            if verdict["judge"] in self.scores:
                self.scores[verdict["judge"]].add(label, verdict["verdict"])

    def show(self, console: Console, summary: str | None) -> None:
        """The table, and its JSON. Raises: ConfigError where no path of the input has a label."""
        if not self.scores[PANEL].num_paths:
            raise ConfigError(f"--against: no path of the input has a label in {self.labels.file}")
        told = {name: score.as_json() for name, score in self.scores.items()}
        if len(self.scores) == 2 and self.scores[PANEL].pairs == next(iter(self.scores.values())).pairs:
            del told[PANEL]  # one judge is all of them
        rows = [(name, *_cells(facts)) for name, facts in told.items()]
        console.table(f"Against the labels of {self.labels.file}", COLUMNS, rows)
        if summary is not None:
            write_json(File(summary), {"against": self.labels.file, "judges": told})


def _cells(facts: dict[str, Any]) -> tuple[str, ...]:
    unscored = sum(pair["paths"] for pair in facts["pairs"] if pair["verdict"] == "unscored")
    shares = (_share(facts[name], facts[f"{name}_interval"]) for name in ("precision", "recall", "caught"))
    return f"{facts['paths']:,}", *shares, "-" if facts["kappa"] is None else f"{facts['kappa']:.2f}", f"{unscored:,}"


def _share(share: float | None, interval: list[float] | None) -> str:
    if share is None or interval is None:
        return "-"
    return f"{100 * share:.1f} % [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
