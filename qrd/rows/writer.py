"""Rows out: the one writer, which loses and doubles nothing.

A record is one write of one line to a file opened for appending, so a killed process leaves at most one torn line, at
the end; opening the file again mends it. Data reaches the disk (fsync) within a second, also where no row follows, and
at the end: a killed *process* loses nothing that was written, a power cut at most the last second. An output that takes
its place only when it is whole (`replacing`) is written many lines at a time instead, and synced at the end.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path as File
from types import TracebackType
from typing import Any

from qrd.errors import DataError, QrdError, StorageError
from qrd.rows.companions import TEMPORARY, set_aside
from qrd.rows.disk import DISK, Disk, is_stream
from qrd.rows.lines import decode_object, encode, numbered, open_input
from qrd.rows.locks import Lock, take_lock
from qrd.rows.records import Fields

FSYNC_EVERY_S = 1.0
HELD_BYTES, HELD_S = 2**18, 0.1  # of lines that wait to be written together


class Writer:
    """Appends records to a file, or writes them to standard output for `-`.

    Opening takes the file's lock, mends a torn last line and, with `resume`, keeps what is there (`kept` lists those
    rows); without it an existing file is set aside under a new name. With `held_bytes`, lines wait in memory until
    there are so many bytes of them, HELD_S is over or the file is closed.

    Raises: ConfigError where another process writes the file; StorageError where the system refuses.
    """

    def __init__(
        self, name: str, *, resume: bool = True, disk: Disk = DISK, lock: bool = True, held_bytes: int = 0
    ) -> None:
        self.name, self.disk, self.held_bytes = name, disk, held_bytes
        self.num_written = 0
        self._flushed = time.monotonic()
        self._syncing: threading.Timer | None = None
        self._unsynced: OSError | None = None
        self._guard = threading.Lock()  # between the thread that syncs and the end of the file
        self._held: list[bytes] = []
        self._num_held_bytes = 0
        self._descriptor, self._torn = -1, False
        self._lock: Lock | None = None
        self._is_stream = is_stream(name)
        if name == "-":
            self._descriptor = sys.stdout.fileno()
            return
        try:
            if self._is_stream:
                self._descriptor = os.open(name, os.O_WRONLY)
                return
            File(name).parent.mkdir(parents=True, exist_ok=True)
            self._lock = take_lock(name) if lock else None
            if not resume:
                set_aside(File(name))
            self._descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            self._mend()
        except OSError as error:
            self._release()
            raise StorageError.of(name, error) from None
        except QrdError:
            self._release()
            raise

    def kept(self) -> Iterator[tuple[int, Fields]]:
        """(line, fields) of the rows that were there when the file was opened.

        Raises: DataError for a damaged row, with its byte offset.
        """
        if self._is_stream:
            return
        offset = 0
        with open_input(self.name) as stream:
            for number, raw in numbered(stream, self.name):
                try:
                    if raw.strip():
                        yield number, decode_object(raw, self.name, number)
                except DataError as error:
                    raise DataError(self.name, number, None, f"{error.problem} (byte {offset})") from None
                offset += len(raw)

    def write(self, fields: Mapping[str, Any]) -> None:
        """Append one record; what an earlier call left torn, by an error or a signal, is mended first."""
        self.write_line(encode(fields))

    def write_line(self, line: bytes) -> None:
        """Append one record that is encoded already, line end included."""
        self.write_lines(line, 1)

    def write_lines(self, lines: bytes, number: int) -> None:
        """Append so many records that are encoded already."""
        if not self.held_bytes:
            self._append(lines)
            self.num_written += number
            return
        self._held.append(lines)
        self.num_written += number
        self._num_held_bytes += len(lines)
        if self._num_held_bytes >= self.held_bytes or time.monotonic() - self._flushed >= HELD_S:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        lines, self._held, self._num_held_bytes = b"".join(self._held), [], 0
        if lines:
            self._append(lines)
        self._flushed = time.monotonic()

    def _append(self, lines: bytes) -> None:
        rest = memoryview(lines)
        try:
            if self._torn and not self._is_stream:
                self._mend()
            self._torn = True
            while rest:  # a regular file takes a line in one write; only pipes and full disks split it
                rest = rest[self.disk.write(self._descriptor, rest) :]
            self._torn = False
            self._sync_soon()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StorageError.of(self.name, error) from None

    def close(self) -> None:
        """Bring everything to the disk and release the file."""
        if self._descriptor < 0:
            return
        try:
            self.flush()
            if not self._is_stream:
                with self._guard:
                    self.disk.fsync(self._descriptor)
            if self._unsynced is not None:
                raise self._unsynced
        except BrokenPipeError:
            raise  # the reader of standard output has gone: a quiet end, and no fault of storage
        except OSError as error:
            raise StorageError.of(self.name, error) from None
        finally:
            self._release()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _sync_soon(self) -> None:
        """Have what was written reach the disk in FSYNC_EVERY_S, whatever comes. Raises: OSError of a sync before."""
        if self._unsynced is not None:
            raise self._unsynced
        if self._syncing is None and not (self._is_stream or self.held_bytes):
            self._syncing = threading.Timer(FSYNC_EVERY_S, self._sync)
            self._syncing.daemon = True
            self._syncing.start()

    def _sync(self) -> None:
        self._syncing = None  # a row that is written from here on is for the next
        with self._guard:
            if self._descriptor < 0:
                return
            try:
                self.disk.fsync(self._descriptor)
            except OSError as error:
                self._unsynced = error  # the system tells it once; the next row, or the end, raises it

    def _mend(self) -> None:
        """Cut a torn last line off; where only its line end is missing, add that.

        Raises: DataError where the last line cannot have been a record, so that no other file is ever cut.
        """
        size = os.fstat(self._descriptor).st_size
        start = _last_line_start(self._descriptor, size)
        tail = os.pread(self._descriptor, size - start, start)
        if not tail:
            return
        if tail.strip(b"\0") and not tail.startswith(b"{"):  # a power cut may leave zeros
            raise DataError(self.name, None, None, f"the last line (byte {start}) is no record; the file is left alone")
        try:
            decode_object(tail, self.name, 0)
        except DataError:
            self.disk.truncate(self._descriptor, start)
        else:
            self.disk.write(self._descriptor, b"\n")

    def _release(self) -> None:
        with self._guard:
            if self._descriptor >= 0 and self.name != "-":
                os.close(self._descriptor)
            self._descriptor = -1
        if self._syncing is not None:
            self._syncing.cancel()
        if self._lock is not None:
            self._lock.release()


@contextmanager
def replacing(name: str, *, resume: bool = True, disk: Disk = DISK) -> Iterator[Writer]:
    """A Writer whose file takes the place of `name` when the block ends well, and is removed when it does not.

    For outputs that are cheap to make again; `-` is standard output as usual. Without `resume` what was there is kept
    under another name. Raises: as Writer.
    """
    if is_stream(name):
        with Writer(name, disk=disk, held_bytes=HELD_BYTES) as writer:
            yield writer
        return
    file = File(os.path.realpath(name))  # a link stays a link
    temporary = TEMPORARY.of(file)
    lock: Lock | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = take_lock(name)
        temporary.unlink(missing_ok=True)
        with Writer(str(temporary), disk=disk, lock=False, held_bytes=HELD_BYTES) as writer:
            yield writer
        if not resume:
            set_aside(file)
        disk.rename(temporary, file)
    except BrokenPipeError:
        raise  # standard output, written by the same block, has lost its reader
    except OSError as error:
        raise StorageError.of(name, error) from None
    finally:
        temporary.unlink(missing_ok=True)
        if lock is not None:
            lock.release()


def _last_line_start(descriptor: int, size: int, block: int = 2**16) -> int:
    """Offset behind the last line end of a file of `size` bytes."""
    end = size
    while end > 0:
        begin = max(0, end - block)
        found = os.pread(descriptor, end - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0
