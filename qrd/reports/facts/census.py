"""What became of each path, told by all the files that it stands in, in memory of a few hundred bytes each."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

import msgspec

from qrd.rows.records import Path, ending_of

TRAINED, KEPT, DROPPED, OPEN = "trained on", "kept", "dropped", "not filtered"
RIGHT, WRONG, NO_ANSWER, CUT, UNGRADED, NO_GOLD = "right", "wrong answer", "no answer", "cut", "not graded", "no gold"
UNJUDGED = "not judged"

WORDS = {
    "wrong_answer": WRONG,
    "no_answer": NO_ANSWER,
    "truncated": CUT,
    "empty": "empty reply",
    "invalid": "judged invalid",
    "unscored": "verdict unscored",
    "too_short": "too short",
    "too_long": "too long",
    "below_top_k": "below top k",
    "other_language": "other language",
    "over_cap": "over cap",
}


class Origin(Enum):
    """What the file of a row tells of it: what a filter kept, what a filter was given, or nothing."""

    KEPT = "kept"
    SIFTED = "sifted"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Asked:
    """A question: its own difficulty and data set where its `meta` tells them, and the grades of its paths."""

    difficulty: str
    dataset: str
    num_right: int = 0
    num_graded: int = 0


@dataclass(slots=True)
class Entry:
    """A path; `is_sifted` says that a filter saw it, `runs` are the numbers of the runs that were trained on it."""

    question: str
    style: str
    teacher: str
    answer: str = UNGRADED
    verdict: str | None = None
    reason: str | None = None
    is_kept: bool = False
    is_sifted: bool = False
    runs: frozenset[int] = frozenset()

    @property
    def fate(self) -> str:
        """What became of it, in words that a figure can bear."""
        if self.runs:
            return TRAINED
        if self.reason is not None:
            return WORDS.get(self.reason, self.reason)
        return KEPT if self.is_kept else DROPPED if self.is_sifted else OPEN


@dataclass
class Census:
    """All paths of all files; rows with one `path_id` and one reply are one path."""

    paths: dict[tuple[str, int], Entry] = field(default_factory=dict)
    questions: dict[str, Asked] = field(default_factory=dict)
    _by_id: dict[str, list[Entry]] = field(default_factory=dict)

    def add(self, path: Path, *, origin: Origin, difficulty: str) -> tuple[Entry, bool]:
        """(entry, whether its verdict is new) of a row; `difficulty` is what its question's `meta` says."""
        key = (path.path_id, hash(path.response))
        entry = self.paths.get(key)
        if entry is None:
            entry = Entry(sys.intern(path.id), sys.intern(path.style), sys.intern(path.teacher))
            self.paths[key] = entry
            self._by_id.setdefault(path.path_id, []).append(entry)
            self.questions.setdefault(entry.question, Asked(difficulty, _dataset(path)))
        if entry.answer in (UNGRADED, NO_GOLD):
            self._grade(entry, path)
        is_new = entry.verdict is None and isinstance(path.verdict, str)
        if is_new:
            entry.verdict = sys.intern(str(path.verdict))
        flag = path.flags[0] if path.flags else None
        if entry.reason is None and (path.reject_reason or flag):
            entry.reason = sys.intern(str(path.reject_reason or flag))
        entry.is_kept = entry.is_kept or (origin is Origin.KEPT and entry.reason is None)
        entry.is_sifted = entry.is_sifted or origin is Origin.SIFTED
        return entry, is_new

    def _grade(self, entry: Entry, path: Path) -> None:
        entry.answer = answer_of(path)
        if isinstance(path.correct, bool):
            asked = self.questions[entry.question]
            asked.num_graded += 1
            asked.num_right += path.correct

    def train(self, path_id: str, run: int) -> Entry | None:
        """Note that run number `run` was trained on the path; its entry, where one is known that was not rejected."""
        for entry in self._by_id.get(path_id, ()):
            if entry.reason is None:
                if run not in entry.runs:
                    entry.runs = entry.runs | {run}
                return entry
        return None

    def ways(self) -> Counter[tuple[str, str, str, str]]:
        """Paths by teacher, style, answer and fate."""
        return Counter((e.teacher, e.style, e.answer, e.fate) for e in self.entries())

    def entries(self) -> Iterator[Entry]:
        """Every path."""
        return iter(self.paths.values())

    def __len__(self) -> int:
        return len(self.paths)


def answer_of(path: Path) -> str:
    """Whether a path's answer is right, in words."""
    if ending_of(path.finish_reason) not in ("whole", "other"):
        return CUT
    if path.correct is True:
        return RIGHT
    if path.prediction is msgspec.UNSET:
        return UNGRADED
    if path.correct is None and path.answer is None:
        return NO_GOLD
    if path.prediction is None:
        return NO_ANSWER
    return WRONG if path.correct is False else UNGRADED


def _dataset(path: Path) -> str:
    told = (path.meta or {}).get("dataset")
    return told if isinstance(told, str) else ""
