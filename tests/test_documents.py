"""What README and the examples say is there."""

import re
import shlex
from pathlib import Path

import pytest
import typer

import qrd
from qrd.cli import app
from qrd.config import knobs

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", *(str(file.relative_to(ROOT)) for file in sorted(ROOT.glob("examples/**/*.sh")))]
COMMAND = typer.main.get_command(app)


def shell_text(document):
    """The shell of a document: its bash blocks, or the whole of a script."""
    text = (ROOT / document).read_text("utf-8")
    if document.endswith(".md"):
        text = "\n".join(re.findall(r"```(?:bash|sh)\n(.*?)```", text, re.DOTALL))
    return text.replace("\\\n", " ")


def qrd_calls(document):
    """The words of each call of qrd in a document, comments and what follows a pipe left out."""
    for line in shell_text(document).splitlines():
        if line.strip().startswith("#"):
            continue
        for part in re.split(r"\s[|&;]+\s|^\s*\|", line.split(" #")[0].strip()):
            words = shlex.split(part.split(" > ")[0])
            if words[:1] == ["qrd"] and not words[1].startswith("-"):
                yield words[1:]


def command_of(words):
    """The Typer command that the words call, and the words behind its name."""
    command = COMMAND
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_and_option_shown_exists(document):
    calls = list(qrd_calls(document))
    assert calls, "a document without a single call is not read as it should be"
    for words in calls:
        command, rest = command_of(words)
        assert not hasattr(command, "commands"), f"{document}: qrd {' '.join(words)}"
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        shown = {word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
        assert shown <= known | {"--help"}, f"{document}: qrd {' '.join(words)}: {shown - known}"


def test_every_command_stands_in_the_readme():
    text = (ROOT / "README.md").read_text("utf-8")
    for name, command in COMMAND.commands.items():
        for full in [f"{name} {sub}" for sub in getattr(command, "commands", {})] or [name]:
            assert f"`qrd {full}`" in text, full


def test_every_variable_of_the_examples_is_an_option():
    for document in DOCUMENTS:
        for name in re.findall(r"QRD_(?!TEST|CACHE)[A-Z_]+(?==)", (ROOT / document).read_text("utf-8")):
            words = name.removeprefix("QRD_").lower().split("_")
            command, rest = command_of(words)
            options = {option for parameter in command.params for option in parameter.opts}
            assert knobs.flag_of("_".join(rest)) in options, f"{document}: {name}"


PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/**/*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page):
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_function_that_the_page_on_the_method_names_is_in_the_code():
    text = (ROOT / "docs/method.md").read_text("utf-8")
    code = "".join(file.read_text("utf-8") for room in ("method", "training", "stages", "answers")
                   for file in (ROOT / "qrd" / room).rglob("*.py"))  # fmt: skip
    named = set(re.findall(r"`([A-Z]\w+|[a-z]+_[a-z_]+|\w+_loss|ensemble|project|competence|align|spread)`", text))
    assert len(named) > 15
    for name in named:
        assert re.search(rf"^(?:def|class) {name}\b", code, re.MULTILINE), name


def test_a_function_that_the_page_on_the_method_names_behind_a_file_is_in_that_file():
    text = (ROOT / "docs/method.md").read_text("utf-8")
    named = re.findall(r"\]\(\.\./(qrd/[^)]+\.py)\)[,:]\s+`(\w+)`", text)
    assert len(named) > 8
    for file, name in named:
        assert re.search(rf"^(?:def|class) {name}\b", (ROOT / file).read_text("utf-8"), re.MULTILINE), f"{file}: {name}"


def test_the_map_of_the_rooms_shows_the_layers_that_the_import_checker_holds():
    contract = (ROOT / "pyproject.toml").read_text("utf-8").partition("layers = [")[2].partition("]")[0]
    layers = re.findall(r'"(.+)"', contract.replace("qrd.", ""))
    rooms = [room for layer in layers for room in layer.split(" | ")]
    drawn = [line[:43].split() for line in qrd.__doc__.splitlines() if line.startswith("    ")]
    assert [room for line in drawn for room in line] == rooms
    present = {file.parent.name for file in ROOT.glob("qrd/*/__init__.py")} | {
        file.stem for file in ROOT.glob("qrd/*.py")
    }
    assert {room for room in present if not room.startswith("__")} == set(rooms)


def test_every_file_that_the_map_of_the_rooms_names_is_there():
    for file in re.findall(r"`(\S+\.py)`", qrd.__doc__):
        assert (ROOT / "qrd" / file).is_file(), file


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_calls_a_file_of_the_sources_is_there(page):
    for file in re.findall(r"`((?:qrd|tests|benchmarks|examples)/[\w./*-]*)`", page.read_text("utf-8")):
        assert list(ROOT.glob(file.replace("NAME", "*"))), f"{page.name}: {file}"
