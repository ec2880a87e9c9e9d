"""An account of calls that outlives its process, and that several processes may share.

Each call is noted at its highest price before it is sent, and at its cost once that is known. A call that was noted
and never settled, since the process was killed, counts at its highest price: its answer may have been paid for.
The file is JSONL, appended to under a lock; a torn line at its end is a call that was not sent, or not settled.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as File
from typing import Any

import msgspec

from qrd.errors import StorageError
from qrd.rows.disk import write_whole

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

LASTING = "batch-"  # names that begin so are settled by a later run


class Account:
    """The account in `file`, which is made with the first note. At the end one that is not `shared` is cut short."""

    def __init__(self, file: str, *, shared: bool) -> None:
        self.file, self.shared = file, shared
        self._run = secrets.token_hex(4)
        self._descriptor = -1
        self._offset = 0
        self._paid = 0.0
        self._open: dict[str, float] = {}
        self._sum_open = 0.0

    def total(self) -> float:
        """US dollars paid and set aside, by all who use the account."""
        if self._descriptor < 0 and not File(self.file).exists():
            return 0.0
        with self._locked():
            return self._paid + self._sum_open

    def hold(self, name: str, usd: float, most: float | None) -> bool:
        """Whether a call of so many dollars was noted: the total may not come to more than `most`."""
        with self._locked():
            if most is not None and self._paid + self._sum_open + usd > most:
                return False
            self._note({"hold": self._entry(name), "usd": usd})
            return True

    def settle(self, name: str, usd: float) -> None:
        """Note what a call has cost; of what outlives a process, once: a killed run may not know that it did."""
        with self._locked():
            if name.startswith(LASTING) and name not in self._open:
                return
            self._note({"paid": self._entry(name), "usd": usd})

    def close(self) -> None:
        """Let go of the file; of one that is not shared the sums are left."""
        if self._descriptor < 0:
            return
        left = {name: usd for name, usd in self._open.items() if name.startswith(LASTING)}
        before = {"paid": "before", "usd": self.total() - sum(left.values())}
        entries = [before, *({"hold": name, "usd": usd} for name, usd in left.items())]
        os.close(self._descriptor)
        self._descriptor = -1
        if not self.shared:
            write_whole(File(self.file), b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))

    def _entry(self, name: str) -> str:
        """The name in the file: calls of two runs have different ones, batches belong to none."""
        return name if name.startswith(LASTING) else f"{self._run}-{name}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The account held alone, with all that others have noted."""
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            if fcntl:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            try:
                self._catch_up()
                yield
            finally:
                if fcntl:
                    fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        except OSError as error:
            raise StorageError.of(self.file, error) from None

    def _catch_up(self) -> None:
        size = os.fstat(self._descriptor).st_size
        while self._offset < size:
            block = os.pread(self._descriptor, size - self._offset, self._offset)
            if not block:
                return
            if not block.endswith(b"\n"):
                size += os.write(self._descriptor, b"\n")  # nobody writes but the holder of the lock: it is torn
                continue
            self._offset += len(block)
            for line in block.splitlines():
                self._take(line)

    def _note(self, entry: dict[str, Any]) -> None:
        line = msgspec.json.encode(entry) + b"\n"
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._offset += len(line)
        self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            entry = msgspec.json.decode(line, type=_Entry)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if entry.hold is not None:
            self._open[entry.hold] = self._open.get(entry.hold, 0.0) + entry.usd
            self._sum_open += entry.usd
        elif entry.paid is not None:
            self._sum_open -= self._open.pop(entry.paid, 0.0)
            self._paid += entry.usd


class _Entry(msgspec.Struct):
    usd: float
    hold: str | None = None
    paid: str | None = None
