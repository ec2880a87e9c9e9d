"""The kinds of rows that qrd meets, told by their fields, and what makes each: one table for all who read rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from qrd.rows.records import Path, Prediction, Question

OTHER = "other"
HELD_BYTES = 2**20
PARQUET_MARK = b"PAR1"


class Kind(NamedTuple):
    """A kind by its name; the first kind all of whose `marks` a row has is its kind."""

    name: str
    plural: str
    marks: tuple[str, ...]


KINDS = (
    Kind("rejected path", "rejected paths", ("path_id", "response", "reject_reason")),
    Kind("path", "paths", ("path_id", "response")),
    Kind("failed request", "failed requests", ("error", "attempts")),
    Kind("prediction", "predictions", ("model", "response")),
    Kind("reply", "replies", ("id", "response")),
    Kind("question", "questions", ("id", "question")),
    Kind("manifest", "a manifest, which tells of the file beside it", ("qrd", "command", "config")),
    Kind("vote", "votes on paths that are not decided yet", ("path_id", "key", "judge_hash", "verdict")),
    Kind("routing", "the routing of a run", ("path_id", "probability", "routed")),
    Kind("metrics", "the metrics of a run", ("step", "loss")),
    Kind("canary check", "checks of canaries", ("at", "judge", "right", "of")),
    Kind("mark", "marks of a person", ("verdict", "content", "marked_at")),
    Kind("conversation", "conversations", ("messages",)),
    Kind("conversation", "conversations", ("conversations",)),
    Kind("conversation", "conversations", ("prompt", "completion")),
    Kind("conversation", "conversations", ("instruction", "output")),
    Kind("published row", "rows of a data set as published", ("question", "answer")),
    Kind("published row", "rows of a data set as published", ("problem", "solution")),
)
PLURALS = {kind.name: kind.plural for kind in KINDS} | {"judged path": "judged paths"}
PATHS = ("path", "judged path", "rejected path")
WRITTEN = (*PATHS, "prediction", "failed request", "manifest", "vote", "routing", "metrics")  # by qrd alone

WANTED: dict[type[msgspec.Struct], str] = {Question: "question", Path: "path", Prediction: "prediction"}
_ACCEPTED = {"path": PATHS, "reply": ("reply", "prediction", *PATHS), "path or prediction": ("prediction", *PATHS)}
# They hold all fields of a question, and are read as one as long as each answers a question of its own.
_ANSWERS = (("path_id", "response"), ("model", "response", "prediction", "correct"))

_MADE = {
    "question": "`qrd data import` makes them of a data set",
    "path": "`qrd generate` makes them of questions",
    "prediction": "`qrd eval` makes them of questions",
    "reply": "they are rows of id and response",
    "path or prediction": "`qrd generate` makes paths of questions, `qrd eval` predictions",
}
_ANYWAY = {  # whatever was wanted
    "manifest": "give the file it stands beside",
    "failed request": "the command that wrote them asks for them again",
    "vote": "the command that wrote them goes on with them",
}
_INSTEAD = {
    ("reply", "path"): "`qrd data paths --questions` makes them of replies",
    ("conversation", "path"): "`qrd data paths --questions` makes them of conversations",
    ("conversation", "question"): "`qrd data import` makes them of conversations",
    ("published row", "path"): "`qrd data import` makes questions, `qrd generate` paths of these",
    ("path", "question"): "give the questions that they reply to",
    ("prediction", "question"): "give the questions that they answer",
}


def kind_of(fields: Mapping[str, Any]) -> str:
    """The kind of a row; `other` where none fits."""
    kind = next((kind.name for kind in KINDS if all(mark in fields for mark in kind.marks)), OTHER)
    return "judged path" if kind == "path" and fields.get("verdict") is not None else kind


def answer_instead(fields: Mapping[str, Any], wanted: str | None) -> str | None:
    """The kind of a row that is a whole question and yet an answer to one, where a question was wanted."""
    if wanted != "question":
        return None
    return kind_of(fields) if any(all(mark in fields for mark in marks) for marks in _ANSWERS) else None


def wrong_kind(found: str, wanted: str) -> str:
    """The problem of a file that holds another kind than was wanted, and what makes the right one."""
    plural = "paths or predictions" if wanted == "path or prediction" else PLURALS[wanted]
    base = "path" if found in PATHS else found
    remedy = _ANYWAY.get(found) or _INSTEAD.get((base, wanted), _MADE[wanted])
    return f"holds {PLURALS[found]}, expected {plural}: {remedy}"


class Sorting:
    """What the rows of one file are: where none is of the kind wanted, one problem says so for all."""

    def __init__(self, wanted: str | None) -> None:
        self.wanted = wanted
        self.num_right = 0
        self._found: Counter[str] = Counter()
        self._held: list[bytes] = []
        self._num_held_bytes = 0

    def note_bad(self, fields: Mapping[str, Any] | None, raw: bytes) -> None:
        """Count a row in which something is wrong; None is a line that is no object."""
        kind = OTHER if fields is None else kind_of(fields)
        if kind != OTHER and (self.wanted is None or kind in _ACCEPTED.get(self.wanted, (self.wanted,))):
            self.num_right += 1
            return
        self._found[kind] += 1
        if not self.num_right and self._num_held_bytes < HELD_BYTES:
            self._held.append(raw)
            self._num_held_bytes += len(raw)

    def problem(self) -> str | None:
        """What the file is instead; None where it has rows of the right kind, or most are of none that is known."""
        if self.num_right or not self._found:
            return None
        kind, number = self._found.most_common(1)[0]
        if kind != OTHER and 2 * number > sum(self._found.values()) and self.wanted is not None:
            return wrong_kind(kind, self.wanted)
        return _as_a_whole(self._held, self.wanted)


def _as_a_whole(lines: list[bytes], wanted: str | None) -> str | None:
    """What a file is whose lines are no rows, told by its beginning; None where it is nothing known."""
    if lines[0].startswith(PARQUET_MARK):
        return "holds Parquet, expected one JSON object a line: `qrd data import` reads it"
    if lines[0].lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        value = msgspec.json.decode(b"".join(lines))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    rows = value if isinstance(value, list) else [value]
    kind = kind_of(rows[0]) if rows and isinstance(rows[0], dict) else OTHER
    if kind == "manifest":
        return f"holds {PLURALS[kind]}: {_ANYWAY[kind]}"
    if kind == OTHER or (len(lines) == 1 and not isinstance(value, list)):
        return None
    return f"holds {PLURALS[kind]} as one JSON value, expected one object a line: `jq -c '.[]?'` writes it so"
