"""CONTRIBUTING says which files a new rule, section or backend touches; here one of each is added by these alone."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import tiny_models

ROOT = Path(__file__).parents[1]
ADDITIONS = Path(__file__).parent / "additions"
LISTS = {
    heading: re.findall(r"^- `(\S+)`", text, re.MULTILINE)
    for heading, text in re.findall(
        r"^### (.+)\n((?:(?!^#).*\n)+)", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE
    )
}


@dataclass
class Result:
    """What a child process left behind."""

    code: int
    out: str
    err: str


class Copy:
    """A copy of the sources that a developer works on, and a folder in which its qrd is run."""

    def __init__(self, folder: Path) -> None:
        self.root, self.folder = folder / "copy", folder
        for name in ("qrd", "tests"):
            shutil.copytree(ROOT / name, self.root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", self.root)
        self.before = self.hashes()

    def hashes(self) -> dict[str, str]:
        """The content of each file by its name."""
        files = (file for file in self.root.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
        return {str(file.relative_to(self.root)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}

    def touched(self) -> list[str]:
        """The files that are new or other than they were."""
        return sorted(name for name, content in self.hashes().items() if self.before.get(name) != content)

    def add(self, name: str) -> None:
        """Write the file of this name that lies among the additions."""
        assert not (self.root / name).exists()
        shutil.copy(ADDITIONS / name, self.root / name)

    def insert(self, name: str, text: str, *, before: str) -> None:
        """Put `text` before the one place of a file where `before` stands."""
        whole = (self.root / name).read_text("utf-8")
        assert whole.count(before) == 1, f"{name}: {before!r} stands {whole.count(before)} times"
        (self.root / name).write_text(whole.replace(before, text + before), "utf-8")

    def rows(self, name: str, rows: list[dict[str, Any]]) -> None:
        """Write rows for qrd to read."""
        (self.folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def read(self, name: str) -> list[dict[str, Any]]:
        """The rows that qrd wrote."""
        return [json.loads(line) for line in (self.folder / name).read_text("utf-8").splitlines()]

    def python(self, *words: str, folder: Path | None = None) -> Result:
        """Python in a process of its own, where qrd is that of the copy."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("QRD_")}
        environment = {**clean, "PYTHONPATH": str(self.root)}
        done = subprocess.run(
            [sys.executable, *words],
            cwd=folder or self.folder,
            env=environment,
            timeout=240,
            capture_output=True,
            text=True,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def qrd(self, *words: str) -> Result:
        """qrd of the copy. It must end well."""
        result = self.python("-m", "qrd", *words)
        assert result.code == 0, result.err
        return result

    def pytest(self, *words: str) -> None:
        """Tests of the copy. They must pass."""
        result = self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *words, folder=self.root)
        assert result.code == 0, result.out

    def train(self, *words: str) -> None:
        """Two steps on two tiny students."""
        if not (self.folder / "student").exists():
            tiny_models.save_llama(self.folder / "student")
            tiny_models.save_encoder(self.folder / "encoder")
            tiny_models.write_rows(self.folder / "paths.jsonl", tiny_models.path_rows())
        told = ("--student", "a=student", "--student", "b=student", "--encoder", "encoder", "--max-steps", "2")
        self.qrd("train", "paths.jsonl", *told, "-o", "run", "--quiet", *words)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """The sources as they are."""
    return Copy(tmp_path)


def listed(kind: str, name: str) -> list[str]:
    """The files that CONTRIBUTING names for one of a kind that is called `name`."""
    return sorted(file.replace("NAME", name) for file in LISTS[kind])


def a_path(**fields: object) -> dict[str, object]:
    """A path as generate writes it."""
    told = {"id": "a", "task": "math", "question": "2+3?", "answer": "5", "path_id": "a", "teacher": "t"}
    return {**told, "style": "cot", "response": "It is 5.", "finish_reason": "stop", **fields}


def test_what_the_lists_name_is_there() -> None:
    assert set(LISTS) == set(re.findall(r'listed\("(.+?)"', Path(__file__).read_text("utf-8"))), "each list is tried"
    for kind, files in LISTS.items():
        assert files, kind
        for file in files:
            assert list(ROOT.glob(file.replace("NAME", "*"))), f"{kind}: {file}"


