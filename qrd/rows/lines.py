"""Lines of JSON: bytes to numbered lines to objects, and back. Every byte that comes in is untrusted."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Protocol

import msgspec

from qrd.errors import ConfigError, DataError, QrdError, StorageError
from qrd.rows import packed
from qrd.rows.records import Fields

MAX_LINE_BYTES = 16 * 2**20  # decoded with one wide character it takes five times as much, graded ten times
BLOCK_BYTES = 2**20
NAMED_BAD_LINES = 20

_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class BadLines:
    """The bad lines of a reading: all are counted, the first NAMED_BAD_LINES are held."""

    def __init__(self) -> None:
        self.first: list[DataError] = []
        self._num = 0

    def append(self, error: DataError) -> None:
        """Count one more."""
        self._num += 1
        if self._num <= NAMED_BAD_LINES:
            self.first.append(error)

    def __len__(self) -> int:
        return self._num


def bad_lines(errors: BadLines) -> DataError:
    """One error for several, a line each; those that are not held are counted."""
    if len(errors) == 1:
        return errors.first[0]
    more = len(errors) - len(errors.first)
    named = [str(error) for error in errors.first] + ([f"... and {more} more bad lines"] if more else [])
    total = DataError(errors.first[0].file, None, None, f"{len(errors)} bad lines")
    total.args = ("\n".join(named),)
    return total


class BlockStream(Protocol):
    """What is asked of an open file that is read by lines."""

    def read1(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`, as soon as there are some; none at the end."""


class Digest(Protocol):
    """What is asked of a hash."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""


class ByteCount:
    """A digest that only counts."""

    num_bytes = 0

    def update(self, data: bytes, /) -> None:
        """Count bytes."""
        self.num_bytes += len(data)


class Input(BlockStream, Protocol):
    """What is asked of an open file."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; everything that is left for -1."""

    def readline(self, size: int = -1, /) -> bytes:
        """At most `size` bytes of the next line."""

    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Any:
        """Itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""


class Tapped:
    """A stream whose bytes also go into a digest as they are read."""

    def __init__(self, stream: io.BufferedReader, digest: Digest) -> None:
        self._stream, self._digest = stream, digest

    def read(self, size: int = -1, /) -> bytes:
        """As the stream's."""
        data = self._stream.read(size)
        self._digest.update(data)
        return data

    def readline(self, size: int = -1, /) -> bytes:
        """As the stream's."""
        data = self._stream.readline(size)
        self._digest.update(data)
        return data

    def read1(self, size: int = -1, /) -> bytes:
        """As the stream's."""
        data = self._stream.read1(size)
        self._digest.update(data)
        return data

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()

    def __enter__(self) -> Tapped:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def open_input(name: str, digest: Digest | None = None) -> Input:
    """The bytes of a file, or of standard input for `-`; those that a compressed one holds.

    `digest` gets the bytes as they stand in the file, compressed or not, as they are read.
    Raises: ConfigError where the file cannot be read; PackedError where it is packed in a way that is not read.
    """
    stream = _opened(name)
    shown = "<stdin>" if name == "-" else name
    try:
        head, stream = packed.begun(stream)
        packing = packed.packing_of(head, shown)
        source = stream if digest is None else Tapped(stream, digest)
        return source if packing is None else packed.Unpacked(source, packing, shown)
    except OSError as error:
        stream.close()
        raise ConfigError(f"{shown}: cannot be read: {error.strerror}") from None
    except QrdError:
        stream.close()
        raise


def _opened(name: str) -> io.BufferedReader:
    try:
        if name != "-":
            return open(name, "rb")
        if sys.stdin is None:  # closed before we began
            raise ConfigError("standard input is closed")
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from None


