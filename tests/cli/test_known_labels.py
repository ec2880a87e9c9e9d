"""Judges measured by labels that are known: --against, canaries, scores and steps, in real runs."""

import json
import time

import pytest

from qrd.backends.api import schemas
from tests.kit import ledger
from tests.kit.harness import Run, records_by

# Says valid where the reply says "even"; "mute" gets no verdict at all.
JUDGE = r"""
[[rule]]
regex = "mute[\\s\\S]*verdict ([0-9a-f]+): WORD"
reply = "hm"
[[rule]]
regex = "even[\\s\\S]*verdict ([0-9a-f]+): WORD"
reply = "verdict \\1: valid\nreason: yes"
[[rule]]
regex = "verdict ([0-9a-f]+): WORD"
reply = "verdict \\1: invalid\nreason: no"
"""
SCORER = r"""
[[rule]]
regex = "gives (\\d+)[\\s\\S]*score ([0-9a-f]+): NUMBER"
reply = "score \\2: \\1\nreason: so it says"
"""
MARKER = r"""
[[rule]]
regex = "steps ([0-9a-f]+): 1=WORD 2=WORD\n"
reply = "steps \\1: 1=valid 2=invalid\nreason: the second is false"
"""


def path(name, response, **more):
    fields = {"id": f"q{name}", "path_id": f"p{name}", "task": "text", "question": "Why?", "teacher": "t"}
    return {**fields, "response": response, **more}


def paths(number, **more):
    return [path(n, f"Reply number {n} says why.", prediction="x", correct=True, **more) for n in range(number)]


def test_a_judge_is_measured_by_known_labels_also_over_a_restart(bench):
    bench.write("even.toml", JUDGE)
    words = ["this is even"] * 4 + ["this is odd"] * 3 + ["this is mute"]
    rows = [path(n, text, correct=n != 4) for n, text in enumerate(words)]
    bench.write_rows("paths.jsonl", [*rows, path("x", "this is even")])
    labels = ["valid"] * 3 + ["invalid"] * 3 + ["valid"] * 2
    gold = [{"path_id": f"p{n}", "verdict": label} for n, label in enumerate(labels)]
    bench.write_rows("gold.jsonl", [{"path_id": "p0", "verdict": "invalid"}, *gold, {"id": "q", "verdict": "valid"}])
    words = ("judge", "paths.jsonl", "--judge", "scripted:even.toml", "--against", "gold.jsonl", "-o", "judged.jsonl",
             "--max-unscored", "0.5", "--summary", "table.json")  # fmt: skip
    assert bench.run(*words, "--limit", "3").code == 0
    last = bench.run(*words)
    assert last.code == 0, last.err
    told = bench.json("table.json")["judges"]["scripted:even.toml"]
    # valid: 3 pass, 1 does not, 1 cannot be read; invalid: 1 passes, 2 are caught. a = 5/8, c = (5 * 4 + 3 * 3) / 64.
    assert (told["paths"], told["precision"], told["recall"], told["caught"]) == (8, 3 / 4, 3 / 5, 1 - 1 / 3)
    assert told["kappa"] == pytest.approx((5 / 8 - 29 / 64) / (1 - 29 / 64))
    row = next(line for line in last.err.splitlines() if line.lstrip().startswith("scripted:even.toml"))
    assert row.split()[1:4] == ["8", "75.0", "%"]
    judged = {row["path_id"]: row["verdict"] for row in bench.rows("judged.jsonl")}
    assert judged["p4"] == "invalid", "labelled paths are judged also where their answer is wrong"
    assert judged["px"] is None, "only labelled paths are judged"
    bench.write_rows("gold.jsonl", gold[:2])
    refused = bench.run(*words)
    assert refused.code == 2
    assert "holds rows made otherwise" in refused.err


