"""A block of lines decided on at once, in a form that travels cheaply between processes."""

from __future__ import annotations

import io
from array import array
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from msgspec import UNSET

from qrd.errors import DataError
from qrd.filters import Rules
from qrd.filters.answer import answer, answer_known
from qrd.filters.decision import KEPT, Rule
from qrd.filters.finish import finish
from qrd.filters.shapes import Shapes
from qrd.filters.verdict import verdict, verdict_known
from qrd.rows.records import Path

UNKNOWN, WRONG, RIGHT = 0, 1, 2
CHUNK_BYTES = 2**16  # what is read of them, and written again, stays in the processor's cache


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


# Rules that read nothing of a path but what `_told` says of it: paths that are told alike are decided on alike.
_TOLD_BY = frozenset({finish, answer, answer_known, verdict, verdict_known})


def _told(path: Path) -> tuple[object, ...]:
    response = path.response
    is_empty = not response or response.isspace()
    prediction = True if isinstance(path.prediction, str) else path.prediction
    return is_empty, path.finish_reason, prediction, path.correct, path.verdict, path.style, path.teacher


class Sifter:
    """What the rules of one path say of lines."""

    def __init__(self, rules: Rules) -> None:
        self.shapes = Shapes()
        self._first = tuple(takewhile(_TOLD_BY.__contains__, rules.single))
        self._later = rules.single[len(self._first) :]

    def sift(self, block: bytes) -> Sifted | None:
        """What is said of each line of a block; None where a line is bad, blank or not graded yet."""
        path_ids, question_places, kinds = array("q"), array("I"), array("I")
        names: list[tuple[str, str, str]] = []
        alike: dict[tuple[object, ...], int] = {}
        questions: dict[int, int] = {}
        graded: list[int] = []
        right: list[int] = []
        num_plain, place_of = self.shapes.num_plain, questions.setdefault
        try:
            for path in self._paths(block):
                kind = alike.get(told := _told(path))
                if kind is None:
                    if path.prediction is UNSET:
                        return None
                    kind = alike[told] = len(names)
                    names.append((_objection(self._first, path), path.style, path.teacher))
                if self._later and names[kind][0] == KEPT and (reason := _objection(self._later, path)) != KEPT:
                    kind = alike.setdefault((reason, path.style, path.teacher), len(names))
                    if kind == len(names):
                        names.append((reason, path.style, path.teacher))
                kinds.append(kind)
                path_ids.append(hash(path.path_id))
                place = place_of(hash(path.id), len(graded))
                if place == len(graded):
                    graded.append(0)
                    right.append(0)
                if grade := _GRADES.get(path.correct, UNKNOWN):
                    graded[place] += 1
                    right[place] += grade == RIGHT
                question_places.append(place)
        except DataError:
            return None
        is_plain = self.shapes.num_plain - num_plain == len(kinds)
        return Sifted(path_ids, question_places, list(questions), graded, right, kinds, names, is_plain)

    def _paths(self, block: bytes) -> Iterator[Path]:
        """The path of each line. Raises: DataError at one that is bad."""
        for chunk in _chunks(block):
            paths = self.shapes.read_lines(chunk)
            yield from map(self.shapes.read, io.BytesIO(chunk)) if paths is None else paths


def _objection(rules: tuple[Rule, ...], path: Path) -> str:
    """The reason of the first rule that drops the path; KEPT where all keep it."""
    for rule in rules:
        keep, reason = rule(path)
        if not keep:
            return str(reason)
    return KEPT


def _chunks(block: bytes) -> Iterator[bytes]:
    """The whole lines of a block, about CHUNK_BYTES of them at a time."""
    start = 0
    while start < len(block):
        end = block.find(b"\n", start + CHUNK_BYTES) + 1 or len(block)
        yield block[start:end]
        start = end
