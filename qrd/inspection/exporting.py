"""Chosen lines to a file of their own, byte for byte."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from qrd.errors import ConfigError
from qrd.inspection.book import Book
from qrd.rows.lines import plain_line
from qrd.rows.writer import replacing


class CalledOff(Exception):
    """The export was cancelled; no file has changed."""


def export(book: Book, handles: Iterable[int], name: str, is_cancelled: Callable[[], bool] = lambda: False) -> int:
    """The number of rows written to `name`; a file of that name is set aside, and takes no harm until all is written.

    Blank lines are left out. Raises: ConfigError for a file that is being looked at; StorageError; CalledOff.
    """
    if any(_is_same(name, lines.name) for lines in book.files):
        raise ConfigError(f"{name}: is the file that is shown; give another name")
    with replacing(name, resume=False) as writer:
        for handle in handles:
            if is_cancelled():
                raise CalledOff
            raw = book.raw(handle)
            if raw.strip():
                writer.write_line(plain_line(raw))
    return writer.num_written


def _is_same(name: str, other: str) -> bool:
    return os.path.realpath(name) == os.path.realpath(other)
