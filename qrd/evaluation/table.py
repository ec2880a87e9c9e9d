"""The figures of a summary as tables for a person."""

from __future__ import annotations

from typing import Any

from qrd.console import Console

Fields = dict[str, Any]

VERSUS = (
    "model", "against", "difference in points [95 % interval]", "better", "worse", "questions", "p", "p by Holm",
    "smallest difference shown",
)  # fmt: skip


def show(summary: Fields, console: Console) -> None:
    """Print the tables of a summary."""
    _show_accuracy(summary["models"], console)
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
        rows.append([model, _share(scores), *by_task, f"{scores['answer_found']}/{scores['rows']}", scores["cut"]])
    columns = ("model", "accuracy % [95 % interval]", *extra, "answers found", "cut at --max-tokens")
    console.table("Accuracy", columns, rows)


def _share(scores: Fields) -> str:
    low, high = scores["interval"]
    return f"{100 * scores['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _compared(comparison: Fields) -> list[Any]:
    low, high = comparison["interval"]
    smallest = comparison["smallest_difference"]
    return [
        comparison["model"], comparison["other"],
        f"{100 * comparison['difference']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]",
        comparison["better"], comparison["worse"], comparison["questions"],
        f"{comparison['p']:.3g}", f"{comparison['p_holm']:.3g}",
        "none" if smallest is None else f"{100 * smallest:.1f}",
    ]  # fmt: skip
