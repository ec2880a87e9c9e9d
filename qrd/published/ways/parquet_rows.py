"""Rows of Parquet, through the package pyarrow where it is installed."""

from __future__ import annotations

from pathlib import Path as File

from qrd.errors import ConfigError, DataError, needs
from qrd.masking import one_line
from qrd.published.row import Published, Rows


def rows(file: File) -> Rows:
    """The rows of a Parquet file, a batch in memory at a time.

    Raises: ConfigError where pyarrow is not installed or the file cannot be opened.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise needs(f"{file}: Parquet", "pyarrow", "hub") from None
    position = 0
    try:
        for batch in pyarrow.parquet.ParquetFile(file).iter_batches():
            for fields in batch.to_pylist():
                yield Published(fields, str(file), place=f"[{position}]")
                position += 1
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {one_line(error)}") from None
    except pyarrow.ArrowException as error:
        yield DataError(str(file), None, f"[{position}]", f"not Parquet: {one_line(error)}")
