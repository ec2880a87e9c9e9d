"""Verdicts of paths that are not decided yet, in `OUTPUT.votes.jsonl`: what is paid is not asked for again.

A path is written once all its verdicts are in. Until then, and where one judge fails on it for good, those of the
others stand here. The file goes with the last undecided path. With --batch a provider keeps the replies, and they are
read again at no cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from qrd.config import JudgeConfig
from qrd.rows.companions import VOTES
from qrd.rows.disk import is_stream
from qrd.rows.records import Fields, Usage, Verdict, checked, digest
from qrd.rows.writer import Writer
from qrd.stages.judge.bench import Case


class Vote(msgspec.Struct):
    """A line: the verdict that the request `key` got on a path whose reply and gold have the hash `content`."""

    path_id: str
    key: str
    content: str
    judge_hash: str
    verdict: Verdict
    usage: Usage


def content_of(fields: Fields) -> str:
    """What must be equal for a verdict to stand: the reply and the gold."""
    return digest([fields.get("response"), fields.get("answer")])


class Votes:
    """What is known of undecided paths; `cost_usd` is what the verdicts of earlier runs have cost.

    Votes with any of the hashes hold; new ones are noted with the first.
    """

    def __init__(self, config: JudgeConfig, judge_hashes: Sequence[str]) -> None:
        self.file, self.judge_hashes, self.cost_usd = VOTES.of(config.output), judge_hashes, 0.0
        self._is_read = config.resume and not is_stream(config.output)
        self._is_kept = not config.batch and not is_stream(config.output)
        self._writer: Writer | None = None
        self._found: dict[str, dict[str, Fields]] = {}
        self._undecided: set[str] = set()

    def load(self, done: dict[str, str]) -> None:
        """Take over what earlier runs noted of paths that are not `done`.

        Raises: DataError for a damaged line; StorageError.
        """
        if not self._is_read or not self.file.exists():
            return
        for line, fields in self._opened().kept():
            vote = checked(fields, Vote, file=str(self.file), line=line)
            if vote.judge_hash in self.judge_hashes and vote.path_id not in done:
                self._found.setdefault(vote.path_id, {})[vote.key] = fields
        self._undecided = set(self._found)
        votes = (fields for of_path in self._found.values() for fields in of_path.values())
        self.cost_usd = sum(fields["usage"].get("cost_usd") or 0.0 for fields in votes)

    def give(self, case: Case) -> None:
        """Give a path the verdicts that it has; those on another reply, or another gold, are dropped."""
        name, content = case.row.record.path_id, content_of(case.row.fields)
        for key, vote in self._found.pop(name, {}).items():
            if vote["content"] == content:
                case.verdicts[key] = vote["verdict"]
                case.usage.append(vote["usage"])
        if not case.verdicts:
            self._undecided.discard(name)

    def note(self, case: Case, key: str) -> None:
        """Keep the latest verdict of a path that is not decided by it."""
        if not self._is_kept:
            return
        name = case.row.record.path_id
        self._undecided.add(name)
        self._opened().write(
            {
                "path_id": name,
                "key": key,
                "content": content_of(case.row.fields),
                "judge_hash": self.judge_hashes[0],
                "verdict": case.verdicts[key],
                "usage": case.usage[-1],
            }
        )

    def settle(self, path_id: str) -> None:
        """Forget a path that was decided."""
        self._undecided.discard(path_id)

    def close(self, *, is_over: bool) -> None:
        """Bring everything to the disk; the file is removed where the run is over and no path is left undecided."""
        if self._writer is not None:
            self._writer.close()
            if is_over and not self._undecided:
                self.file.unlink(missing_ok=True)

    def _opened(self) -> Writer:
        if self._writer is None:
            self._writer = Writer(str(self.file), lock=False)  # who holds the output's lock holds this file too
        return self._writer
