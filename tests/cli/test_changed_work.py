"""An output goes on only with the work that it was begun with; the message names what changed."""

import json

import pytest

from tests.kit import ledger
from tests.kit.harness import Run, records_by

QUESTIONS = [{"id": f"q{n}", "task": "math", "question": f"What is {n} and 1?", "answer": "1"} for n in range(6)]
PATHS = [{**row, "path_id": row["id"], "response": f"So {row['id']}.", "correct": True} for row in QUESTIONS]
STYLE = 'id = "mine"\nversion = 1\ninstruction = "Reason aloud."\n'
RUBRIC = 'id = "strict"\nversion = 1\ninstruction = "Is each step sound?"\n'
COMMANDS = {
    "generate": (QUESTIONS, ("--teacher", "openai/m", "--styles", "cot", "--style-file", "mine.toml")),
    "judge": (PATHS, ("--judge", "openai/m", "--rubric", "strict.toml")),
    "eval": (QUESTIONS, ("--model", "openai/m")),
}
NUM_CALLS = {"generate": 12, "judge": 6, "eval": 6}
SAMPLING = [
    (("--temperature", "0.1"), "--temperature"),
    (("--top-p", "0.5"), "--top-p"),
    (("--max-tokens", "77"), "--max-tokens"),
    (("--seed", "5"), "--seed 0 -> 5"),
    (("--api-base", "http://127.0.0.1:9/v1"), "--api-base"),
]
OTHER_OPTIONS = {
    "generate": [(("--teacher", "openai/n"), "--teacher openai/m -> openai/n")],
    "judge": [
        (("--judge", "openai/n"), "--judge openai/m -> openai/n"),
        (("--judge", "openai/m", "--judge", "openai/n"), "--judge openai/m -> openai/m,openai/n"),
        (("--rubric", "brief"), "--rubric strict.toml -> brief"),
        (("--votes", "3"), "--votes 1 -> 3"),
        (("--all",), "--all False -> True"),
    ],
    "eval": [],
}
OTHER_FILES = {
    "generate": [
        ("mine.toml", "aloud", "in silence", ", style mine"),
        ("input.jsonl", "What is 0", "Which is 0", "the prompt of q0"),
        ("input.jsonl", '"answer": "1"', '"answer": "2"', "the gold answer of q"),
    ],
    "judge": [
        ("strict.toml", "each", "every", "the text of the rubric strict.toml"),
        ("input.jsonl", "So q0", "Or q0", "the reply or the gold answer of q"),
        ("input.jsonl", '"answer": "1"', '"answer": "2"', "the reply or the gold answer of q"),
    ],
    "eval": [
        ("input.jsonl", "What is 0", "Which is 0", "the prompt of q0"),
        ("input.jsonl", '"answer": "1"', '"answer": "2"', "the gold answer of q"),
    ],
}


@pytest.fixture
def served(tmp_path):
    (tmp_path / "mine.toml").write_text(STYLE)
    (tmp_path / "strict.toml").write_text(RUBRIC)
    rules = [{"do": "verdict", "contains": "WORD"}]
    with ledger.serving(tmp_path / "calls.jsonl", rules=rules) as served:
        yield served


def write_input(folder, rows):
    (folder / "input.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def run(folder, served, command, *more):
    """The command on the input; options in `more` take the place of the usual ones."""
    usual = ("--api-base", served.url, *COMMANDS[command][1])
    pairs = [pair for pair in zip(usual[::2], usual[1::2]) if pair[0] not in more]
    return Run(folder, command, "input.jsonl", "-o", "output.jsonl", *(word for pair in pairs for word in pair), *more)


@pytest.mark.parametrize("command", COMMANDS)
def test_rows_made_otherwise_are_refused_and_the_change_is_named(command, tmp_path, served):
    rows = COMMANDS[command][0]
    write_input(tmp_path, rows)
    assert run(tmp_path, served, command, "--limit", "3").code() == 0
    before, num_calls = (tmp_path / "output.jsonl").read_bytes(), len(served.calls())

    def check(named, *more):
        again = run(tmp_path, served, command, *more)
        last = again.code(), again.said.splitlines()[-1]
        assert last[0] == 2, (named, last)
        assert named in last[1]

    for more, named in (*SAMPLING, *OTHER_OPTIONS[command]):
        check(named, *more)
    for name, old, new, named in OTHER_FILES[command]:
        text = (tmp_path / name).read_text("utf-8")
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new), "utf-8")
        check(named)
        (tmp_path / name).write_text(text, "utf-8")
    assert (tmp_path / "output.jsonl").read_bytes() == before
    assert len(served.calls()) == num_calls


@pytest.mark.parametrize("command", COMMANDS)
def test_an_endpoint_that_a_variable_names_is_part_of_the_work(command, bench, served):
    rows, more = COMMANDS[command]
    bench.write_rows("input.jsonl", rows)
    words = (command, "input.jsonl", "-o", "output.jsonl", *more)
    assert bench.run(*words, "--limit", "3", OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=served.url).code == 0
    moved = bench.run(*words, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert moved.code == 2, moved.err
    assert "made otherwise" in moved.err
    assert bench.run(*words, "--api-base", served.url, OPENAI_API_KEY="sk-test").code == 0
    assert len(served.calls()) == NUM_CALLS[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_more_input_in_another_order_repeats_no_call_and_a_finished_run_makes_none(command, tmp_path, served):
    rows = COMMANDS[command][0]
    write_input(tmp_path, rows[:3])
    assert run(tmp_path, served, command).code() == 0
    write_input(tmp_path, rows[::-1])
    assert run(tmp_path, served, command).code() == 0
    assert len(served.calls()) == NUM_CALLS[command]
    before = (tmp_path / "output.jsonl").read_bytes()
    assert run(tmp_path, served, command).code() == 0
    assert (tmp_path / "output.jsonl").read_bytes() == before
    assert len(served.calls()) == NUM_CALLS[command]


def test_a_killed_run_can_tell_what_changed_since(tmp_path, served):
    write_input(tmp_path, QUESTIONS)
    words = ("generate", "input.jsonl", "-o", "output.jsonl", "--teacher", "openai/m", "--api-base", served.url)
    assert Run(tmp_path, *words, dies_at=("write", "after", 4)).code() == -9
    again = Run(tmp_path, *words, "--temperature", "0.2")
    assert again.code() == 2
    assert "--temperature 0.7 -> 0.2" in again.said


def test_predictions_of_another_model_stay_and_are_not_taken_for_the_new_one(tmp_path, served):
    write_input(tmp_path, QUESTIONS)
    assert run(tmp_path, served, "eval").code() == 0
    other = run(tmp_path, served, "eval", "--model", "openai/n")
    assert other.code() == 0
    assert "predictions of openai/m stay as they are" in other.said
    assert len(served.calls()) == 12
    assert len(records_by(tmp_path / "output.jsonl", "model", "id", "sample")) == 12
