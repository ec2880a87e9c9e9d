"""The table of contents: every section of a page, in the order in which they stand on it."""

from __future__ import annotations

from collections.abc import Callable

from qrd.reports.document import Section
from qrd.reports.facts.gathered import Gathered
from qrd.reports.sections import accuracy, commands, costs, judges, paths, routing, runs, training
from qrd.rows.records import Fields

SECTIONS: tuple[Callable[[Gathered, Fields], Section], ...] = (
    runs.section,
    accuracy.section,
    paths.section,
    judges.section,
    training.section,
    routing.section,
    costs.section,
    commands.section,
)
