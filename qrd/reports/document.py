"""What a page holds, in plain data: sections of text, tiles, figures, tables, cases and commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qrd.reports.drawing.svg import Figure
from qrd.reports.facts.sample import Json


@dataclass(frozen=True)
class Table:
    """A table; all but its first `num_heads` columns are set right. `is_folded` tables are opened by their reader."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    is_folded: bool = False
    num_heads: int = 1


@dataclass
class Section:
    """A part of the page with its heading; parts that are empty are not shown."""

    slug: str
    title: str
    text: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    cases: list[Json] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.figures or self.tables or self.cases or self.commands)


@dataclass(frozen=True)
class Tile:
    """A number that sums the page up, with what it counts."""

    number: str
    words: str


@dataclass
class Document:
    """A whole page. `alarms` are what a reader should not overlook, `absent` what could not be shown and why."""

    title: str
    lead: str
    tiles: list[Tile]
    alarms: list[str]
    sections: list[Section]
    absent: list[str]
    sample: list[Json]
    sample_note: str

    def figures(self) -> list[Figure]:
        """All figures, in their order."""
        return [figure for section in self.sections for figure in section.figures]
