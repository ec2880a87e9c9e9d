"""Two texts beside each other: which of their lines belong together, and which words of those differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

MOST_WORDS = 2000  # the time to compare grows with their product
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")

Part = tuple[str, bool]  # a piece of text, and whether only this side has it
Side = list[Part]


class Pair(NamedTuple):
    """Lines that stand beside each other; None where the other text has a line more."""

    left: Side | None
    right: Side | None


def difference(left: str, right: str) -> Iterator[Pair]:
    """The lines of both texts, side by side.

    Example: `a\\nb c` and `a\\nb d\\ne` give `a | a`, `b [c] | b [d]`, nothing `| [e]`; what differs is in brackets.
    """
    ours, theirs = left.split("\n"), right.split("\n")
    for tag, begin, end, other_begin, other_end in SequenceMatcher(None, ours, theirs).get_opcodes():
        if tag == "equal":
            yield from (Pair([(line, False)], [(line, False)]) for line in ours[begin:end])
        else:
            yield from _changed(ours[begin:end], theirs[other_begin:other_end])


def likeness(left: str, right: str) -> float:
    """The share of their first words that two texts have in common, in their order: 1 for equal texts."""
    return SequenceMatcher(None, left.split()[:MOST_WORDS], right.split()[:MOST_WORDS], False).ratio()


def _changed(ours: Sequence[str], theirs: Sequence[str]) -> Iterator[Pair]:
    """Lines that are not equal, paired by their order, and word by word."""
    for number in range(max(len(ours), len(theirs))):
        if number >= len(ours):
            yield Pair(None, [(theirs[number], True)])
        elif number >= len(theirs):
            yield Pair([(ours[number], True)], None)
        else:
            yield _words_apart(ours[number], theirs[number])


def _words_apart(left: str, right: str) -> Pair:
    ours, theirs = _WORDS.findall(left), _WORDS.findall(right)
    if len(ours) > MOST_WORDS or len(theirs) > MOST_WORDS:
        return Pair([(left, True)], [(right, True)])
    pair = Pair([], [])
    for tag, begin, end, other_begin, other_end in SequenceMatcher(None, ours, theirs, False).get_opcodes():
        for side, part in ((pair.left, ours[begin:end]), (pair.right, theirs[other_begin:other_end])):
            if part and side is not None:
                side.append(("".join(part), tag != "equal"))
    return pair
