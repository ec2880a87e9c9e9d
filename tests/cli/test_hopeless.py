"""A model that cannot be reached, or refuses every row alike, ends any command early, with exit 6 and its reason."""

import json

import pytest

from tests.kit import ledger

QUESTIONS = [{"id": f"q{n}", "task": "text", "question": f"Word {n}?"} for n in range(40)]
PATHS = [{**row, "path_id": row["id"], "response": "Since it is so."} for row in QUESTIONS]
COMMANDS = {
    "generate": ("generate", "--teacher", "openai/m", "--styles", "cot"),
    "judge": ("judge", "--judge", "openai/m"),
    "a panel": ("judge", "--judge", "openai/m", "--judge", "openai/n"),
    "eval": ("eval", "--model", "openai/m"),
}


def asked(bench, name, base, *more):
    rows = PATHS if "judge" in COMMANDS[name] else QUESTIONS
    bench.write_rows("input.jsonl", rows)
    command, *words = COMMANDS[name]
    few = ("--concurrency", "4", "--api-base", base, "-o", "output.jsonl")
    return bench.run(command, "input.jsonl", *words, *few, *more, OPENAI_API_KEY="sk-test")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_server_that_is_not_there_ends_a_command_with_its_address(bench, name):
    done = asked(bench, name, "http://127.0.0.1:9/v1", "--retries", "8")
    assert done.code == 6
    assert "no server was reached at http://127.0.0.1:9/v1" in done.err


@pytest.mark.parametrize("name", COMMANDS)
def test_rows_that_are_all_refused_alike_end_a_command_and_the_same_one_goes_on(bench, tmp_path, name):
    for_all = {"do": "status", "status": 422, "message": "not with us"}
    mended = {"do": "verdict"} if "judge" in COMMANDS[name] else {"do": "text", "text": "So."}
    rules = [for_all]
    with ledger.serving(tmp_path / "calls.jsonl", rules=rules) as served:
        done = asked(bench, name, served.url)
        num_models = len([word for word in COMMANDS[name] if word.startswith("openai/")])
        assert len(served.calls()) <= num_models * 12
        assert done.code == 6
        assert "422: not with us" in done.err
        rules[:] = [mended]
        assert asked(bench, name, served.url).code == 0
    assert len(bench.rows("output.jsonl")) == len(QUESTIONS)


def test_one_judge_of_a_panel_that_refuses_all_ends_the_run_and_the_other_ones_verdicts_are_kept(bench, tmp_path):
    rules = [{"do": "status", "status": 400, "contains": '"model":"n"'}, {"do": "verdict"}]
    with ledger.serving(tmp_path / "calls.jsonl", rules=rules) as served:
        done = asked(bench, "a panel", served.url)
    assert done.code == 6
    assert "openai/n: refuses all requests alike" in done.err
    votes = [json.loads(line) for line in (bench.folder / "output.jsonl.votes.jsonl").read_text().splitlines()]
    assert {vote["verdict"]["judge"] for vote in votes} == {"openai/m"}
