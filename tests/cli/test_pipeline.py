import json

from qrd.rows import records
from tests.kit import ledger

GENERATE = ("generate", "questions.jsonl", "--teacher", "scripted:teacher.toml")
SERVED = {"OPENAI_API_KEY": "sk-test"}


def test_the_records_of_a_bash_pipeline_follow_the_contract(bench):
    found = bench.shell(
        "qrd generate questions.jsonl --teacher scripted:teacher.toml | tee paths.jsonl"
        " | qrd judge --judge scripted:judge.toml | tee judged.jsonl"
        " | qrd filter --rejects rejects.jsonl --summary summary.json"
    )
    assert found.code == 0, found.err
    paths, judged, rejects, kept = (
        bench.rows("paths.jsonl"), bench.rows("judged.jsonl"), bench.rows("rejects.jsonl"), found.rows()
    )  # fmt: skip
    for row in [*paths, *judged, *rejects, *kept]:
        records.checked(row, records.Path, file="-", line=1)
    assert len({row["path_id"] for row in paths}) == len(paths) == 12
    assert {row["path_id"] for row in judged} == {row["path_id"] for row in paths}
    assert len(judged) == 12
    assert len(kept) + len(rejects) == 12
    assert {row["style"] for row in kept} == {"cot"}
    assert all(row["verdict"] == "valid" and row["verdicts"][0]["reason"] == "every step follows" for row in kept)
    assert kept[0]["colour"] == "blau", "unknown fields are kept"
    reasons = {row["style"]: row["reject_reason"] for row in rejects}
    assert reasons["backward"] == "truncated"
    assert set(reasons.values()) <= {"truncated", "invalid", "no_answer"}
    assert bench.json("summary.json")["paths"]["kept"] == len(kept)
    assert bench.json("summary.json")["questions_by_kept_paths"] == {"1": 2}


def test_a_wrong_or_cut_path_is_not_shown_to_a_judge(bench):
    bench.run(*GENERATE, "-o", "paths.jsonl")
    judged = bench.run("judge", "paths.jsonl", "--judge", "scripted:judge.toml").rows()
    for row in judged:
        is_fit = row["correct"] and row["finish_reason"] == "stop"
        assert (row["verdict"] is not None) == bool(is_fit)
        assert (len(row["verdicts"]) == 1) == bool(is_fit)


def test_what_an_earlier_judge_said_and_cost_is_gone_where_a_path_is_not_judged_again(bench):
    earlier = {"verdict": "valid", "judge_score": 9.0, "judge_usage": [{"cost_usd": 5.0}]}
    path = {"id": "a", "path_id": "a", "task": "math", "question": "2+3?", "answer": "5", "response": "Step 1. So 6."}
    bench.write_rows("paths.jsonl", [{**path, "prediction": "6", "correct": False, **earlier}])
    words = ("judge", "paths.jsonl", "--judge", "scripted:judge.toml", "-o", "judged.jsonl")
    for _ in range(2):
        assert bench.run(*words).code == 0
        assert bench.json("judged.jsonl.manifest.json")["cost_usd"] is None
    (row,) = bench.rows("judged.jsonl")
    assert row["verdict"] is None
    assert not {"judge_score", "judge_usage"} & row.keys()


def test_a_finished_run_asks_nothing_and_leaves_its_file_as_it_is(bench):
    with ledger.serving(bench.folder / "calls.jsonl") as served:
        words = ("generate", "questions.jsonl", "--teacher", "openai/m", "--api-base", served.url, "-o", "paths.jsonl")
        assert bench.run(*words, **SERVED).code == 0
        before = (bench.folder / "paths.jsonl").read_bytes()
        assert bench.run(*words, **SERVED).code == 0
        assert len(served.calls()) == len(before.splitlines()) == 12
    assert (bench.folder / "paths.jsonl").read_bytes() == before


