"""The questions that can be browsed in the page, whole: their paths and the students' answers."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from qrd.console import clean
from qrd.reports.facts.census import KEPT, OPEN, TRAINED, UNJUDGED, Entry
from qrd.rows.records import Path, Prediction, Question, digest

MAX_CHARS = 20_000  # of one text; a reply past that is no reading matter
Json = dict[str, Any]


@dataclass
class Sample:
    """At most `limit` paths and answers, of questions that a hash of their ids chooses: the same for every order."""

    limit: int
    num_rows: int = 0
    _kept: dict[str, Json] = field(default_factory=dict)
    _ranks: list[tuple[int, str]] = field(default_factory=list)  # the worst first
    _worst: int = 2**64

    def add_path(self, path: Path, entry: Entry) -> None:
        """Take a path in, or what a later file says of it; `entry` is what the census knows of it."""
        kept = self._question(path)
        if kept is None:
            return
        key = f"{path.path_id} {hash(path.response)}"
        known = kept["paths"].get(key)
        if known is None:
            kept["paths"][key] = known = _path_head(path, entry)
            self._count(1)
        if isinstance(path.correct, bool) or known.get("correct") is None:
            known["correct"] = path.correct if isinstance(path.correct, bool) else None
            known["prediction"] = shown(path.prediction) if isinstance(path.prediction, str) else None
        if path.verdicts or isinstance(path.verdict, str):
            known["verdicts"] = [
                {"judge": shown(v.judge), "verdict": v.verdict, "reason": shown(v.reason)} for v in path.verdicts or ()
            ]

    def add_answer(self, prediction: Prediction, model: str, base: str | None) -> None:
        """Take a prediction in; `model` is its name in the report, `base` that of its untrained base."""
        kept = self._question(prediction)
        if kept is not None:
            kept["answers"].append(
                {
                    "model": shown(model),
                    "sample": prediction.sample,
                    "prediction": shown(prediction.prediction),
                    "correct": prediction.correct,
                    "response": shown(prediction.response),
                    "base": shown(base),
                }
            )
            self._count(1)

    def _question(self, question: Question) -> Json | None:
        found = self._kept.get(question.id)
        if found is None and self.limit:
            rank = int(digest(question.id)[:16], 16)
            if rank >= self._worst:
                return None
            found = self._kept[question.id] = _head(question)
            heapq.heappush(self._ranks, (-rank, question.id))
        return found

    def _count(self, added: int) -> None:
        self.num_rows += added
        while self.num_rows > self.limit and len(self._ranks) > 1:
            rank, name = heapq.heappop(self._ranks)
            gone = self._kept.pop(name)
            self.num_rows -= len(gone["paths"]) + len(gone["answers"])
            self._worst = -rank

    def paths(self) -> dict[str, list[Json]]:
        """The paths that can be browsed, by path_id."""
        found: dict[str, list[Json]] = {}
        for question in self._kept.values():
            for path in question["paths"].values():
                found.setdefault(path["path"], []).append(path)
        return found

    def __len__(self) -> int:
        return len(self._kept)

    def as_json(self, difficulty_of: Callable[[str], str | None]) -> list[Json]:
        """The questions in the order in which they came; `difficulty_of` knows that of a question's id."""
        found = []
        for name, question in self._kept.items():
            paths = [_path_now(path) for path in sorted(question["paths"].values(), key=_place)]
            found.append({**question, "difficulty": shown(difficulty_of(name)), "paths": paths})
        return found


def _place(path: Json) -> tuple[str, str]:
    """Where a path stands among those of its question: styles in one order, so that questions can be compared."""
    return path["teacher"], path["style"]


def _path_now(path: Json) -> Json:
    """The path with what all files together say of it."""
    entry: Entry = path["entry"]
    told: Json = {"outcome": shown(entry.fate), "verdict": entry.verdict or UNJUDGED, "answerKind": entry.answer}
    told |= {"isGood": entry.fate in (TRAINED, KEPT), "isLost": entry.fate not in (TRAINED, KEPT, OPEN)}
    return {**{name: value for name, value in path.items() if name not in ("path", "entry")}, **told}


def _path_head(path: Path, entry: Entry) -> Json:
    return {
        "path": path.path_id,
        "entry": entry,
        "id": shown(path.path_id),
        "response": shown(path.response),
        "style": shown(path.style),
        "teacher": shown(path.teacher),
        "verdicts": [],
    }


def _head(question: Question) -> Json:
    meta = question.meta or {}
    return {
        "id": shown(question.id),
        "task": question.task,
        "question": shown(question.question),
        "context": shown(question.context),
        "answer": shown(question.answer),
        "choices": [shown(choice) for choice in question.choices or ()],
        "dataset": shown(meta["dataset"]) if isinstance(meta.get("dataset"), str) else None,
        "paths": {},
        "answers": [],
    }


def shown(text: str | None) -> str | None:
    """The text without control characters, cut where it is too long to be read."""
    if text is None or len(text) <= MAX_CHARS:
        return None if text is None else clean(text)
    return f"{clean(text[:MAX_CHARS])} … ({len(text) - MAX_CHARS:,} characters more)"
