"""Rows in: the lines of several files as checked records, every bad line named, in memory that hardly grows."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Generic, NamedTuple

from qrd.errors import DataError, WrongKind
from qrd.rows import kinds
from qrd.rows.lines import MAX_LINE_BYTES, BadLines, bad_lines, blocks_of_lines, decode_object, open_input
from qrd.rows.ordinals import Ordinals
from qrd.rows.packed import Unpacked
from qrd.rows.records import Fields, R, checked

_MARK = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Row(Generic[R]):
    """One line of a file: all its fields, the same as a checked record, where it stands, and its bytes."""

    fields: Fields
    record: R
    file: str
    line: int
    raw: bytes


class Block(NamedTuple):
    """Lines that were read together, the number of the first, and where in the file it begins.

    The place is None behind a line that was too long to be held, and in a compressed file.
    """

    file: str
    first: int
    lines: list[bytes]
    offset: int | None


class Reader(Generic[R]):
    """The rows of several files (`-` is standard input) as checked records.

    Bad rows are collected in `bad`. Without `skip_bad`, iterating raises one DataError at the end that names them;
    `scan` does so before anything is paid for. `num_rows` counts all lines that hold something, bad ones included.
    `unique` is the field no two rows may share, if any. With `needs_rows` there must be a row, good or bad: what fails
    upstream, or a wrong file, would else look like work that is done. `wanted` names a kind of `qrd.rows.kinds`,
    where the class of the records does not tell. A file without a row of that kind is one error, also with `skip_bad`.
    """

    def __init__(
        self,
        files: Iterable[str],
        kind: type[R],
        *,
        unique: str | None,
        skip_bad: bool = False,
        needs_rows: bool = False,
        wanted: str | None = None,
    ) -> None:
        self.files, self.kind, self.unique, self.skip_bad = tuple(files), kind, unique, skip_bad
        self.needs_rows, self.wanted = needs_rows, wanted or kinds.WANTED.get(kind)
        self._reset()

    def _reset(self) -> None:
        self.bad = BadLines()
        self.num_rows = 0
        self.sha256: dict[str, str] = {}
        self._seen = _FirstUses()
        self._sorting = kinds.Sorting(self.wanted)

    @property
    def is_stream(self) -> bool:
        """Whether some input can be read only once."""
        return any(name == "-" or not File(name).is_file() for name in self.files)

    def scan(self, selected: Iterable[Row[R]] | None = None) -> int | None:
        """The number of good rows, read once ahead; None for a stream, which is checked as it flows.

        Where not all rows count, `selected` are those that do, of one pass over this reader.
        Raises: DataError naming every bad line, unless `skip_bad`.
        """
        for name in self.files:
            if name != "-" and not File(name).is_fifo():
                open_input(name).close()  # a pipe is left alone: its writer would lose what it has written
        return None if self.is_stream else sum(1 for _ in (self if selected is None else selected))

    def __iter__(self) -> Iterator[Row[R]]:
        for block in self.blocks():
            yield from self.rows(block)
        self.refuse_bad()

    def blocks(self) -> Iterator[Block]:
        """The lines of all files, unread: each block is to be given to `rows` or to `accept`, in their order."""
        self._reset()
        for name in self.files:
            digest = hashlib.sha256()
            shown = "<stdin>" if name == "-" else name
            number = 1
            offset: int | None = 0
            self._sorting = kinds.Sorting(self.wanted)
            with open_input(name, digest) as stream:
                if isinstance(stream, Unpacked):
                    offset = None
                for lines in blocks_of_lines(stream, shown):
                    size = sum(map(len, lines))
                    yield Block(shown, number, lines, offset)
                    number += len(lines)
                    offset = None if offset is None or size > MAX_LINE_BYTES else offset + size
            self.sha256[shown] = digest.hexdigest()
            if problem := self._sorting.problem():
                raise WrongKind(shown, None, None, problem)

    def refuse_bad(self) -> None:
        """Nothing. Raises: DataError naming the bad rows, unless they are to be skipped; or where a row is needed."""
        if self.bad and not self.skip_bad:
            raise bad_lines(self.bad)
        if self.needs_rows and not self.num_rows:
            names = ", ".join("<stdin>" if name == "-" else name for name in self.files)
            raise DataError(names, None, None, "holds no row")

    def rows(self, block: Block) -> Iterator[Row[R]]:
        """The good rows of a block; the others are put into `bad`."""
        self._seen.go_to(block.file)
        for number, raw in enumerate(block.lines, block.first):
            text = raw.removeprefix(_MARK) if number == 1 else raw
            if text.isspace() or not text:
                continue
            self.num_rows += 1
            fields: Fields | None = None
            try:
                fields = decode_object(text, block.file, number)
                row = self._row(fields, text, block.file, number)
            except WrongKind:
                raise
            except DataError as error:
                self._sorting.note_bad(fields, text)
                self.bad.append(error)
            else:
                self._sorting.num_right += 1
                yield row

    def refuse(self, row: Row[R], error: DataError) -> None:
        """Count a row as bad that this reader found good."""
        self._sorting.num_right -= 1
        self._sorting.note_bad(row.fields, row.raw)
        self.bad.append(error)

    def accept(self, block: Block, keys: Sequence[int]) -> bool:
        """Whether a block whose lines were all found good elsewhere counts as read.

        `keys` are the `hash` of each row's `unique` field. Where one was used before, nothing is counted and `rows`
        will name it.
        """
        self._seen.go_to(block.file)
        if not self._seen.note(keys, block.first):
            return False
        self.num_rows += len(keys)
        self._sorting.num_right += len(keys)
        return True

    def _row(self, fields: Fields, raw: bytes, file: str, line: int) -> Row[R]:
        record = checked(fields, self.kind, file=file, line=line)
        if self.unique is not None:
            key = getattr(record, self.unique)
            first = self._seen.place(key, line)
            if first is not None:
                self._refuse_answers(fields, file)
                raise DataError(file, line, self.unique, f"found {key!r} again, first used at {first}")
        return Row(fields, record, file, line, raw)

    def _refuse_answers(self, fields: Fields, file: str) -> None:
        """Nothing. Raises: WrongKind where a question's id comes again since the rows are several answers to it."""
        kind = kinds.answer_instead(fields, self.wanted)
        if kind is not None and not self.skip_bad:
            raise WrongKind(file, None, None, kinds.wrong_kind(kind, "question"))


class _FirstUses:
    """Where each key was used first."""

    def __init__(self) -> None:
        self._keys, self._lines = Ordinals(), array("I")
        self._begins: list[tuple[int, str]] = []  # (number of the first key, file)

    def go_to(self, file: str) -> None:
        """The keys from here on stand in `file`."""
        if not self._begins or self._begins[-1][1] != file:
            self._begins.append((len(self._keys), file))

    def place(self, key: str, line: int) -> str | None:
        """The file and line of an earlier use; None for a key that is new, which is noted at `line`."""
        number = self._keys.number(key)
        if number == len(self._lines):
            self._lines.append(line)
            return None
        file = next(file for first, file in reversed(self._begins) if first <= number)
        return f"{file}:{self._lines[number]}"

    def note(self, keys: Sequence[int], first_line: int) -> bool:
        """Note the `hash` of a key for each line from the first; False where one is known, and no line is noted.

        The keys have numbers then, in their order, so that `place` finds the same ones new in a second pass.
        """
        if not self._keys.are_new(keys):
            return False
        self._lines.extend(range(first_line, first_line + len(keys)))
        return True
