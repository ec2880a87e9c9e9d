"""The long part that prompts share comes first, where providers and vLLM cache it."""

import pytest

from tests.kit import ledger

TEXT = "A train leaves at noon and arrives at dusk. " * 20
QUESTION = {"id": "q", "task": "text", "question": TEXT, "context": "A table of trains. " * 20}
PATHS = [{**QUESTION, "path_id": reply, "response": f"{reply}: it is so since it is so."} for reply in ("One", "Two")]


def shared(texts):
    """The beginning that all texts have."""
    first, last = min(texts), max(texts)
    size = next((place for place, pair in enumerate(zip(first, last)) if pair[0] != pair[1]), len(first))
    return first[:size]


def sent(bench, tmp_path, rows, *words):
    bench.write_rows("input.jsonl", rows)
    with ledger.serving(tmp_path / "calls.jsonl", rules=[{"do": "verdict", "contains": "WORD"}]) as served:
        bench.run(words[0], "input.jsonl", "-o", "out.jsonl", "--api-base", served.url, *words[1:])
        return [ledger.prompt_of(call) for call in served.calls()]


def test_all_styles_of_a_question_begin_with_the_question(bench, tmp_path):
    found = sent(bench, tmp_path, [QUESTION], "generate", "--teacher", "hosted_vllm/m")
    assert len(set(found)) == 6
    assert shared(found).index(TEXT.strip()) > shared(found).index(QUESTION["context"].strip())


@pytest.mark.parametrize("rubric", ["sound", "brief"])
def test_the_rubric_and_the_question_come_before_what_differs_between_paths_and_votes(bench, tmp_path, rubric):
    found = sent(bench, tmp_path, PATHS, "judge", "--judge", "hosted_vllm/m", "--votes", "2", "--rubric", rubric)
    assert len(set(found)) == 4
    before, question, after = shared(found).partition(TEXT.strip())
    assert question
    assert len(before) > len(QUESTION["context"]) + 100
    assert len(after) < 200
