"""Rows to a Parquet file, through the package pyarrow where it is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path as File
from typing import Any

from qrd.errors import StorageError, needs
from qrd.rows.companions import TEMPORARY, set_aside
from qrd.rows.locks import take_lock

ROWS_AT_ONCE = 1000


class ParquetWriter:
    """Writes rows of texts and lists of messages, ROWS_AT_ONCE in memory."""

    def __init__(self, file: File, columns: Mapping[str, bool]) -> None:
        """Open `file`; `columns` maps each name to whether it holds messages."""
        pyarrow = needed()
        message = pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())])
        kinds = {False: pyarrow.string(), True: pyarrow.list_(message)}
        self.schema = pyarrow.schema([(name, kinds[is_list]) for name, is_list in columns.items()])
        self.num_written = 0
        self._rows: list[Mapping[str, Any]] = []
        self._writer = pyarrow.parquet.ParquetWriter(file, self.schema)

    def write(self, row: Mapping[str, Any]) -> None:
        """Add one row."""
        self._rows.append(row)
        self.num_written += 1
        if len(self._rows) == ROWS_AT_ONCE:
            self._flush()

    def close(self) -> None:
        """Write what is left and the file's end."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(needed().Table.from_pylist(self._rows, schema=self.schema))
            self._rows = []


def needed() -> Any:
    """The package pyarrow.

    Raises: ConfigError where it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise needs("--format parquet", "pyarrow", "hub") from None
    return pyarrow


@contextmanager
def replacing(name: str, columns: Mapping[str, bool], *, resume: bool) -> Iterator[ParquetWriter]:
    """A ParquetWriter whose file takes the place of `name` when the block ends well, and is removed when it does not.

    Raises: ConfigError; StorageError.
    """
    file = File(name).resolve()
    temporary = TEMPORARY.of(file)
    lock = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = take_lock(name)
        writer = ParquetWriter(temporary, columns)
        yield writer
        writer.close()
        if not resume:
            set_aside(file)
        temporary.replace(file)
    except OSError as error:
        raise StorageError.of(name, error) from None
    finally:
        with suppress(OSError):  # where its folder cannot be, it is not there either
            temporary.unlink()
        if lock is not None:
            lock.release()
