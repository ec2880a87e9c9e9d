"""Rows of local files and of standard input: JSONL, JSON, CSV (and what is like it) and Parquet.

A file's form follows from its ending. Standard input and other endings are looked into: a first line that is a whole
row means JSONL, another bracket JSON, anything else CSV. A row that cannot be read is an error in its place among the
rows, so that every bad row can be named.
"""

from __future__ import annotations

import re
from pathlib import Path as File

from qrd.errors import ConfigError
from qrd.published.row import Rows, Stream
from qrd.published.ways import csv_rows, json_rows, parquet_rows
from qrd.published.ways.encodings import Recoded, encoding_of
from qrd.rows import packed
from qrd.rows.kinds import PARQUET_MARK
from qrd.rows.lines import MAX_LINE_BYTES, Digest, open_input

ENDINGS = (".jsonl", ".json", ".csv", ".tsv", ".parquet")


def rows(name: str, digest: Digest | None = None, *, encoding: str | None = None) -> Rows:
    """The rows of a file, of all files below a folder, or of standard input (`-`), in a fixed order.

    `digest` is fed with the bytes of standard input, which cannot be read again.
    Raises: ConfigError where there is nothing to read.
    """
    if name == "-":
        with open_input(name, digest) as stream:
            yield from _looked_into(_text(stream, encoding, "<stdin>"), "<stdin>")
        return
    for file in _files(File(name)):
        ending = _ending(file)
        if ending == ".parquet":
            yield from parquet_rows.rows(file)
            continue
        with open_input(str(file)) as stream:
            read = READERS.get(ending, _looked_into)
            yield from read(_text(stream, encoding, str(file)), str(file))


READERS = {".jsonl": json_rows.lines, ".csv": csv_rows.rows, ".tsv": csv_rows.rows}


def _text(stream: Stream, encoding: str | None, file: str) -> Stream:
    """The stream as UTF-8, whatever encoding it is in; `encoding` is the one that was named."""
    if encoding is not None:
        return Recoded(stream, encoding, file)
    first = stream.readline(2)
    found = encoding_of(first)
    ahead = _Ahead([first], stream)
    return ahead if found is None else Recoded(ahead, found, file)


class _Ahead:
    """A stream with its first lines put back."""

    def __init__(self, first: list[bytes], stream: Stream) -> None:
        self._first, self._stream = first, stream

    def read(self, size: int = -1, /) -> bytes:
        """Everything that is left; `size` must be -1."""
        return b"".join([*self._first, self._stream.read(size)])

    def read1(self, size: int = -1, /) -> bytes:
        """The next of the first lines, then at most `size` bytes of the stream."""
        return self._first.pop(0) if self._first else self._stream.read1(size)

    def readline(self, size: int = -1, /) -> bytes:
        """The next line."""
        begun = self._first.pop(0) if self._first else b""
        if begun.endswith(b"\n") or len(begun) == size:
            return begun
        return begun + self._stream.readline(size - len(begun) if size >= 0 else size)


def _files(file: File) -> list[File]:
    """The file itself, or those below a folder, `2.json` before `10.json`."""
    if not file.is_dir():
        return [file]
    found = [f for f in file.rglob("*") if _ending(f) in ENDINGS and f.is_file() and not f.name.startswith(".")]
    if not found:
        raise ConfigError(f"{file}: holds no {', '.join(ENDINGS)} file")
    return sorted(found, key=lambda f: [_natural(part) for part in f.relative_to(file).parts])


def _ending(file: File) -> str:
    """What a file's name says of its rows, compressed or not: `.csv` for `q.CSV.gz`."""
    return packed.unsuffixed(file.name).suffix.lower()


def _natural(name: str) -> list[tuple[str, int]]:
    return [(text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name)]


def _looked_into(stream: Stream, file: str) -> Rows:
    first = [stream.readline(MAX_LINE_BYTES + 1)]
    while first[-1] and not first[-1].strip():
        first.append(stream.readline(MAX_LINE_BYTES + 1))
    told = first[-1].removeprefix(b"\xef\xbb\xbf").lstrip()
    if told.startswith(PARQUET_MARK):
        raise ConfigError(f"{file}: holds Parquet; give it as a file that ends in .parquet")
    if not told.startswith((b"{", b"[")):
        return csv_rows.rows(_Ahead(first, stream), file)
    read = json_rows.lines if json_rows.is_row(told) else json_rows.whole
    return read(_Ahead(first, stream), file)
