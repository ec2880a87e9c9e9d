"""The figures of a summary as tables for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qrd.console import Console
from qrd.evaluation.breakdown import in_order
from qrd.rows.outcomes import NO_ANSWER, NO_GOLD, WRONG

Fields = dict[str, Any]

VERSUS = ("model against other", "points [95 % interval]", "better : worse", "p by Holm", "smallest difference shown")

ANSWERED = ("answers found", "right where found %", "cut at --max-tokens", "right where whole %", "ties")

OTHERS = (WRONG, NO_ANSWER, NO_GOLD)

GROUPS = {"difficulty": "Accuracy % by difficulty (replies)", "length": "Accuracy % by length of the reply (replies)"}


def show(summary: Fields, console: Console) -> None:
    """Print the tables of a summary."""
    _show_accuracy(summary["models"], console)
    _show_answers(summary["models"], console)
    _show_samples(summary["models"], console)
    for name, title in GROUPS.items():
        _show_groups(name, title, summary["models"], console)
    for family, found in by_family(summary["comparisons"]).items():
        console.table(
            f"Compared question by question: {corrected_among(family, found)}", VERSUS, [_compared(c) for c in found]
        )


def by_family(comparisons: Sequence[Fields]) -> dict[str, list[Fields]]:
    """The comparisons of each family, in their order."""
    families: dict[str, list[Fields]] = {}
    for comparison in comparisons:
        families.setdefault(comparison["family"], []).append(comparison)
    return families


def corrected_among(family: str, comparisons: Sequence[Fields]) -> str:
    """What a p of this family is corrected for, in words."""
    return f"{family} (p corrected for {len(comparisons):,})"


def _show_accuracy(models: Fields, console: Console) -> None:
    """The accuracy table; a column per task where there are several."""
    tasks = list(dict.fromkeys(task for scores in models.values() for task in scores["tasks"]))
    extra = tasks if len(tasks) > 1 else []
    rows = []
    for model, scores in models.items():
        by_task = [_share(scores["tasks"][task]) if task in scores["tasks"] else "" for task in extra]
        rows.append([model, _share(scores), f"{scores['right']:,} of {scores['rows']:,}", *others(scores), *by_task])
    console.table("Accuracy", ("model", "accuracy % [95 % interval]", "right", *OTHERS, *extra), rows)


def others(scores: Fields) -> list[str]:
    """How many rows are not right, as OTHERS names them; those without gold do not count as rows."""
    return [f"{scores[name.replace(' ', '_')]:,}" for name in OTHERS]


def _show_answers(models: Fields, console: Console) -> None:
    """What became of the replies: answers found, replies cut, and how the others did."""
    rows = []
    for model, scores in models.items():
        found, whole = scores["by"]["answer"].get("found"), scores["by"].get("ending", {}).get("whole")
        answers = (f"{scores['answer_found']:,} of {scores['rows']:,}", _percent(found))
        rows.append([model, *answers, f"{scores['cut']:,}", _percent(whole), scores.get("ties", "")])
    console.table("Replies", ("model", *ANSWERED), rows)


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


def _percent(scores: Fields | None) -> str:
    return f"{100 * scores['accuracy']:.1f}" if scores else ""


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


def chance(p: float) -> str:
    """A p-value with as many digits as anybody needs."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _compared(comparison: Fields) -> list[str]:
    return [
        f"{comparison['model']} against {comparison['other']}",
        difference(comparison),
        f"{comparison['better']:,} : {comparison['worse']:,} of {comparison['questions']:,}",
        chance(comparison["p_holm"]),
        smallest_shown(comparison),
    ]
