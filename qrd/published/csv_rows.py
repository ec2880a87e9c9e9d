"""Rows of CSV with a header: commas, quotes doubled inside quotes, line ends allowed inside quotes."""

from __future__ import annotations

import csv
import re

from qrd.errors import DataError
from qrd.lines import MAX_LINE_BYTES, numbered
from qrd.masking import one_line
from qrd.published.row import Published, Rows, Stream

_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")


def rows(stream: Stream, file: str) -> Rows:
    """The rows of CSV; the line of a row is the one it begins on."""
    csv.field_size_limit(MAX_LINE_BYTES)
    # Bytes that are not UTF-8 travel as escapes to their own row, so that only this row is bad.
    texts = (
        (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).decode("utf-8", "surrogateescape")
        for number, raw in numbered(stream, file)
    )
    reader = csv.reader(texts, strict=True)
    header: list[str] | None = None
    while True:
        line = reader.line_num + 1
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


def _row(header: list[str], cells: list[str], file: str, line: int) -> Rows:
    if not cells:
        return
    if len(cells) != len(header):
        yield DataError(file, line, None, f"found {len(cells)} cells, expected {len(header)} as in the header")
    elif any(_ESCAPED_BYTE.search(cell) for cell in cells):
        yield DataError(file, line, None, "found bytes that are not UTF-8")
    else:
        yield Published(dict(zip(header, cells, strict=True)), file, line)
