"""The figure of what became of things: bands whose widths are counts, from column to column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from qrd.reports.drawing.svg import NUM_COLOURS, Figure, element, number, shortened

WIDTH, TOP, BAR, GAP, PLOT = 760.0, 46.0, 10.0, 20.0, 300.0
LABEL = 150.0

Way = tuple[str, ...]


@dataclass
class Node:
    """A place in a column: how many come through, and how far its two sides are used up, in pixels."""

    name: str
    count: int
    y: float
    height: float
    used_left: float = 0.0
    used_right: float = 0.0


def flow(slug: str, title: str, columns: Sequence[str], ways: Counter[Way], *, good: set[str], note: str) -> Figure:
    """A band for each way through the columns, coloured by its second-last place; ends in `good` stand out."""
    total = sum(ways.values()) or 1
    ends = [Counter[str]() for _ in columns]
    for way, count in ways.items():
        for place, name in enumerate(way):
            ends[place][name] += count
    most = max(map(len, ends))
    scale = PLOT / total
    height = PLOT + GAP * (most - 1)
    nodes = [_placed(counts, scale, height, good) for counts in ends]
    step = (WIDTH - LABEL - BAR) / max(1, len(columns) - 1)
    parts = [_bands(nodes, ways, place, step, scale, good) for place in range(len(columns) - 1)]
    for place, (name, column) in enumerate(zip(columns, nodes)):
        x = step * place
        parts.append(element("text", name, x=x, y=34, class_="label"))
        is_last = place == len(columns) - 1
        room = LABEL if is_last else step - BAR
        parts += [_node(node, x, not is_last or node.name in good, total, room - 10) for node in column.values()]
    return Figure(slug, title, Markup("").join(parts), TOP + height + 14, note, width=WIDTH, is_wide=True)


def _placed(counts: Counter[str], scale: float, height: float, good: set[str]) -> dict[str, Node]:
    """The nodes of a column, from top to bottom: good ends first, then the largest, set in the middle."""
    used = sum(counts.values()) * scale + GAP * (len(counts) - 1)
    y = TOP + (height - used) / 2
    placed = {}
    for name, count in sorted(counts.items(), key=lambda item: (item[0] not in good, -item[1], item[0])):
        placed[name] = Node(name, count, y, count * scale)
        y += count * scale + GAP
    return placed


def _bands(
    nodes: list[dict[str, Node]], ways: Counter[Way], place: int, step: float, scale: float, good: set[str]
) -> Markup:
    counts: Counter[Way] = Counter()
    for way, count in ways.items():
        counts[way[place : place + 2]] += count
    left, right = nodes[place], nodes[place + 1]
    order = [list(left), list(right)]
    parts = []
    for (a, b), count in sorted(
        counts.items(), key=lambda item: (order[0].index(item[0][0]), order[1].index(item[0][1]))
    ):
        is_last = place == len(nodes) - 2
        style = "good" if is_last and b in good else "lost" if is_last else f"{order[1].index(b) % NUM_COLOURS}"
        parts.append(
            _band(
                left[a], right[b], step * place + BAR, step * (place + 1), count * scale, style, f"{a} → {b}: {count:,}"
            )
        )
    return Markup("").join(parts)


def _band(a: Node, b: Node, x1: float, x2: float, width: float, style: str, words: str) -> Markup:
    y1, y2 = a.y + a.used_right, b.y + b.used_left
    a.used_right, b.used_left = a.used_right + width, b.used_left + width
    middle = (x1 + x2) / 2
    there = ((x1, y1), (middle, y1), (middle, y2), (x2, y2))
    back = ((x2, y2 + width), (middle, y2 + width), (middle, y1 + width), (x1, y1 + width))
    (a0, a1, a2, a3), (b0, b1, b2, b3) = ([f"{number(x)},{number(y)}" for x, y in way] for way in (there, back))
    shape = f"M{a0} C{a1} {a2} {a3} L{b0} C{b1} {b2} {b3} Z"
    return element("path", element("title", words), d=shape, class_=f"band band-{style}")


def _node(node: Node, x: float, is_good: bool, total: int, room: float) -> Markup:
    style = "node" if is_good else "node-lost"
    share = f"{node.count:,} · {100 * node.count / total:.0f} %"
    middle = node.y + node.height / 2
    return Markup("").join(
        (
            element("rect", x=x, y=node.y, width=BAR, height=max(1.0, node.height), class_=style),
            element("text", shortened(node.name, room), x=x + BAR + 5, y=middle - 1, class_="label strong halo"),
            element("text", share, x=x + BAR + 5, y=middle + 12, class_="tick halo"),
        )
    )
