"""What a panel of judges tells of itself, and what the others do where one ends the run."""

import json
import re
import time

import pytest

from qrd.config import JudgeConfig
from qrd.console import Console
from qrd.errors import BackendError, StorageError
from qrd.stages.judge import run as judge
from tests.kit import ledger

KIND = r"""
[[rule]]
regex = "verdict ([0-9a-f]+): WORD"
reply = "verdict \\1: valid\nreason: yes"
"""
STRICT = r"""
[[rule]]
regex = "odd[\\s\\S]*verdict ([0-9a-f]+): WORD"
reply = "verdict \\1: invalid\nreason: no"
"""


def test_agreement_is_told_and_survives_a_resume_and_a_judge_of_the_teachers_family_is_named(bench):
    rows = [
        {"id": f"q{n}", "path_id": f"p{n}", "task": "text", "question": "Why?", "teacher": "openai/strict-2",
         "response": "This is odd." if n < 2 else "This is even."}
        for n in range(6)
    ]  # fmt: skip
    bench.write("kind.toml", KIND)
    bench.write("strict.toml", STRICT + KIND)
    words = ("judge", "paths.jsonl", "--judge", "scripted:kind.toml", "--judge", "scripted:strict.toml")
    bench.write_rows("paths.jsonl", rows[:3])
    bench.run(*words, "-o", "judged.jsonl", "--max-unscored", "1")
    bench.write_rows("paths.jsonl", rows)
    last = bench.run(*words, "-o", "judged.jsonl", "--max-unscored", "1")
    assert last.code == 0, last.err
    # 10 valid, 2 invalid, apart on 2 of 6 paths: 1 - 11 * 2 / 20
    assert "Krippendorff's alpha -0.10 over 6 paths" in last.err
    told = bench.json("judged.jsonl.manifest.json")["agreement"]
    assert told == {"krippendorff_alpha": 1 - 11 * 2 / 20, "paths": 6}
    assert last.err.count("the judge scripted:strict.toml is of the family of the teacher openai/strict-2") == 1
    assert "kind.toml is of the family" not in last.err


def test_ids_of_paths_may_be_made_of_anything(bench):
    rows = [
        {"id": "q", "path_id": name, "task": "text", "question": "Why?", "response": "Since it is even."}
        for name in ("a/b", "a/b/000/000", "/", "a")
    ]
    bench.write("kind.toml", KIND)
    bench.write_rows("paths.jsonl", rows)
    judged = bench.run("judge", "paths.jsonl", "--judge", "scripted:kind.toml", "--canaries", "known.jsonl")
    assert judged.code == 2, "there is no such file"
    bench.write_rows("known.jsonl", [{**row, "verdict": "valid"} for row in rows])
    judged = bench.run("judge", "paths.jsonl", "--judge", "scripted:kind.toml", "--canaries", "known.jsonl")
    assert judged.code == 0, judged.err
    assert {row["path_id"]: row["verdict"] for row in judged.rows()} == {row["path_id"]: "valid" for row in rows}


def test_where_the_disk_is_full_no_judge_of_a_panel_asks_on(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    rows = [
        {"id": f"q{n}", "path_id": f"p{n}", "task": "text", "question": "Why?", "response": f"Since {n} is even."}
        for n in range(200)
    ]
    file = tmp_path / "paths.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    rule = {"do": "verdict", "contains": "WORD"}
    with ledger.serving(tmp_path / "calls.jsonl", latency_s=0.05, rules=[rule]) as served:
        config = JudgeConfig(
            input=(str(file),), output="/dev/full", judge=("openai/a", "openai/b"), api_base=served.url, concurrency=2,
        )  # fmt: skip
        with pytest.raises(StorageError):
            judge.run(config, Console(quiet=True))
        num_calls = len(served.calls())
        time.sleep(0.5)
        assert len(served.calls()) <= num_calls + 2 * config.concurrency < 40


def test_where_a_judge_is_refused_what_the_others_have_under_way_is_taken_in(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    rows = [
        {"id": f"q{n}", "path_id": f"p{n}", "task": "text", "question": "Why?", "response": f"Since {n} is even."}
        for n in range(40)
    ]
    file, output = tmp_path / "paths.jsonl", tmp_path / "judged.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    quick = '"model":"quick"'
    rules = [
        {"do": "status", "status": 401, "contains": quick, "calls": list(range(7, 99))},
        {"do": "verdict", "contains": quick},
        {"do": "drip", "every_s": 0.002},
    ]
    with ledger.serving(tmp_path / "calls.jsonl", rules=rules) as served:
        config = JudgeConfig(
            input=(str(file),), output=str(output), judge=("openai/slow", "openai/quick"), api_base=served.url,
            concurrency=3,
        )  # fmt: skip
        with pytest.raises(BackendError, match="refused for good"):
            judge.run(config, Console(quiet=True))
        answered = [call for call in served.calls() if call["did"] != "status"]
    asked = [re.search(r"Since \d+ is", ledger.prompt_of(call))[0] for call in answered]
    by_both = {said for said in asked if asked.count(said) == 2}
    assert by_both
    assert {json.loads(line)["response"].rpartition(" ")[0] for line in output.read_bytes().splitlines()} == by_both
