"""metrics.jsonl and routing.jsonl of a run folder, appended line by line.

On resume both are cut back to the size they had at the checkpoint, so no step and no path stands twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path as File
from typing import Any

from qrd.errors import StorageError
from qrd.rows.lines import encode

FILES = ("metrics.jsonl", "routing.jsonl")


@dataclass
class Tally:
    """Sums since the last line of metrics.jsonl; part of a checkpoint, so a line after a resume is
    complete."""

    num_steps: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    spread: dict[str, list[float]] = field(default_factory=dict)
    student_tokens: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def add(
        self,
        *,
        terms: Mapping[str, float],
        spread: Mapping[str, float],
        student_tokens: Mapping[str, int],
        seconds: float,
    ) -> None:
        """Add one step."""
        self.num_steps += 1
        self.seconds += seconds
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        for name, value in spread.items():
            self.spread.setdefault(name, []).append(value)
        for name, number in student_tokens.items():
            self.student_tokens[name] = self.student_tokens.get(name, 0) + number

    def line(self, *, step: int, epoch: float, learning_rate: Mapping[str, float]) -> dict[str, Any]:
        """The line of metrics.jsonl: means over the steps since the last one; tokens and seconds as sums."""
        terms = {name: value / self.num_steps for name, value in self.sums.items()}
        loss = terms.pop("loss")
        spread = {name: sum(values) / len(values) for name, values in self.spread.items()} or None
        return {
            "step": step,
            "epoch": round(epoch, 6),
            "loss": loss,
            "terms": terms,
            "tokens": sum(self.student_tokens.values()),
            "student_tokens": self.student_tokens,
            "learning_rate": dict(learning_rate),
            "spread": spread,
            "seconds": round(self.seconds, 6),
        }

    def as_json(self) -> dict[str, Any]:
        """The sums as JSON-ready values, from which `Tally(**...)` is the same again."""
        return asdict(self)


class RunLog:
    """The two files, open for appending."""

    def __init__(self, folder: File, sizes: Mapping[str, int]) -> None:
        """Open both files, cut to `sizes` bytes (0 where none is given); one that is shorter stays as it is."""
        self.folder = folder
        self._files: dict[str, int] = {}
        try:
            for name in FILES:
                descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
                self._files[name] = descriptor
                os.ftruncate(descriptor, min(sizes.get(name, 0), os.fstat(descriptor).st_size))
        except OSError as error:
            raise StorageError.of(folder, error) from None

    def write(self, name: str, lines: Iterable[Mapping[str, Any]]) -> None:
        """Append lines to one of the files.

        Raises: StorageError.
        """
        rest = memoryview(b"".join(encode(line) for line in lines))
        try:
            while rest:
                rest = rest[os.write(self._files[name], rest) :]
        except OSError as error:
            raise StorageError.of(self.folder / name, error) from None

    def sync(self) -> dict[str, int]:
        """Bring both to the disk; their sizes in bytes."""
        for descriptor in self._files.values():
            os.fsync(descriptor)
        return {name: os.fstat(descriptor).st_size for name, descriptor in self._files.items()}

    def close(self) -> None:
        """Release both files."""
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files = {}


class Stopwatch:
    """Seconds since it was last read."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last call, or since the start."""
        now = time.perf_counter()
        elapsed, self._last = now - self._last, now
        return elapsed
