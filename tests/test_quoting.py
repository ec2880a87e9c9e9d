"""What an error of a library says reaches nobody but through `masking.one_line`: the source of qrd is held to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import qrd
from qrd import errors

SOURCE = Path(qrd.__file__).parent
OURS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}  # they mask themselves
QUOTERS = {"one_line", "masked"}
SPEAKERS = {"str", "repr", "ascii", "format", "print", "say", "error", "warning", "join", "dumps", "encode"}
ALLOWED = {
    "backends/cluster/reaching.py:_reason": "picks two lines of a traceback, which one_line then quotes",
    "backends/api/refusals.py:understood": "looks for known words, and hands the text to answered(), which quotes it",
    "rows/lines.py:why_not_json": "msgspec's words on a row of the user",
    "rows/records.py:checked": "msgspec's words on a row of the user",
    "training/devices/plan.py:is_exhaustion": "looks for known words in it",
}


def unmasked(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(function, line) wherever the text of a caught error, or a traceback, is put into words without masking."""
    for function in [
        tree,
        *(node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))),
    ]:
        for name, body in _caught(function):
            for part in body:
                yield from ((getattr(function, "name", ""), line) for line in _spoken(part, name))


def _caught(function: ast.AST) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Each name that holds a library's error, and where it does."""
    if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        for argument in [*function.args.args, *function.args.kwonlyargs]:
            if argument.annotation is not None and _is_foreign(argument.annotation):
                yield argument.arg, function.body
    for node in _own(function):
        if isinstance(node, ast.ExceptHandler) and node.name and (node.type is None or _is_foreign(node.type)):
            yield node.name, node.body


def _own(function: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield child
            yield from _own(child)


def _is_foreign(kinds: ast.expr) -> bool:
    text = ast.unparse(kinds).strip("()'\"")
    names = [word.strip().rpartition(".")[2] for word in text.replace("|", ",").split(",")]
    errors_named = [name for name in names if name.endswith(("Error", "Exception", "Error", "Failed")) or name in OURS]
    return bool(errors_named) and not set(errors_named) <= OURS | {"CallFailed"}


def _spoken(node: ast.AST, name: str) -> Iterator[int]:
    """The lines where `name` becomes text."""
    if isinstance(node, ast.Call) and _called(node) in QUOTERS:
        return
    if isinstance(node, ast.FormattedValue) and _is_text_of(node.value, name):
        yield node.lineno
    if isinstance(node, ast.Call) and _called(node) in SPEAKERS and any(_is_text_of(arg, name) for arg in node.args):
        yield node.lineno
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mod, ast.Add)) and _is_text_of(node.right, name):
        yield node.lineno
    if isinstance(node, ast.Attribute) and node.attr in ("args", "message") and _is_text_of(node.value, name):
        yield node.lineno
    for child in ast.iter_child_nodes(node):
        yield from _spoken(child, name)


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _is_text_of(node: ast.expr, name: str) -> bool:
    """Whether the value may be the error itself, as in `error.strerror or error`."""
    if isinstance(node, ast.BoolOp):
        return any(_is_text_of(value, name) for value in node.values)
    if isinstance(node, ast.IfExp):
        return _is_text_of(node.body, name) or _is_text_of(node.orelse, name)
    return isinstance(node, ast.Name) and node.id == name


def found_in_source() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for file in sorted(SOURCE.rglob("*.py")):
        for function, line in unmasked(ast.parse(file.read_text("utf-8"))):
            found.setdefault(f"{file.relative_to(SOURCE).as_posix()}:{function}", []).append(line)
    return found


def test_no_text_of_a_library_s_error_goes_past_the_mask() -> None:
    unexplained = {place: lines for place, lines in found_in_source().items() if place not in ALLOWED}
    assert not unexplained, "quote the error with qrd.masking.one_line"


def test_every_exception_from_that_still_stands_in_the_source() -> None:
    assert set(ALLOWED) <= set(found_in_source())


def test_tracebacks_are_shown_by_the_command_line_alone() -> None:
    users = {
        file.relative_to(SOURCE).as_posix()
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("format_exc", "print_exc", "format_exception", "exception")
        and ast.unparse(node.value) in ("traceback", "logging", "logger", "log")
    }  # fmt: skip
    assert users == {"cli/__init__.py"}


@pytest.mark.parametrize(
    "body",
    [
        "raise ConfigError(f'x: {error}')",
        "raise ConfigError(f'x: {error!r}')",
        "raise ConfigError('x: ' + str(error))",
        "say('%s' % error)",
        "say('{}'.format(error))",
        "say(error.args[0])",
        "say(f'{error.strerror or error}')",
    ],
)
def test_the_search_finds_every_way_to_put_an_error_into_words(body: str) -> None:
    assert list(unmasked(ast.parse(f"def f():\n try: g()\n except (OSError, ValueError) as error:\n  {body}\n")))
    assert list(unmasked(ast.parse(f"def f(error: BaseException) -> str:\n {body}\n")))
    assert not list(unmasked(ast.parse(f"try: g()\nexcept ConfigError as error:\n {body}\n")))


def test_the_search_leaves_a_masked_error_alone() -> None:
    source = (
        "try: g()\nexcept OSError as error:\n raise ConfigError(f'x: {one_line(error)} {error.errno}') from error\n"
    )
    assert not list(unmasked(ast.parse(source)))
