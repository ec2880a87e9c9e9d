"""Verdicts of a panel are paid once: those of a path that is not decided yet wait in OUTPUT.votes.jsonl."""

import json
import time
from collections import Counter

from tests.kit import ledger
from tests.kit.harness import PATIENCE_S, Run, records_by, rows_of

IN_FLIGHT = 4
VOTES = "judged.jsonl.votes.jsonl"
A, B = '"model":"a"', '"model":"b"'


def paths(number):
    question = {"task": "text", "question": "Why?", "prediction": "x", "correct": True}
    return [
        {**question, "id": f"q{n}", "path_id": f"p{n}", "response": f"Reply {n:03} says why."} for n in range(number)
    ]


def write_rows(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def started(folder, served, *more):
    panel = ("judge", "paths.jsonl", "-o", "judged.jsonl", "--judge", "openai/a", "--judge", "openai/b")
    return Run(folder, *panel, "--api-base", served.url, "--concurrency", str(IN_FLIGHT), *more)


def ended(folder, served, *more):
    """The exit code of a run, and how many calls each judge got."""
    before = len(served.calls())
    run = started(folder, served, *more)
    code = run.code()
    return code, Counter(call["body"]["model"] for call in served.calls()[before:])


def killed_when(is_reached, run):
    """Kill a run once something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_reached():
        assert time.monotonic() < deadline, run.said
        assert not run.has_ended, run.said
        time.sleep(0.01)
    run.kill()


def noted(folder):
    return [json.loads(line) for line in rows_of(folder / VOTES).splitlines()]


def test_a_kill_while_one_judge_is_far_ahead_costs_calls_in_flight_only(tmp_path):
    write_rows(tmp_path / "paths.jsonl", paths(30))
    rules = [{"do": "verdict", "contains": B, "latency_s": 0.1}, {"do": "verdict"}]
    with ledger.serving(tmp_path / "calls.jsonl", rules=rules) as served:
        run = started(tmp_path, served, "--votes", "2")
        killed_when(lambda: len(served.calls()) >= 68, run)  # all 60 of one judge, few of the other
        (tmp_path / VOTES).write_bytes((tmp_path / VOTES).read_bytes()[:-9])
        assert ended(tmp_path, served, "--votes", "2")[0] == 0
        asked = Counter(call["body"]["model"] for call in served.calls())
        assert asked["a"] <= 60 + IN_FLIGHT + 1, "and one is torn"
        assert asked["b"] <= 60 + IN_FLIGHT + 1
    judged = records_by(tmp_path / "judged.jsonl", "path_id")
    assert len(judged) == 30
    for row in judged.values():
        assert [item["judge"] for item in row["verdicts"]] == ["openai/a", "openai/a", "openai/b", "openai/b"]
        assert len(row["judge_usage"]) == 4
    assert not (tmp_path / VOTES).exists()


def test_verdicts_beside_a_refusal_are_kept_for_the_run_that_tries_again(tmp_path):
    write_rows(tmp_path / "paths.jsonl", paths(6))
    refused = {"do": "status", "status": 400, "contains": "Reply 003", "message": "no", "calls": list(range(1, 25))}
    rules = [{"do": "verdict", "contains": A}, refused, {"do": "verdict"}]
    with ledger.serving(tmp_path / "calls.jsonl", rules=rules) as served:
        assert ended(tmp_path, served, "--votes", "2") == (3, {"a": 12, "b": 12})
        assert len(records_by(tmp_path / "judged.jsonl", "path_id")) == 5
        verified = Run(tmp_path, "verify", "judged.jsonl")
        assert verified.code() == 0, verified.said
        assert ended(tmp_path, served, "--votes", "2") == (0, {"b": 2})
        assert not (tmp_path / VOTES).exists()
        assert ended(tmp_path, served, "--votes", "2") == (0, {})
    assert len(records_by(tmp_path / "judged.jsonl", "path_id")["p3",]["verdicts"]) == 4


def test_verdicts_on_another_reply_or_of_another_rubric_do_not_count(tmp_path):
    rows = paths(2)
    write_rows(tmp_path / "paths.jsonl", rows)
    refused = {"do": "status", "status": 400, "contains": B, "message": "no", "calls": [1, 2, 3, 4]}
    with ledger.serving(tmp_path / "calls.jsonl", rules=[refused, {"do": "verdict"}]) as served:
        assert ended(tmp_path, served) == (3, {"a": 2, "b": 2})
        before = noted(tmp_path)
        rows[0]["response"] = "Reply 000 says why, and more."
        write_rows(tmp_path / "paths.jsonl", rows)
        assert ended(tmp_path, served) == (0, {"a": 1, "b": 2})
        assert not (tmp_path / VOTES).exists()
        (tmp_path / "judged.jsonl").write_bytes(b"")
        write_rows(tmp_path / VOTES, before)
        assert ended(tmp_path, served, "--rubric", "brief") == (0, {"a": 2, "b": 2})
        assert not (tmp_path / VOTES).exists()


def test_a_damaged_line_of_votes_is_named(tmp_path):
    write_rows(tmp_path / "paths.jsonl", paths(1))
    write_rows(tmp_path / VOTES, [{"path_id": "p0", "verdict": "valid"}])
    with ledger.serving(tmp_path / "calls.jsonl") as served:
        run = started(tmp_path, served)
        assert (run.code(), served.calls()) == (4, [])
    assert f"{VOTES}:1:" in run.said
