"""Every file that stands beside an output is on one list, and goes where its output goes."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import qrd
from qrd.inspection.marks import Marks
from qrd.rows.companions import ALL, MARKS, Companion, set_aside
from qrd.rows.writer import Writer
from tests.kit.harness import Run

PACKAGE = Path(qrd.__file__).parent
# Names that are made of another name and are no companions: files and folders of their own.
OF_THEIR_OWN = {
    "{}.selected.jsonl",  # what the browser exports
    "{}/{}.model.json",  # part of an exported evaluation
    "{}.model.json",
    ".step-{}.tmp",  # a checkpoint that is being written
    ".step-*.tmp",
    "{}.lock",  # of a model in the cache
}
NAME = re.compile(r"\S*[{*]\S*(\.[a-z]+\.[a-z]+|\.tmp|\.lock)|\.\S*\{\}\S*\.[a-z]+|\.[a-z]+\.jsonl?")
MOVING = [companion for companion in ALL if not companion.stays]


def spelt(source: str) -> set[str]:
    """Every text of a module, the values in it written as {}, that could name a companion, or end its name."""
    tree = ast.parse(source)
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in joined for part in node.values}
    found = {"".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values) for node in joined}
    plain = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in parts)
    found |= {node.value for node in plain if isinstance(node.value, str)}
    return {text for text in found if NAME.fullmatch(text)}


def test_no_module_but_the_list_spells_the_name_of_a_companion() -> None:
    modules = {file: spelt(file.read_text("utf-8")) for file in PACKAGE.rglob("*.py")}
    assert modules.pop(PACKAGE / "rows" / "companions.py") == {companion.form for companion in ALL}
    strangers = {str(file): names - OF_THEIR_OWN for file, names in modules.items() if names - OF_THEIR_OWN}
    assert strangers == {}


def test_a_name_that_is_spelt_elsewhere_would_be_found() -> None:
    for spelling in ('f"{x}.notes.jsonl"', 'f".{x}.journal.json"', 'name + ".notes.json"', 'f".{x.name}.part"'):
        assert spelt(f"file = {spelling}"), spelling


@pytest.mark.parametrize("companion", MOVING, ids=lambda companion: companion.form)
def test_without_resume_a_companion_goes_where_its_output_goes(tmp_path: Path, companion: Companion) -> None:
    file = tmp_path / "rows {0}.jsonl"
    for number in (1, 2):
        file.write_text(f"rows {number}")
        companion.of(file).write_text(f"companion {number}")
        Writer(str(file), resume=False).close()
        assert not companion.of(file).exists()
        assert companion.of(f"{file}.old-{number}").read_text() == f"companion {number}"
        assert Path(f"{file}.old-{number}").read_text() == f"rows {number}"


def test_what_is_left_of_an_output_that_is_gone_is_set_aside_too(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    assert set_aside(file) is None
    MARKS.of(file).write_text("paid")
    assert set_aside(file) == tmp_path / "rows.jsonl.old-1"
    assert [entry.name for entry in tmp_path.iterdir()] == ["rows.jsonl.old-1.marks.jsonl"]


@pytest.mark.parametrize("at", range(1, len(MOVING) + 1))
def test_nothing_is_lost_where_a_run_dies_while_it_sets_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    rename, calls = Path.rename, []

    def dies(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == at:
            raise KeyboardInterrupt
        return rename(self, target)

    def write(text: str) -> None:
        for companion in (Companion("{}"), *MOVING):
            companion.of(tmp_path / "rows.jsonl").write_text(f"{text} {companion.form}")

    write("first")
    monkeypatch.setattr(Path, "rename", dies)
    with pytest.raises(KeyboardInterrupt):
        set_aside(tmp_path / "rows.jsonl")
    monkeypatch.undo()
    before = {file.name: file.read_text() for file in tmp_path.iterdir() if ".old-" in file.name}
    write("second")
    set_aside(tmp_path / "rows.jsonl")
    assert before.items() <= {file.name: file.read_text() for file in tmp_path.iterdir()}.items()
    assert len(list(tmp_path.iterdir())) == len(before) + len(MOVING) + 1


def test_what_a_run_leaves_beside_its_output_is_on_the_list_and_goes_aside_with_it(tmp_path: Path) -> None:
    paths = [
        {"id": f"q{n}", "task": "math", "question": f"{n}+1?", "answer": "5", "path_id": f"p{n}",
         "response": "Since 4+1 is 5, the answer is 5.", "prediction": "5", "correct": n < 4}
        for n in range(5)
    ]  # fmt: skip
    (tmp_path / "paths.jsonl").write_text("".join(json.dumps(row) + "\n" for row in paths))
    verdict = '[[rule]]\nregex = "verdict ([0-9a-f]+): WORD"\nreply = "verdict \\\\1: valid\\nreason: so"\n'
    (tmp_path / "sound.toml").write_text(verdict)
    (tmp_path / "broken.toml").write_text('[[rule]]\nerror = "no"\n')
    words = ("judge", "paths.jsonl", "--judge", "scripted:sound.toml", "--judge", "scripted:broken.toml")
    words = (*words, "--canaries", "wrong", "-o", "out.jsonl")
    assert Run(tmp_path, *words).code() == 3
    Marks(str(tmp_path / "out.jsonl")).put(paths[0], "valid")
    beside = {file.name for file in tmp_path.iterdir() if "out.jsonl" in file.name} - {"out.jsonl"}
    known = {companion.of("out.jsonl").name: companion for companion in ALL}
    assert {"out.jsonl.votes.jsonl", "out.jsonl.canaries.jsonl", "out.jsonl.failed.jsonl"} <= beside
    assert {name for name in beside - known.keys() if not name.endswith(".lock")} == set()
    again = Run(tmp_path, *words, "--no-resume", "--limit", "1")
    assert again.code() == 3, again.said
    for name in beside & known.keys():
        if not known[name].stays:
            assert known[name].of(tmp_path / "out.jsonl.old-1").is_file(), name
    assert not MARKS.of(tmp_path / "out.jsonl").exists()
