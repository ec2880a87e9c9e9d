"""The chain of manifests from a run folder back to the filter that looked for test questions."""

from __future__ import annotations

import json

import pytest

from qrd.config import FilterConfig, knobs
from qrd.console import Console
from qrd.rows.manifest import Manifest, sha256_of
from qrd.stages.eval.contamination import stamp
from qrd.stages.filter import run as filtering


def question(name):
    return {"id": name, "task": "math", "question": f"How much is {name} plus two?", "answer": "5"}


def write(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(file)


class Chain:
    """Test questions, paths, what filter keeps of them, and a run folder that was trained on that."""

    def __init__(self, folder):
        self.folder = folder
        self.test = write(folder / "test.jsonl", [question("three")])
        graded = {"response": "5", "prediction": "5", "correct": True}
        self.paths = write(folder / "paths.jsonl", [{**question("nine"), **graded, "path_id": "p"}])
        self.kept = str(folder / "kept.jsonl")

    def filter(self, source, output, **options):
        settings = {"input": [source], "output": output, "quiet": True, **options}
        filtering.run(knobs.build(FilterConfig, settings), Console(quiet=True))

    def train(self, *files):
        run = self.folder / "run"
        run.mkdir(exist_ok=True)
        manifest = Manifest("train", FilterConfig(), str(run))
        manifest.finish(inputs={file: sha256_of(self.folder / file) for file in files}, rows_in=1, rows_out=1)

    def stamp(self, file=None):
        name = file or self.test
        return stamp(str(self.folder / "run"), {name: sha256_of(self.folder / name)})


@pytest.fixture
def chain(tmp_path):
    return Chain(tmp_path)


def test_paths_that_filter_checked_against_the_questions_are_stamped(chain):
    chain.filter(chain.paths, chain.kept, decontaminate=[chain.test])
    chain.train(chain.kept)
    assert chain.stamp() == {"checked": True, "problems": []}


def test_a_check_further_up_the_chain_counts(chain):
    chain.filter(chain.paths, str(chain.folder / "clean.jsonl"), decontaminate=[chain.test])
    chain.filter(str(chain.folder / "clean.jsonl"), chain.kept)
    chain.train(chain.kept)
    assert chain.stamp()["checked"]


def test_a_folder_that_was_moved_as_a_whole_keeps_its_stamp(chain, tmp_path_factory):
    chain.filter(chain.paths, chain.kept, decontaminate=[chain.test])
    chain.train(chain.kept)
    moved = tmp_path_factory.mktemp("elsewhere") / "all"
    chain.folder.rename(moved)
    assert stamp(str(moved / "run"), {"t": sha256_of(moved / "test.jsonl")})["checked"]


def test_without_a_check_the_problem_names_both_files(chain):
    chain.filter(chain.paths, chain.kept)
    chain.train(chain.kept)
    found = chain.stamp()
    assert not found["checked"]
    assert found["problems"] == [f"no manifest shows that {chain.kept} was checked against {chain.test}"]


@pytest.mark.parametrize("change", ["other questions", "flagged only", "changed paths", "second file", "no manifest"])
def test_what_does_not_prove_a_check_is_no_check(chain, change):
    chain.filter(chain.paths, chain.kept, decontaminate=[chain.test], flag=change == "flagged only")
    other = write(chain.folder / "other.jsonl", [question("eight")])
    if change == "changed paths":
        write(chain.folder / "kept.jsonl", [question("three")])
    chain.train(chain.kept, *([other] if change == "second file" else []))
    if change == "no manifest":
        (chain.folder / "run" / "manifest.json").unlink()
    assert not chain.stamp(other if change == "other questions" else None)["checked"]


def test_manifests_in_a_circle_or_of_nonsense_end_with_no_check(chain):
    chain.train(chain.paths)
    entry = {"file": chain.paths, "sha256": sha256_of(chain.folder / "paths.jsonl")}
    circle = {"output": entry, "inputs": [entry, entry, 7, {"file": 1}], "decontaminated": "all", "config": []}
    (chain.folder / "paths.jsonl.manifest.json").write_text(json.dumps(circle), "utf-8")
    assert not chain.stamp()["checked"]
