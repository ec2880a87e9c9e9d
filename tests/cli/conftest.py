"""How these tests run qrd: the real program in a child process, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TEACHER = r"""
[[rule]]
regex = "Problem: (\\d)\\+(\\d)[\\s\\S]*many small steps"
reply = "Step 1: add them.\nFinal answer: \\boxed{5}"
[[rule]]
match = "in two passes"
finish_reason = "length"
reply = "Forward: 5"
[[rule]]
reply = ["Final answer: 5", "Nobody knows."]
"""
JUDGE = r"""
[[rule]]
regex = "Step 1[\\s\\S]*verdict ([0-9a-f]+): WORD"
reply = "verdict \\1: valid\nreason: every step follows"
[[rule]]
regex = "verdict ([0-9a-f]+): WORD"
reply = "verdict \\1: invalid\nreason: there are no steps"
"""
QUESTIONS = [
    {"id": "a", "task": "math", "question": "2+3?", "answer": "5", "colour": "blau"},
    {"id": "b", "task": "math", "question": "4+1?", "answer": "5"},
]


@dataclass
class Result:
    """What a child process left behind."""

    code: int
    out: str
    err: str

    def rows(self):
        """Standard output as records."""
        return [json.loads(line) for line in self.out.split("\n") if line]


class Bench:
    """A folder with a scripted teacher, a scripted judge and two questions, and qrd to run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("teacher.toml", TEACHER)
        self.write("judge.toml", JUDGE)
        self.write_rows("questions.jsonl", QUESTIONS)

    def write(self, name, text):
        (self.folder / name).write_text(text, encoding="utf-8")

    def write_rows(self, name, rows):
        self.write(name, "".join(json.dumps(row) + "\n" for row in rows))

    def rows(self, name):
        return [json.loads(line) for line in (self.folder / name).read_text("utf-8").split("\n") if line]

    def json(self, name):
        return json.loads((self.folder / name).read_text("utf-8"))

    def environment(self, **extra):
        return {**{k: v for k, v in os.environ.items() if not k.startswith("QRD_")}, "COLUMNS": "160", **extra}

    def run(self, *words, stdin="", **extra):
        done = subprocess.run(
            [sys.executable, "-m", "qrd", *words], cwd=self.folder, env=self.environment(**extra),
            input=stdin, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)

    def shell(self, script, **extra):
        program = f'qrd() {{ {sys.executable} -m qrd "$@"; }}\nset -o pipefail\n{script}'
        done = subprocess.run(
            ["bash", "-c", program], cwd=self.folder, env=self.environment(**extra), capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)
