"""--shard on every stage that reads questions or paths: parts of a file that together are the whole, merged by cat."""

import json

import pytest

from qrd.config import EvalConfig, FilterConfig, GenerateConfig, JudgeConfig
from qrd.console import Console
from qrd.rows.records import in_shard
from qrd.stages import generate
from qrd.stages.eval import run as evaluating
from qrd.stages.filter import run as filtering
from qrd.stages.judge import run as judge

QUESTIONS = [{"id": f"q{n}", "task": "math", "question": f"{n}+{n}?", "answer": str(2 * n)} for n in range(30)]
PATHS = [
    {**question, "path_id": f"{question['id']}-{n}", "response": f"Step 1. So {n}.", "prediction": "1", "correct": True}
    for question in QUESTIONS
    for n in range(2)
]
RULES = r"""
[[rule]]
regex = "verdict ([0-9a-f]+): WORD"
reply = "verdict \\1: valid\nreason: so it is"
[[rule]]
reply = "Final answer: 4"
"""
MODEL = "scripted:rules.toml"
STAGES = {
    "generate": (generate.run, GenerateConfig, QUESTIONS, {"teacher": (MODEL,), "styles": ("cot", "tot")}),
    "judge": (judge.run, JudgeConfig, PATHS, {"judge": (MODEL,)}),
    "filter": (filtering.run, FilterConfig, PATHS, {}),
    "eval": (evaluating.run, EvalConfig, QUESTIONS, {"model": (MODEL,)}),
}


def lines(file):
    """The rows of a file but for what a judge draws anew each time."""
    rows = [json.loads(line) for line in file.read_bytes().split(b"\n") if line]
    return sorted(json.dumps({**row, "verdicts": None}, sort_keys=True) for row in rows)


@pytest.mark.parametrize("stage", STAGES)
def test_the_parts_of_a_stage_are_disjoint_and_together_what_the_whole_writes(stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run, kind, rows, options = STAGES[stage]
    (tmp_path / "rules.toml").write_text(RULES, "utf-8")
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    for part in (None, "1/3", "2/3", "3/3"):
        output = f"{(part or 'whole')[:1]}.jsonl"
        run(kind(input=("in.jsonl",), output=output, shard=part, quiet=True, **options), Console(quiet=True))
    parts = [lines(tmp_path / f"{number}.jsonl") for number in (1, 2, 3)]
    for number, part in enumerate(parts, 1):
        assert part
        assert all(in_shard(json.loads(line)["id"], number, 3) for line in part)
    assert sorted(line for part in parts for line in part) == lines(tmp_path / "w.jsonl")
