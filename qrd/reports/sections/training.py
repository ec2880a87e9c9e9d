"""The section on training: losses, terms and rates, step by step."""

from __future__ import annotations

from qrd.reports.document import Section, Table
from qrd.reports.drawing.charts import Axis, lines
from qrd.reports.drawing.svg import Figure
from qrd.reports.facts.gathered import Gathered
from qrd.reports.facts.run_folder import Run
from qrd.rows.records import Fields

TERMS = {
    "loss": ("Total loss", "eq. 9, weighted sum of all terms"),
    "entropy": ("Entropy of the loads", "nats; the more, the more even the routing"),
    "mutual": ("Mutual term", "mean squared difference to the ensemble"),
    "competence": ("Competence loss", "nats"),
}


def section(found: Gathered, summary: Fields) -> Section:
    """Training: each term of the loss, each student's share of it, and the spread of the shared representation."""
    part = Section("training", "Training")
    runs = [run for run in found.runs if run.curves.num_steps]
    for number, run in enumerate(runs, 1):
        part.figures += _loss_figures(run, number, several=len(runs) > 1)
    rows = [_run_row(run) for run in found.runs]
    columns = ("run", "student", "model", "steps", "epochs", "tokens", "tokens a second", "first loss", "last loss")
    part.tables = [Table("What was trained", columns, [row for some in rows for row in some], num_heads=3)]
    return part if found.runs else Section("training", "Training")


def _run_row(run: Run) -> list[list[str]]:
    curves, rows = run.curves, []
    for student, model in run.students.items():
        known = [value for _, value in curves.terms.get(f"distill/{student}", []) if value]
        first, last = (f"{known[0]:.3f}", f"{known[-1]:.3f}") if known else ("", "")
        tokens = curves.tokens[student]
        pace = f"{sum(curves.tokens.values()) / curves.seconds:,.0f}" if curves.seconds else ""
        rows.append(
            [
                run.name,
                student,
                model,
                f"{curves.num_steps:,}",
                f"{curves.num_epochs:g}",
                f"{tokens:,}",
                pace,
                first,
                last,
            ]
        )
    return rows


def _loss_figures(run: Run, number: int, *, several: bool) -> list[Figure]:
    terms, where = run.curves.terms, f": {run.name}" if several else ""
    steps = [x for x, _ in terms["loss"]]
    step = Axis("step", (min(steps), max(steps)), whole=True)
    students = {
        student: [(x, y or None) for x, y in terms[f"distill/{student}"]]
        for student in (run.students or run.shares.students)
        if f"distill/{student}" in terms
    }
    figures = []
    if students:
        note = "A step in which a student got no path is left out."
        y = Axis("nats a token, on its paths")
        figures.append(
            lines(f"loss-students-{number}", f"Loss of each student{where}", students, x=step, y=y, note=note)
        )
    for name, (title, unit) in TERMS.items():
        if any(value for _, value in terms.get(name, ())):
            points = terms[name] if name in ("loss", "entropy") else [(x, y or None) for x, y in terms[name]]
            figures.append(lines(f"{name}-{number}", f"{title}{where}", {name: points}, x=step, y=Axis(unit)))
    if run.curves.spread:
        note = (
            "Standard deviation over words of what the mutual term compares; near 0 all words look alike: a collapse."
        )
        y = Axis("standard deviation", from_zero=True)
        curves = run.curves.spread
        figures.append(lines(f"spread-{number}", f"Spread of the shared space{where}", curves, x=step, y=y, note=note))
    return figures
