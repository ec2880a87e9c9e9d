"""Means over seeds with their intervals, and every condition against the reference.

Two tests, each corrected with Holm for all conditions. Over seeds, a paired t-test: would another training on other
questions show the same? It has few seeds and takes their differences to be normal. Over questions, the exact sign
test of `qrd eval --compare`, with the seeds as samples of a question: do these trainings differ on these questions?
It has many questions but no idea of how much trainings vary. The first is what a user wants to know; a difference is
called shown only where both tests find it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import Any

from scipy.stats import t as student_t

from examples.study.conditions import ALL, BASE, REFERENCE, Condition
from examples.study.tasks import Rows
from qrd.evaluation.compare import compared, holm

LEVEL = 0.05


@dataclass(frozen=True)
class Figure:
    """One condition over its seeds. Shares from 0 to 1; intervals at 95 %, None with one seed.

    `difference` is against the reference with the same seeds and students. `tokens` per student and seed.
    """

    name: str
    says: str
    seeds: list[int]
    accuracy: float
    interval: tuple[float, float] | None
    students: dict[str, float]
    tokens: int
    difference: float | None = None
    difference_interval: tuple[float, float] | None = None
    p_seeds: float | None = None
    p_questions: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether both tests find the difference, corrected for all conditions."""
        return all(p is not None and p < LEVEL for p in (self.p_seeds, self.p_questions))


class Rowbook:
    """The rows of all cells by condition, seed and student; the base has no seed and counts for all."""

    def __init__(self, rows: Rows) -> None:
        self.cells: dict[str, dict[int, dict[str, Any]]] = defaultdict(lambda: defaultdict(dict))
        seeds = sorted({row["seed"] for row in rows})
        for row in rows:
            for seed in seeds if row["condition"] == BASE else [row["seed"]]:
                self.cells[row["condition"]][seed][row["student"]] = row

    def accuracy(self, name: str, seed: int, students: Sequence[str]) -> float:
        """Mean over the students."""
        return fmean(self.cells[name][seed][student]["accuracy"] for student in students)

    def scores(self, name: str, seeds: Sequence[int], students: Sequence[str]) -> dict[str, float]:
        """For every question the share of seeds and students that have it right."""
        columns = [bits(self.cells[name][seed][student]) for seed in seeds for student in students]
        return {str(number): fmean(column) for number, column in enumerate(zip(*columns, strict=True))}


def bits(row: dict[str, Any]) -> list[int]:
    """1 for every question that is right, in the order of the test; questions that the hexadecimal pads are none's."""
    number, width = int(row["right"], 16), 4 * len(row["right"])
    return [number >> place & 1 for place in range(width)]


def figures(rows: Rows) -> list[Figure]:
    """All conditions that have rows, in their order, compared and corrected."""
    book = Rowbook(rows)
    found = [alone(book, condition) for condition in ALL if condition.name in book.cells]
    others = [(one, condition) for one in found for condition in ALL if condition.name == one.name != REFERENCE]
    if REFERENCE not in book.cells:
        return found
    pairs = [paired(book, condition, one.seeds) for one, condition in others]
    by_seeds = holm([p if p is not None else 1.0 for _, _, p in pairs])
    by_questions = question_tests(book, others)
    better = {}
    for (one, _), (mean, interval, p), p_seeds, p_questions in zip(others, pairs, by_seeds, by_questions, strict=True):
        better[one.name] = Figure(**{
            **asdict(one), "difference": mean, "difference_interval": interval,
            "p_seeds": None if p is None else p_seeds, "p_questions": p_questions,
        })  # fmt: skip
    return [better.get(one.name, one) for one in found]


def alone(book: Rowbook, condition: Condition) -> Figure:
    """A condition without its comparison."""
    cells, learners = book.cells[condition.name], condition.learners
    each = [book.accuracy(condition.name, seed, learners) for seed in cells]
    interval = None if condition.name == BASE else spread(each)  # no seed changes the base
    tokens = [cell[name].get("tokens", 0) for cell in cells.values() for name in learners]
    students = {name: fmean(cell[name]["accuracy"] for cell in cells.values()) for name in learners}
    return Figure(condition.name, condition.says, sorted(cells), fmean(each), interval, students, round(fmean(tokens)))


def paired(
    book: Rowbook, condition: Condition, seeds: Sequence[int]
) -> tuple[float | None, tuple[float, float] | None, float | None]:
    """Mean difference to the reference over common seeds, its interval, and the p-value of the paired t-test."""
    common = [seed for seed in seeds if seed in book.cells[REFERENCE]]
    differences = [
        book.accuracy(condition.name, seed, condition.learners) - book.accuracy(REFERENCE, seed, condition.learners)
        for seed in common
    ]
    if not differences:
        return None, None, None
    return fmean(differences), spread(differences), t_test(differences)


def question_tests(book: Rowbook, others: Sequence[tuple[Figure, Condition]]) -> list[float | None]:
    """The corrected p-value of each condition's sign test over questions; None without a common seed."""
    scores, pairs = {}, []
    for one, condition in others:
        common = [seed for seed in one.seeds if seed in book.cells[REFERENCE]]
        for name in (condition.name, REFERENCE) if common else ():
            scores[f"{condition.name}/{name}"] = book.scores(name, common, condition.learners)
        pairs.append((f"{condition.name}/{condition.name}", f"{condition.name}/{REFERENCE}"))
    found = {each.model: each.p_holm for each in compared({"conditions against the reference": pairs}, scores, seed=0)}
    return [found.get(model) for model, _ in pairs]


def spread(values: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the mean by Student's t; None for one value."""
    if len(values) < 2:
        return None
    half = student_t.ppf(0.975, len(values) - 1) * stdev(values) / sqrt(len(values))
    return fmean(values) - half, fmean(values) + half


def t_test(differences: Sequence[float]) -> float | None:
    """The two-sided p-value of the mean difference being 0; None for one seed."""
    if len(differences) < 2:
        return None
    if (deviation := stdev(differences)) == 0:
        return 1.0 if fmean(differences) == 0 else 0.0
    statistic = fmean(differences) / (deviation / sqrt(len(differences)))
    return float(2 * student_t.sf(abs(statistic), len(differences) - 1))


def table(found: Sequence[Figure]) -> str:
    """The figures in Markdown, percentages."""
    lines = [
        "| condition | seeds | merged | digits | mean [95 %] | difference [95 %] | p, seeds | p, questions | tokens |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        each = [percent(one.students.get(name)) for name in ("merged", "digits")]
        mean, difference = ranged(one.accuracy, one.interval), ranged(one.difference, one.difference_interval, "+")
        name = f"**{one.name}**" if one.is_shown else one.name
        tests = [f"{p:.3f}" if p is not None else "" for p in (one.p_seeds, one.p_questions)]
        cells = [name, str(len(one.seeds)), *each, mean, difference, *tests, f"{one.tokens:,}" if one.tokens else "0"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def percent(share: float | None, sign: str = "") -> str:
    """`12.3` for 0.123."""
    return "" if share is None else f"{100 * share:{sign}.1f}"


def ranged(share: float | None, interval: tuple[float, float] | None, sign: str = "") -> str:
    """`12.3 [10.1, 14.5]`."""
    bounds = f" [{', '.join(percent(bound, sign) for bound in interval)}]" if interval else ""
    return percent(share, sign) + bounds
