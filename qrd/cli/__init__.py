"""The command line: Typer only. Options become a configuration, the stage does the work, errors become exit codes.

Nothing heavy is imported before a command runs.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import warnings
from importlib import import_module
from typing import Any

import typer

from qrd import __version__
from qrd.cli.options import CONTEXT_SETTINGS
from qrd.console import Console
from qrd.errors import ConfigError, Interrupted, QrdError, needs
from qrd.masking import MaskedStream, masked, one_line

app = typer.Typer(
    name="qrd",
    help="Distil the reasoning of a large language model into several small ones (QR-Distill).",
    context_settings=CONTEXT_SETTINGS,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich help takes three times as long to start,
)
EXTRAS = dict.fromkeys(("torch", "transformers", "accelerate", "peft", "safetensors"), "train") | dict.fromkeys(
    ("litellm", "aiohttp"), "api"
)
COMMANDS = ("generate", "judge", "filter", "train", "eval", "data", "inspect", "report", "verify", "demo", "doctor")
# The command that is given needs none of the others, whose options take time to declare.
_given = sys.argv[1:2] if os.path.basename(sys.argv[0]) in ("qrd", "__main__.py") else []
for _name in _given if set(_given) & set(COMMANDS) else COMMANDS:
    import_module(f"qrd.cli.{_name}").register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"qrd {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Show the version.", is_eager=True, callback=_show_version, show_default=False
    ),
) -> None:
    """Distil the reasoning of a large language model into several small ones (QR-Distill)."""


def main() -> None:
    """Run the command line and exit with the contract's code."""
    signal.signal(signal.SIGTERM, _terminated)
    sys.stderr = MaskedStream(sys.stderr)  # libraries speak there without asking
    if "--debug" not in sys.argv:
        warnings.simplefilter("ignore")  # libraries talk to their developers; what users must know, qrd says itself
    code = _run()
    if code in (128 + signal.SIGINT, 128 + signal.SIGTERM):
        Console().error(f"qrd: interrupted; to go on: {masked(shlex.join(['qrd', *sys.argv[1:]]))}")
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`| head`): point standard output elsewhere so that the interpreter's last flush is quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)


def _run() -> int:
    console = Console()
    debug = "--debug" in sys.argv
    try:
        result: Any = app(prog_name="qrd", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return 128 + signal.SIGINT
    except SystemExit as stop:
        # Typer turns a broken pipe into exit 1; for a producer in a pipeline it is a quiet end.
        return 0 if isinstance(stop.__context__, BrokenPipeError) else int(stop.code or 0)
    except QrdError as error:
        _explain(console, error, debug)
        return error.exit_code
    except Exception as error:  # noqa: BLE001  the last line of defence: a fault of ours becomes exit 1
        return _usage_or_fault(console, error, debug)
    return result if isinstance(result, int) else 0


def _usage_or_fault(console: Console, error: Exception, debug: bool) -> int:
    show, code = getattr(error, "format_message", None), getattr(error, "exit_code", 1)
    if show is not None:
        context = getattr(error, "ctx", None)
        hint = f" ({context.command_path} --help)" if context is not None else ""
        is_help = type(error).__name__ == "NoArgsIsHelpError"  # whose text is the help itself
        console.error(show() if is_help else f"qrd: {show()}{hint}")
        return int(code)
    if debug:
        console.error(_trace())
        return 1
    lacking = (getattr(error, "name", None) or "").partition(".")[0] if isinstance(error, ImportError) else ""
    if lacking in EXTRAS:
        console.error(f"qrd: {needs('this', lacking, EXTRAS[lacking])}")
        return ConfigError.exit_code
    console.error(f"qrd: a fault of qrd itself: {type(error).__name__}: {one_line(error)} (--debug shows where)")
    return 1


def _explain(console: Console, error: QrdError, debug: bool) -> None:
    if debug and not isinstance(error, Interrupted):
        console.error(_trace())
    console.error(f"qrd: {error}")


def _trace() -> str:
    import traceback

    return traceback.format_exc()


def _terminated(signal_number: int, frame: Any) -> None:
    raise Interrupted("stopped by a signal", signal_number=signal_number)
