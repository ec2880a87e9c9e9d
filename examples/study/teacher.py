"""The teacher: a program that works every question out in the six styles of the paper, carelessly at known rates.

A careless path has one slip. WRONG of all paths carry it on to a wrong answer, which qrd finds by the gold answer;
UNSOUND of them forget it and end right, which only a judge finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from examples.study.working import Sum, Working, grouped, slipped, worked

TEACHER = "study-teacher"
WRONG, UNSOUND = 0.2, 0.15
MARK = "Final answer: \\boxed{"  # as qrd asks for it
SAID = {"+": "Add", "-": "Subtract"}
INVERSE = {"+": "-", "-": "+"}


def replies(question: Mapping[str, Any], *, seed: int) -> Iterator[dict[str, Any]]:
    """One reply in each style, with `fault`: wrong, unsound or None."""
    right = worked(question["meta"]["metadata"])
    for style, write in STYLES.items():
        draw = Random(f"{seed}-{question['id']}-{style}")
        chance = draw.random()
        fault = "wrong" if chance < WRONG else "unsound" if chance < WRONG + UNSOUND else None
        shown = grouped(right) if style in ("tot", "facts") and not right.items else right
        if fault:
            shown = slipped(shown, draw, carried=fault == "wrong")
        text = f"{write(shown)}\n{MARK}{shown.answer}}}"
        yield {"id": question["id"], "teacher": TEACHER, "style": style, "response": text, "finish_reason": "stop",
               "fault": fault}  # fmt: skip


def vanilla(working: Working) -> str:
    """The bare line: all terms at once, and their sum."""
    products = " + ".join(str(item.product) for item in working.items)
    first, *rest = working.terms
    chain = products or f"{first[1]} " + " ".join(f"{sign} {term}" for sign, term in rest)
    return f"{chain} = {working.sums[-1].total}."


def cot(working: Working) -> str:
    """Every step in words."""
    steps = [f"{item.animal}: {item.count} * {item.legs} = {item.product}." for item in working.items]
    steps = steps or [f"Start with {working.sums[0].left}."]
    return " ".join([*steps, *(f"{SAID[each.sign]} {each.right}: {equation(each)}." for each in working.sums)])


def tot(working: Working) -> str:
    """Two plans, one of them followed."""
    if working.items:
        plans = "Plan 1: legs of each animal. Plan 2: count the animals. Plan 1 is right."
        steps = [f"{item.count} * {item.legs} = {item.product}" for item in working.items]
    else:
        plans, steps = "Plan 1: left to right. Plan 2: plus terms first. Plan 2 is easy.", []
    return f"{plans} {', '.join([*steps, *map(equation, working.sums)])}."


def program(working: Working) -> str:
    """A program with the value of every line, as a trace gives it."""
    lines = [f"t = {working.sums[0].left}"]
    if working.items:
        lines = [f"x{n} = {item.count} * {item.legs}  # {item.product}" for n, item in enumerate(working.items)]
        lines.append("t = x0")
    lines += [
        f"t = t {each.sign} {f'x{n}' if working.items else each.right}  # {each.total}"
        for n, each in enumerate(working.sums, start=1)
    ]
    return "\n".join(["```", *lines, "```"])


def backward(working: Working) -> str:
    """Forward, then back again from the answer."""
    ahead = [f"{item.count} * {item.legs} = {item.product}" for item in working.items]
    ahead += map(equation, working.sums)
    back = [f"{each.total} {INVERSE[each.sign]} {each.right} = {each.left}" for each in reversed(working.sums)]
    return f"{', '.join(ahead)}. Check: {', '.join(back)}."


def facts(working: Working) -> str:
    """What is known first, then the steps that use it."""
    known = [f"A {item.animal} has {item.legs} legs." for item in working.items]
    known += [f"{item.count} {item.animal}s have {item.product} legs." for item in working.items]
    if not known:
        plus, minus = (", ".join(str(term) for sign, term in working.terms if sign == kind) for kind in "+-")
        known = [f"Plus terms: {plus}. Minus terms: {minus or 'none'}."]
    return " ".join([*known, *(f"{equation(each)}." for each in working.sums)])


def equation(each: Sum) -> str:
    """`4 + 7 = 11`."""
    return f"{each.left} {each.sign} {each.right} = {each.total}"


STYLES: dict[str, Callable[[Working], str]] = {
    "vanilla": vanilla, "cot": cot, "tot": tot, "program": program, "backward": backward, "facts": facts,
}  # fmt: skip
