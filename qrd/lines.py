"""Lines of JSON: bytes to numbered lines to objects, and back. Every byte that comes in is untrusted."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Protocol

import msgspec

from qrd.errors import ConfigError, DataError, StorageError
from qrd.records import Fields

MAX_LINE_BYTES = 64 * 2**20
NAMED_BAD_LINES = 20
_KEY_END = re.compile(rb'"[ \t\r\n]*:')

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


class LineStream(Protocol):
    """What is asked of an open file that is read by lines."""

    def readline(self, size: int = -1, /) -> bytes:
        """At most `size` bytes of the next line."""


class Digest(Protocol):
    """What is asked of a hash."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""


class Tapped:
    """A stream whose bytes also go into a digest as they are read."""

    def __init__(self, stream: BinaryIO, digest: Digest) -> None:
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


def open_input(name: str) -> BinaryIO:
    """The bytes of a file, or of standard input for `-`.

    Raises: ConfigError where the file cannot be read.
    """
    try:
        if name != "-":
            return open(name, "rb")
        if sys.stdin is None:  # closed before we began
            raise ConfigError("standard input is closed")
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from None


def numbered(stream: LineStream, shown: str) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line); only the byte \\n ends a line, and what is past MAX_LINE_BYTES of one is dropped."""
    number = 0
    try:
        while raw := stream.readline(MAX_LINE_BYTES + 1):
            number += 1
            rest = raw
            while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
                rest = stream.readline(MAX_LINE_BYTES + 1)
            yield number, raw
    except OSError as error:
        raise StorageError.of(shown, error) from None


def decode_object(raw: bytes, file: str, line: int) -> Fields:
    """The JSON object of one line.

    Raises: DataError for anything else: bad UTF-8, NaN, a number out of range, a key that stands twice, ...
    """
    if len(raw) > MAX_LINE_BYTES:
        raise DataError(file, line, None, f"the line is longer than {MAX_LINE_BYTES // 2**20} MiB")
    try:
        fields = _decode(raw)
        # Every key ends in a quote and a colon. Where there are more of those than keys, a key may stand twice.
        if len(_KEY_END.findall(raw)) > _num_keys(fields):
            refuse_double_keys(raw, file, line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(file, line, None, why_not_json(raw, error)) from None
    if not isinstance(fields, dict):
        raise DataError(file, line, None, f"found {type(fields).__name__}, expected a JSON object")
    return fields


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


def _whole_characters(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
    return [_whole_characters(item) for item in value] if isinstance(value, list) else value


def _num_keys(value: Any) -> int:
    """The keys of all objects in a value."""
    if isinstance(value, dict):
        return len(value) + sum(_num_keys(item) for item in value.values() if isinstance(item, (dict, list)))
    return sum(_num_keys(item) for item in value if isinstance(item, (dict, list))) if isinstance(value, list) else 0


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
