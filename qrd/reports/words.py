"""The words of a report: what was done in one paragraph, the numbers that sum it up, and what should be looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from qrd.evaluation.agreement import likeness
from qrd.evaluation.table import chance
from qrd.models.names import is_ensemble
from qrd.reports.document import Tile
from qrd.reports.facts import census
from qrd.reports.facts.gathered import Gathered
from qrd.reports.facts.run_folder import Curve, Run
from qrd.reports.sections.costs import duration
from qrd.reports.sections.paths import GOOD
from qrd.rows.records import Fields

COLLAPSED = 0.01  # of the first spread, as train reports it
BY_RULE = "qrd"  # the judge's name where no model was asked
STARVED = 0.05  # of all paths in the last epoch
CUT_SHARE = 0.1
UNSCORED_SHARE = 0.02  # past it judge fails its gate
LEVEL = 0.05


def title_of(found: Gathered) -> str:
    """The name of the page."""
    if found.runs:
        return " and ".join(run.name for run in found.runs)
    parts = [f"{len(found.census):,} paths" if len(found.census) else "", _answers_words(found)]
    return " and ".join(filter(None, parts)) or "Nothing to report"


def lead_of(found: Gathered, summary: Fields) -> str:
    """Question, models and data in one paragraph, as the manifests and rows tell them."""
    sentences = [*_paths_words(found), *(_run_words(run) for run in found.runs), *_scores_words(found, summary)]
    return " ".join(filter(None, sentences))


def _paths_words(found: Gathered) -> Iterator[str]:
    if not len(found.census):
        return
    entries = list(found.census.entries())
    teachers, styles = Counter(e.teacher for e in entries), Counter(e.style for e in entries)
    judges = [judge for judge in found.verdicts.by_judge if judge != BY_RULE]
    asked = counted(len(found.census.questions), "question")
    yield f"{_listed(teachers)} wrote {len(entries):,} reasoning paths for {asked} in {counted(len(styles), 'style')}."
    right = sum(e.answer == census.RIGHT for e in entries)
    kept = sum(e.fate in GOOD for e in entries)
    yield f"{right:,} of them are whole and right;"
    yield f"{_listed(judges)} judged the reasoning;" if judges else ""
    yield f"{kept:,} were kept to train on." if kept else "none is known to be kept."


def _run_words(run: Run) -> str:
    students = _listed(
        [f"{name} ({model})" if model and model != name else name for name, model in run.students.items()]
    )
    if not students:
        return f"{run.name} has no logged step yet."
    routing, objective = run.config.get("routing"), run.config.get("objective")
    how = f" with {objective}" if isinstance(objective, str) else ""
    how += f" and {routing} routing" if isinstance(routing, str) and objective == "qr-distill" else ""
    unfinished = "" if run.manifest.get("finished") else " so far; the run is not finished"
    return (
        f"In {run.name}, {students} learned{how}: {counted(run.curves.num_steps, 'step')} over "
        f"{run.curves.num_epochs:g} epochs in {duration(run.curves.seconds)}{unfinished}."
    )


def _scores_words(found: Gathered, summary: Fields) -> Iterator[str]:
    told = [c for c in summary["comparisons"] if c["other"] in summary["bases"]]
    for c in told[:3]:
        before, after = (100 * summary["models"][c[side]]["accuracy"] for side in ("other", "model"))
        low, high = (100 * bound for bound in c["interval"])
        yield (
            f"{c['model']} went from {before:.1f} to {after:.1f} % right on {c['questions']:,} questions "
            f"(difference {low:+.1f} to {high:+.1f} points, {_chance(c['p_holm'])})."
        )
    if not told and found.answers:
        yield f"The page holds {_answers_words(found)}."


def _answers_words(found: Gathered) -> str:
    if not found.answers:
        return ""
    num_models = len(set(found.names.values()))
    return f"{len(found.answers):,} answers of {counted(num_models, 'model')}"


def tiles_of(found: Gathered, summary: Fields) -> list[Tile]:
    """The numbers that sum the page up."""
    tiles = []
    if len(found.census):
        kept = sum(entry.fate in GOOD for entry in found.census.entries())
        tiles.append(Tile(f"{len(found.census):,}", "paths generated"))
        if kept:
            tiles.append(Tile(f"{100 * kept / len(found.census):.0f} %", f"of them kept: {kept:,}"))
    best = max(
        ((s["accuracy"], name) for name, s in summary["models"].items() if s["rows"]), default=None, key=lambda x: x[0]
    )
    gains = [c for c in summary["comparisons"] if c["other"] in summary["bases"]]
    if best is not None:
        tiles.append(Tile(f"{100 * best[0]:.1f} %", f"right: {best[1]}, the best of {len(summary['models'])}"))
    if gains:
        most = max(gains, key=lambda c: c["difference"])
        tiles.append(Tile(f"{100 * most['difference']:+.1f}", f"points over its base: {most['model']}"))
    seconds = sum(_plain(stage.manifest.get("seconds")) for stage in found.stages)
    cost = sum(_plain(stage.manifest.get("cost_usd")) for stage in found.stages)
    if seconds:
        tiles.append(Tile(duration(seconds), "for all stages"))
    if cost:
        tiles.append(Tile(f"${cost:,.2f}", "for all calls"))
    return tiles


def alarms_of(found: Gathered, summary: Fields) -> list[str]:
    """What a reader should not overlook."""
    return list(
        dict.fromkeys(
            [
                *(alarm for run in found.runs for alarm in _run_alarms(run)),
                *score_alarms(summary),
                *_contamination_alarms(found),
                *_judge_alarms(found),
                *([f"{found.num_bad:,} rows could not be read and were set aside."] if found.num_bad else []),
            ]
        )
    )


def _run_alarms(run: Run) -> Iterator[str]:
    if not run.manifest.get("finished"):
        yield f"{run.name} is not finished: it has no manifest that says so."
    if any(value is None for _, value in run.curves.terms.get("loss", ())):
        yield f"{run.name}: the loss was not finite in some steps."
    for student, curve in run.curves.spread.items():
        known = _known(curve)
        if known and min(known) < COLLAPSED * known[0]:
            yield f"{run.name}: the shared space of {student} collapsed: its spread fell below 1 % of the first."
    for student in run.students:
        first, last = _ends([value for value in _known(run.curves.terms.get(f"distill/{student}", [])) if value])
        if last > first:
            yield f"{run.name}: the loss of {student} ended above where it began ({first:.3f} to {last:.3f})."
        taken, seen = run.shares.load(student)
        if seen and taken < STARVED * seen:
            yield f"{run.name}: {student} got {taken:,} of {seen:,} paths in the last epoch: the router starves it."
    reasons = run.manifest.get("reasons")
    for reason, number in reasons.items() if isinstance(reasons, dict) else ():
        if number and reason != "spare":
            yield f"{run.name}: {number} paths were left out of training ({reason})."


def _ends(values: list[float]) -> tuple[float, float]:
    """The means of the first and of the last quarter; (0, 0) of too few values to tell a trend."""
    quarter = len(values) // 4
    return (sum(values[:quarter]) / quarter, sum(values[-quarter:]) / quarter) if quarter > 1 else (0.0, 0.0)


def _known(curve: Curve) -> list[float]:
    return [value for _, value in curve if value is not None]


def score_alarms(summary: Fields) -> Iterator[str]:
    """What of the scores a reader should not overlook."""
    for name in summary["unchanged"]:
        yield f"{name}: every reply is its base's, word for word; what was fitted changed nothing."
    for c in summary["comparisons"]:
        if c["other"] not in summary["bases"]:
            continue
        if c["difference"] < 0:
            yield f"{c['model']} got worse than its untrained base ({100 * c['difference']:+.1f} points)."
        elif c["p_holm"] > LEVEL:
            told = f"{_chance(c['p_holm'])} over {c['questions']:,} questions"
            yield f"{c['model']} is not shown to be better than its base ({told})."
    for name, scores in summary["models"].items():
        is_own = name not in summary["bases"] and not is_ensemble(name)  # whose replies are its students'
        if is_own and scores["cut"] > CUT_SHARE * scores["rows"]:
            yield f"{name}: {scores['cut']:,} of {scores['rows']:,} replies were cut at --max-tokens."


def _contamination_alarms(found: Gathered) -> Iterator[str]:
    for stage in found.stages:
        told = stage.manifest.get("contamination")
        problems = told.get("problems") if isinstance(told, dict) and not told.get("checked") else ()
        for problem in problems if isinstance(problems, list) else ():
            yield f"{problem}; the students may have seen these questions (filter --decontaminate)."


def _judge_alarms(found: Gathered) -> Iterator[str]:
    said = sum(found.verdicts.by_judge.values(), Counter[str]())
    if said.total() and said["unscored"] > UNSCORED_SHARE * said.total():
        yield f"{said['unscored']:,} of {said.total():,} verdicts could not be read; such paths are never trained on."
    teachers = {entry.teacher for entry in found.census.entries()}
    for judge in found.verdicts.by_judge:
        for teacher in sorted(teachers):
            if (why := likeness(judge, teacher)) is not None:
                yield f"{why}, and may favour what it would have written."


def absent_of(found: Gathered) -> list[str]:
    """What could not be shown, and what would show it."""
    words = []
    if not found.answers:
        words.append("Accuracy and paired tests: no predictions were given (qrd eval ... -o predictions.jsonl).")
    if not len(found.census):
        words.append("Paths, their outcomes and verdicts: no paths were given, and no manifest led to some.")
    elif not found.verdicts.num_judged:
        words.append("Judges: none of the paths has a verdict.")
    if not found.runs:
        words.append("Training and routing: no run folder was given.")
    if not found.stages:
        words.append("Cost, time and commands: no manifest stands beside the inputs.")
    return words


def _listed(names: Iterable[str]) -> str:
    """The names in words: a; a and b; a, b and 3 others."""
    known: Sequence[str] = list(names)
    if len(known) > 4:
        known = [*known[:3], f"{len(known) - 3} others"]
    return " and ".join(filter(None, (", ".join(known[:-1]), known[-1]))) if known else ""


def _chance(p: float) -> str:
    words = chance(p)
    return f"p {words}" if words.startswith("<") else f"p = {words}"


def counted(count: int, noun: str) -> str:
    """A count with its noun: 1 step, 2,000 steps."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _plain(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
