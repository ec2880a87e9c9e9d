"""A block of lines decided on at once, in a form that travels cheaply between processes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import UNSET

from qrd.errors import DataError
from qrd.filters import Rules
from qrd.filters.decision import KEPT
from qrd.lines import decode_object
from qrd.records import Path, checked

UNKNOWN, WRONG, RIGHT = 0, 1, 2


class Sifted(NamedTuple):
    """What the rules say of a block: for each path the `hash` of its ids, its grade and its kind.

    A kind is (reason, style, teacher), given as its place in `kind_names`.
    """

    path_ids: array[int]
    questions: array[int]
    grades: bytearray
    kinds: array[int]
    kind_names: list[tuple[str, str, str]]


def grade_of(path: Path) -> int:
    """RIGHT, WRONG or UNKNOWN."""
    return _GRADES.get(path.correct, UNKNOWN)


_GRADES: dict[object, int] = {True: RIGHT, False: WRONG}


def sift(lines: Iterable[bytes], rules: Rules) -> Sifted | None:
    """What the rules of one path say of each line; None where a line is bad, blank or not graded yet."""
    path_ids, questions, grades, kinds = array("q"), array("q"), bytearray(), array("I")
    numbers: dict[tuple[str, str, str], int] = {}
    single, number_of = rules.single, numbers.setdefault
    try:
        for raw in lines:
            path = checked(decode_object(raw, "", 0), Path, file="", line=0)
            if path.prediction is UNSET:
                return None
            reason = KEPT
            for rule in single:  # `objections`, without a call for each of millions of paths
                keep, against = rule(path)
                if not keep:
                    reason = str(against)
                    break
            path_ids.append(hash(path.path_id))
            questions.append(hash(path.id))
            grades.append(_GRADES.get(path.correct, UNKNOWN))
            kinds.append(number_of((reason, path.style, path.teacher), len(numbers)))
    except DataError:
        return None
    return Sifted(path_ids, questions, grades, kinds, list(numbers))
