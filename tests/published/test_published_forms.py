"""Every published form becomes the questions it stands for; the files in `published/` are written for these tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from qrd.published.forms.hendrycks_math import last_boxed
from qrd.published.forms.numbers import plain_number


def test_gsm8k_takes_the_number_behind_the_mark(imported, published: Path) -> None:
    rows = imported("gsm8k", published / "gsm8k.jsonl")
    assert [row["answer"] for row in rows] == ["1200", "1.50", "-5"]
    assert rows[0] == {
        "id": "gsm8k-train-00000", "task": "math", "answer": "1200", "meta": {"dataset": "gsm8k"},
        "question": "A crate holds 24 jars and Mia packs 50 crates. How many jars does she pack?",
    }  # fmt: skip


def test_a_folder_of_math_problems_is_read_in_the_order_of_their_numbers(imported, published: Path) -> None:
    rows = imported("math", published / "MATH")
    assert [row["answer"] for row in rows] == ["5", "\\frac{2}{3}", "\\{1, 2, 4\\}"]
    assert [row["meta"] for row in rows] == [
        {"dataset": "math", "source_id": "algebra/2", "subject": "Algebra", "level": 1},
        {"dataset": "math", "source_id": "algebra/10", "subject": "Algebra", "level": 3},
        {"dataset": "math", "source_id": "number_theory/1", "subject": "Number Theory", "level": "Level ?"},
    ]


def test_math_500_brings_its_answer_and_its_id(imported, published: Path) -> None:
    (row,) = imported("math", published / "math500.jsonl", split="test")
    assert (row["id"], row["answer"]) == ("math-test-00000", "7")
    assert row["meta"] == {
        "dataset": "math", "source_id": "test/prealgebra/7.json", "subject": "Prealgebra", "level": 2,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["arc_ai2.jsonl", "arc_hub.jsonl"])
def test_both_forms_of_arc_give_the_same_letters(imported, published: Path, form: str) -> None:
    rows = imported("arc", published / form)
    assert rows[0] == {
        "id": "arc-train-00000", "task": "choice", "question": "Which of these is a metal?",
        "choices": ["wood", "iron", "glass"], "answer": "B", "meta": {"dataset": "arc", "source_id": "Mine_1"},
    }  # fmt: skip
    assert (rows[1]["answer"], rows[1]["choices"][3]) == ("D", "ice")


@pytest.mark.parametrize(("form", "answer"), [("commonsense_qa.jsonl", "E"), ("commonsense_qa_hub.jsonl", "B")])
def test_commonsense_qa_may_lack_gold_answers(imported, published: Path, form: str, answer: str) -> None:
    rows = imported("commonsense_qa", published / form)
    assert [row["answer"] for row in rows] == [answer, None]
    assert rows[0]["meta"] == {"dataset": "commonsense_qa", "source_id": "c01", "subject": "umbrella"}


def test_strategy_qa_keeps_its_facts_out_of_the_question(imported, published: Path) -> None:
    rows = imported("strategy_qa", published / "strategy_qa.json")
    assert [row["answer"] for row in rows] == ["no", "yes"]
    assert rows[0]["question"] == "Could a penguin cross a desert on foot in a day?"
    assert "context" not in rows[0]
    assert rows[0]["meta"] == {
        "dataset": "strategy_qa", "source_id": "s1", "subject": "Penguin",
        "facts": ["Penguins walk slowly.", "Deserts are wide."],
    }  # fmt: skip


def test_anli_takes_its_round_from_the_folder(imported, published: Path) -> None:
    rows = imported("anli", published / "anli", split="dev")
    assert [row["answer"] for row in rows] == ["entailment", "neutral", "contradiction"]
    assert rows[1] == {
        "id": "anli-dev-00001", "task": "nli", "context": "Ann bought two hats.", "question": "The hats were red.",
        "answer": "neutral", "meta": {"dataset": "anli", "source_id": "u-2", "round": "r2"},
    }  # fmt: skip


def test_the_hubs_anli_numbers_its_labels(imported, published: Path) -> None:
    rows = imported("anli", published / "anli_hub.jsonl")
    assert [row["answer"] for row in rows] == ["entailment", "neutral", "contradiction"]
    assert rows[0]["context"] == "The mill was built in 1840."


@pytest.mark.parametrize(
    ("form", "question", "choices", "answer"),
    [
        ("date.json", "The party was on 03/09/2011, two days ago. What is the date today in MM/DD/YYYY?",
         ["03/07/2011", "03/11/2011", "03/10/2011"], "B"),
        ("date_hub.jsonl", "Today is 01/31/2020. What is the date tomorrow in MM/DD/YYYY?",
         ["02/01/2020", "01/30/2020"], "A"),
        ("date_hard.json", "Today is 05/05/2015. What is the date yesterday in MM/DD/YYYY?",
         ["05/06/2015", "05/04/2015"], "B"),
        ("date_open.jsonl", "Today is 05/05/2015. What is the date a year ago in MM/DD/YYYY?", None, "05/05/2014"),
    ],
)  # fmt: skip
def test_each_form_of_date_gives_question_choices_and_answer(
    imported, published: Path, form: str, question: str, choices: list[str] | None, answer: str
) -> None:
    (row,) = imported("date", published / form)
    assert (row["question"], row.get("choices"), row["answer"]) == (question, choices, answer)
    assert row["task"] == ("choice" if choices else "text")


def test_tabmwp_puts_the_table_into_the_context_and_the_unit_into_the_question(imported, published: Path) -> None:
    free, chosen = imported("tabmwp", published / "tabmwp.json")
    assert free == {
        "id": "tabmwp-train-00000", "task": "math", "question": "How much does a kite cost? (unit: $)",
        "context": "Toy shop\nkite | $1,050.5\nball | $2", "answer": "1050.5",
        "meta": {"dataset": "tabmwp", "source_id": "11", "level": 3, "unit": "$"},
    }  # fmt: skip
    assert (chosen["task"], chosen["choices"], chosen["answer"]) == ("choice", ["ball", "kite"], "A")
    assert chosen["context"] == "kite | 1\nball | 9"


def test_plain_rows_get_the_task_they_leave_no_doubt_about(imported, published: Path) -> None:
    rows = imported("plain", published / "plain.jsonl")
    assert [(row["task"], row["answer"]) for row in rows] == [
        ("boolean", "yes"), ("math", "3.5"), ("nli", "contradiction"), ("choice", "B"), ("text", "Jane Austen"),
    ]  # fmt: skip
    assert rows[3]["meta"] == {"dataset": "plain", "source_id": "17"}


def test_csv_is_read_with_quotes_commas_and_line_ends_inside_quotes(imported, published: Path) -> None:
    rows = imported("plain", published / "plain.csv", dataset="quiz")
    assert [row["question"] for row in rows] == [
        'Which word is spelt "twelve", with commas, here?', "Which line\ncomes second?", "Pick one",
    ]  # fmt: skip
    assert [row["choices"] for row in rows] == [
        ["eleven, ten", "twelve"], ["the first", "the second", "the third"], ["x", "y", "z"],
    ]  # fmt: skip
    assert [row["answer"] for row in rows] == ["B", "B", "C"]
    assert [row["id"] for row in rows] == [f"quiz-train-0000{number}" for number in range(3)]


def test_csv_of_windows_is_read_with_its_mark_and_line_ends(imported, published: Path) -> None:
    rows = imported("plain", published / "windows.csv", task="math")
    assert [(row["question"], row["answer"]) for row in rows] == [("Add 2, and 2", "4"), ("Halve\r\n9", "4.5")]


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"so \boxed{1} or rather \boxed{2}", "2"),
        (r"\boxed{\text{a \} b}}", r"\text{a \} b}"),
        (r"$\boxed 5$", "5"),
        (r"$\boxed\pi$", r"\pi"),
        (r"\fbox{x^{2}}", "x^{2}"),
        (r"\boxed{never closed", None),
        (r"\boxedly nothing", None),
        (r"\boxed{}", None),
        ("nothing", None),
    ],
)
def test_the_last_box_of_a_solution_is_its_answer(solution: str, answer: str | None) -> None:
    assert last_boxed(solution) == answer


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (" 1,234,567 ", "1234567"),
        ("$12", "12"),
        ("-3.50", "-3.50"),
        (".5", ".5"),
        ("3/4", "3/4"),
        ("20%", "20%"),
        ("1,2", None),
        ("3/0", None),
        ("12 apples", None),
        ("", None),
    ],
)
def test_a_number_is_told_from_a_text(text: str, number: str | None) -> None:
    assert plain_number(text) == number