def test_a_backend_is_added_by_its_list(copy: Copy) -> None:
    copy.add("qrd/backends/reversed.py")
    copy.insert(
        "qrd/backends/__init__.py", '    "reversed": ("reversed", "Reversed"),\n', before='    "scripted": ("scripted"'
    )
    kind = 'Kind("WORD", ("msgspec", "nowhere-to-be-found"), "reversed", takes_device=False, is_in_files=False)'
    copy.insert("qrd/models/names.py", f'    "reversed": {kind},\n', before='    "scripted": Kind(')
    copy.insert("pyproject.toml", 'reversed = ["msgspec>=0.19"]\n', before='vllm = ["vllm')
    copy.add("tests/backends/test_reversed.py")
    assert copy.touched() == listed("A backend", "reversed")
    copy.rows("questions.jsonl", [{"id": "a", "task": "math", "question": "2+3?", "answer": "5"}])
    told = ("generate", "questions.jsonl", "--teacher", "reversed:x", "--styles", "cot")
    assert "reversed:WORD" in copy.qrd("generate", "--help").out
    assert "0.00" in copy.qrd(*told, "--dry-run").err
    copy.qrd(*told, "-o", "paths.jsonl")
    (path,) = copy.read("paths.jsonl")
    assert (path["teacher"], path["response"]) == ("reversed:x", path["prompt"][-1]["content"][::-1] + "x")
    assert "nowhere-to-be-found" in copy.qrd("doctor").out
    copy.pytest("tests/backends/test_reversed.py")


def test_a_filter_rule_is_added_by_its_list(copy: Copy) -> None:
    copy.add("qrd/filters/calm.py")
    copy.insert(
        "qrd/filters/__init__.py", "from qrd.filters.calm import calm\n", before="from qrd.filters.cap import Cap"
    )
    copy.insert(
        "qrd/filters/__init__.py",
        "    if config.calm:\n        single.append(calm)\n",
        before="    return Rules(tuple(single)",
    )
    copy.insert(
        "qrd/config/filter.py",
        '    calm: bool = knob(False, "Drop responses in capitals.")\n',
        before="    decontaminate: tuple[str, ...]",
    )
    assert copy.touched() == listed("A filter rule", "calm")
    copy.rows("paths.jsonl", [a_path(), a_path(path_id="b", response="IT IS 5.")])
    copy.qrd("filter", "paths.jsonl", "--calm", "--rejects", "rejects.jsonl", "-o", "kept.jsonl")
    assert [row["path_id"] for row in copy.read("kept.jsonl")] == ["a"]
    assert [row["reject_reason"] for row in copy.read("rejects.jsonl")] == ["shouted"]
    copy.qrd("filter", "paths.jsonl", "-o", "both.jsonl")
    assert len(copy.read("both.jsonl")) == 2


def test_a_task_is_added_by_its_list(copy: Copy) -> None:
    copy.add("qrd/answers/roman.py")
    copy.insert("qrd/config/tasks.py", '    Task("roman", "roman"),\n', before=")\nTASKS = {")
    copy.add("qrd/prompts/tasks/roman.toml")
    copy.add("tests/answers/golden/roman.jsonl")
    assert copy.touched() == listed("A task", "roman")
    copy.rows("plain.jsonl", [{"question": "9", "answer": "IX"}, {"question": "11", "answer": "XI"}])
    copy.qrd("data", "import", "plain", "plain.jsonl", "--task", "roman", "-o", "questions.jsonl")
    (copy.folder / "teacher.toml").write_text('[[rule]]\nmatch = "in Roman numerals"\nreply = "Final answer: IX"\n')
    told = ("--teacher", "scripted:teacher.toml", "--styles", "cot")
    copy.qrd("generate", "questions.jsonl", *told, "-o", "paths.jsonl")
    assert [(row["prediction"], row["correct"]) for row in copy.read("paths.jsonl")] == [("IX", True), ("IX", False)]
    copy.qrd("filter", "paths.jsonl", "--regrade", "-o", "kept.jsonl")
    assert [row["answer"] for row in copy.read("kept.jsonl")] == ["IX"]
    copy.pytest("tests/answers/test_golden.py", "tests/answers/test_tasks.py", "-k", "roman")


def test_an_objective_is_added_by_its_list(copy: Copy) -> None:
    copy.add("qrd/training/objectives/per_path.py")
    table = "qrd/stages/train/objectives.py"
    copy.insert(table, "per_path, ", before="sft, step_by_step\n")
    copy.insert(table, '    "per-path": per_path.make,\n', before="}\n\n\ndef make_objective")
    copy.insert("qrd/config/train.py", ', "per-path"', before="),\n    )\n    # 1 weighs both alike")
    assert copy.touched() == listed("An objective", "per_path")
    copy.train("--objective", "per-path")
    assert [line["terms"]["paths"] for line in copy.read("run/metrics.jsonl")] == [8, 8]


