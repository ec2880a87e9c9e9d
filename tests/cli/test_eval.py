"""eval as a user meets it: predictions scored, combined and compared."""

import subprocess
import sys

import pytest


def prediction(name, model, *, correct, sample=0, **extra):
    """A saved prediction of a yes/no question whose gold answer is yes."""
    return {
        "id": name, "task": "boolean", "question": f"Is {name} so?", "answer": "yes", "model": model, "sample": sample,
        "response": "Yes." if correct else "No.", "prediction": "yes" if correct else "no", "correct": correct, **extra,
    }  # fmt: skip


def predictions(model, right):
    """One prediction for each letter of `right`: 1 is right, 0 wrong."""
    return [prediction(f"q{number}", model, correct=letter == "1") for number, letter in enumerate(right)]


@pytest.fixture
def two(bench):
    bench.write_rows("a.jsonl", predictions("one", "1111111100"))
    bench.write_rows("b.jsonl", predictions("two", "0000000110"))
    return bench


def test_saved_predictions_are_compared_pairwise(two):
    found = two.run("eval", "--compare", "a.jsonl", "b.jsonl", "--summary", "summary.json")
    assert found.code == 0, found.err
    (row,) = found.rows()
    assert (row["model"], row["other"], row["questions"]) == ("one", "two", 10)
    assert (row["better"], row["worse"]) == (7, 1)
    assert row["p"] == row["p_holm"] == 2 * 9 / 256
    assert row["difference"] == pytest.approx(0.6)
    assert two.json("summary.json")["comparisons"] == [row]
    assert two.json("summary.json")["models"]["one"]["right"] == 8
    assert "+60.0 [" in found.err


def test_models_of_one_file_and_of_files_that_share_a_name_are_told_apart(two):
    two.write_rows("c.jsonl", [*predictions("one", "1010101010"), *predictions("three", "1")])
    rows = two.run("eval", "--compare", "a.jsonl", "c.jsonl").rows()
    assert [(row["model"], row["other"], row["questions"]) for row in rows] == [
        ("one (a.jsonl)", "one (c.jsonl)", 10), ("one (a.jsonl)", "three", 1), ("one (c.jsonl)", "three", 1)
    ]  # fmt: skip


def test_a_student_is_held_against_its_base_and_not_the_other_way_round(bench):
    bench.write_rows("a.jsonl", [*predictions("base:one", "1000000000"), *predictions("one", "1111111100")])
    (row,) = bench.run("eval", "--compare", "a.jsonl").rows()
    assert (row["model"], row["other"], row["better"], row["worse"]) == ("one", "base:one", 7, 0)


def test_comparisons_go_to_a_file_with_its_manifest(two):
    assert two.run("eval", "--compare", "a.jsonl", "b.jsonl", "-o", "c.jsonl").code == 0
    manifest = two.json("c.jsonl.manifest.json")
    assert (manifest["rows_in"], manifest["rows_out"]) == (20, 1)
    assert len(two.rows("c.jsonl")) == 1


def test_comparing_loads_no_model_library(two):
    script = (
        "import sys; from qrd.cli import app\n"
        "app(['eval', '--compare', 'a.jsonl', 'b.jsonl', '--quiet'], standalone_mode=False)\n"
        "print([name for name in ('torch', 'transformers', 'litellm', 'numpy', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=two.folder, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip().endswith("[]"), done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("a.jsonl",), "needs predictions of two models; found one"),
        (("a.jsonl", "b.jsonl", "--model", "scripted:teacher.toml"), "--model: --compare asks no model"),
        (("a.jsonl", "b.jsonl", "--temperature", "0.5"), "--temperature: --compare asks no model"),
        (("a.jsonl", "b.jsonl", "-o", "./a.jsonl"), "is an input"),
    ],
)
def test_what_cannot_be_compared_is_refused(two, words, told):
    before = two.rows("a.jsonl")
    found = two.run("eval", "--compare", *words)
    assert found.code == 2
    assert told in found.err
    assert two.rows("a.jsonl") == before


def test_predictions_of_different_questions_under_one_id_are_refused(two):
    two.write_rows("b.jsonl", [prediction("q1", "two", correct=True, question="Another?")])
    found = two.run("eval", "--compare", "a.jsonl", "b.jsonl")
    assert found.code == 4
    assert "b.jsonl:1:question: another question than at a.jsonl:2" in found.err


def test_a_prediction_that_is_there_twice_is_refused(two):
    two.write_rows("b.jsonl", [prediction("q1", "two", correct=True)] * 2)
    found = two.run("eval", "--compare", "a.jsonl", "b.jsonl")
    assert found.code == 4
    assert "b.jsonl:2:sample: found 'two', 'q1', 0 again, first at line 1" in found.err


def test_samples_give_majority_and_pass_at_k(bench):
    bench.write("coin.toml", '[[rule]]\nreply = ["Final answer: 5", "Final answer: 6", "Final answer: 5"]\n')
    words = ("eval", "questions.jsonl", "--model", "scripted:coin.toml", "--samples", "4", "--summary", "summary.json")
    found = bench.run(*words, "-o", "predictions.jsonl")
    assert found.code == 0, found.err
    rows, told = bench.rows("predictions.jsonl"), bench.json("summary.json")["models"]["scripted:coin.toml"]["samples"]
    assert (told["n"], told["questions"]) == (4, 2)
    assert told["pass"]["1"] == sum(row["correct"] for row in rows) / 8
    assert list(told["pass"]) == ["1", "2", "4"]
    assert "majority %" in found.err
    assert "pass@4 %" in found.err
