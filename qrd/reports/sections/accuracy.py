"""The section on what models answered: accuracy with intervals, paired tests, breakdowns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qrd.evaluation.breakdown import in_order
from qrd.evaluation.families import BASES, ENSEMBLES, RUNS, Answering, answering, families
from qrd.evaluation.summary import summarised, unchanged
from qrd.evaluation.table import OTHERS, by_family, chance, difference, others, smallest_shown
from qrd.models.names import is_base
from qrd.reports.document import Section, Table
from qrd.reports.drawing.charts import Interval, grid, intervals
from qrd.reports.drawing.svg import Figure
from qrd.reports.facts.gathered import Gathered, base_of
from qrd.rows.records import Fields

MAX_MODELS_PAIRED = 6  # where no base tells which pairs matter
FEW_QUESTIONS = 100

VERSUS = (
    "model",
    "against",
    "points [95 % interval]",
    "better",
    "worse",
    "questions",
    "p",
    "p by Holm",
    "smallest difference shown",
    "family",
)


def scored(found: Gathered, *, compare: bool, seed: int) -> Fields:
    """Figures of each model, the paired comparisons that this report makes, and students that changed nothing.

    `compare` says whether runs are set side by side; sections find it under this name.
    Families are those of eval, so that a comparison has the p that eval gives it.
    """
    models = answering_of(found)
    chosen = families(models, (BASES, ENSEMBLES, *([RUNS] if compare else [])))
    if not chosen and len(models) <= MAX_MODELS_PAIRED:
        chosen = families(models)
    students = [(model.name, model.base) for model in models if model.base is not None]
    told = {
        "unchanged": unchanged(found.answers, students),
        "bases": {base for _, base in students},
        "compare": compare,
    }
    return {**summarised(found.answers, chosen, seed=seed), **told}


def answering_of(found: Gathered) -> list[Answering]:
    """The models that answered, by the run folders that were given, or as their manifests tell."""
    models = []
    for model in answering(found.names):
        number, base = found.runs_of.get(model.file), base_of(found, model.file, model.model)
        is_student = model.is_student or (number is not None and model.model in found.runs[number].students)
        base = base if base != model.name else None
        models.append(replace(model, is_student=is_student, base=base or model.base))
    return models


def section(found: Gathered, summary: Fields) -> Section:
    """Accuracy: who is how often right, how sure that is, and who beats whom."""
    part = Section("accuracy", "Accuracy")
    models: Fields = {name: scores for name, scores in summary["models"].items() if scores["rows"]}
    if not models:
        return part
    rows = [_interval(name, s, is_hollow=name in summary["bases"] or is_base(name)) for name, s in models.items()]
    note = "Bars are 95 % Wilson intervals; hollow circles are untrained bases."
    part.figures = [intervals("accuracy", "Right answers", rows, unit="accuracy, % of replies", note=note)]
    part.figures += _breakdown_figures(models)
    part.tables = [_accuracy_table(models), *_paired_tables(summary["comparisons"]), *_breakdowns(models)]
    num_questions = min(s["samples"]["questions"] if s["samples"] else s["rows"] for s in models.values())
    if num_questions < FEW_QUESTIONS:
        part.text = [
            f"Only {num_questions:,} questions stand behind some of these numbers: read the intervals, not the points."
        ]
    return part


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
        *OTHERS,
        "replies",
        "answers found",
        "cut at --max-tokens",
        "ties",
    )
    rows = []
    for name, scores in models.items():
        by_task = [_share(scores["tasks"].get(task)) for task in extra]
        counts = [f"{scores[counted]:,}" for counted in ("rows", "answer_found", "cut")]
        right = f"{scores['right']:,}"
        rows.append([name, _share(scores), *by_task, right, *others(scores), *counts, str(scores.get("ties", ""))])
    return Table("Accuracy of every model", columns, rows)


def _paired_tables(comparisons: Sequence[Fields]) -> list[Table]:
    if not comparisons:
        return []
    note = (
        "Exact McNemar test on the questions that both answered (sign test with several samples), bootstrap interval "
        "of the difference; p is corrected by Holm for all rows of a family, as eval corrects it. The smallest "
        "difference is what so many questions show with power 0.8."
    )
    rows = [_compared(c, f"{family} ({len(some)})") for family, some in by_family(comparisons).items() for c in some]
    return [Table("Compared question by question", VERSUS, rows, note, num_heads=2)]


def _compared(comparison: Fields, family: str) -> list[str]:
    return [
        comparison["model"],
        comparison["other"],
        difference(comparison),
        *(f"{comparison[name]:,}" for name in ("better", "worse", "questions")),
        chance(comparison["p"]),
        chance(comparison["p_holm"]),
        smallest_shown(comparison),
        family,
    ]


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
            name,
            str(s["n"]),
            f"{s['questions']:,}",
            _share(s["maj"]),
            str(s["maj"]["ties"]),
            *(f"{100 * s['pass'][k]:.1f}" if k in s["pass"] else "" for k in counts),
        ]
        for name, s in told.items()
    ]
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
