"""Texts that are not UTF-8, as the UTF-8 that readers expect: UTF-16 by its first bytes, others where they are told."""

from __future__ import annotations

import codecs

from qrd.errors import ConfigError
from qrd.masking import one_line
from qrd.published.row import Stream

UTF_16 = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def checked(name: str) -> str:
    """The name, if it is one of an encoding of text.

    Raises: ConfigError.
    """
    try:
        is_text = bool(codecs.lookup(name).incrementaldecoder) and isinstance(b"a".decode(name), str)
    except (LookupError, UnicodeError, TypeError, ValueError):
        is_text = name.lower().replace("-", "").startswith(("utf16", "utf32"))  # one byte is no character of theirs
    if not is_text:
        raise ConfigError(f"--encoding: found {name!r}, expected an encoding of text such as cp1252, latin-1 or utf-16")
    return name


def encoding_of(head: bytes) -> str | None:
    """The encoding of a file that begins so; None for UTF-8 and for what cannot be told.

    Two bytes of UTF-16 hold one of the ASCII signs that data begins with, and the other of them is zero.
    """
    for mark, name in UTF_16:
        if head.startswith(mark):
            return name
    if len(head) >= 2 and 0 in head[:2] and head[:2] != b"\0\0":
        return "utf-16-be" if head[0] == 0 else "utf-16-le"
    return None


class Recoded:
    """A stream of text in some encoding, as UTF-8; bytes that are no text of it stay what they are.

    Raises: ConfigError where the encoding cannot be that of the file.
    """

    def __init__(self, stream: Stream, encoding: str, file: str) -> None:
        self._stream, self._encoding, self._file = stream, encoding, file
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._held = b""
        self._is_over = False

    def read(self, size: int = -1, /) -> bytes:
        """Everything that is left; `size` must be -1."""
        data, self._held = self._held + self._utf8(self._stream.read(size), final=True), b""
        return data

    def read1(self, size: int = -1, /) -> bytes:
        """The next bytes; some more than `size` where the encoding is denser than UTF-8."""
        data, self._held = self._held, b""
        return data or self._next(size)

    def readline(self, size: int = -1, /) -> bytes:
        """At most `size` bytes of the next line."""
        while b"\n" not in self._held and (size < 0 or len(self._held) < size) and (more := self._next(2**16)):
            self._held += more
        end = self._held.find(b"\n") + 1 or len(self._held)
        end = end if size < 0 else min(end, size)
        line, self._held = self._held[:end], self._held[end:]
        return line

    def _next(self, size: int) -> bytes:
        """The next bytes; none at the end only."""
        while not self._is_over:
            read = self._stream.read1(size)
            self._is_over = not read
            if data := self._utf8(read, final=not read):
                return data
        return b""

    def _utf8(self, data: bytes, *, final: bool) -> bytes:
        try:
            return self._decoder.decode(data, final).encode("utf-8", "surrogateescape")
        except UnicodeError as error:
            raise ConfigError(
                f"{self._file}: is no text in {self._encoding}: {one_line(error)}; --encoding says what it is"
            ) from None
