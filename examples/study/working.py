"""How a question is worked out: facts, products and running sums, any of which can be shown with a slip.

A slip is what a careless writer does. Carried on, it makes the answer wrong; forgotten at once, the answer is right
but the step is not, which only a judge can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from reasoning_gym.arithmetic.leg_counting import ANIMALS


@dataclass(frozen=True)
class Item:
    """`count` animals of a kind, their legs each, and the product as it is shown."""

    count: int
    animal: str
    legs: int
    product: int


@dataclass(frozen=True)
class Sum:
    """`left` plus or minus `right`, and the total as it is shown."""

    left: int
    sign: str
    right: int
    total: int


@dataclass(frozen=True)
class Working:
    """One question worked out. `items` is empty for a plain chain of terms; `answer` stands in the last line."""

    items: tuple[Item, ...]
    sums: tuple[Sum, ...]
    answer: int

    @property
    def terms(self) -> list[tuple[str, int]]:
        """The signed terms of the chain."""
        return [("+", self.sums[0].left), *((each.sign, each.right) for each in self.sums)]


def worked(metadata: dict[str, Any]) -> Working:
    """The working of a question of chain_sum or leg_counting, without a slip."""
    if "animals" in metadata:
        items = tuple(
            Item(n, animal, ANIMALS[animal], n * ANIMALS[animal]) for animal, n in metadata["animals"].items()
        )
        return chained([("+", item.product) for item in items], items)
    first, *rest = metadata["expression"].split()
    return chained([("+", int(first)), *zip(rest[::2], map(int, rest[1::2]))])


def chained(terms: Sequence[tuple[str, int]], items: tuple[Item, ...] = ()) -> Working:
    """The running sums of signed terms, from the left."""
    (_, total), sums = terms[0], []
    for sign, term in terms[1:]:
        after = total + term if sign == "+" else total - term
        sums.append(Sum(total, sign, term, after))
        total = after
    return Working(items, tuple(sums), total)


def grouped(working: Working) -> Working:
    """The same chain with its plus terms first."""
    terms = working.terms
    return chained([term for term in terms if term[0] == "+"] + [term for term in terms if term[0] == "-"])


def slipped(working: Working, draw: Random, *, carried: bool) -> Working:
    """The working with one slip in a product or a sum; `carried` says whether the answer suffers from it."""
    off = draw.choice((-3, -2, -1, 1, 2, 3, 10, -10))
    place = draw.randrange(len(working.items) + len(working.sums))
    if place < len(working.items):
        items = list(working.items)
        items[place] = replace(items[place], product=items[place].product + off)
        if carried:
            return chained([("+", item.product) for item in items], tuple(items))
        return replace(working, items=tuple(items))
    place -= len(working.items)
    sums = list(working.sums)
    sums[place] = replace(sums[place], total=sums[place].total + off)
    if not carried:
        return replace(working, sums=tuple(sums))
    for later in range(place + 1, len(sums)):
        sums[later] = replace(sums[later], left=sums[later - 1].total, total=sums[later].total + off)
    return replace(working, sums=tuple(sums), answer=working.answer + off)