def test_a_run_goes_on_where_it_was_cut(bench):
    bench.run(*GENERATE, "-o", "whole.jsonl")
    whole = (bench.folder / "whole.jsonl").read_bytes()
    (bench.folder / "paths.jsonl").write_bytes(whole[: len(whole) // 2])
    assert bench.run(*GENERATE, "-o", "paths.jsonl").code == 0
    key = lambda row: row["path_id"]  # noqa: E731
    assert sorted(bench.rows("paths.jsonl"), key=key) == sorted(bench.rows("whole.jsonl"), key=key)


def test_rows_of_other_settings_are_never_mixed_and_the_message_names_what_changed(bench):
    bench.run(*GENERATE, "-o", "paths.jsonl")
    before = (bench.folder / "paths.jsonl").read_bytes()
    warm = bench.run(*GENERATE, "-o", "paths.jsonl", "--temperature", "1.5")
    assert warm.code == 2
    assert "--temperature 0.7 -> 1.5" in warm.err
    bench.write_rows("questions.jsonl", [{"id": "a", "task": "math", "question": "2+3?", "answer": "6"}])
    regold = bench.run(*GENERATE, "-o", "paths.jsonl")
    assert regold.code == 2
    assert "the gold answer of a" in regold.err
    assert (bench.folder / "paths.jsonl").read_bytes() == before


def test_no_resume_sets_the_old_file_aside(bench):
    bench.run(*GENERATE, "-o", "paths.jsonl")
    before = (bench.folder / "paths.jsonl").read_bytes()
    assert bench.run(*GENERATE, "-o", "paths.jsonl", "--temperature", "1.5", "--no-resume").code == 0
    assert (bench.folder / "paths.jsonl.old-1").read_bytes() == before
    assert len(bench.rows("paths.jsonl")) == 12


def test_failed_requests_are_listed_and_tried_again(bench):
    refusal = {"do": "status", "status": 400, "message": "no answer today", "contains": "4+1", "attempts": [1]}
    with ledger.serving(bench.folder / "calls.jsonl", rules=[refusal]) as served:
        words = ("generate", "questions.jsonl", "--styles", "cot,facts", "-o", "paths.jsonl", "--teacher", "openai/m")
        assert bench.run(*words, "--api-base", served.url, **SERVED).code == 3
        failed = bench.rows("paths.jsonl.failed.jsonl")
        assert sorted((row["id"], row["style"]) for row in failed) == [("b", "cot"), ("b", "facts")]
        assert all("no answer today" in row["error"] for row in failed)
        assert bench.run(*words, "--api-base", served.url, **SERVED).code == 0
        assert len(served.calls()) == 4 + 2
    assert len(bench.rows("paths.jsonl")) == 4
    assert not (bench.folder / "paths.jsonl.failed.jsonl").exists()


def test_manifests_chain_inputs_to_outputs(bench):
    bench.run(*GENERATE, "-o", "paths.jsonl")
    bench.run("judge", "paths.jsonl", "--judge", "scripted:judge.toml", "-o", "judged.jsonl")
    bench.run("filter", "judged.jsonl", "-o", "kept.jsonl")
    first, second, third = (bench.json(f"{name}.jsonl.manifest.json") for name in ("paths", "judged", "kept"))
    assert second["inputs"][0]["sha256"] == first["output"]["sha256"]
    assert second["inputs"][0]["manifest_sha256"] is not None
    assert third["rows_in"] == third["rows_out"] + sum(third["reasons"].values()) == 12


def test_a_reader_that_leaves_ends_a_producer_quietly(bench):
    found = bench.shell("qrd generate questions.jsonl --teacher scripted:teacher.toml --samples 300 | head -n 1")
    assert found.code == 0
    assert json.loads(found.out)["id"] == "a"
    assert "Traceback" not in found.err
    assert "fault" not in found.err


def test_a_reader_that_leaves_before_the_first_row_ends_filter_quietly_too(bench):
    bench.run(*GENERATE, "-o", "paths.jsonl")
    found = bench.shell("qrd filter paths.jsonl --quiet | (exec 0<&-; sleep 3)")
    assert (found.code, found.out, found.err) == (0, "", "")


def test_bad_rows_are_all_named_before_anything_is_asked(bench):
    rows = [
        '{"id": "a", "task": "math", "question": "2+3?", "answer": "5"}',
        '{"id": "b", "task": "math", "answer": "5"}',
        '{"id": "c", "task": "math", "question": 7}',
        '{"id": "a", "task": "math", "question": "again"}',
        "not json",
    ]
    bench.write("bad.jsonl", "\n".join(rows))
    found = bench.run("generate", "bad.jsonl", "--teacher", "scripted:teacher.toml", "-o", "paths.jsonl")
    assert found.code == 4
    assert "bad.jsonl:2:question: found nothing" in found.err
    assert "bad.jsonl:3:question: found int, expected str" in found.err
    assert "bad.jsonl:4:id: found 'a' again, first used at bad.jsonl:1" in found.err
    assert "bad.jsonl:5: not JSON" in found.err
    assert not (bench.folder / "paths.jsonl").exists()
    words = ("generate", "bad.jsonl", "--teacher", "scripted:teacher.toml", "--skip-bad")
    skipped = bench.run(*words)
    assert skipped.code == 3
    assert {row["id"] for row in skipped.rows()} == {"a"}


def test_shards_are_disjoint_and_complete(bench):
    bench.write_rows("many.jsonl", [{"id": str(n), "task": "math", "question": "1+1?"} for n in range(40)])
    words = ("generate", "many.jsonl", "--teacher", "scripted:teacher.toml", "--styles", "cot", "--shard")
    parts = [{row["id"] for row in bench.run(*words, f"{part}/3").rows()} for part in (1, 2, 3)]
    assert set.union(*parts) == {str(n) for n in range(40)}
    assert sum(len(part) for part in parts) == 40


def test_too_many_unreadable_verdicts_and_too_few_paths_fail_the_gate(bench):
    bench.run(*GENERATE, "-o", "paths.jsonl")
    bench.write("mumble.toml", '[[rule]]\nreply = "It is VALID, I would say: verdict valid"\n')
    judged = bench.run("judge", "paths.jsonl", "--judge", "scripted:mumble.toml", "-o", "judged.jsonl")
    assert judged.code == 7
    assert all(row["verdict"] in (None, "unscored") for row in bench.rows("judged.jsonl"))
    filtered = bench.run("filter", "judged.jsonl", "-o", "kept.jsonl")
    assert filtered.code == 7
    assert bench.rows("kept.jsonl") == []


def test_a_panel_needs_a_strict_majority_of_the_votes_asked_for(bench):
    bench.run(*GENERATE, "--styles", "cot", "-o", "paths.jsonl")
    bench.write(
        "never.toml", '[[rule]]\nregex = "verdict ([0-9a-f]+): WORD"\nreply = "verdict \\\\1: invalid\\nreason: no"\n'
    )
    bench.write("mute.toml", '[[rule]]\nreply = "hm"\n')

    def verdicts(*judges):
        words = [word for judge in judges for word in ("--judge", f"scripted:{judge}.toml")]
        rows = bench.run("judge", "paths.jsonl", *words, "--max-unscored", "1").rows()
        assert all(len(row["verdicts"]) == len(judges) for row in rows)
        return {row["verdict"] for row in rows}

    assert verdicts("judge", "never") == {"unscored"}
    assert verdicts("judge", "mute") == {"unscored"}
    assert verdicts("never", "judge", "mute") == {"unscored"}


def test_eval_scores_models_and_goes_on_where_it_stopped(bench):
    words = ("eval", "questions.jsonl", "--model", "openai/m", "-o", "predictions.jsonl", "--samples", "3")
    rule = {"do": "text", "text": "Final answer: 5", "contains": "2+3"}
    with ledger.serving(bench.folder / "calls.jsonl", rules=[rule]) as served:
        asked = (*words, "--api-base", served.url)
        assert bench.run(*asked, "--summary", "summary.json", **SERVED).code == 0
        before = (bench.folder / "predictions.jsonl").read_bytes()
        assert bench.run(*asked, **SERVED).code == 0
        assert len(served.calls()) == 6
    assert (bench.folder / "predictions.jsonl").read_bytes() == before
    rows = bench.rows("predictions.jsonl")
    for row in rows:
        records.checked(row, records.Prediction, file="-", line=1)
    scores = bench.json("summary.json")["models"]["openai/m"]
    assert scores["rows"] == len(rows) == 6
    assert scores["right"] == sum(row["correct"] for row in rows) == 3
    assert scores["interval"][0] <= scores["accuracy"] <= scores["interval"][1]


def test_a_dry_run_counts_and_asks_nothing(bench):
    bench.write("teacher.toml", '[[rule]]\nerror = "asked"\n')
    found = bench.run(*GENERATE, "--samples", "2", "--dry-run", "-o", "paths.jsonl")
    assert found.code == 0
    assert "24" in found.err
    assert not (bench.folder / "paths.jsonl").exists()


def test_samples_are_draws_of_their_own_and_equal_texts_are_kept(bench):
    bench.write("same.toml", '[[rule]]\nreply = "Final answer: 5"\n')
    words = ("generate", "questions.jsonl", "--styles", "cot", "--samples", "3", "--teacher", "scripted:same.toml")
    rows = bench.run(*words).rows()
    assert sorted((row["id"], row["sample"]) for row in rows) == [(id, n) for id in "ab" for n in range(3)]
    assert len({row["path_id"] for row in rows}) == len({row["request_hash"] for row in rows}) == 6
    assert {row["response"] for row in rows} == {"Final answer: 5"}
