"""What the two students read before the study: workings under a heading, without a question, answer line or slip.

The heading lists what is added up, so that a reader learns to copy from above; a student that cannot do that learns
nothing from a few hundred questions. Each has read more of three styles than of the others, as real models differ in
how much code and prose they have seen. So a router has something to find; whether that helps is what the study asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from reasoning_gym.arithmetic.leg_counting import ANIMALS

from examples.study.teacher import STYLES
from examples.study.working import Working, worked

FAVOURED = {"merged": ("program", "vanilla", "backward"), "digits": ("cot", "facts", "tot")}
WEIGHT = 4  # times as often as the other three


def texts(student: str, *, seed: int) -> Iterator[str]:
    """Workings in the student's styles, without end."""
    draw = Random(f"{seed}-{student}-reading")
    styles = list(STYLES)
    weights = [WEIGHT if style in FAVOURED[student] else 1 for style in styles]
    while True:
        style = draw.choices(styles, weights)[0]
        working = imagined(draw)
        yield f"{heading(working)}\n{STYLES[style](working)}"


def heading(working: Working) -> str:
    """`4 - 1 + 7`, or `2 cats, 1 spider`."""
    if working.items:
        return ", ".join(f"{item.count} {item.animal}{'s' if item.count > 1 else ''}" for item in working.items)
    (_, first), *rest = working.terms
    return " ".join([str(first), *(f"{sign} {term}" for sign, term in rest)])


def imagined(draw: Random) -> Working:
    """The working of a question that nobody asks, of the two families in equal parts."""
    if draw.random() < 0.5:
        animals = draw.sample(list(ANIMALS), draw.randint(2, 4))
        return worked({"animals": {animal: draw.randint(1, 3) for animal in animals}})
    terms = [str(draw.randint(0, 9)) for _ in range(draw.randint(3, 5))]
    signs = [draw.choice("+-") for _ in terms[1:]]
    return worked({"expression": " ".join([terms[0], *(x for pair in zip(signs, terms[1:]) for x in pair)])})
