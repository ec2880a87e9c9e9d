"""Where the rows of an import come from: files, the hub or reasoning-gym; options that would go unused are refused."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path as File

from qrd.config import DataImportConfig
from qrd.errors import ConfigError
from qrd.published import FORMS
from qrd.published.row import Published, Rows
from qrd.published.ways import columns, encodings, files, gym, hub
from qrd.rows.manifest import sha256_of
from qrd.rows.packed import unsuffixed
from qrd.rows.records import Fields


@dataclass
class Source:
    """Where rows come from, and how one becomes a question.

    `part_field` is the field of meta that --subset selects by; `inputs` maps files to their SHA-256 and is complete
    once the rows are read; `origin` says the same of what is no file.
    """

    rows: Rows
    question: Callable[[Published], Fields]
    name: str
    part_field: str | None = None
    total: int | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    origin: Fields = field(default_factory=dict)


def source_of(config: DataImportConfig) -> Source:
    """Where the configuration says the rows come from.

    Raises: ConfigError for an unknown data set, or options that do not go together.
    """
    name = config.name or ""
    _refuse_idle_options(config, is_gym=name.startswith(gym.PREFIX))
    if name.startswith(gym.PREFIX):
        return _gym_source(config, name.removeprefix(gym.PREFIX))
    if name not in FORMS:
        raise ConfigError(f"{name}: not one of {', '.join(FORMS)}, {gym.PREFIX}TASK")
    return _hub_source(config, name) if config.hub else _file_source(config, name)


def _refuse_idle_options(config: DataImportConfig, *, is_gym: bool) -> None:
    """Stop where an option was given that this import would ignore."""
    reads_files = not (is_gym or config.hub)
    form = FORMS.get(config.name or "")
    has_parts = config.hub or (form and form.part_field)
    for flag, is_given, is_used, where in (
        ("--hub", config.hub, not is_gym, "data sets that are published"),
        ("FILES", config.input != ("-",), reads_files, "imports from files"),
        ("--encoding", config.encoding, reads_files, "imports from files"),
        ("--task", config.task, form and form.takes_task, "plain rows and conversations"),
        ("--column", config.column, not is_gym, "rows"),
        ("--gym-options", config.gym_options, is_gym, f"{gym.PREFIX}TASK"),
        ("--count", config.count != DataImportConfig.count, is_gym, f"{gym.PREFIX}TASK"),
        ("--seed", config.seed != DataImportConfig.seed, is_gym, f"{gym.PREFIX}TASK"),
        ("--subset", config.subset, has_parts and not is_gym, "--hub, and for the files of math and anli"),
    ):
        if is_given and not is_used:
            raise ConfigError(f"{flag}: only for {where}, not for {config.name}{' --hub' if config.hub else ''}")


def _gym_source(config: DataImportConfig, task: str) -> Source:
    rows = gym.rows(task, count=config.count, seed=config.seed, options=config.gym_options)
    return Source(
        rows,
        partial(gym.question, seed=config.seed),
        f"{task}_s{config.seed}",
        total=config.count,
        origin={"package": "reasoning-gym", "version": _version("reasoning-gym")},
    )


def _hub_source(config: DataImportConfig, name: str) -> Source:
    form = FORMS[name]
    if form.hub is None:
        raise ConfigError(f"--hub: no place on the hub is known for {name}; give its files")
    rows = _columned(hub.rows(form.hub, config.split, config.subset), config)
    origin = {"package": "datasets", "version": _version("datasets"), "repository": form.hub.repository}
    return Source(rows, form.question, name, origin=origin)


def _file_source(config: DataImportConfig, name: str) -> Source:
    form = FORMS[name]
    question = partial(form.question, task=config.task) if form.takes_task else form.question
    source = Source(iter(()), question, name, part_field=form.part_field)
    if form.takes_task and config.input[0] != "-":
        source.name = unsuffixed(config.input[0]).stem
    encoding = None if config.encoding is None else encodings.checked(config.encoding)
    source.rows = _columned(_file_rows(config.input, source.inputs, encoding), config)
    return source


def _columned(rows: Rows, config: DataImportConfig) -> Rows:
    rows = columns.in_small_letters(rows)
    return columns.renamed(rows, columns.parsed(config.column)) if config.column else rows


def _file_rows(names: tuple[str, ...], inputs: dict[str, str], encoding: str | None) -> Rows:
    """The rows of all files; each file's SHA-256 goes to `inputs`."""
    for name in names:
        if name != "-":
            inputs[name] = sha256_of(File(name)) or ""
            yield from files.rows(name, encoding=encoding)
            continue
        digest = hashlib.sha256()
        yield from files.rows(name, digest, encoding=encoding)
        inputs["<stdin>"] = digest.hexdigest()


def _version(package: str) -> str | None:
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None
