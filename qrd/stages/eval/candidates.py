"""What `eval` evaluates: the students of a run folder, their untrained bases, and models by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path as File

from qrd.config import EvalConfig
from qrd.errors import ConfigError
from qrd.models import names
from qrd.rows import fingerprints
from qrd.rows.records import digest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Candidate:
    """A model under evaluation: its name in the table, what is loaded, and the adapter put on it.

    `base` is the name of its untrained base where that is evaluated too.
    """

    name: str
    model: str
    adapter: str | None = None
    is_student: bool = False
    base: str | None = None

    def fingerprint(self) -> str:
        """What its replies depend on, the content of its weights and of its base included."""
        return self._fingerprint(fingerprints.identity(self.model))

    def fingerprint_by_name(self) -> str:
        """The one that rows have of before models were known by their files."""
        return self._fingerprint(self.model)

    def _fingerprint(self, base: str) -> str:
        files = fingerprints.files_at(self.adapter or names.parsed(self.model).source) if self.is_student else {}
        return digest([base, [sha256 for file, sha256 in files.items() if file.endswith(".safetensors")]])


def candidates_of(config: EvalConfig) -> Iterator[Candidate]:
    """What is to be evaluated: bases, students, then models by name; students that share a base share its row.

    Raises: ConfigError where --run is no run folder, or nothing is named.
    """
    if config.run is None and not config.model:
        raise ConfigError("--run or --model must be given (qrd eval --help)")
    students = list(_students(File(config.run), config.engine)) if config.run else []
    bases: dict[str, str] = {}
    if config.baseline:
        for student, base in students:
            bases.setdefault(base, names.base_name(student.name))
    yield from (Candidate(name, base) for base, name in bases.items())
    yield from (replace(student, base=bases.get(base)) for student, base in students)
    for model in config.model:
        yield Candidate(model, model)


def _students(run: File, engine: str) -> Iterator[tuple[Candidate, str]]:
    """(student, name of its base model) of each student in a run folder, as `engine` names models."""
    from qrd.training.students.loading import parse_students

    for spec in parse_students(_named_students(run)):
        folder = run / "students" / spec.name
        base = spec.model if names.parsed(spec.model).kind else f"hf:{spec.model}"
        if engine == "vllm":
            base = f"vllm:{names.source_of(base)}"
        if (folder / "adapter_config.json").is_file():
            yield Candidate(spec.name, base, str(folder), True), base
        elif (folder / "config.json").is_file():
            yield Candidate(spec.name, f"{engine}:{folder}", None, True), base
        else:
            raise ConfigError(f"{folder}: holds no student; has the training finished?")


def _named_students(run: File) -> list[str]:
    try:
        students = tomllib.loads((run / "config.toml").read_text("utf-8"))["train"]["student"]
    except (OSError, ValueError, KeyError):
        raise ConfigError(f"{run}: is no run folder of qrd train (its config.toml cannot be read)") from None
    return list(students)
