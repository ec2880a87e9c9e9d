"""The disk as the writer sees it: system calls in one place, and files that are there whole or not at all."""

from __future__ import annotations

import glob
import os
from pathlib import Path as File
from typing import Any

import msgspec

from qrd.errors import ConfigError, StorageError
from qrd.rows.companions import TEMPORARY


class Disk:
    """The system calls of the writer, in one place so that a test can make each of them fail."""

    write = staticmethod(os.write)
    fsync = staticmethod(os.fsync)
    rename = staticmethod(os.replace)
    truncate = staticmethod(os.ftruncate)


DISK = Disk()


def is_stream(output: str) -> bool:
    """Whether an output is standard output, a pipe or a device: there is nothing to resume, lock, mend or replace."""
    file = File(output)
    return output == "-" or (file.exists() and not file.is_file() and not file.is_dir())


def refuse_file(folder: File) -> None:
    """Nothing. Raises: ConfigError where a file stands in the place of a folder that is to be made, or on the way."""
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise ConfigError(f"{place}: is a file, and a folder is wanted there; give another -o")


def write_whole(file: File, data: bytes, *, disk: Disk = DISK) -> None:
    """Put `data` at `file` so that a reader sees the old or the new content, never a part.

    Raises: StorageError.
    """
    if is_stream(str(file)):
        _write_to(file, os.O_WRONLY, data, disk)
        return
    file = File(os.path.realpath(file))
    temporary = TEMPORARY.of(f"{file}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _sweep(file)
        _write_to(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, data, disk)
        disk.rename(temporary, file)
    except OSError as error:
        raise StorageError.of(file, error) from None
    finally:
        temporary.unlink(missing_ok=True)


def write_json(file: File, value: Any) -> None:
    """Put `value` at `file` as `write_whole` does, as JSON that a person can read.

    Raises: StorageError.
    """
    write_whole(file, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def _sweep(file: File) -> None:
    """Remove what killed processes left of their attempts to write `file`."""
    if os.name != "posix":
        return  # there, to ask whether a process lives would end it
    for left in file.parent.glob(TEMPORARY.form.format(f"{glob.escape(file.name)}.*")):
        process = left.stem.removeprefix(f".{file.name}.")
        if process.isdecimal() and not _lives(int(process)):
            left.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # it is another user's, or cannot be told
    return True


def _write_to(file: File, flags: int, data: bytes, disk: Disk) -> None:
    descriptor = os.open(file, flags, 0o644)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[disk.write(descriptor, rest) :]
        if flags & os.O_CREAT:
            disk.fsync(descriptor)
    finally:
        os.close(descriptor)
