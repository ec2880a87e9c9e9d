"""Any line of a file at once, without the file in memory: an index of how many line ends stand before each block.

A gigabyte takes 4,096 numbers. To count line ends is the fastest look at every byte there is, so the index is made anew
each time and leaves no file behind.
"""

from __future__ import annotations

import io
import os
import threading
import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from qrd.errors import ConfigError
from qrd.rows.lines import MAX_LINE_BYTES

BLOCK_BYTES = 2**18
MORE_BYTES = 2**14
HELD_BLOCKS = 4
INDEX_LOOKED_FOR_S = 0.01


class Chunk(NamedTuple):
    """The lines that one block decides over, as they stand in the file, and the number (from 0) of the first."""

    first: int
    data: bytes

    def lines(self) -> list[bytes]:
        """One by one; what is past MAX_LINE_BYTES + 1 of a line is dropped."""
        return [line[: MAX_LINE_BYTES + 1] for line in io.BytesIO(self.data)]


class Lines:
    """The lines of one file, which may grow; `num_lines` are known so far, all of them once `is_whole`.

    The line after the n-th line end belongs to the block in which that line end stands; line 0 to block 0.
    Example: with blocks of 4 bytes, `ab\\ncd\\nef\\n` is `ab\\nc|d\\nef|\\n`; before the blocks stand 0, 1 and 2 line
    ends, so line 1 (`cd`) is of block 0 and line 2 (`ef`) of block 1.
    Raises: ConfigError where the file cannot be read.
    """

    def __init__(self, name: str, *, block_bytes: int = BLOCK_BYTES) -> None:
        self.name, self.block_bytes = name, block_bytes
        try:
            self._descriptor = os.open(name, os.O_RDONLY)
        except OSError as error:
            raise ConfigError(f"{name}: cannot be read: {error.strerror}") from None
        self._before = array("Q", [0])
        self._held: OrderedDict[int, tuple[int, list[bytes]]] = OrderedDict()
        self._lock = threading.Lock()
        self.num_lines, self.is_whole = 0, False

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    @property
    def num_bytes(self) -> int:
        """The size of the file at this moment."""
        return os.fstat(self._descriptor).st_size

    @property
    def num_blocks(self) -> int:
        """Blocks whose chunk can be asked for; the last may be a part of one."""
        return len(self._before) - 1 + self.is_whole

    def count(self, is_cancelled: Callable[[], bool] = lambda: False) -> None:
        """Index the file to its present end, from where an earlier count stopped."""
        self.is_whole = False
        while not is_cancelled():
            data = self._read(len(self._before) - 1, self.block_bytes)
            total = self._before[-1] + data.count(b"\n")
            if len(data) < self.block_bytes:
                with self._lock:
                    self._held.clear()  # the last chunk may have grown
                self.num_lines = total + self._has_open_end(data)
                self.is_whole = True
                return
            self._before.append(total)
            self.num_lines = total

    def line(self, number: int) -> bytes:
        """The line of this number, from 0; empty where there is none."""
        block = self._block_of(number)
        with self._lock:
            if block not in self._held:
                chunk = self.chunk(block)
                self._held[block] = (chunk.first, chunk.lines())
                while len(self._held) > HELD_BLOCKS:
                    self._held.popitem(last=False)
            self._held.move_to_end(block)
            first, lines = self._held[block]
        return lines[number - first] if 0 <= number - first < len(lines) else b""

    def blocks_from(self, line: int | None, step: int, is_cancelled: Callable[[], bool]) -> Iterator[int]:
        """The numbers of the blocks from that of a line (None: of the last) to the end, or with step -1 to the start.

        Waits for the index where it is not so far yet.
        """
        while not is_cancelled() and not self.is_whole and (line is None or line >= self.num_lines):
            time.sleep(INDEX_LOOKED_FOR_S)
        block = self.num_blocks - 1 if line is None else self._block_of(line)
        while block >= 0 and not is_cancelled():
            if block < self.num_blocks:
                yield block
                block += step
            elif self.is_whole:
                return
            else:
                time.sleep(INDEX_LOOKED_FOR_S)

    def chunk(self, block: int) -> Chunk:
        """All lines of a block, the end of the last one out of the blocks behind it."""
        data = self._read(block, self.block_bytes)
        begin = data.find(b"\n") + 1 if block else 0
        if not begin and block:
            return Chunk(self._before[block], b"")  # a part of one long line
        first = self._before[block] + (1 if block else 0)
        return Chunk(first, data[begin:] + self._rest_of_line(block, len(data)))

    def _block_of(self, line: int) -> int:
        return max(0, bisect_left(self._before, line) - 1)

    def _rest_of_line(self, block: int, num_read: int) -> bytes:
        """What follows a block up to the next line end; no more than can be of use."""
        if num_read < self.block_bytes:
            return b""
        rest = bytearray()
        offset = (block + 1) * self.block_bytes
        while len(rest) <= MAX_LINE_BYTES:
            data = os.pread(self._descriptor, MORE_BYTES, offset + len(rest))
            end = data.find(b"\n") + 1
            rest += data[:end] if end else data
            if end or not data:
                break
        return bytes(rest)

    def _has_open_end(self, tail: bytes) -> bool:
        """Whether the file ends inside a line; `tail` is what follows its last whole block."""
        if tail or len(self._before) == 1:
            return bool(tail) and not tail.endswith(b"\n")
        return os.pread(self._descriptor, 1, (len(self._before) - 1) * self.block_bytes - 1) != b"\n"

    def _read(self, block: int, size: int) -> bytes:
        """So many bytes from the start of a block; fewer at the end of the file only."""
        parts = []
        offset = block * self.block_bytes
        while size and (data := os.pread(self._descriptor, size, offset)):
            parts.append(data)
            offset, size = offset + len(data), size - len(data)
        return b"".join(parts)
