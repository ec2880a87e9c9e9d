"""The section that sets runs side by side, where --compare asks for it: what differs in them, and what came of it."""

from __future__ import annotations

from typing import Any

from qrd.models.names import is_base
from qrd.reports.document import Section, Table
from qrd.reports.drawing.axes import ends_of
from qrd.reports.drawing.charts import Axis, Interval, intervals, lines
from qrd.reports.drawing.svg import Figure
from qrd.reports.facts.gathered import Gathered
from qrd.reports.facts.run_folder import Curve, Run
from qrd.reports.sections.costs import duration
from qrd.rows.records import Fields

UNIMPORTANT = frozenset(("output", "quiet", "debug", "resume", "skip_bad"))


def section(found: Gathered, summary: Fields) -> Section:
    """The runs in columns, their students' losses on common axes, and their accuracy beside each other."""
    part = Section("compare", "Runs side by side")
    if not summary["compare"]:
        return part
    names = [run.name for run in found.runs]
    part.tables = [
        Table("What came of it", ("", *names), _outcomes(found, summary)),
        Table("Options that differ", ("option", *names), _differing(found.runs)),
    ]
    part.figures = [*_accuracy_figures(found, summary), *_loss_figures(found.runs), *_load_figures(found.runs)]
    return part


def _differing(runs: list[Run]) -> list[list[str]]:
    options = dict.fromkeys(name for run in runs for name in run.config if name not in UNIMPORTANT)
    rows = [[name, *(_words(run.config.get(name)) for run in runs)] for name in options]
    return [row for row in rows if len(set(row[1:])) > 1] or [["none", *("" for _ in runs)]]


def _words(value: Any) -> str:
    if value is None:
        return "not set"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _outcomes(found: Gathered, summary: Fields) -> list[list[str]]:
    runs = found.runs
    rows = [
        ["students", *(", ".join(run.students) for run in runs)],
        ["paths trained on", *(_number(run.manifest.get("rows_out")) for run in runs)],
        ["steps", *(f"{run.curves.num_steps:,}" for run in runs)],
        ["tokens", *(f"{sum(run.curves.tokens.values()):,}" for run in runs)],
        ["time", *(duration(run.curves.seconds) for run in runs)],
    ]
    for student in dict.fromkeys(name for run in runs for name in run.students):
        rows.append([f"last loss of {student}", *(_last(run, student) for run in runs)])
        rows.append([f"{student} gets, % of paths", *(_load(run, student) for run in runs)])
    for model, by_run in _models_by_run(found).items():
        scores = [summary["models"].get(by_run.get(number, "")) for number in range(len(runs))]
        rows.append([f"accuracy of {model}, %", *(_accuracy(score) for score in scores)])
    return rows


def _models_by_run(found: Gathered) -> dict[str, dict[int, str]]:
    """For each model as its file calls it, its name in the report by number of the run."""
    models: dict[str, dict[int, str]] = {}
    for (file, model), name in found.names.items():
        if (number := found.runs_of.get(file)) is not None:
            models.setdefault(model, {})[number] = name
    return models


def _accuracy_figures(found: Gathered, summary: Fields) -> list[Figure]:
    """For each model that several runs have, its accuracy in each."""
    figures = []
    models = {model: runs for model, runs in _models_by_run(found).items() if not is_base(model)}
    for place, (model, by_run) in enumerate(models.items(), 1):
        scores = {number: summary["models"].get(name) for number, name in sorted(by_run.items())}
        rows = [Interval(found.runs[n].name, s["accuracy"], *s["interval"]) for n, s in scores.items() if s]
        if len(rows) > 1:
            figures.append(intervals(f"compare-accuracy-{place}", f"{model} in each run", rows, unit="accuracy, %"))
    return figures


def _loss_figures(runs: list[Run]) -> list[Figure]:
    """For each student that several runs have, its loss in all of them on one pair of axes."""
    figures = []
    for place, student in enumerate(dict.fromkeys(name for run in runs for name in run.students), 1):
        series: dict[str, Curve] = {}
        for run in runs:
            if curve := [(x, y or None) for x, y in run.curves.terms.get(f"distill/{student}", ())]:
                series[run.name] = curve
        if len(series) > 1:
            known = [y for curve in series.values() for _, y in curve if y is not None]
            x, y = Axis("step", whole=True), Axis("nats a token, on its paths", ends_of(known))
            figures.append(lines(f"compare-loss-{place}", f"Loss of {student} in each run", series, x=x, y=y))
    return figures


def _load_figures(runs: list[Run]) -> list[Figure]:
    """For each student that several runs have, its share of all paths over the epochs of each."""
    figures = []
    for place, student in enumerate(dict.fromkeys(name for run in runs for name in run.shares.students), 1):
        series = {run.name: run.shares.load_over_epochs(student) for run in runs if student in run.shares.students}
        if len(series) > 1:
            x, y = Axis("epoch", whole=True), Axis("% of all paths", (0, 100))
            figures.append(lines(f"compare-load-{place}", f"Paths routed to {student}", series, x=x, y=y))
    return figures


def _last(run: Run, student: str) -> str:
    known = [value for _, value in run.curves.terms.get(f"distill/{student}", ()) if value]
    return f"{known[-1]:.3f}" if known else "-"


def _load(run: Run, student: str) -> str:
    taken, seen = run.shares.load(student)
    return f"{100 * taken / seen:.0f}" if seen else "-"


def _accuracy(score: Fields | None) -> str:
    if score is None:
        return "-"
    low, high = score["interval"]
    return f"{100 * score['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "-"
