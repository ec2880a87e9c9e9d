"""The paper's baselines in the same loop: one path per question, and rationale and answer as two targets."""

import json

import pytest
from safetensors.torch import load_file
from tiny_models import path_rows, read_rows
from transformers import AutoTokenizer

from qrd.errors import ConfigError
from qrd.stages.train import run as train
from qrd.training.batches import Encoded, Example
from qrd.training.objective import Window
from qrd.training.objectives.step_by_step import StepByStep, answer_start
from qrd.training.paths import one_per_question


def example(path_id, question):
    return Example(path_id, question, "cot", "x", (Encoded((1, 2), 1, ()),))


def test_one_path_of_each_question_is_trained_on_and_the_others_are_spare(settings, console, tmp_path):
    summary = train.run(settings(paths_per_question="one", objective="sft", max_steps=None), console)
    assert (summary.num_in, summary.num_out, summary.num_spare, summary.is_partial) == (16, 8, 8, False)
    trained = [line["id"] for line in read_rows(tmp_path / "run" / "routing.jsonl") if line["epoch"] == 0]
    assert sorted(trained) == sorted({row["id"] for row in path_rows()})
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["reasons"] == {"spare": 8}


def test_the_choice_of_a_path_depends_on_the_seed_and_not_on_the_order():
    paths = [example(f"q{q}-{p}", f"q{q}") for q in range(40) for p in range(6)]
    chosen = {e.path_id for e in one_per_question(paths, seed=0)}
    assert len(chosen) == 40
    assert {e.path_id for e in one_per_question(paths[::-1], seed=0)} == chosen
    assert {e.path_id for e in one_per_question(paths, seed=1)} != chosen
    assert len({path_id[-1] for path_id in chosen}) == 6


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("3 + 4 = 7\nFinal answer: 7", "Final answer: 7"),
        ("One.\nTwo.\n\nFinal answer: B \n\n", "Final answer: B \n\n"),
        (" We add. The answer is 7.", "The answer is 7."),
        ("Dr. No said 3.5 is it", "No said 3.5 is it"),
        ("7", "7"),
        ("  seven ", "  seven "),
    ],
)
def test_the_answer_is_the_last_line_or_the_last_sentence(response, answer):
    assert response[answer_start(response) :] == answer


def test_the_word_that_begins_the_answer_belongs_to_it_with_the_space_before_it():
    encoded = Encoded(tuple(range(9)), 2, ((0, 2), (2, 6), (6, 7), (7, 11), (11, 13), (13, 14)))
    window = Window(0, 0, 0.0, (0,), (Example("p", "q", "cot", "We add. It is 7", (encoded,)),))
    assert StepByStep(["s"], 1.0).open(window).cuts == [[3]]


def losses(tmp_path, settings, console, **options):
    output = tmp_path / "-".join(map(str, options.values()))
    train.run(settings(output=str(output), objective="step-by-step", learning_rate=1e-3, **options), console)
    return read_rows(output / "metrics.jsonl"), load_file(output / "students" / "a" / "adapter_model.safetensors")


def test_rationale_and_answer_add_up_with_their_weights(settings, console, tmp_path):
    lines, _ = losses(tmp_path, settings, console, rationale_weight=0.25)
    for terms in (line["terms"] for line in lines):
        for name in ("a", "b"):
            expected = terms[f"answer/{name}"] + 0.25 * terms[f"rationale/{name}"]
            assert terms[f"distill/{name}"] == pytest.approx(expected)
            assert min(terms[f"answer/{name}"], terms[f"rationale/{name}"]) > 0


def test_both_losses_are_those_of_plain_fine_tuning_split_by_tokens(settings, console, tiny, tmp_path):
    response = "We add them up.\nFinal answer: 7"
    rows = [{**row, "response": response} for row in path_rows()]
    terms = {}
    for objective in ("sft", "step-by-step"):
        train.run(settings(rows, output=str(tmp_path / objective), objective=objective, max_steps=1), console)
        [line] = read_rows(tmp_path / objective / "metrics.jsonl")
        terms[objective] = line["terms"]
    for name, folder in (("a", tiny.llama), ("b", tiny.gemma)):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        spans = tokenizer(response, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        rationale = sum(start < response.index("Final") for start, _ in spans)
        answer = len(spans) + 1 - rationale
        split = terms["step-by-step"]
        total = rationale * split[f"rationale/{name}"] + answer * split[f"answer/{name}"]
        assert terms["sft"][f"distill/{name}"] == pytest.approx(total / (rationale + answer), rel=1e-5)


def test_a_weight_of_zero_trains_on_answers_alone(settings, console, tmp_path):
    lines, zero = losses(tmp_path, settings, console, rationale_weight=0.0)
    _, one = losses(tmp_path, settings, console, rationale_weight=1.0)
    assert lines[0]["loss"] == pytest.approx(sum(lines[0]["terms"][f"answer/{name}"] for name in "ab"))
    assert any(not (zero[key] == one[key]).all() for key in zero)


def test_losses_do_not_depend_on_how_a_window_is_cut(settings, console, tmp_path):
    whole, _ = losses(tmp_path, settings, console, micro_batch_tokens=5000)
    cut, _ = losses(tmp_path, settings, console, micro_batch_tokens=1)
    for line, other in zip(whole, cut, strict=True):
        assert line["terms"] == pytest.approx(other["terms"], abs=1e-5)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"rationale_weight": 1.0}, "--rationale-weight with --objective qr-distill"),
        ({"objective": "step-by-step", "lambda_mutual": 0.1}, "--objective step-by-step: the baseline"),
        ({"objective": "step-by-step", "freeze": ["a"]}, "--freeze"),
        ({"objective": "step-by-step", "route_by": "gain"}, "there is no router"),
    ],
)
def test_options_that_a_baseline_cannot_honour_are_refused(settings, console, options, named):
    with pytest.raises(ConfigError, match=named):
        train.run(settings(**options), console)
