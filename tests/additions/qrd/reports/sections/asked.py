"""The section on questions: how many were asked."""

from __future__ import annotations

from qrd.reports.document import Section, Table
from qrd.reports.facts.gathered import Gathered
from qrd.reports.words import counted
from qrd.rows.records import Fields


def section(found: Gathered, summary: Fields) -> Section:
    """Questions: their number."""
    part = Section("questions", "Questions asked")
    if found.census.questions:
        told = counted(len(found.census.questions), "question")
        part.tables = [Table("How many there are", ("of paths",), [[told]])]
    return part