def test_a_routing_is_added_by_its_list(copy: Copy) -> None:
    router, is_it = "qrd/method/router.py", '    if routing == "above-mean":\n'
    copy.insert(router, ', "above-mean"', before=', "none"]\nBalance')
    copy.insert(
        router,
        f"{is_it}        return logits_KS.softmax(dim=-1)\n",
        before="    return torch.ones_like(logits_KS)\n\n\ndef draw_noise",
    )
    copy.insert(
        router,
        f"{is_it}        return (logits_KS >= logits_KS.mean(dim=-1, keepdim=True)).float()\n",
        before="    return (logits_KS > 0)",
    )
    copy.insert(
        "qrd/config/train.py", '    "above-mean": Routing(shares_paths=False),\n', before='    "none": Routing('
    )
    assert copy.touched() == listed("A routing", "above-mean")
    copy.train("--routing", "above-mean")
    rows = copy.read("run/routing.jsonl")
    assert rows
    assert all(len(row["routed"]) == 1 and sum(row["probability"].values()) == pytest.approx(1) for row in rows)


def test_a_report_section_is_added_by_its_list(copy: Copy) -> None:
    copy.add("qrd/reports/sections/asked.py")
    copy.insert("qrd/reports/contents.py", "asked, ", before="commands, costs, judges")
    copy.insert("qrd/reports/contents.py", "    asked.section,\n", before="    judges.section,\n")
    assert copy.touched() == listed("A section of the report", "asked")
    copy.rows("paths.jsonl", [a_path(), a_path(id="b", path_id="b")])
    copy.qrd("report", "paths.jsonl", "-o", "report.html")
    page = (copy.folder / "report.html").read_text("utf-8")
    assert page.index(">Paths</h2>") < page.index(">Questions asked</h2>")
    assert "2 questions" in page


def test_a_file_beside_an_output_is_added_by_its_list(copy: Copy) -> None:
    copy.insert("qrd/rows/companions.py", 'NOTES = Companion("{}.notes.jsonl")\n', before="LOCK = Companion")
    copy.insert("qrd/rows/companions.py", "NOTES, ", before="ACCOUNT, LOCK, TEMPORARY)")
    assert copy.touched() == listed("A file beside an output", "notes")
    copy.rows("paths.jsonl", [a_path()])
    copy.qrd("filter", "paths.jsonl", "-o", "kept.jsonl")
    copy.rows("kept.jsonl.notes.jsonl", [])
    copy.qrd("filter", "paths.jsonl", "-o", "kept.jsonl", "--no-resume")
    assert (copy.folder / "kept.jsonl.old-1.notes.jsonl").exists()
    assert not (copy.folder / "kept.jsonl.notes.jsonl").exists()


def test_a_style_and_a_rubric_are_added_by_their_lists(copy: Copy) -> None:
    copy.add("qrd/prompts/styles/rhymed.toml")
    copy.add("qrd/prompts/judges/rhymes.toml")
    assert copy.touched() == sorted([*listed("A style", "rhymed"), *listed("A rubric", "rhymes")])
    copy.rows("questions.jsonl", [{"id": "a", "task": "math", "question": "2+3?", "answer": "5"}])
    teacher = '[[rule]]\nmatch = "rhyming couplets"\nreply = "Two and three make five alive. Final answer: 5"\n'
    (copy.folder / "teacher.toml").write_text(teacher)
    asked = r'regex = "of lines rhymes[\\s\\S]*verdict ([0-9a-f]+): WORD"'
    judge = "\n".join(("[[rule]]", asked, r'reply = "verdict \\1: valid\nreason: so"', ""))
    (copy.folder / "judge.toml").write_text(judge)
    copy.qrd(
        "generate", "questions.jsonl", "--teacher", "scripted:teacher.toml", "--styles", "rhymed", "-o", "paths.jsonl"
    )
    copy.qrd("judge", "paths.jsonl", "--judge", "scripted:judge.toml", "--rubric", "rhymes", "-o", "judged.jsonl")
    assert [(row["style"], row["verdict"]) for row in copy.read("judged.jsonl")] == [("rhymed", "valid")]
