"""The section on routing: which student was sent what (figures 4 and 5 of the paper)."""

from __future__ import annotations

from collections.abc import Iterable

from qrd.filters.ledger import LEVELS
from qrd.reports.document import Section
from qrd.reports.drawing.charts import Axis, grid, lines
from qrd.reports.drawing.svg import Figure
from qrd.reports.facts.gathered import Gathered
from qrd.reports.facts.run_folder import Run
from qrd.reports.sections.paths import MAX_NAMES
from qrd.rows.records import Fields

KINDS = ("epochs", "difficulty", "dataset", "all")  # of figures on routing


def section(found: Gathered, summary: Fields) -> Section:
    """Routing: the share of each style that goes to each student, over epochs, by difficulty and by data set."""
    part = Section("routing", "Routing")
    several = sum(bool(run.shares.students) for run in found.runs) > 1
    for number, run in enumerate(found.runs, 1):
        where = f" ({run.name})" if several else ""
        for place, student in enumerate(run.shares.students, 1):
            part.figures += _routing_figures(run, student, f"{number}-{place}", where)
    part.figures.sort(key=lambda figure: KINDS.index(figure.slug.split("-")[1]))  # those of one kind stand together
    told = "what a question's meta says" if found.is_difficulty_told else "the teacher's pass rate on a question"
    part.text = [
        "The share of the paths of each style that the router sends to a student (the paper's figures 4 and 5). "
        f"Under independent routing a path may go to several students, or to none. Difficulty is {told}."
    ]
    return part


def _routing_figures(run: Run, student: str, slug: str, where: str) -> list[Figure]:
    shares, styles = run.shares, run.shares.styles()[:MAX_NAMES]
    title = f"Routed to {student}{where}"
    figures = []
    if shares.last_epoch:
        over = {style: shares.over_epochs(student, style) for style in styles}
        x, y = Axis("epoch", whole=True), Axis("% of the style's paths", (0, 100))
        figures.append(lines(f"routing-epochs-{slug}", title, over, x=x, y=y))
    for kind, words in (("difficulty", "difficulty"), ("dataset", "data set")):
        groups = _groups(shares.seen, kind)
        if groups and (kind == "difficulty" or len(groups) > 1):
            cells = {(style, group): shares.cell(student, kind, group, style) for style in styles for group in groups}
            note = "% of the style's paths, in the last epoch."
            figures.append(grid(f"routing-{kind}-{slug}", f"{title}, by {words}", styles, groups, cells, note=note))
    if not figures:
        cells = {(style, "all"): shares.cell(student, "all", "", style) for style in styles}
        figures.append(grid(f"routing-all-{slug}", title, styles, ["all"], cells))
    return figures


def _groups(keys: Iterable[tuple[int, str, str, str, str]], kind: str) -> list[str]:
    """The names of the groups, pass rates from easy to hard, at most MAX_NAMES."""
    found = {group for _, _, of, group, _ in keys if of == kind}
    order = {level: place for place, level in enumerate(LEVELS)}
    return sorted(found, key=lambda name: (order.get(name, len(order)), len(name), name))[:MAX_NAMES]
