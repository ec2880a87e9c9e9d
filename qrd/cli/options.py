"""From a configuration class to a Typer command: flags, variables, `--config` and `--print-config` in one place.

Order: flag, variable `QRD_<COMMAND>_<OPTION>`, table of `--config`, default. `--a-b` and `--a_b` are the same.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path as File
from typing import Annotated, Any, TypeVar, get_origin, get_type_hints

import typer

from qrd.config import knobs
from qrd.errors import ConfigError
from qrd.masking import learn, masked, one_line

C = TypeVar("C")
SOURCES = {"COMMANDLINE": "flag", "ENVIRONMENT": "variable", "DEFAULT_MAP": "--config", "DEFAULT": "default"}

CONTEXT_SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "token_normalize_func": lambda token: token.replace("_", "-"),
}


def command(
    app: typer.Typer,
    name: str,
    kind: type[C],
    *,
    ask: Callable[[C], C] | None = None,
    is_costly: Callable[[C], bool] = lambda config: False,
    group: str | None = None,
) -> Callable[[Callable[[C], None]], Callable[[C], None]]:
    """A decorator that puts a function of one configuration on `app` as a command.

    `ask` completes a configuration that lacks required options on a terminal. `is_costly` tells whether what is
    written would be missed: it does not go to a terminal unless `-o -` says so. `group` is the command that this one
    is a subcommand of; it prefixes variables and tables.
    """

    def register(run: Callable[[C], None]) -> Callable[[C], None]:
        def body(context: typer.Context, **given: Any) -> None:
            print_only = given.pop("print_config")
            given.pop("config_file")
            _refuse_unknown_variables(kind, prefix)
            config = knobs.build(kind, {key: value for key, value in given.items() if value is not None})
            if print_only:
                _print_config(context, config, full_name)
                return
            completed = _completed(context, config, ask)
            if completed is config and is_costly(config):
                _refuse_screen(context, config)
            run(completed)

        full_name = f"{group} {name}" if group else name
        body.__signature__ = _signature(kind, full_name)  # type: ignore[attr-defined]
        body.__doc__ = run.__doc__
        prefix = _prefix(full_name)
        table = _table_name(full_name)
        epilog = f"Every option is also a variable {prefix}_<OPTION> and a key of the table [{table}] of --config."
        settings = {**CONTEXT_SETTINGS, "auto_envvar_prefix": prefix}
        app.command(name, epilog=epilog, context_settings=settings)(body)
        return run

    return register


def _prefix(full_name: str) -> str:
    return "QRD_" + full_name.upper().replace(" ", "_").replace("-", "_")


def _table_name(full_name: str) -> str:
    return full_name.replace(" ", ".")


def _signature(kind: type[Any], full_name: str) -> inspect.Signature:
    hints = get_type_hints(kind)
    keyword = inspect.Parameter.KEYWORD_ONLY
    prefix = _prefix(full_name)
    parameters = [inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    for field in knobs.in_help_order(kind):
        kind_of_value, declared = _cli_type(field, hints[field.name]), _declared(field, prefix)
        parameters.append(
            inspect.Parameter(
                field.name, keyword, annotation=Annotated[kind_of_value, declared], default=_default(field)
            )
        )
    config_file = typer.Option(
        "--config",
        help="TOML file with a table per command.",
        is_eager=True,
        callback=_reader(full_name),
        envvar=f"{_prefix(full_name)}_CONFIG",
        show_envvar=False,
    )
    words = "Show what is in force and where each value came from."
    show = typer.Option("--print-config", help=words, show_envvar=False, show_default=False)
    parameters.append(
        inspect.Parameter("config_file", keyword, annotation=Annotated[str | None, config_file], default=None)
    )
    parameters.append(inspect.Parameter("print_config", keyword, annotation=Annotated[bool, show], default=False))
    return inspect.Signature(parameters)


def _cli_type(field: dataclasses.Field[Any], annotation: Any) -> Any:
    """What Typer parses: every option may be left out, so that configuration classes alone know the defaults."""
    item: Any = knobs.item_type(annotation)
    if item is bool:
        return bool
    if field.metadata["comma"]:
        return str | None
    return list[item] | None if get_origin(annotation) is tuple else item | None


def _declared(field: dataclasses.Field[Any], prefix: str) -> Any:
    facts = field.metadata
    words = facts["help"] + (f" [{', '.join(facts['choices'])}]" if facts["choices"] else "")
    if facts["positional"]:
        metavar = "[INPUT]..." if isinstance(field.default, tuple) else field.name.upper()
        return typer.Argument(help=words, show_default=False, metavar=metavar, envvar=None)
    names = [knobs.flag_of(field.name)] + ([facts["short"]] if facts["short"] else [])
    if isinstance(field.default, bool) and field.default:
        names[0] += "/" + knobs.flag_of("no_" + field.name)
    words += _shown_default(field)  # Typer would put it in brackets of its own: it knows a default only as a text here
    return typer.Option(*names, help=words, show_default=False, show_envvar=False, envvar=_variable(field, prefix))


def _refuse_unknown_variables(kind: type[Any], prefix: str) -> None:
    """Refuse a variable of this command that no option reads: a misspelt one would else go unnoticed for hours."""
    fields = (field for field in dataclasses.fields(kind) if not field.metadata["positional"])
    known = {_variable(field, prefix) for field in fields} | {f"{prefix}_CONFIG", f"{prefix}_PRINT_CONFIG"}
    unknown = sorted(name for name in os.environ if name.startswith(f"{prefix}_") and name not in known)
    if unknown:
        raise ConfigError(f"{', '.join(unknown)}: no option reads this variable")


def _variable(field: dataclasses.Field[Any], prefix: str) -> str:
    return f"{prefix}_{knobs.key_of(field.name).upper()}"


def _shown_default(field: dataclasses.Field[Any]) -> str:
    if isinstance(field.default, bool) or field.default in (None, "", ()):
        return ""
    shown = ",".join(map(str, field.default)) if isinstance(field.default, tuple) else str(field.default)
    return f" [default: {shown}]"


def _default(field: dataclasses.Field[Any]) -> Any:
    """Typer's default: unset, so that configuration classes alone know the defaults; flags need theirs."""
    return field.default if isinstance(field.default, bool) else None


