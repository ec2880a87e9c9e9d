"""Questions of any reasoning-gym task, made on the spot and checked by its own code.

Source: https://github.com/open-thought/reasoning-gym
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from qrd.errors import ConfigError, needs
from qrd.masking import one_line
from qrd.published.row import Published
from qrd.rows.records import Fields

PREFIX = "reasoning-gym:"
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_OURS = {"seed": "--seed", "size": "--count"}
_MAX_INTEGER = 2**63 - 1  # what every JSON reader takes; larger ones become text


def rows(task: str, *, count: int, seed: int, options: str | None) -> Iterator[Published]:
    """`count` entries of a task.

    Most tasks draw entry number i from `seed + i`, so two seeds closer than `count` share questions.
    Raises: ConfigError for a missing package, an unknown task or options that the task refuses.
    """
    made = _dataset(task, {**_parsed(options), "size": count, "seed": seed})
    for position in range(count):
        try:
            entry = made[position]
        except (ValueError, IndexError, KeyError, RuntimeError) as error:
            raise ConfigError(f"{PREFIX}{task}: could not make question {position}: {one_line(error)}") from None
        yield Published(entry, f"{PREFIX}{task}", place=f"[{position}]")


def question(row: Published, *, seed: int) -> Fields:
    """The question of one entry; it is `math` where the answer is a number, else `text`.

    Some tasks accept any of many answers and give none: their answer is null.
    """
    entry = row.fields
    answer = None if entry["answer"] is None else str(entry["answer"])
    is_number = answer is not None and _NUMBER.fullmatch(answer.strip())
    details = json_safe(entry.get("metadata") or {})
    index = details.pop("source_index", None)
    meta = {
        "dataset": row.file,
        "source_id": None if index is None else str(index),
        "seed": seed,
        "difficulty": details.pop("difficulty", None),
        "metadata": details,
    }
    return {"task": "math" if is_number else "text", "question": str(entry["question"]), "answer": answer, "meta": meta}


def json_safe(value: Any) -> Any:
    """`value` in JSON's own types: keys are texts, tuples and arrays lists, what JSON cannot say is a text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_safe(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((json_safe(item) for item in value), key=str)
    if isinstance(value, int):
        return int(value) if abs(value) <= _MAX_INTEGER else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        return json_safe(value.tolist())
    return str(value)


def _dataset(task: str, settings: dict[str, Any]) -> Any:
    known = _tasks()
    if task not in known:
        raise ConfigError(f"{PREFIX}{task}: reasoning-gym has no such task{_close(task, known)}")
    kind, config_kind = known[task]
    names = [field.name for field in dataclasses.fields(config_kind)]
    for name in settings:
        if name not in names:
            raise ConfigError(f"--gym-options: {task} has no option {name!r}{_close(name, names)}")
    try:
        config = config_kind(**settings)
        config.validate()
        return kind(config=config)
    except (TypeError, ValueError, AssertionError) as error:
        raise ConfigError(f"--gym-options: {task} refuses them: {one_line(error)}") from None


def _tasks() -> Mapping[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a package below it compiles with SyntaxWarnings
            import reasoning_gym
            import reasoning_gym.factory
    except ImportError as error:
        raise needs(f"{PREFIX}TASK", f"reasoning-gym ({one_line(error)})", "gym") from None
    tasks: Mapping[str, Any] = reasoning_gym.factory.DATASETS
    return tasks


def _parsed(options: str | None) -> dict[str, Any]:
    if options is None:
        return {}
    try:
        found = msgspec.json.decode(options)
    except msgspec.DecodeError as error:
        raise ConfigError(f"--gym-options: not JSON: {one_line(error)}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"--gym-options: found {type(found).__name__}, expected a JSON object")
    for name in sorted(_OURS.keys() & found):
        raise ConfigError(f"--gym-options: {name} is said by {_OURS[name]}")
    return found


def _close(name: str, known: Any) -> str:
    """`; did you mean chain_sum, ...?` where some known name is like it."""
    matches = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    matches += [other for other in known if name and name in other and other not in matches][: 3 - len(matches)]
    return f"; did you mean {', '.join(matches)}?" if matches else ""
