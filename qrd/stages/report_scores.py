"""The sections of a report on what models answered: accuracy with intervals, paired tests, breakdowns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from qrd.evaluation.breakdown import in_order
from qrd.evaluation.compare import compared
from qrd.evaluation.summary import question_scores, summarised, unchanged
from qrd.evaluation.table import chance, difference, smallest_shown
from qrd.records import Fields
from qrd.reports.charts import Interval, grid, intervals
from qrd.reports.document import Section, Table
from qrd.reports.svg import Figure
from qrd.stages.report_inputs import Gathered, base_of

MAX_MODELS_PAIRED = 6  # where no base tells which pairs matter
ENSEMBLE = "ensemble:"
FEW_QUESTIONS = 100

VERSUS = (
    "model", "against", "points [95 % interval]", "better", "worse", "questions", "p", "p by Holm",
    "smallest difference shown",
)  # fmt: skip

Pair = tuple[str, str]


def student_pairs(found: Gathered) -> list[Pair]:
    """(student, its untrained base) of every student whose base answered too."""
    pairs = []
    for (file, model), name in found.names.items():
        base = base_of(found, file, model)
        if base is not None and base != name:
            pairs.append((name, base))
    return list(dict.fromkeys(pairs))


def ensemble_pairs(found: Gathered) -> list[Pair]:
    """(ensemble, student) of every ensemble and each student of its run."""
    pairs = []
    for (file, model), name in found.names.items():
        number = found.runs_of.get(file)
        if model.startswith(ENSEMBLE) and number is not None:
            students = [found.names.get((file, student)) for student in found.runs[number].students]
            pairs += [(name, student) for student in students if student is not None]
    return list(dict.fromkeys(pairs))


def run_pairs(found: Gathered) -> list[Pair]:
    """The same model in each two runs: students that are named alike, and ensembles of one rule."""
    by_model: dict[str, dict[int, str]] = {}
    for (file, model), name in found.names.items():
        if (number := found.runs_of.get(file)) is not None and not model.startswith("base:"):
            by_model.setdefault(model, {})[number] = name
    return [(names[one], names[other]) for names in by_model.values() for one, other in combinations(sorted(names), 2)]


def scored(found: Gathered, *, compare: bool, seed: int) -> Fields:
    """Figures of each model, the paired comparisons that this report makes, and students that changed nothing.

    Each kind of comparison is corrected for itself, so that what is asked of students has the answer that eval gives.
    """
    students = student_pairs(found)
    kinds = [run_pairs(found) if compare else [], students, ensemble_pairs(found)]
    models = list(dict.fromkeys(found.names.values()))
    if not any(kinds) and len(models) <= MAX_MODELS_PAIRED:
        kinds = [list(combinations(models, 2))]
    summary = summarised(found.answers, [], seed=seed)
    scores = question_scores(found.answers)
    made = [comparison.as_json() for pairs in kinds for comparison in compared(pairs, scores, seed=seed)]
    told = {"unchanged": unchanged(found.answers, students), "bases": {base for _, base in students}}
    return {**summary, "comparisons": made, **told}


def accuracy_section(summary: Fields) -> Section:
    """Accuracy: who is how often right, how sure that is, and who beats whom."""
    section = Section("accuracy", "Accuracy")
    models: Fields = {name: scores for name, scores in summary["models"].items() if scores["rows"]}
    if not models:
        return section
    rows = [
        _interval(name, s, is_hollow=name in summary["bases"] or name.startswith("base:")) for name, s in models.items()
    ]
    note = "Bars are 95 % Wilson intervals; hollow circles are untrained bases."
    section.figures = [intervals("accuracy", "Right answers", rows, unit="accuracy, % of replies", note=note)]
    section.figures += _breakdown_figures(models)
    section.tables = [_accuracy_table(models), *_paired_tables(summary["comparisons"]), *_breakdowns(models)]
    num_questions = min(s["samples"]["questions"] if s["samples"] else s["rows"] for s in models.values())
    if num_questions < FEW_QUESTIONS:
        section.text = [
            f"Only {num_questions:,} questions stand behind some of these numbers: read the intervals, not the points."
        ]
    return section


def _interval(name: str, scores: Fields, *, is_hollow: bool = False) -> Interval:
    low, high = scores["interval"]
    return Interval(name, scores["accuracy"], low, high, is_hollow)


def _accuracy_table(models: Fields) -> Table:
    tasks = list(dict.fromkeys(task for scores in models.values() for task in scores["tasks"]))
    extra = tasks if len(tasks) > 1 else []
    columns = (
        "model",
        "accuracy % [95 % interval]",
        *extra,
        "right",
        "replies",
        "answers found",
        "cut at --max-tokens",
        "ties",
    )
    rows = []
    for name, scores in models.items():
        by_task = [_share(scores["tasks"].get(task)) for task in extra]
        counts = (scores["right"], scores["rows"], scores["answer_found"], scores["cut"])
        rows.append(
            [name, _share(scores), *by_task, *(f"{number:,}" for number in counts), str(scores.get("ties", ""))]
        )
    return Table("Accuracy of every model", columns, rows)


def _paired_tables(comparisons: Sequence[Fields]) -> list[Table]:
    if not comparisons:
        return []
    note = (
        "Exact McNemar test on the questions that both answered (sign test with several samples), bootstrap interval "
        "of the difference; p is corrected by Holm for all rows of a kind (students against bases, ensembles against "
        "students, run against run). The last column is what so many questions show with power 0.8."
    )
    return [Table("Compared question by question", VERSUS, [_compared(c) for c in comparisons], note, num_heads=2)]


def _compared(comparison: Fields) -> list[str]:
    return [
        comparison["model"], comparison["other"], difference(comparison),
        *(f"{comparison[name]:,}" for name in ("better", "worse", "questions")),
        chance(comparison["p"]), chance(comparison["p_holm"]),
        smallest_shown(comparison),
    ]  # fmt: skip


def _breakdown_figures(models: Fields) -> list[Figure]:
    levels = _groups(models, "difficulty")
    if len(levels) < 2:
        return []
    cells = {
        (name, level): (group["right"], group["rows"])
        for name, scores in models.items()
        for level, group in scores["by"].get("difficulty", {}).items()
    }
    note = "Accuracy in % of the replies to questions of each difficulty, as their meta says."
    return [grid("accuracy-difficulty", "Right answers by difficulty", list(models), levels, cells, note=note)]


def _breakdowns(models: Fields) -> list[Table]:
    titles = {
        "difficulty": "Accuracy % by difficulty (replies)",
        "length": "Accuracy % by length of the reply (replies)",
    }
    tables = []
    for kind, title in titles.items():
        groups = _groups(models, kind)
        if len(groups) > 1:
            rows = [
                [name, *(_short(s["by"].get(kind, {}).get(group)) for group in groups)] for name, s in models.items()
            ]
            tables.append(Table(title, ("model", *groups), rows, is_folded=True))
    return tables + _sampled(models)


def _sampled(models: Fields) -> list[Table]:
    told = {name: scores["samples"] for name, scores in models.items() if scores["samples"]}
    if not told:
        return []
    counts = sorted({k for samples in told.values() for k in samples["pass"]}, key=int)
    columns = ("model", "samples", "questions", "majority % [95 % interval]", "ties", *(f"pass@{k} %" for k in counts))
    rows = [
        [
            name, str(s["n"]), f"{s['questions']:,}", _share(s["maj"]), str(s["maj"]["ties"]),
            *(f"{100 * s['pass'][k]:.1f}" if k in s["pass"] else "" for k in counts),
        ]
        for name, s in told.items()
    ]  # fmt: skip
    return [Table("Samples of a question together", columns, rows)]


def _groups(models: Fields, kind: str) -> list[str]:
    return in_order({group for scores in models.values() for group in scores["by"].get(kind, ())})


def _share(scores: Fields | None) -> str:
    if scores is None:
        return ""
    low, high = scores["interval"]
    return f"{100 * scores['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _short(scores: Fields | None) -> str:
    return f"{100 * scores['accuracy']:.1f} ({scores['rows']:,})" if scores else ""
