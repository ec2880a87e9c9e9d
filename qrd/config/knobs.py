"""What an option is: one dataclass field that knows its help, unit, range, choices and where its default comes from.

The command line, the variables `QRD_<COMMAND>_<OPTION>`, the tables of `--config FILE.toml`, `--print-config` and
`config.toml` in a run folder are all read off these fields, so no name or default is written twice.
"""

from __future__ import annotations

import dataclasses
import operator
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from qrd.errors import ConfigError

T = TypeVar("T")


def knob(
    default: Any,
    help: str,
    *,
    group: str = "Options",
    choices: Sequence[str] = (),
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    comma: bool = False,
    short: str | None = None,
    required: bool = False,
    positional: bool = False,
) -> Any:
    """A dataclass field that is an option.

    `low` and `high` are inclusive bounds, `above` an exclusive lower one; `comma` marks a tuple that is one
    comma-separated option instead of a repeatable one; `required` is checked by the command, which may ask first.
    """
    facts = {
        "help": help,
        "group": group,
        "choices": tuple(choices),
        "low": low,
        "high": high,
        "above": above,
    }
    facts |= {"comma": comma, "short": short, "required": required, "positional": positional}
    return dataclasses.field(default=default, metadata=facts)


def flag_of(name: str) -> str:
    """`--num-train-epochs` for `num_train_epochs`."""
    return "--" + key_of(name).replace("_", "-")


def key_of(name: str) -> str:
    """The key of an option in files: its field's name, but `for` for `for_`, since Python has `for` for itself."""
    return name.rstrip("_")


def item_type(annotation: Any) -> type:
    """The plain type of one value: `float` for `float | None`, `str` for `tuple[str, ...]`."""
    if get_origin(annotation) is tuple:
        return item_type(get_args(annotation)[0])
    plain = [kind for kind in get_args(annotation) if kind is not type(None)]
    return item_type(plain[0]) if plain else annotation


def build(kind: type[T], values: Mapping[str, Any]) -> T:
    """The configuration `kind` with `values`, each checked against its knob.

    Raises: ConfigError naming the option, what was given and what is accepted.
    """
    hints = get_type_hints(kind)
    names = {key_of(name): name for name in hints}
    values = {names.get(name, name): value for name, value in values.items()}
    unknown = sorted(set(values) - hints.keys())
    if unknown:
        raise ConfigError(f"{', '.join(map(flag_of, unknown))}: no option is called so")
    clean = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name in values:
            clean[field.name] = _checked(field, hints[field.name], values[field.name])
    return kind(**clean)


def missing(config: Any) -> list[str]:
    """Names of the required knobs that have no value yet."""
    return [f.name for f in dataclasses.fields(config) if f.metadata.get("required") and not getattr(config, f.name)]


def plain(config: Any) -> dict[str, Any]:
    """The configuration as TOML-ready values: tuples become lists, unset knobs are left out."""
    values = ((key_of(field.name), getattr(config, field.name)) for field in dataclasses.fields(config))
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values if v is not None}


def in_help_order(kind: type[Any]) -> list[dataclasses.Field[Any]]:
    """Arguments first, one word before many; then the command's own options, then those it shares."""
    depth: dict[str, int] = {}
    for number, base in enumerate(reversed(kind.__mro__)):
        depth |= dict.fromkeys(getattr(base, "__annotations__", {}), -number)

    arguments = [field for field in dataclasses.fields(kind) if field.metadata["positional"]]
    options = [field for field in dataclasses.fields(kind) if not field.metadata["positional"]]
    arguments.sort(key=lambda field: isinstance(field.default, tuple))
    return arguments + sorted(options, key=lambda field: depth[field.name])


def command_line(path: str, config: Any) -> str:
    """The shell command that gives this configuration, defaults left out."""
    words = path.split()
    for field in in_help_order(type(config)):
        value = getattr(config, field.name)
        if value != field.default:
            words += _words_of(field, value)
    return shlex.join(words)


def _words_of(field: dataclasses.Field[Any], value: Any) -> list[str]:
    if field.metadata["positional"]:
        return list(value) if isinstance(value, tuple) else [str(value)]
    flag = field.metadata["short"] or flag_of(field.name)
    if isinstance(value, bool):
        return [flag if value else flag_of("no_" + field.name)]
    if isinstance(value, tuple) and not field.metadata["comma"]:
        return [word for item in value for word in (flag, str(item))]
    return [flag, ",".join(value) if isinstance(value, tuple) else str(value)]


def _checked(field: dataclasses.Field[Any], annotation: Any, value: Any) -> Any:
    if value is None:
        return field.default if type(None) not in get_args(annotation) else None
    if get_origin(annotation) is not tuple:
        return _checked_item(field, item_type(annotation), value)
    if isinstance(value, str):
        value = value.split(",") if field.metadata["comma"] else [value]
    elif not isinstance(value, (list, tuple)):
        value = [value]
    items = [item.strip() if isinstance(item, str) else item for item in value]
    return tuple(_checked_item(field, item_type(annotation), item) for item in items if item != "")


def _checked_item(field: dataclasses.Field[Any], kind: type, value: Any) -> Any:
    facts = field.metadata
    value = _converted(flag_of(field.name), kind, value)
    if facts["choices"] and value not in facts["choices"]:
        raise ConfigError(f"{flag_of(field.name)}: {value!r} is not one of {', '.join(facts['choices'])}")
    for bound, broken, words in (
        (facts["low"], operator.lt, "at least"),
        (facts["high"], operator.gt, "at most"),
        (facts["above"], operator.le, "more than"),
    ):
        if bound is not None and broken(value, bound):
            raise ConfigError(f"{flag_of(field.name)}: {value} is out of range, it must be {words} {bound:g}")
    return value


def _converted(flag: str, kind: type, value: Any) -> Any:
    if kind is bool:
        if isinstance(value, bool):
            return value
    elif kind is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if number == number and abs(number) != float("inf"):
            return number
    elif (kind is int and isinstance(value, int) and not isinstance(value, bool)) or (
        kind is str and isinstance(value, str)
    ):
        return value
    raise ConfigError(f"{flag}: found {value!r}, expected {'a number' if kind is float else kind.__name__}")
