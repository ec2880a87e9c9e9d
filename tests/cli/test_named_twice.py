"""A model that is named twice is refused before anything is paid."""

import json

import pytest

from tests.kit import ledger
from tests.kit.harness import Run

QUESTION = {"id": "q", "task": "math", "question": "What is 2 and 3?", "answer": "5"}
PATH = {**QUESTION, "path_id": "p", "response": "2+3=5, so it is 5.", "correct": True}


@pytest.mark.parametrize(
    ("command", "option", "instead"),
    [("generate", "--teacher", "--samples"), ("judge", "--judge", "--votes"), ("eval", "--model", "--samples")],
)
def test_a_model_that_is_named_twice_is_refused_and_not_asked(tmp_path, command, option, instead):
    (tmp_path / "input.jsonl").write_text(json.dumps(PATH if command == "judge" else QUESTION) + "\n", "utf-8")
    with ledger.serving(tmp_path / "calls.jsonl", rules=[{"do": "verdict", "contains": "WORD"}]) as served:
        named = [word for model in ("openai/a", "openai/b", "openai/a") for word in (option, model)]
        run = Run(tmp_path, command, "input.jsonl", *named, "-o", "out.jsonl", "--api-base", served.url)
        code = run.code()
        assert (code, served.calls()) == (2, []), run.said
    assert f"{option} openai/a" in run.said
    assert instead in run.said
    assert not (tmp_path / "out.jsonl").exists()
