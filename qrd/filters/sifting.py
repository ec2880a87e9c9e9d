"""A block of lines decided on at once, in a form that travels cheaply between processes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import UNSET

from qrd.errors import DataError
from qrd.filters import Rules
from qrd.filters.decision import KEPT
from qrd.filters.shapes import Shapes
from qrd.records import Path

UNKNOWN, WRONG, RIGHT = 0, 1, 2


class Sifted(NamedTuple):
    """What the rules say of a block: for each path the `hash` of its id, the place of its question and of its kind.

    `questions` are the hashes of the different ones; `graded` and `right` count the paths of each. A kind is (reason,
    style, teacher). `is_plain` says that every line may be written as it is.
    """

    path_ids: array[int]
    question_places: array[int]
    questions: list[int]
    graded: list[int]
    right: list[int]
    kinds: array[int]
    kind_names: list[tuple[str, str, str]]
    is_plain: bool


def grade_of(path: Path) -> int:
    """RIGHT, WRONG or UNKNOWN."""
    return _GRADES.get(path.correct, UNKNOWN)


_GRADES: dict[object, int] = {True: RIGHT, False: WRONG}


class Sifter:
    """What the rules of one path say of lines."""

    def __init__(self, rules: Rules) -> None:
        self.rules, self.shapes = rules, Shapes()

    def sift(self, lines: Iterable[bytes]) -> Sifted | None:
        """What is said of each line; None where a line is bad, blank or not graded yet."""
        path_ids, question_places, kinds = array("q"), array("I"), array("I")
        numbers: dict[tuple[str, str, str], int] = {}
        questions: dict[int, int] = {}
        graded: list[int] = []
        right: list[int] = []
        single, read, num_plain = self.rules.single, self.shapes.read, self.shapes.num_plain
        number_of, place_of = numbers.setdefault, questions.setdefault
        try:
            for raw in lines:
                path = read(raw)
                if path.prediction is UNSET:
                    return None
                reason = KEPT
                for rule in single:  # `objections`, without a call for each of millions of paths
                    keep, against = rule(path)
                    if not keep:
                        reason = str(against)
                        break
                path_ids.append(hash(path.path_id))
                place = place_of(hash(path.id), len(graded))
                if place == len(graded):
                    graded.append(0)
                    right.append(0)
                if grade := _GRADES.get(path.correct, UNKNOWN):
                    graded[place] += 1
                    right[place] += grade == RIGHT
                question_places.append(place)
                kinds.append(number_of((reason, path.style, path.teacher), len(numbers)))
        except DataError:
            return None
        is_plain = self.shapes.num_plain - num_plain == len(kinds)
        return Sifted(path_ids, question_places, list(questions), graded, right, kinds, list(numbers), is_plain)
