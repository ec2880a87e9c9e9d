"""The one tree of errors that users meet; each class carries its exit code (README, *Exit codes*).

A stage raises, the command line prints one line and exits. Anything outside this tree is a fault of ours (exit 1).
"""

from __future__ import annotations

from typing import Any

from qrd.masking import masked, one_line


class QrdError(Exception):
    """A failure that a user can act on; the text is one line and says what would help."""

    exit_code = 1

    def __str__(self) -> str:
        return masked(super().__str__())


class ConfigError(QrdError):
    """An option, a variable, a key of the configuration file or a model name that cannot be used."""

    exit_code = 2


def needs(what: str, package: str, extra: str, *, otherwise: str = "") -> ConfigError:
    """The error for a package that is not installed, with the extra of qrd that brings it.

    Example: ``--dedupe needs datasketch: pip install 'qrd[filter]'``.
    """
    return ConfigError(f"{what} needs {package}: {installing(extra)}{f', or {otherwise}' if otherwise else ''}")


def installing(extra: str) -> str:
    """The command that installs what an extra of qrd brings."""
    return f"pip install 'qrd[{extra}]'"


class DataError(QrdError):
    """A row that is not what its record demands."""

    exit_code = 4

    def __init__(self, file: str, line: int | None, field: str | None, problem: str) -> None:
        self.file, self.line, self.field, self.problem = file, line, field, problem
        place = ":".join(str(part) for part in (file, line, field) if part is not None)
        super().__init__(f"{place}: {problem}")


class WrongKind(DataError):
    """A file that holds no row of the kind that is read; its rows are not named one by one."""


class PackedError(QrdError):
    """A compressed file that is cut short, damaged or packed in a way that is not read: no row of it is the cause."""

    exit_code = 4


class StorageError(QrdError):
    """A file that could not be written or read by the operating system."""

    exit_code = 5

    @classmethod
    def of(cls, file: Any, error: OSError) -> StorageError:
        """The error for an `OSError` met on `file`."""
        return cls(f"{file}: {error.strerror or one_line(error)}")


class BackendError(QrdError):
    """A provider that refused for good, or a budget that is spent: no further call is worth making."""

    exit_code = 6


class GateError(QrdError):
    """A quality gate that failed: too many verdicts could not be read, or too few paths are left."""

    exit_code = 7


class Interrupted(QrdError):
    """A run stopped by a signal; what was finished is saved and the same command resumes."""

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
