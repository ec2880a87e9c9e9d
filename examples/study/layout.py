"""Where a study keeps its files, how large it is, and what all of its cells share."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path as File

from examples.study import bases, judge, tasks, teacher
from examples.study.conditions import Condition
from examples.study.tasks import read, write
from qrd.config import DataPathsConfig, FilterConfig
from qrd.console import Console
from qrd.errors import ConfigError
from qrd.rows.disk import write_whole
from qrd.stages.data import paths as data_paths
from qrd.stages.filter import run as filtering

QUIET = Console(quiet=True)


@dataclass(frozen=True)
class Size:
    """Questions of each family and difficulty, steps of reading and of training, the rate and the length of replies."""

    train_each: int = 40
    test_each: int = 60
    reading_steps: int = 2000
    steps: int = 80
    learning_rate: float = 2e-3
    max_tokens: int = 128  # of a student's reply; the longest of the teacher's has 110


SIZES = {"long": Size(), "short": Size(train_each=20, test_each=20, reading_steps=1000, steps=40)}


@dataclass(frozen=True)
class Study:
    """A study's folder and size."""

    folder: File
    size: Size

    @property
    def test(self) -> File:
        """The test questions."""
        return self.folder / "test.jsonl"

    def base(self, name: str) -> str:
        """A student before training, as qrd names models."""
        return f"hf:{self.folder / 'bases' / name}"

    def rows(self, seed: int, condition: Condition) -> File:
        """The rows of a cell, there once it is done."""
        return self.folder / f"seed-{seed}" / condition.name.replace(", ", "-").replace(" ", "-") / "rows.jsonl"

    def prepare(self, say: Callable[[str], None]) -> None:
        """Make the test questions and the bases, unless they are there.

        Raises: ConfigError where the folder holds a study of another size.
        """
        sizes = self.folder / "size.json"
        if sizes.is_file() and json.loads(sizes.read_text("utf-8")) != asdict(self.size):
            raise ConfigError(f"{self.folder}: holds a study of another size; give another folder")
        write_whole(sizes, json.dumps(asdict(self.size)).encode())
        if not self.test.is_file():
            write(self.test, tasks.test_questions(self.folder / "gym", each=self.size.test_each))
        bases.make(self.folder / "bases", questions=read(self.test), steps=self.size.reading_steps, say=say)

    def seed_paths(self, seed: int) -> File:
        """The folder with a seed's paths: `judged` are all of them, `kept` those that qrd filter leaves."""
        folder = self.folder / f"seed-{seed}"
        files = {name: folder / f"{name}.jsonl" for name in ("questions", "replies", "paths", "judged", "kept")}
        if files["kept"].is_file():
            return folder
        asked = tasks.train_questions(folder / "gym", seed=seed, each=self.size.train_each, test=read(self.test))
        write(files["questions"], asked)
        write(files["replies"], [reply for row in asked for reply in teacher.replies(row, seed=seed)])
        said, paths, judged = str(files["replies"]), str(files["paths"]), str(files["judged"])
        data_paths.run(DataPathsConfig(input=(said,), questions=str(files["questions"]), output=paths), QUIET)
        write(files["judged"], [judge.judged(path) for path in read(files["paths"])])
        counts = str(folder / "filter.json")
        filtering.run(FilterConfig(input=(judged,), output=str(files["kept"]), summary=counts), QUIET)
        return folder