def _reader(full_name: str) -> Callable[[typer.Context, str | None], str | None]:
    """An eager callback that makes a table of the file the defaults of this command."""

    def read(context: typer.Context, file: str | None) -> str | None:
        if file is not None:
            several = {parameter.name or "": _is_repeatable(parameter) for parameter in context.command.params}
            context.default_map = _table(File(file), full_name, several)
        return file

    return read


def _table(file: File, full_name: str, several: dict[str, bool]) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        text = file.read_text("utf-8")
        learn(text)
        table: Any = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{file}: not TOML: {one_line(error)}") from None
    for word in full_name.split():
        table = table.get(word, {}) if isinstance(table, dict) else {}
    names = {knobs.key_of(name): name for name in several}
    found = {names.get(key, key): value for key, value in ((k.replace("-", "_"), v) for k, v in table.items())}
    unknown = sorted(set(found) - (several.keys() - {"config_file", "print_config"}))
    if unknown:
        raise ConfigError(f"{file}: [{_table_name(full_name)}]: no option is called {', '.join(unknown)}")
    return {key: _as_typed(value, several[key]) for key, value in found.items()}


def _is_repeatable(parameter: Any) -> bool:
    return bool(getattr(parameter, "multiple", False)) or parameter.nargs == -1


def _as_typed(value: Any, is_repeatable: bool) -> Any:
    """A value of the file as a person would have typed it: words, joined by commas where the option is one word."""
    if not isinstance(value, list):
        return value
    words = [str(item) for item in value]
    return words if is_repeatable else ",".join(words)


def _completed(context: typer.Context, config: C, ask: Callable[[C], C] | None) -> C:
    """The configuration with its required options, asked for where a person can answer; help where input would hang."""
    lacking = knobs.missing(config)
    if lacking and ask is not None and sys.stdin.isatty() and sys.stderr.isatty():
        config = ask(config)
        print(f"same as: {knobs.command_line(context.command_path, config)}", file=sys.stderr)
        lacking = knobs.missing(config)
    if lacking:
        names = " and ".join(_called(config, name) for name in lacking)
        raise ConfigError(f"{names} must be given ({context.command_path} --help)")
    if getattr(config, "input", ()) == ("-",) and sys.stdin.isatty() and not _reads_nothing(config):
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(2)
    return config


def _refuse_screen(context: typer.Context, config: Any) -> None:
    """Raises: ConfigError where records would flood a terminal, and be lost with it, without anybody having said so."""
    source = context.get_parameter_source("output")
    if config.output == "-" and source is not None and source.name == "DEFAULT" and sys.stdout.isatty():
        raise ConfigError("-o must be given: on a terminal the rows are lost with its window (-o FILE; -o - shows)")


def _called(config: Any, name: str) -> str:
    """What an option is called in help: `INPUT`, `NAME`, `--teacher`."""
    is_positional = type(config).__dataclass_fields__[name].metadata["positional"]
    return name.upper() if is_positional else knobs.flag_of(name)


def _reads_nothing(config: Any) -> bool:
    return (getattr(config, "name", None) or "").startswith("reasoning-gym:") or getattr(config, "hub", False) is True


def _print_config(context: typer.Context, config: Any, full_name: str) -> None:
    """TOML on standard output that `--config` reads back, each line with where its value came from; secrets masked."""
    lines = [f"[{_table_name(full_name)}]"]
    for field in dataclasses.fields(config):
        name, value = knobs.key_of(field.name), getattr(config, field.name)
        source = context.get_parameter_source(field.name)
        origin = SOURCES.get(source.name if source else "DEFAULT", "default")
        if field.metadata["positional"]:
            lines.append(f"# {name} = {list(value)!r}  # {origin}")
        elif value is None:
            lines.append(f"# {name} is not set")
        else:
            lines.append(f"{name} = {_toml(value)}  # {origin}")
    print(masked("\n".join(lines)))


def _toml(value: Any) -> str:
    import tomli_w

    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").strip()
