"""The ensemble by competence: every student reads every reply, and eq. 6 says who is to be trusted with it."""

from __future__ import annotations

import io
import itertools
import json
import shutil

import numpy as np
import pytest
import tiny_models
from tiny_run import QUESTIONS, evaluate

from qrd import prompts
from qrd.config import EvalConfig
from qrd.console import Console
from qrd.evaluation import by_vote, by_weight
from qrd.method.words import align, split_words
from qrd.models import chat
from qrd.rows.records import Question
from qrd.stages.eval import competence
from qrd.stages.eval.candidates import candidates_of

REPLIES = {
    "fitted": "Yes, since 3 is 2 + 1. Final answer: yes",
    "unfitted": "No. 數字 it is even, so the answer is no.",
}


def gamma_by_hand(run_folder, question, reply):
    """gamma of eq. 6 in plain numpy, over hidden states that transformers gives."""
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(run_folder / "llama")
    stored = {name: part.numpy() for name, part in load_file(run_folder / "router" / "model.safetensors").items()}
    prompt = chat.prompt_ids(tokenizer, prompts.student_messages(question))
    found = tokenizer(reply, add_special_tokens=False, return_offsets_mapping=True)
    scores = []
    for s, name in enumerate(("fitted", "unfitted")):
        base = AutoModelForCausalLM.from_pretrained(run_folder / "llama", dtype=torch.float32)
        model = PeftModel.from_pretrained(base, run_folder / "students" / name).eval()
        with torch.no_grad():
            states = model(torch.tensor([prompt + found["input_ids"]]), output_hidden_states=True).hidden_states[-1]
        states = states[0, len(prompt) :].numpy()
        groups = {}
        for token, word in align(found["offset_mapping"], split_words(reply)):
            groups.setdefault(word, []).append(states[token])
        words = np.stack([np.mean(group, axis=0) for group in groups.values()])
        shared = words @ stored[f"projections.{s}.linear.weight"].T
        shared = (shared - shared.mean(-1, keepdims=True)) / np.sqrt(shared.var(-1, keepdims=True) + 1e-5)
        scores.append(shared.mean(0) @ stored["competence.weight_SD"][s])
    return np.exp(scores) / np.exp(scores).sum()


def said(answer, model, *, logprob=-1.0):
    return {
        "task": "boolean", "model": model, "prediction": answer, "correct": answer == "yes", "response": REPLIES[model],
        "logprob": logprob, "usage": {"completion_tokens": 1},
    }  # fmt: skip


def read(run_folder, cases):
    config = EvalConfig(run=str(run_folder), baseline=False)
    learnt, students = competence.learnt(str(run_folder)), list(candidates_of(config))
    return competence.weights(learnt, students, cases, config, Console(stream=io.StringIO()))


def test_each_answer_weighs_its_students_gamma_on_its_own_reply(run_folder):
    question = Question(**QUESTIONS[3])
    (told,) = read(run_folder, [(question, 0, [said("yes", "fitted"), said("no", "unfitted")])])
    for s, name in enumerate(("fitted", "unfitted")):
        assert told[name] == pytest.approx(gamma_by_hand(run_folder, question, REPLIES[name])[s], abs=1e-5)
    assert abs(told["fitted"] - 0.5) > 0.01, "the competence of this run tells its students apart"


def test_a_weight_does_not_depend_on_what_is_read_beside_it(run_folder):
    question, members = Question(**QUESTIONS[3]), [said("yes", "fitted"), said("no", "unfitted")]
    long = [{**member, "response": "so it is " * 60} for member in members]
    (alone,), (beside, _, last) = (read(run_folder, cases) for cases in (
        [(question, 0, members)], [(question, 0, members), (question, 1, long), (question, 2, members)]
    ))  # fmt: skip
    assert beside == pytest.approx(alone, abs=1e-5)
    assert last == pytest.approx(alone, abs=1e-5)


def test_a_reply_without_a_word_weighs_all_students_alike(run_folder):
    empty = [{**said(None, name), "response": " "} for name in ("fitted", "unfitted")]
    (told,) = read(run_folder, [(Question(**QUESTIONS[0]), 0, empty)])
    assert told == {"fitted": 0.5, "unfitted": 0.5}


def test_equal_weights_are_the_vote():
    for answers in itertools.product(("yes", "no", None), repeat=2):
        members = [said(answer, name, logprob=-n) for n, (answer, name) in enumerate(zip(answers, REPLIES), 1)]
        assert by_weight(members, [0.5, 0.5]) == by_vote(members)


def test_the_answer_that_weighs_most_wins_though_its_student_is_less_sure():
    members = [said("yes", "fitted", logprob=-9.0), said("no", "unfitted", logprob=-0.1)]
    assert by_weight(members, [0.6, 0.5]) == (members[0], False)
    assert by_weight(members, [0.5, 0.5 + 1e-9]) == (members[1], True)


def answered(run_folder, folder, answers):
    """The evaluation of answers put into the students' mouths; the ensembles are what eval makes of them."""
    rows, _, _ = evaluate(run_folder, folder, baseline=False)
    students = [row for row in rows if row["model"] in answers]
    given = [{**row, "prediction": answers[row["model"]], "response": REPLIES[row["model"]]} for row in students]
    tiny_models.write_rows(folder / "predictions.jsonl", given)
    rows, summary, shown = evaluate(run_folder, folder, baseline=False)
    return [row for row in rows if row["model"] == "ensemble:competence"], summary, shown


def test_students_who_disagree_are_weighed_and_the_weights_are_told(run_folder, tmp_path):
    rows, summary, shown = answered(run_folder, tmp_path, {"fitted": "yes", "unfitted": "no"})
    assert len(rows) == 6
    for row in rows:
        heaviest = max(row["weights"], key=row["weights"].get)
        assert (row["chosen"], row["tie"]) == (heaviest, False)
    assert summary["models"]["ensemble:competence"]["ties"] == 0
    assert "no ensemble:competence" not in shown


def test_students_who_agree_are_not_read(run_folder, tmp_path):
    rows, _, _ = answered(run_folder, tmp_path, {"fitted": "yes", "unfitted": "yes"})
    assert [(row["prediction"], row["weights"]) for row in rows] == [("yes", None)] * 6


@pytest.mark.parametrize("facts", [None, {"students": [], "widths": [], "shared_width": None}])
def test_a_run_without_competence_has_no_such_ensemble_and_says_so(run_folder, tmp_path, facts):
    run = tmp_path / "run"
    shutil.copytree(run_folder, run)
    if facts is None:
        shutil.rmtree(run / "router")
    else:
        (run / "router" / "config.json").write_text(json.dumps(facts), "utf-8")
    rows, _, shown = evaluate(run, tmp_path, baseline=False)
    assert {row["model"] for row in rows} == {"fitted", "unfitted", "ensemble:logprob", "ensemble:vote"}
    assert "no ensemble:competence" in shown
    assert "trained without mutual distillation" in shown
