"""Files that are compressed, read as if they were not: gzip and zstd, told by their first bytes and never by a name.

Unpacking is streamed: whatever a file unpacks to, one block of it is in memory. Who reads by lines cuts a line that is
too long, and everything at once is given up to MAX_WHOLE_BYTES only, so that a small file cannot fill the memory.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath
from typing import Any, NamedTuple, Protocol

from qrd.errors import ConfigError, PackedError, needs
from qrd.masking import one_line

MAX_WHOLE_BYTES = 2**27
SUFFIXES = (".gz", ".zst", ".zstd")
_EXACT_BYTES = 64  # a header is read in pieces of known size; data as it comes


class Source(Protocol):
    """What is asked of the open file that is packed."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, fewer at the end only."""

    def read1(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`, as soon as there are some."""

    def close(self) -> None:
        """Close the file."""


class Packing(NamedTuple):
    """A way to compress: its name, how such a file begins, what opens it (None where it is not read)."""

    name: str
    magic: bytes
    open: Callable[[Any], Any] | None


def _open_zstd(source: Any) -> Any:
    return zstd_module().ZstdFile(source)


def zstd_module() -> Any:
    """The module for zstd: of Python itself from 3.14 on, else of a package with the same classes."""
    with suppress(ImportError):
        from compression import zstd

        return zstd
    try:
        from backports import zstd as backported
    except ImportError:
        raise needs("is compressed by zstd, which", "a package", "zstd") from None
    return backported


PACKINGS = (
    Packing("gzip", b"\x1f\x8b\x08", lambda source: gzip.GzipFile(fileobj=source, mode="rb")),
    Packing("zstd", b"\x28\xb5\x2f\xfd", _open_zstd),
    Packing("xz", b"\xfd7zXZ\x00", None),
    Packing("bzip2", b"BZh", None),
    Packing("zip", b"PK\x03\x04", None),
    Packing("7z", b"7z\xbc\xaf\x27\x1c", None),
)


def unsuffixed(name: str) -> PurePath:
    """A file's name without the ending that says how it is packed: `q.jsonl` for `q.jsonl.gz`."""
    file = PurePath(name)
    return file.with_suffix("") if file.suffix in SUFFIXES else file


def begun(stream: io.BufferedReader) -> tuple[bytes, io.BufferedReader]:
    """(how a stream begins, the stream with that still to come); no more is waited for than it takes to tell.

    A pipe may give one byte first: more is read only while a packed file could begin so.
    """
    head = stream.peek(8)[:8]
    if not _may_go_on(head):
        return head, stream
    read = stream.read(len(head))
    while _may_go_on(read) and (byte := stream.read(1)):
        read += byte
    return read, io.BufferedReader(_PutBack(read, stream))


def packing_of(head: bytes, shown: str) -> Packing | None:
    """How a file that begins so is packed; None for one that is not. Raises: PackedError for a way that is not read."""
    found = next((packing for packing in PACKINGS if head.startswith(packing.magic)), None)
    if found is not None and found.open is None:
        raise PackedError(
            f"{shown}: is a file of {found.name}, which is not read: unpack it, or pack it by gzip or zstd"
        )
    return found


class Unpacked(io.BufferedIOBase):
    """What a packed file holds, as a stream.

    Raises: PackedError where the file is cut short or damaged; ConfigError where a package is missing.
    """

    def __init__(self, source: Source, packing: Packing, shown: str) -> None:
        assert packing.open is not None
        self._source, self._packing, self._shown = source, packing, shown
        try:
            self._stream = packing.open(_Pieces(source))
        except ConfigError as error:
            raise ConfigError(f"{shown}: {error}") from None

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes; everything for -1, up to MAX_WHOLE_BYTES."""
        if size is not None and size >= 0:
            return self._told(self._stream.read, size)
        whole = self._told(self._stream.read, MAX_WHOLE_BYTES + 1)
        if len(whole) > MAX_WHOLE_BYTES:
            most = MAX_WHOLE_BYTES // 2**20
            raise PackedError(
                f"{self._shown}: unpacks to one value of more than {most} MiB; give it as JSONL or unpacked"
            )
        return whole

    def read1(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`."""
        return self._told(self._stream.read1, size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes of the next line."""
        return self._told(self._stream.readline, size)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._stream.close()
            self._source.close()
        super().close()

    def _told(self, read: Callable[[Any], bytes], size: int | None) -> bytes:
        try:
            return read(size)
        except EOFError:
            raise PackedError(f"{self._shown}: is cut short: its {self._packing.name} data does not end") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self._damaged(error) from None
        except Exception as error:
            if type(error).__name__ != "ZstdError":  # its module is imported only where a file needs it
                raise
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> PackedError:
        return PackedError(f"{self._shown}: its {self._packing.name} data is damaged: {one_line(error)}")


class _Pieces:
    """A source from which a reader takes what has come, so that a slow pipe is unpacked as it flows."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        return self._source.read(size) if size <= _EXACT_BYTES else self._source.read1(size)


class _PutBack(io.RawIOBase):
    """A stream with its first bytes put back."""

    def __init__(self, first: bytes, stream: io.BufferedReader) -> None:
        self._first, self._stream = first, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data, self._first = self._first[: len(buffer)], self._first[len(buffer) :]
        data = data or self._stream.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _may_go_on(head: bytes) -> bool:
    """Whether it takes more bytes to tell whether a file that begins so is packed."""
    return bool(head) and any(len(head) < len(p.magic) and p.magic.startswith(head) for p in PACKINGS)
