"""Paths whose verdict is known, judged at the start, in the middle and at the end: a judge that changes is seen.

Providers swap models behind a name. What a check found is kept in `OUTPUT.canaries.jsonl`, so that a run that goes on
is still measured by its very first check, and has not ended before it has passed one at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from qrd.config import JudgeConfig
from qrd.console import Console
from qrd.errors import ConfigError, DataError, GateError
from qrd.evaluation.against import INVALID, VALID
from qrd.rows.companions import CANARIES
from qrd.rows.disk import is_stream
from qrd.rows.lines import decode_object, numbered, open_input
from qrd.rows.reader import Reader, Row
from qrd.rows.records import Path, digest
from qrd.rows.writer import Writer
from qrd.stages.judge.attacks import empty_reasoning
from qrd.stages.judge.bench import Bench, Case, path_of

OF_INPUT = "wrong"
NONE_IN_INPUT = "INPUT holds no wrong answer with a reasoning; give a file of paths whose `verdict` is valid or invalid"
NONE_IN_FILE = "holds no path whose `verdict` is valid or invalid; --canaries wrong takes wrong paths of INPUT"
MOST_OF_A_LABEL = 20
MAX_DRIFT = 0.2
UNTRUSTED = "Paths that were judged since it passed a check"


@dataclass
class Canaries:
    """Known paths with their labels, and the share that each judge got right when it was asked first."""

    known: list[tuple[Row[Path], str]]
    bench: Bench
    console: Console
    judge_hashes: Sequence[str]
    first: dict[str, float] = field(default_factory=dict)
    num_since: int = 0
    is_begun: bool = False

    def begin(self) -> None:
        """The first check of this run, before its first path."""
        if not self.is_begun:
            self.is_begun = True
            self.first = self._remembered()
            self.check("start")

    def end(self) -> None:
        """The check behind the last path, also one that earlier runs did not come to or did not pass.

        Raises: GateError as `check`.
        """
        if not self.is_begun:
            self.first = self._remembered()
        if self.num_since or (self.first and not self._is_passed()):
            self.check("end")

    def check(self, at: str) -> None:
        """Ask the judges once more.

        Raises: GateError where one gets fewer right than at first, by more than --max-drift.
        """
        right, asked = self._asked()
        if self.bench.asking.stopping.is_set():
            return  # some of them were not asked any more
        self._note(at, right, asked)
        shares = {judge: right[judge] / number for judge, number in asked.items()}
        told = ", ".join(f"{judge} {right[judge]} of {asked[judge]} right" for judge in asked)
        self.console.say(f"canaries at the {at}: {told}")
        for judge, share in shares.items():
            first = self.first.setdefault(judge, share)
            if self._has_drifted(share, first):
                since = f"{self.num_since:,} paths were judged since the last check and"
                raise GateError(
                    f"the judge {judge} has drifted: {share:.0%} of the canaries right at the {at}, {first:.0%} at "
                    f"first. {since if self.num_since else UNTRUSTED} are not to be trusted; what is saved stays, and "
                    "the same command goes on once the judge is itself again"
                )
        self.num_since = 0

    def _has_drifted(self, share: float, first: float) -> bool:
        chosen = self.bench.config.max_drift
        return share < first - (MAX_DRIFT if chosen is None else chosen) - 1e-9

    def _asked(self) -> tuple[Counter[str], Counter[str]]:
        """Verdicts as they should be, and all verdicts, by judge; calls that failed do not count."""
        cases = {row.record.path_id: Case(row) for row, _ in self.known}
        labels = {row.record.path_id: label for row, label in self.known}
        right, asked = Counter[str](), Counter[str]()
        for model, key, reply in self.bench.replies(cases):
            if reply.error is not None:
                continue
            name = path_of(key)
            cases[name].take(model, key, reply)
            asked[model] += 1
            right[model] += cases[name].verdicts[key]["verdict"] == labels[name]
        return right, asked

    @property
    def _hashes(self) -> list[str]:
        """Which judges were asked of what: only checks with one of these are compared, and noted with the first."""
        asked = [[row.record.path_id, row.record.response, label] for row, label in self.known]
        return [digest([judge_hash, asked]) for judge_hash in self.judge_hashes]

    def _note(self, at: str, right: Counter[str], asked: Counter[str]) -> None:
        if is_stream(self.bench.config.output):
            return
        with Writer(str(CANARIES.of(self.bench.config.output))) as writer:
            for judge, number in asked.items():
                row = {"at": at, "judge": judge, "right": right[judge], "of": number, "canaries": self._hashes[0]}
                writer.write(row)

    def _remembered(self) -> dict[str, float]:
        """The first share of each judge that earlier runs noted."""
        shares: dict[str, float] = {}
        for _, judge, share in self._checks():
            shares.setdefault(judge, share)
        return shares

    def _is_passed(self) -> bool:
        """Whether the last check of each judge was one at the end, and found what the first one did."""
        last = {judge: (at, share) for at, judge, share in self._checks()}
        return all(
            judge in last and last[judge][0] == "end" and not self._has_drifted(last[judge][1], self.first[judge])
            for judge in self.bench.config.judge
        )

    def _checks(self) -> Iterator[tuple[str, str, float]]:
        """(at, judge, share right) of each check that is noted."""
        hashes = self._hashes
        for fields in _noted(self.bench.config.output):
            if fields.get("canaries") in hashes and fields.get("of"):
                yield str(fields.get("at")), str(fields.get("judge")), fields["right"] / fields["of"]


def canaries_of(config: JudgeConfig, bench: Bench, console: Console, judge_hashes: Sequence[str]) -> Canaries | None:
    """The canaries of a run; None without --canaries. Raises: ConfigError where there are none; DataError."""
    if config.canaries is None:
        return None
    known = list(_wrong(config) if config.canaries == OF_INPUT else _labelled(config.canaries))
    if not known:
        problem = NONE_IN_INPUT if config.canaries == OF_INPUT else NONE_IN_FILE
        raise ConfigError(f"--canaries {config.canaries}: {problem}")
    return Canaries(known, bench, console, judge_hashes)


def _wrong(config: JudgeConfig) -> Iterator[tuple[Row[Path], str]]:
    """The first paths of the input whose answer is wrong, though they hold a reasoning."""
    reader = Reader(config.input, Path, unique=None, skip_bad=True)
    if reader.is_stream:
        raise ConfigError("--canaries wrong: reads INPUT twice, so it must be a file")
    number = 0
    for row in reader:
        path = row.record
        if path.correct is False and path.prediction and not empty_reasoning(path):
            yield row, INVALID
            number += 1
            if number == MOST_OF_A_LABEL:
                return


def _labelled(file: str) -> Iterator[tuple[Row[Path], str]]:
    """The first paths of each label in a file."""
    numbers: Counter[str] = Counter()
    for row in Reader([file], Path, unique="path_id"):
        label = row.record.verdict
        if label in (VALID, INVALID) and row.record.response and numbers[str(label)] < MOST_OF_A_LABEL:
            numbers[str(label)] += 1
            yield row, str(label)


def _noted(output: str) -> Iterator[dict[str, Any]]:
    """The checks that are noted; a line that cannot be read, such as a torn one, is none."""
    if is_stream(output):
        return
    name = str(CANARIES.of(output))
    try:
        with open_input(name) as stream:
            for number, raw in numbered(stream, name):
                try:
                    yield decode_object(raw, name, number)
                except DataError:
                    continue
    except ConfigError:
        return  # there is no such file yet
