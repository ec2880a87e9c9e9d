"""`qrd filter` in this process, in a folder of its own."""

import json

import pytest

from qrd.config import FilterConfig
from qrd.console import Console
from qrd.stages.filter import run as stage


class Bench:
    """A folder in which rows are filtered."""

    def __init__(self, folder):
        self.folder = folder

    def write(self, name, rows):
        (self.folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def rows(self, name):
        return [json.loads(line) for line in (self.folder / name).read_text("utf-8").splitlines()]

    def run(self, rows, **options):
        """(kept, rejected, tally)."""
        if rows is not None:
            self.write("paths.jsonl", rows)
        if not options.get("flag"):
            options.setdefault("rejects", str(self.folder / "rejects.jsonl"))
        options.setdefault("output", str(self.folder / "kept.jsonl"))
        config = FilterConfig(
            input=(str(self.folder / "paths.jsonl"),), min_kept=0,
            summary=str(self.folder / "summary.json"), **options,
        )  # fmt: skip
        tally = stage.run(config, Console(quiet=True))
        return self.rows("kept.jsonl"), [] if options.get("flag") else self.rows("rejects.jsonl"), tally

    def summary(self):
        return json.loads((self.folder / "summary.json").read_text())


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)
