"""What messages tell a user to type exists: commands, options, extras. The whole source is held to it."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import qrd
from qrd.cli import app

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SOURCE = Path(qrd.__file__).parent
COMMAND = re.compile(r"(?<![\w./-])qrd (?P<words>[a-z]+(?: [a-z]+)?)(?= -|[)`'\"]|$| [A-Z{./])")
FLAG = re.compile(r"(?<![\w-])--(?P<name>[a-z][a-z0-9_-]*)")
EXTRA = re.compile(r"qrd\[(?P<names>[\w,]+)\]")
# Options of the programs that messages speak of.
OF_OTHERS = {
    "pip": "no-deps force-reinstall",
    "lm_eval": "model_args tasks include_path apply_chat_template log_samples output_path batch_size",
    "inspect": "model-config max-connections log-dir",
    "accelerate launch": "multi_gpu use_fsdp fsdp_version mixed_precision dynamo_backend",
}


def spoken(file: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every string of a module that is no docstring; what is filled in stands as {}."""
    tree = ast.parse(file.read_text("utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            silent |= {id(value) for value in node.values}
            parts = [value.value if isinstance(value, ast.Constant) else "{}" for value in node.values]
            yield node.lineno, "".join(map(str, parts))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            yield node.lineno, node.value


def everything() -> Iterator[tuple[str, str]]:
    """(place, text) of all that qrd says, in the order of its files."""
    for file in sorted(SOURCE.rglob("*.py")):
        name = file.relative_to(SOURCE).as_posix()
        yield from ((f"{name}:{line}", text) for line, text in spoken(file))


def commands() -> dict[str, set[str]]:
    """The options of each command, by its words."""
    found: dict[str, set[str]] = {}

    def visit(command, words):
        given = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        found[" ".join(words)] = given | {"--help", "-h"}
        for name, child in getattr(command, "commands", {}).items():
            visit(child, [*words, name])

    visit(typer.main.get_command(app), [])
    return found


COMMANDS = commands()
FLAGS = set().union(*COMMANDS.values())
EXTRAS = set(tomllib.loads((SOURCE.parent / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"])


def wrong_commands(text: str) -> list[str]:
    """The commands in a text that there are not."""
    return [
        found["words"] for found in COMMAND.finditer(text)
        if found["words"] not in COMMANDS and found["words"].split()[0] not in COMMANDS.keys() - {"data"}
    ]  # fmt: skip


def wrong_flags(text: str) -> list[str]:
    """The options in a text that no command has, or that the command named before them has not."""
    theirs = {f"--{name}" for names in OF_OTHERS.values() for name in names.split()}
    wrong = [flag for found in FLAG.finditer(text) if (flag := f"--{found['name']}") not in FLAGS | theirs]
    for found in re.finditer(r"(?<![\w./-])(?P<words>(?:data )?[a-z]+) (?P<flag>--[a-z][a-z0-9-]*)", text):
        words = found["words"].removeprefix("qrd ")
        if words in COMMANDS and found["flag"] not in COMMANDS[words]:
            wrong.append(f"{words} {found['flag']}")
    return wrong


def test_every_command_that_a_message_names_exists():
    assert {place: wrong for place, text in everything() if (wrong := wrong_commands(text))} == {}


def test_every_option_that_a_message_names_exists_and_fits_its_command():
    assert {place: wrong for place, text in everything() if (wrong := wrong_flags(text))} == {}


def test_every_extra_that_a_message_names_exists():
    named = {name for _, text in everything() for found in EXTRA.finditer(text) for name in found["names"].split(",")}
    assert named <= EXTRAS


def test_every_hint_to_install_an_extra_has_the_same_words():
    with_words_of_their_own = {place.partition(":")[0] for place, text in everything() if "pip install 'qrd" in text}
    assert with_words_of_their_own == {"errors.py"}, "raise qrd.errors.needs()"


def test_the_search_sees_what_it_is_to_see():
    texts = [text for _, text in everything()]
    assert sum(bool(FLAG.search(text)) for text in texts) > 150
    assert sum(bool(COMMAND.search(text)) for text in texts) > 3
    assert wrong_commands("see qrd import --help") == ["import"]
    assert wrong_commands("see qrd data import --help, qrd train and qrd filter {}") == []
    assert wrong_flags("give --no-such, or filter --teacher") == ["--no-such", "filter --teacher"]
    assert wrong_flags("filter --decontaminate and data import --hub") == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("data import", "NAME must be given (qrd data import --help)"),
        ("generate questions.jsonl", "--teacher must be given (qrd generate --help)"),
        ("train questions.jsonl", "--output and --student must be given (qrd train --help)"),
        ("generate questions.jsonl --teacher scripted:teacher.toml --styles my.toml",
         "--styles: 'my.toml' is not one of the styles backward, cot, facts, program, tot, vanilla; "
         "--style-file FILE.toml adds one of your own"),
        ("generate questions.jsonl --teacher scripted:teacher.toml --styles vanila", "did you mean vanilla?"),
        ("judge questions.jsonl --judge scripted:judge.toml --rubric soundd", "did you mean sound?"),
        ("judge questions.jsonl --judge scripted:judge.toml --rubric mine",
         "--rubric: 'mine' is not one of the rubrics brief, score, sound, steps; a file of your own ends in .toml"),
    ],
)  # fmt: skip
def test_what_is_missing_or_misspelt_is_named_with_what_would_do(words, told, bench):
    done = bench.run(*words.split())
    assert done.code == 2
    assert told in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("words", [words for words in COMMANDS if words])
def test_every_command_tells_its_own_name_in_its_usage_errors(words, bench):
    done = bench.run(*words.split(), "--no-such-option")
    assert done.code == 2
    assert f"(qrd {words} --help)" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("words", ["", "data"])
def test_a_command_of_commands_alone_shows_its_help_as_it_is(words, bench):
    done = bench.run(*words.split())
    assert done.code == 2
    assert done.err.startswith(f"Usage: qrd{' data' if words else ''} [OPTIONS] COMMAND")
    assert "qrd: " not in done.err
    assert "--help)" not in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("generat", "qrd: No such command 'generat'. Did you mean 'generate'? (qrd --help)"),
        ("xyzzy", "qrd: No such command 'xyzzy'. (qrd --help)"),
        ("data import gsm8k", "qrd: <stdin>: holds no row"),
    ],
)
def test_a_misspelt_command_and_a_missing_file_are_named(words, told, bench):
    assert bench.run(*words.split()).err.splitlines() == [told]
