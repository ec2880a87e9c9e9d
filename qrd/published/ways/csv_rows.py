"""Rows of CSV with a header: quotes doubled inside quotes, line ends allowed inside quotes.

Cells are set apart by commas, semicolons, tabs or bars, as the header has them.
"""

from __future__ import annotations

import csv
import re
from itertools import chain

from qrd.errors import DataError
from qrd.masking import one_line
from qrd.published.row import Published, Rows, Stream
from qrd.rows.lines import MAX_LINE_BYTES, numbered

SEPARATORS = (",", ";", "\t", "|")
HEADER_CHARS = 2**16  # of a header, to tell by; less than any limit of a cell
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


def rows(stream: Stream, file: str) -> Rows:
    """The rows of CSV; the line of a row is the one it begins on."""
    csv.field_size_limit(MAX_LINE_BYTES)
    before = 0  # blank lines
    # Bytes that are not UTF-8 travel as escapes to their own row, so that only this row is bad.
    texts = (
        (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).decode("utf-8", "surrogateescape")
        for number, raw in numbered(stream, file)
    )
    first = next(texts, "")
    while first and not first.strip():
        before += 1
        first = next(texts, "")
    reader = csv.reader(chain([first], texts), strict=True, delimiter=separator_of(first))
    header: list[str] | None = None
    while True:
        line = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield DataError(file, line, None, f"not CSV: {one_line(error)}")
            continue
        if header is not None:
            yield from _row(header, cells, file, line)
        elif cells:
            header = [cell.strip() for cell in cells]
            if len(set(header)) < len(header):
                yield DataError(file, line, None, f"found the columns {', '.join(header)}, expected each once")
                return


def separator_of(header: str) -> str:
    """What sets the cells of a header apart: a tab where there is one, a comma, else what gives the most cells.

    Example: `;` of `question;answer` and of `"a, b";c`, and a comma of `question,answer (a;b)`.
    """
    cells = {mark: len(next(csv.reader([header[:HEADER_CHARS]], delimiter=mark), [])) for mark in SEPARATORS}
    if cells["\t"] > 1:
        return "\t"
    return "," if cells[","] > 1 else max(SEPARATORS, key=lambda mark: cells[mark])


def _row(header: list[str], cells: list[str], file: str, line: int) -> Rows:
    if not cells:
        return
    if len(cells) != len(header):
        yield DataError(file, line, None, f"found {len(cells)} cells, expected {len(header)} as in the header")
    elif any(_ESCAPED_BYTE.search(cell) for cell in cells):
        yield DataError(file, line, None, "found bytes that are not UTF-8; --encoding says what they are")
    else:
        yield Published(dict(zip(header, cells, strict=True)), file, line, is_table=True)