def test_marks_of_inspect_are_labels_and_say_nothing_of_another_reply(bench):
    from qrd.inspection.marks import Marks

    rows = [path(n, "this is even") for n in range(3)]
    bench.write("even.toml", JUDGE)
    marks = Marks(str(bench.folder / "paths.jsonl"))
    for row, verdict in zip(rows, ("valid", "invalid", "valid")):
        marks.put(row, verdict)
    rows[2]["response"] = "this is even, but another reply"
    bench.write_rows("paths.jsonl", rows)
    words = ("judge", "paths.jsonl", "--judge", "scripted:even.toml", "--against", "paths.jsonl.marks.jsonl")
    done = bench.run(*words, "-o", "judged.jsonl", "--summary", "table.json")
    assert done.code == 0, done.err
    told = bench.json("table.json")["judges"]["scripted:even.toml"]
    assert (told["paths"], told["precision"], told["caught"]) == (2, 1 / 2, 0)


def test_scores_decide_by_threshold_and_rank_the_paths_of_a_question(bench):
    bench.write("scorer.toml", SCORER)
    rows = [
        {**path(n, f"This gives {score} in {'many ' * n}words"), "id": "q"} for n, score in enumerate((6, 9, 8, 10))
    ]
    bench.write_rows("paths.jsonl", [{**row, "judge_score": 3} for row in rows])
    words = ("judge", "paths.jsonl", "--judge", "scripted:scorer.toml", "--rubric", "score", "-o", "judged.jsonl")
    assert bench.run(*words, "--threshold", "9").code == 0
    judged = bench.rows("judged.jsonl")
    assert [(row["judge_score"], row["verdict"]) for row in judged] == [
        (6.0, "invalid"), (9.0, "valid"), (8.0, "invalid"), (10.0, "valid"),
    ]  # fmt: skip
    assert judged[0]["verdicts"][0]["score"] == 6
    changed = bench.run(*words)
    assert (changed.code, "--threshold 9 -> (not set)" in changed.err) == (2, True)
    kept = bench.run("filter", "judged.jsonl", "--top-k", "1", "-o", "-")
    assert [row["path_id"] for row in kept.rows()] == ["p3"], "the best score, though it is the longest"
    assert bench.run(*words[:6], "sound", "--threshold", "9").code == 2


def test_every_step_is_marked_and_the_first_faulty_one_told(bench):
    bench.write("marker.toml", MARKER)
    bench.write_rows("paths.jsonl", [path(1, "It rains.\nSo it is dry.")])
    done = bench.run("judge", "paths.jsonl", "--judge", "scripted:marker.toml", "--rubric", "steps")
    assert done.code == 0, done.err
    verdict = done.rows()[0]["verdicts"][0]
    assert (verdict["verdict"], verdict["steps"], verdict["first_faulty_step"]) == ("invalid", ["valid", "invalid"], 2)


@pytest.fixture
def judged(tmp_path):
    """Runs judge on 8 paths, with 3 canaries at hand: its exit code, what it said, and what the server was asked."""
    known = [path(n, f"This canary {n} says why.", path_id=f"c{n}", verdict="valid") for n in range(3)]
    for name, rows in (("paths.jsonl", paths(8)), ("known.jsonl", known)):
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def run(served, *words, killed_at=None):
        before = len(served.calls()) if served.file.exists() else 0
        own = ("judge", "paths.jsonl", "--judge", "openai/m", "--api-base", served.url, "-o", "judged.jsonl")
        started = Run(tmp_path, *own, "--concurrency", "1", *words)
        if killed_at is not None:
            while not started.has_ended and len(served.calls()) < killed_at:
                time.sleep(0.01)
            started.kill()
        return started.code(), started.said, served.calls()[before:]

    return run


def test_a_judge_that_drifts_stops_the_run_and_it_goes_on_when_the_judge_is_itself_again(judged, tmp_path):
    # 3 canaries and 4 paths, then the model behind the name is another, for the canaries of this run and of the next.
    other = {"do": "verdict", "verdict": "invalid", "calls": list(range(8, 14))}
    with ledger.serving(tmp_path / "calls.jsonl", rules=[other, {"do": "verdict"}]) as served:
        canaries = (served, "--canaries", "known.jsonl")
        code, said, calls = judged(*canaries)
        assert (code, len(calls)) == (7, 3 + 4 + 3), said
        assert "canaries at the start: openai/m 3 of 3 right" in said
        assert "has drifted: 0% of the canaries right at the middle, 100% at first. 4 paths" in said
        assert len(records_by(tmp_path / "judged.jsonl", "path_id")) == 4
        code, said, calls = judged(*canaries)
        assert (code, len(calls)) == (7, 3), "it is still measured by the very first check"
        code, said, calls = judged(*canaries)
        assert (code, len(calls)) == (0, 3 + 4 + 3), said
        assert len(records_by(tmp_path / "judged.jsonl", "path_id")) == 8
        assert judged(*canaries)[::2] == (0, []), "a finished run asks nothing"


