"""What a run of train is: its options, its input, and the models it begins with; a resume is the same run or none."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import Any

from qrd.config import TrainConfig, knobs
from qrd.errors import ConfigError, DataError
from qrd.masking import one_line
from qrd.models.names import is_embedded, local_source
from qrd.rows.fingerprints import files_at
from qrd.rows.records import Fields, digest
from qrd.training.students.loading import parse_students

# Options that change neither the order of paths nor, beyond rounding, what is learnt.
FREE = frozenset(
    (
        "input",
        "output",
        "resume",
        "quiet",
        "debug",
        "skip_bad",
        "logging_steps",
        "save_steps",
        "save_total_limit",
        "report_to",
        "micro_batch_tokens",
        "gradient_checkpointing",
        "attn_implementation",
        "device",
    )
)


# What the parts of an identity are called where they are no options by themselves.
_CALLED = {
    "inputs": "input files",
    "per_device_train_batch_size": "paths of a step (batch x accumulation x processes)",
}


def identity_of(config: TrainConfig, inputs: Mapping[str, str], *, num_processes: int = 1) -> dict[str, Any]:
    """What a run is: its options and the content of its input files, in JSON-ready values.

    Of batch, accumulation and processes only the product counts, so that a run may go on with other processes.
    Example: a batch of 4 on two processes is the same run as a batch of 8 on one.
    """
    options = {name: value for name, value in knobs.plain(config).items() if name not in FREE}
    num_paths = config.per_device_train_batch_size * config.gradient_accumulation_steps * num_processes
    options |= {"per_device_train_batch_size": num_paths, "gradient_accumulation_steps": 1}
    return {**options, "inputs": list(inputs.values())}


def models_of(config: TrainConfig) -> dict[str, dict[str, str]]:
    """The SHA-256 of each file that a student, or the encoder of the router, is loaded from, by its path.

    What comes from a hub, or is embedded, has a name that says it all.
    """
    named = {f"--student {spec.name}": spec.model for spec in parse_students(config.student)}
    if config.has_router and config.encoder:
        named["--encoder"] = config.encoder
    found = {
        name: files_at(local_source(model, option=name.partition(" ")[0]))
        for name, model in named.items()
        if not is_embedded(model)
    }
    return {name: files for name, files in found.items() if files}


def told(models: Mapping[str, Mapping[str, str]]) -> list[Fields]:
    """The files of `models_of`, as a manifest tells them."""
    each = ((name, file, sha256) for name, files in models.items() for file, sha256 in files.items())
    return [{"model": name, "file": file, "sha256": sha256} for name, file, sha256 in each]


def refuse_other_run(root: File, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Nothing. Raises: ConfigError naming the options, and the files of models, in which two runs differ.

    An option that the earlier run does not tell came after it, or was not given: the run had its default.
    """
    then = {**{name: value for name, value in _defaults().items() if name in now}, **before}
    changed = [
        f"{_CALLED.get(name) or knobs.flag_of(name)} ({_short(then.get(name))} -> {_short(now.get(name))})"
        for name in sorted(then.keys() | now.keys())
        if name != "models" and then.get(name) != now.get(name)
    ]
    changed += _other_models(before.get("models") or {}, now["models"])  # an older run.json does not tell them
    if changed:
        raise ConfigError(
            f"{root}: holds another run; changed: {', '.join(changed)}. Give another -o, or --no-resume to set it aside"
        )


def _defaults() -> dict[str, Any]:
    """The default of every option that has one, as `identity_of` tells options."""
    found = {knobs.key_of(field.name): field.default for field in dataclasses.fields(TrainConfig)}
    found = {name: value for name, value in found.items() if value is not dataclasses.MISSING}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def _other_models(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Each model of both with files that are not the same, in words."""
    for model in before.keys() & now.keys():
        names = sorted(
            name for name in before[model].keys() | now[model].keys() if before[model].get(name) != now[model].get(name)
        )
        if names:
            yield f"the files of {model} ({', '.join(names)})"


def by_name(models: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Files by their name in the folder: a folder under another path is another option, and told as that."""
    return {model: {File(file).name: sha256 for file, sha256 in files.items()} for model, files in models.items()}


def as_text(identity: Mapping[str, Any]) -> str:
    """The content of run.json, which holds a hash of all else in it."""
    return json.dumps({**identity, "sha256": _hash_of(identity)}, indent=1) + "\n"


def _hash_of(identity: Mapping[str, Any]) -> str:
    return digest(json.loads(json.dumps(dict(identity))))


def read_identity(file: File) -> dict[str, Any]:
    """What run.json says. Raises: DataError where it is damaged."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("no object")
        if (sha256 := found.pop("sha256", None)) is not None and sha256 != _hash_of(found):
            raise ValueError("not what was saved")
    except (OSError, ValueError) as error:
        damage = f"is damaged ({one_line(error)})"
        problem = f"{damage}, so nobody knows whether this is the same run; --no-resume sets the run aside"
        raise DataError(str(file), None, None, problem) from None
    return found


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
