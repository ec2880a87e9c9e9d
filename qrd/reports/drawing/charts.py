"""Figures of numbers: lines over steps, shares with intervals, grids of shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from qrd.reports.drawing.axes import Frame, ends_of
from qrd.reports.drawing.svg import NUM_COLOURS, WIDTH, Figure, dash, element, legend, mark, number, shortened

Points = Sequence[tuple[float, float | None]]

MAX_POINTS = 240  # of a line: more than it has pixels
MARKED_POINTS = 15
ROOMY = 88  # pixels of a cell in which its whole has room too


@dataclass(frozen=True)
class Axis:
    """The title of an axis with its unit, and its ends where they are given."""

    title: str
    ends: tuple[float, float] | None = None
    from_zero: bool = False
    whole: bool = False


def lines(slug: str, title: str, series: Mapping[str, Points], *, x: Axis, y: Axis, note: str = "") -> Figure:
    """A line for each series; a value that is missing leaves a gap, many values become means of their neighbours."""
    thinned = {name: thin(points) for name, points in series.items()}
    known = [(a, b) for points in thinned.values() for a, b in points if b is not None]
    frame = Frame(
        x.ends or ends_of([a for a, _ in known]), y.ends or ends_of([b for _, b in known], from_zero=y.from_zero)
    )
    parts = [frame.drawn(x_title=x.title, y_title=y.title, whole_x=x.whole)]
    for index, points in enumerate(thinned.values()):
        parts.append(_line(frame, index, points))
    below = frame.bottom + 50
    if len(series) > 1:
        signs, below = legend(list(series), y=below, has_lines=True)
        parts.append(signs)
    most = max(map(len, series.values()), default=0)
    words = [note, f"Each point is the mean of {math.ceil(most / MAX_POINTS)} steps." if most > MAX_POINTS else ""]
    return Figure(slug, title, Markup("").join(parts), below - 8, " ".join(filter(None, words)))


def _line(frame: Frame, index: int, points: Points) -> Markup:
    pieces: list[list[str]] = [[]]
    for x, y in points:
        if y is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{number(frame.at_x(x))},{number(frame.at_y(y))}")
    style = f"line{index % NUM_COLOURS}"
    drawn = [
        element("polyline", points=" ".join(piece), class_=style, stroke_dasharray=dash(index))
        for piece in pieces
        if len(piece) > 1
    ]
    if len(points) <= MARKED_POINTS or not drawn:
        drawn += [mark(index, x=frame.at_x(x), y=frame.at_y(y)) for x, y in points if y is not None]
    return Markup("").join(drawn)


def thin(points: Points) -> Points:
    """At most MAX_POINTS points: means of neighbours; values that are missing do not count in them."""
    size = math.ceil(len(points) / MAX_POINTS)
    if size <= 1:
        return points
    found = []
    for start in range(0, len(points), size):
        some = points[start : start + size]
        known = [b for _, b in some if b is not None]
        found.append((sum(a for a, _ in some) / len(some), sum(known) / len(known) if known else None))
    return found


@dataclass(frozen=True)
class Interval:
    """A share from 0 to 1 with the interval it is likely in; `is_hollow` marks what others are held against."""

    name: str
    share: float
    low: float
    high: float
    is_hollow: bool = False


def intervals(slug: str, title: str, rows: Sequence[Interval], *, unit: str, note: str = "") -> Figure:
    """A row for each share: its name and number above, its place between 0 and 100 % below."""
    left, right, top, row_height = 8.0, 8.0, 26.0, 34.0
    bottom = top + row_height * len(rows)

    def at(share: float) -> float:
        return left + (WIDTH - left - right) * share

    parts = []
    for percent in (0, 25, 50, 75, 100):
        x = at(percent / 100)
        anchor = {0: "start", 100: "end"}.get(percent, "middle")
        parts.append(element("line", x1=x, x2=x, y1=top, y2=bottom + 2, class_="grid"))
        parts.append(element("text", f"{percent}", x=x, y=bottom + 16, class_="tick", text_anchor=anchor))
    for place, row in enumerate(rows):
        y = top + row_height * place + 24
        numbers = f"{100 * row.share:.1f} [{100 * row.low:.0f}, {100 * row.high:.0f}]"
        room = WIDTH - left - right - 7 * len(numbers)
        parts.append(element("text", shortened(row.name, room), x=left, y=y - 8, class_="label strong halo"))
        parts.append(element("text", numbers, x=WIDTH - right, y=y - 8, class_="label halo", text_anchor="end"))
        parts.append(element("line", x1=at(row.low), x2=at(row.high), y1=y, y2=y, class_="whisker"))
        parts.append(element("circle", cx=at(row.share), cy=y, r=4.5, class_="hollow" if row.is_hollow else "fill0"))
    parts.append(element("text", unit, x=WIDTH / 2, y=bottom + 32, class_="label", text_anchor="middle"))
    return Figure(slug, title, Markup("").join(parts), bottom + 38, note)


Cell = tuple[int, int]


def grid(
    slug: str,
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], Cell],
    *,
    note: str = "",
) -> Figure:
    """A share in each cell, as a number and as a shade; a cell is (part, whole), and empty where the whole is 0."""
    left, top, row_height = 84.0, 46.0, 26.0
    width = (WIDTH - left) / max(1, len(columns))
    parts = []
    for place, name in enumerate(columns):
        x = left + width * (place + 0.5)
        parts.append(element("text", shortened(name, width), x=x, y=top - 8, class_="tick", text_anchor="middle"))
    for line, row in enumerate(rows):
        y = top + row_height * line
        label = shortened(row, left - 4)
        parts.append(element("text", label, x=left - 6, y=y + 17, class_="tick", text_anchor="end"))
        for place, column in enumerate(columns):
            cell = cells.get((row, column), (0, 0))
            parts.append(_cell(cell, x=left + width * place, y=y, width=width, height=row_height))
    return Figure(slug, title, Markup("").join(parts), top + row_height * len(rows) + 6, note)


def _cell(cell: Cell, *, x: float, y: float, width: float, height: float) -> Markup:
    part, whole = cell
    if not whole:
        return element("rect", x=x + 1, y=y + 1, width=width - 2, height=height - 2, rx=3, class_="shade0")
    shade = min(9, int(10 * part / whole))
    text = f"{100 * part / whole:.0f}" + (f" % of {whole:,}" if width > ROOMY else " %" if width > 44 else "")
    return element(
        "g",
        element("title", f"{part:,} of {whole:,}"),
        element("rect", x=x + 1, y=y + 1, width=width - 2, height=height - 2, rx=3, class_=f"shade{shade}"),
        element("text", text, x=x + width / 2, y=y + 17, class_=f"on{shade}", text_anchor="middle"),
    )
