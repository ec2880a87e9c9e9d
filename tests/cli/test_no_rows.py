"""An input without a row is told of in one line, with exit 4, by every command that reads rows."""

import pytest

PATH = {
    "id": "a", "task": "math", "question": "2+3?", "answer": "5", "path_id": "p", "request_hash": "h", "teacher": "t",
    "style": "cot", "sample": 0, "prompt": [{"role": "user", "content": "2+3?"}], "response": "\\boxed{5}",
    "finish_reason": "stop", "prediction": "5", "correct": True,
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost_usd": None},
}  # fmt: skip
COMMANDS = (
    "generate none.jsonl --teacher scripted:teacher.toml -o out",
    "generate none.jsonl --teacher scripted:teacher.toml --dry-run",
    "judge none.jsonl --judge scripted:judge.toml -o out",
    "filter none.jsonl -o out",
    "filter paths.jsonl --decontaminate none.jsonl -o out",
    "train none.jsonl --student hf:nowhere --device cpu -o out",
    "eval none.jsonl --model scripted:teacher.toml -o out",
    "eval --compare none.jsonl",
    "eval none.jsonl --export lm-eval --model hf:nowhere -o out",
    "data import plain none.jsonl -o out",
    "data paths none.jsonl --questions questions.jsonl -o out",
    "data export none.jsonl --for trl -o out",
    "report none.jsonl -o out",
)


@pytest.mark.parametrize("text", ["", "\n \n"], ids=["empty", "blank"])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_input_without_a_row_is_refused_in_one_line(command, text, bench):
    bench.write("none.jsonl", text)
    bench.write_rows("paths.jsonl", [PATH])
    done = bench.run(*command.split())
    assert done.code == 4, done.err
    assert done.out == ""
    assert done.err.count("\n") == 1, done.err
    assert done.err.startswith("qrd: ")
    assert "no row" in done.err


@pytest.mark.parametrize(
    "command", ["generate --teacher scripted:teacher.toml", "judge --judge scripted:judge.toml", "filter"]
)
def test_a_pipe_that_brings_nothing_is_refused_too(command, bench):
    done = bench.run(*command.split())
    assert (done.code, done.out) == (4, "")
    assert done.err.splitlines()[-1] == "qrd: <stdin>: holds no row"


def test_a_shard_without_a_row_is_no_error(bench):
    bench.write_rows("questions.jsonl", [{"id": "a", "task": "math", "question": "2+3?", "answer": "5"}])
    words = ("generate", "questions.jsonl", "--teacher", "scripted:teacher.toml", "--shard")
    assert [bench.run(*words, f"{number}/2", "-o", f"{number}").code for number in (1, 2)] == [0, 0]


def test_filter_may_be_given_nothing_where_nothing_may_be_left(bench):
    assert bench.run("filter", "--min-kept", "0").code == 0


def test_canaries_that_are_none_are_told_of_with_what_would_do(bench):
    bench.write_rows("paths.jsonl", [PATH])
    words = ("judge", "paths.jsonl", "--judge", "scripted:judge.toml", "-o", "out", "--canaries")
    for given, told in (
        ("paths.jsonl", "`verdict` is valid or invalid; --canaries wrong"),
        ("wrong", "INPUT holds no"),
    ):
        done = bench.run(*words, given)
        assert done.code == 2
        assert told in done.err