def test_a_judge_that_drifts_at_the_end_is_checked_again_until_it_is_itself_again(judged, tmp_path):
    # 3 canaries and 4 paths, twice; then the model behind the name is another, for the last check and the next run.
    other = {"do": "verdict", "verdict": "invalid", "calls": list(range(15, 21))}
    with ledger.serving(tmp_path / "calls.jsonl", rules=[other, {"do": "verdict"}]) as served:
        canaries = (served, "--canaries", "known.jsonl")
        code, said, calls = judged(*canaries)
        assert (code, len(calls)) == (7, 17), said
        assert "right at the end, 100% at first. 4 paths" in said
        code, said, calls = judged(*canaries)
        assert (code, len(calls)) == (7, 3), "all paths are judged, but not to be trusted"
        assert "Paths that were judged since it passed a check are not to be trusted" in said
        code, said, calls = judged(*canaries)
        assert (code, len(calls)) == (0, 3), said
        assert judged(*canaries)[::2] == (0, [])


def test_a_run_that_was_killed_before_its_last_check_makes_it_up(judged, tmp_path):
    hang = {"do": "hang", "calls": [15]}
    with ledger.serving(tmp_path / "calls.jsonl", rules=[hang, {"do": "verdict"}]) as served:
        canaries = (served, "--canaries", "known.jsonl")
        code, said, calls = judged(*canaries, killed_at=15)
        assert len(records_by(tmp_path / "judged.jsonl", "path_id")) == 8
        code, said, calls = judged(*canaries)
        assert (code, len(calls)) == (0, 3), said
        assert "canaries at the end: openai/m 3 of 3 right" in said


@pytest.mark.parametrize("part", [("--limit", "2"), ("--shard", "2/2")])
def test_the_middle_is_that_of_the_rows_that_are_judged(judged, tmp_path, part):
    with ledger.serving(tmp_path / "calls.jsonl", rules=[{"do": "verdict"}]) as served:
        code, said, calls = judged(served, "--canaries", "known.jsonl", *part)
    assert code == 0, said
    number = len(records_by(tmp_path / "judged.jsonl", "path_id"))
    assert 2 <= number < 8
    assert f"judge: {number}/{number} in" in said
    asked = ["canary" if "canary" in call["body"]["messages"][-1]["content"] else "path" for call in calls]
    check, half, rest = ["canary"] * 3, ["path"] * -(-number // 2), ["path"] * (number // 2)
    assert asked == check + half + check + rest + check


def test_a_provider_that_holds_to_a_schema_is_sent_it_and_must_still_know_the_nonce(judged, tmp_path):
    with ledger.serving(tmp_path / "calls.jsonl", rules=[{"do": "verdict"}]) as served:
        code, said, calls = judged(served, "--schema", "always")
    assert code == 0, said
    sent = [call["body"]["response_format"]["json_schema"] for call in calls]
    assert all(schema["strict"] for schema in sent)
    assert len({schema["schema"]["properties"]["nonce"]["enum"][0] for schema in sent}) == 8
    assert {row["verdict"] for row in records_by(tmp_path / "judged.jsonl", "path_id").values()} == {"valid"}


@pytest.mark.parametrize(
    ("model", "api_base", "held"),
    [
        ("openai/gpt-4o-mini", None, True), ("gpt-4o-mini", None, True), ("openai/gpt-4o", "http://here/v1", False),
        ("openai/gpt-3.5-turbo-instruct", None, False), ("hosted_vllm/x", None, False), ("hf:gpt-4o-mini", None, False),
        ("embedded:smollm2-135m", None, False), ("nobody/knows", None, False),
    ],
)  # fmt: skip
def test_only_providers_that_are_known_to_hold_to_schemas_are_trusted_with_one(monkeypatch, model, api_base, held):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_BASE", raising=False)
    assert schemas.is_held(model, api_base) is held
