"""The figures of a summary as tables for a person."""

from __future__ import annotations

from typing import Any

from qrd.console import Console
from qrd.evaluation.breakdown import in_order

Fields = dict[str, Any]

VERSUS = (
    "model", "against", "difference in points [95 % interval]", "better", "worse", "questions", "p", "p by Holm",
    "smallest difference shown",
)  # fmt: skip

COUNTED = (
    "answers found", "right where found % (replies)", "cut at --max-tokens", "right where whole % (replies)", "ties"
)  # fmt: skip

GROUPS = {"difficulty": "Accuracy % by difficulty (replies)", "length": "Accuracy % by length of the reply (replies)"}


def show(summary: Fields, console: Console) -> None:
    """Print the tables of a summary."""
    _show_accuracy(summary["models"], console)
    _show_samples(summary["models"], console)
    for name, title in GROUPS.items():
        _show_groups(name, title, summary["models"], console)
    if summary["comparisons"]:
        console.table(
            "Compared question by question", VERSUS, [_compared(comparison) for comparison in summary["comparisons"]]
        )


def _show_accuracy(models: Fields, console: Console) -> None:
    """The accuracy table; a column per task where there are several."""
    tasks = list(dict.fromkeys(task for scores in models.values() for task in scores["tasks"]))
    extra = tasks if len(tasks) > 1 else []
    rows = []
    for model, scores in models.items():
        by_task = [_share(scores["tasks"][task]) if task in scores["tasks"] else "" for task in extra]
        found, whole = scores["by"]["answer"].get("found"), scores["by"].get("ending", {}).get("whole")
        answers = (f"{scores['answer_found']}/{scores['rows']}", _short(found))
        counts = (*answers, scores["cut"], _short(whole), scores.get("ties", ""))
        rows.append([model, _share(scores), *by_task, *counts])
    columns = ("model", "accuracy % [95 % interval]", *extra, *COUNTED)
    console.table("Accuracy", columns, rows)


def _show_samples(models: Fields, console: Console) -> None:
    sampled = {model: scores["samples"] for model, scores in models.items() if scores["samples"]}
    if not sampled:
        return
    counts = sorted({k for found in sampled.values() for k in found["pass"]}, key=int)
    columns = (
        "model",
        "samples",
        "questions",
        "majority % [95 % interval]",
        "ties",
        *(f"pass@{k} % [95 % interval]" for k in counts),
    )
    rows = []
    for model, found in sampled.items():
        passed = [_passed(found, k) if k in found["pass"] else "" for k in counts]
        majority = (_share(found["maj"]), found["maj"]["ties"])
        rows.append([model, found["n"], found["questions"], *majority, *passed])
    console.table("Samples of a question together", columns, rows)


def _passed(found: Fields, k: str) -> str:
    return _share({"accuracy": found["pass"][k], "interval": found["pass_interval"][k]})


def _show_groups(name: str, title: str, models: Fields, console: Console) -> None:
    """Print one breakdown, where it has more than one group."""
    groups = in_order({group for scores in models.values() for group in scores["by"].get(name, ())})
    if len(groups) < 2:
        return
    rows = [
        (model, *(_short(scores["by"].get(name, {}).get(group)) for group in groups))
        for model, scores in models.items()
    ]
    console.table(title, ("model", *groups), rows)


def _short(scores: Fields | None) -> str:
    return f"{100 * scores['accuracy']:.1f} ({scores['rows']})" if scores else ""


def _share(scores: Fields) -> str:
    low, high = scores["interval"]
    return f"{100 * scores['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def difference(comparison: Fields) -> str:
    """The difference of two models with its interval, in points."""
    low, high = comparison["interval"]
    return f"{100 * comparison['difference']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def smallest_shown(comparison: Fields) -> str:
    """The smallest difference that so many questions show, in points."""
    smallest = comparison["smallest_difference"]
    return "none" if smallest is None else f"{100 * smallest:.1f}"


def _compared(comparison: Fields) -> list[Any]:
    return [
        comparison["model"], comparison["other"], difference(comparison),
        comparison["better"], comparison["worse"], comparison["questions"],
        f"{comparison['p']:.3g}", f"{comparison['p_holm']:.3g}",
        smallest_shown(comparison),
    ]  # fmt: skip
