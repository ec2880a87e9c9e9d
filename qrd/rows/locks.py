"""One writer for each output: a lock that ends with its process, however that ends."""

from __future__ import annotations

import errno
import os
from pathlib import Path as File
from typing import Any, Protocol

from qrd.errors import ConfigError
from qrd.rows.companions import LOCK

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

_TAKEN = (errno.EAGAIN, errno.EACCES)
_NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)


class Lock(Protocol):
    """A lock that is held."""

    def release(self) -> None:
        """Let others take it."""


def take_lock(name: str) -> Lock:
    """The lock of an output, held until released or until this process ends in any way.

    Raises: ConfigError where another process holds it; OSError where its file cannot be made.
    """
    file = LOCK.of(name)
    lock = _flock(file) if fcntl else _filelock(file)
    if lock is None:
        raise ConfigError(f"{name}: another run is writing this output; wait for it or choose another")
    return lock


class _Held:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def _flock(file: File) -> Lock | None:
    """The lock, or None where it is taken. (To import filelock takes as long as all else that qrd needs to start.)"""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in _TAKEN:
            return None
        if error.errno in _NO_LOCKS:
            return _filelock(file)
        raise
    return _Held(descriptor)


def _filelock(file: File) -> Lock | None:
    """The lock by other means than flock, which some systems and network drives lack."""
    import filelock

    lock: Any = filelock.FileLock(str(file), blocking=False, thread_local=False)  # any thread may close the output
    try:
        lock.acquire()
    except filelock.Timeout:
        return None
    held: Lock = lock
    return held
