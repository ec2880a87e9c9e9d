"""The section on paths: how many there are of each teacher, style and outcome."""

from __future__ import annotations

from collections import Counter
from typing import Any

from qrd.reports.document import Section, Table
from qrd.reports.drawing.charts import grid
from qrd.reports.drawing.flow import flow
from qrd.reports.drawing.svg import Figure
from qrd.reports.facts import census
from qrd.reports.facts.gathered import Gathered
from qrd.rows.records import Fields

GOOD = {census.TRAINED, census.KEPT}
WELL = GOOD | {census.RIGHT}  # of paths that no filter has seen
MAX_NAMES = 12  # of a column of the flow; the rest are put together
REST = "others"


def section(found: Gathered, summary: Fields) -> Section:
    """Paths: from generated to trained, by teacher, style and reason."""
    part = Section("paths", "Paths")
    ways = _ways(found)
    if not ways:
        return part
    trained = any(fate == census.TRAINED for *_, fate in ways)
    counts = Counter[tuple[str, ...]]()
    names = [_largest(Counter({way[place]: 0 for way in ways}), ways, place) for place in range(4)]
    for way, number in ways.items():
        counts[tuple(name if name in names[place] else REST for place, name in enumerate(way))] += number
    three = Counter[tuple[str, ...]]()
    for (teacher, style, _, fate), number in counts.items():
        three[(teacher, style, fate)] += number
    title = "From generated to trained" if trained else "What became of each path"
    note = "Widths are numbers of paths; what was lost ends in grey, with the first reason against it."
    part.figures = [flow("flow", title, ("teacher", "style", "outcome"), three, good=WELL, note=note)]
    part.figures += _style_figures(found)
    part.tables = [_by_group(ways)]
    return part


def _ways(found: Gathered) -> Counter[tuple[str, str, str, str]]:
    """Paths by teacher, style, answer and fate; where no filter has seen any of them, the answer is their fate."""
    ways = found.census.ways()
    if any(fate != census.OPEN for *_, fate in ways):
        return ways
    return Counter({(teacher, style, answer, answer): n for (teacher, style, answer, _), n in ways.items()})


def _largest(seed: Counter[str], ways: Counter[Any], place: int) -> set[str]:
    for way, number in ways.items():
        seed[way[place]] += number
    return {name for name, _ in seed.most_common(MAX_NAMES)}


def _style_figures(found: Gathered) -> list[Figure]:
    """How many answers of a style are right, and how many of its right ones a judge found sound."""
    right, valid = Counter[str](), Counter[str]()
    graded, judged = Counter[str](), Counter[str]()
    for entry in found.census.entries():
        graded[entry.style] += entry.answer not in (census.UNGRADED, census.NO_GOLD)
        right[entry.style] += entry.answer == census.RIGHT
        judged[entry.style] += entry.verdict is not None
        valid[entry.style] += entry.verdict == "valid"
    styles = [style for style, _ in Counter(e.style for e in found.census.entries()).most_common(MAX_NAMES)]
    columns = {"right answer": (right, graded), "valid where judged": (valid, judged)}
    cells = {(style, name): (part[style], whole[style]) for name, (part, whole) in columns.items() for style in styles}
    note = "Cut replies count as not right. Hover over a cell for its counts."
    return [grid("styles", "How often a style ends well", styles, list(columns), cells, note=note)]


def _by_group(ways: Counter[tuple[str, str, str, str]]) -> Table:
    fates = Counter[str]()
    groups: dict[tuple[str, str], Counter[str]] = {}
    for (teacher, style, _, fate), number in ways.items():
        fates[fate] += number
        groups.setdefault((teacher, style), Counter())[fate] += number
    order = sorted(fates, key=lambda fate: (fate not in WELL, -fates[fate], fate))[: MAX_NAMES + 2]
    rows = [
        [teacher, style, f"{sum(counts.values()):,}", *(f"{counts[fate]:,}" for fate in order)]
        for (teacher, style), counts in sorted(groups.items())
    ]
    rows.append(["all", "", f"{sum(fates.values()):,}", *(f"{fates[fate]:,}" for fate in order)])
    return Table("Paths by teacher, style and outcome", ("teacher", "style", "paths", *order), rows, num_heads=2)