def numbered(stream: BlockStream, shown: str) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line); only the byte \\n ends a line, and what is past MAX_LINE_BYTES + 1 of one is dropped."""
    number = 0
    for lines in blocks_of_lines(stream, shown):
        for raw in lines:
            number += 1
            yield number, raw


def blocks_of_lines(stream: BlockStream, shown: str) -> Iterator[list[bytes]]:
    """Whole lines, as many at a time as one read gives: a call for each line would cost more than reading it."""
    begun: list[bytes] = []  # of a line whose end is not read yet
    room = MAX_LINE_BYTES + 1
    try:
        while block := stream.read1(BLOCK_BYTES):
            lines = io.BytesIO(block).readlines()
            if begun and lines[0].endswith(b"\n"):
                lines[0] = b"".join((*begun, lines[0][:room]))
                begun, room = [], MAX_LINE_BYTES + 1
            if not lines[-1].endswith(b"\n"):
                begun.append(lines.pop()[:room])
                room -= len(begun[-1])
            yield lines
    except OSError as error:
        raise StorageError.of(shown, error) from None
    if begun:
        yield [b"".join(begun)]


def decode_object(raw: bytes, file: str, line: int) -> Fields:
    """The JSON object of one line.

    Raises: DataError for anything else: bad UTF-8, NaN, a number out of range, a key that stands twice, ...
    """
    if len(raw) > MAX_LINE_BYTES:
        raise DataError(file, line, None, f"the line is longer than {MAX_LINE_BYTES // 2**20} MiB")
    try:
        fields = _decode(raw)
        if not _holds_each_key_once(raw, fields):
            refuse_double_keys(raw, file, line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(file, line, None, why_not_json(raw, error)) from None
    if not isinstance(fields, dict):
        raise DataError(file, line, None, f"found {type(fields).__name__}, expected a JSON object")
    return fields


def _holds_each_key_once(raw: bytes, fields: Any) -> bool:
    """Whether no object of `raw` holds a key twice; False also where only a closer look can tell.

    A key that stood twice is gone from `fields`, and its colon from their encoding. Other colons are the same in both,
    unless `raw` spells one as an escape.
    """
    again = _encode(fields)
    return raw.startswith(again) or (raw.count(b":") == again.count(b":") and b"\\u003" not in raw)


def why_not_json(raw: bytes, error: Exception) -> str:
    """What is wrong with bytes that the decoder refused with `error`, in words."""
    try:
        raw.decode()
    except UnicodeDecodeError as bad:
        return f"not UTF-8: {bad.reason} (byte {bad.start})"
    surrogate = _LONE_SURROGATE.search(raw)
    if surrogate:
        return f"not JSON: {surrogate[0].decode()} is half a character (byte {surrogate.start()})"
    if isinstance(error, RecursionError):
        return "not JSON: nested too deeply"
    words = str(error).partition(" - at ")[0].removeprefix("JSON is malformed: ")
    return f"not JSON: {words[:1].lower()}{words[1:]}"


def encode(fields: Mapping[str, Any]) -> bytes:
    """The line of a record, line end included; half a character, which no file can hold, becomes U+FFFD."""
    try:
        return _encode(fields) + b"\n"
    except UnicodeEncodeError:
        return _encode(_whole_characters(msgspec.to_builtins(fields))) + b"\n"


def plain_line(raw: bytes) -> bytes:
    """The line without white space around it, and with its line end."""
    return raw if raw.startswith(b"{") and raw.endswith(b"}\n") else raw.strip() + b"\n"


def with_field(line: bytes, name: str, value: Any) -> bytes:
    """The line of an object with one field more, or another value in it; all other bytes stay as they are."""
    body = line.strip()
    if f'"{name}"'.encode() in body or b"\\u00" in body:  # the field may be there, perhaps spelt with escapes
        return encode({**_decode(body), name: value})
    return b'%s,"%s":%s}\n' % (body[:-1].rstrip(), name.encode(), _encode(value))


def _whole_characters(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
    return [_whole_characters(item) for item in value] if isinstance(value, list) else value


def refuse_double_keys(raw: bytes, file: str, line: int | None) -> None:
    """Nothing.

    Raises: DataError where an object holds a key twice; readers differ in which of the two they take.
    """

    def once(pairs: list[tuple[str, Any]]) -> Fields:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(file, line, twice, "this key stands twice in the object")
        return fields

    json.loads(raw, object_pairs_hook=once)
