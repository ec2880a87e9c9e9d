"""The figures as SVG: accuracy, styles per student (the paper's Figure 4), difficulty (5), share of the data (6)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path as File
from statistics import fmean
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

from examples.study.analysis import Figure, Rowbook
from examples.study.bases import NAMES
from examples.study.conditions import BASE, REFERENCE
from examples.study.tasks import LEVELS, Rows
from examples.study.teacher import STYLES

COLOURS = {"merged": "#1b6ca8", "digits": "#d1603d"}
LEVEL_NAMES = [f"{family}-{level}" for family, levels in LEVELS.items() for level in levels]
SETTINGS: Any = {"svg.hashsalt": "qrd", "svg.fonttype": "none", "font.size": 8, "axes.spines.top": False,
            "axes.spines.right": False, "legend.frameon": False}  # fmt: skip


def draw(folder: File, rows: Rows, found: Sequence[Figure]) -> None:
    """Write every figure that the rows allow below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    book = Rowbook(rows)
    with matplotlib.rc_context(SETTINGS):
        draw_accuracy(folder, book, found)
        routed = [name for name in book.cells if len(learners(book, name)) == 2 and is_routed(book, name)]
        if routed:
            draw_groups(folder / "styles.svg", book, routed, "style", list(STYLES))
            draw_groups(folder / "difficulty.svg", book, routed, "level", LEVEL_NAMES)
        draw_levels(folder, book, [one.name for one in found])
        draw_shares(folder, found)


def draw_accuracy(folder: File, book: Rowbook, found: Sequence[Figure]) -> None:
    """accuracy.svg: mean and interval of each condition, and each student's seeds as dots."""
    figure, axes = pyplot.subplots(figsize=(7, 0.28 * len(found) + 0.8))
    for place, one in enumerate(reversed(found)):
        for name, colour in COLOURS.items():
            values = [100 * cell[name]["accuracy"] for cell in book.cells[one.name].values() if name in cell]
            axes.plot(values, [place] * len(values), "o", color=colour, alpha=0.35, markersize=3)
        low, high = one.interval or (one.accuracy, one.accuracy)
        axes.plot([100 * low, 100 * high], [place, place], "-", color="black", linewidth=1.2)
        axes.plot([100 * one.accuracy], [place], "D", color="black", markersize=4)
        if one.name == REFERENCE:
            axes.axvline(100 * one.accuracy, color="grey", linewidth=0.6, linestyle=":")
    axes.set_yticks(range(len(found)), [one.name for one in reversed(found)])
    axes.set_xlabel("accuracy, % (diamond: mean with 95 % interval over seeds; dots: seeds, merged blue, digits red)")
    save(figure, folder / "accuracy.svg")


def draw_groups(file: File, book: Rowbook, names: Sequence[str], kind: str, groups: Sequence[str]) -> None:
    """For each condition the share of each group's paths that went to each student in the second half of training."""
    figure, grid = pyplot.subplots(
        -(-len(names) // 3), 3, figsize=(7.5, 1.7 * -(-len(names) // 3)), sharey=True, sharex=True, squeeze=False
    )
    for axes in grid.flat[len(names) :]:
        axes.axis("off")
    for axes, name in zip(grid.flat, names, strict=False):
        for offset, student in zip((-0.2, 0.2), NAMES, strict=True):
            told = [cell[student]["routed"][kind] for cell in book.cells[name].values()]
            means = [100 * fmean(each.get(group, 0.0) for each in told) for group in groups]
            places = [place + offset for place in range(len(groups))]
            axes.bar(places, means, width=0.38, color=COLOURS[student], label=student)
        axes.set_title(name, fontsize=8)
        axes.set_xticks(range(len(groups)), groups, rotation=60, ha="right", fontsize=6)
    for axes in grid[:, 0]:
        axes.set_ylabel("routed, %")
    grid[0, 0].legend(fontsize=6)
    save(figure, file)


def draw_levels(folder: File, book: Rowbook, names: Sequence[str]) -> None:
    """levels.svg: accuracy by family and difficulty of some conditions, mean over seeds and students."""
    chosen = [name for name in (BASE, "one", "unfiltered", REFERENCE, "exclusive", "full") if name in names]
    figure, axes = pyplot.subplots(figsize=(6.5, 2.6))
    for name in chosen:
        cells = [cell[student] for cell in book.cells[name].values() for student in learners(book, name)]
        means = [100 * fmean(cell["levels"][level] for cell in cells) for level in LEVEL_NAMES]
        axes.plot(range(len(LEVEL_NAMES)), means, "o-", label=name, markersize=3, linewidth=1)
    axes.set_xticks(range(len(LEVEL_NAMES)), LEVEL_NAMES)
    axes.set_ylabel("accuracy, %")
    axes.legend(fontsize=6)
    save(figure, folder / "levels.svg")


def draw_shares(folder: File, found: Sequence[Figure]) -> None:
    """share.svg: accuracy against the share of the training questions, at equal training tokens."""
    figure, axes = pyplot.subplots(figsize=(4, 2.6))
    by_name = {one.name: one for one in found}
    for name, mark in ((REFERENCE, "o-"), ("full", "s--")):
        points = [(share, by_name.get(f"{name} at {share}%" if share < 100 else name)) for share in (25, 50, 100)]
        known = [(share, one) for share, one in points if one is not None]
        means = [100 * one.accuracy for _, one in known]
        errors = [100 * (one.interval[1] - one.accuracy) if one.interval else 0 for _, one in known]
        axes.errorbar([share for share, _ in known], means, yerr=errors, fmt=mark, capsize=3, label=name)
    axes.set_xlabel("training questions, %")
    axes.set_ylabel("accuracy, %")
    axes.legend()
    save(figure, folder / "share.svg")


def learners(book: Rowbook, name: str) -> list[str]:
    """The students that have rows of this condition."""
    first: dict[str, Any] = next(iter(book.cells[name].values()))
    return [student for student in NAMES if student in first]


def is_routed(book: Rowbook, name: str) -> bool:
    """Whether a router shared the paths out, so that not every one went to both."""
    first = next(iter(book.cells[name].values()))
    shares = first[NAMES[0]].get("routed", {}).get("style", {})
    return any(share < 1 for share in shares.values())


def save(figure: Any, file: File) -> None:
    """Write the figure without a date, so that equal figures are equal files."""
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
