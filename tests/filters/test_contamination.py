"""Promise: no test question trains a student unnoticed."""

import random

import pytest
from path_rows import a_path, path_row

from qrd.filters.contamination import Contamination
from qrd.rows.records import Question

SYLLABLES = ["ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu"]
WORDS = [one + two + three for one in SYLLABLES for two in SYLLABLES for three in "nrst"]
NAMES = ["Ada", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana"]
VERBS = ["buys", "paints", "counts", "finds", "sells", "borrows", "carries", "breaks"]


def sentence(draw):
    """A question of a common form: what differs is what a careful reader would call another question."""
    first, second, third = draw.sample(WORDS, 3)
    return draw.choice(
        [
            f"{draw.choice(NAMES)} {draw.choice(VERBS)} {draw.randint(2, 99)} {first}s near the {second} and gives "
            f"{draw.randint(2, 99)} of the {third}s to {draw.choice(NAMES)}. How many are left in the end?",
            f"If a {first} costs {draw.randint(2, 99)} dollars and a {second} costs {draw.randint(2, 99)} dollars "
            f"more, what does {draw.choice(NAMES)} pay for {draw.randint(2, 99)} {third}s and one {first}?",
            f"Which is larger, the {first} by the {second} that {draw.choice(NAMES)} {draw.choice(VERBS)} on day "
            f"{draw.randint(2, 99)}, or the {third} of {draw.choice(NAMES)}?",
            f"What is {draw.randint(100, 999)} times {draw.randint(100, 999)}?",
        ]
    )


def questions(draw, number):
    return [
        Question(id=str(n), task="math", question=text, answer="5")
        for n, text in enumerate(dict.fromkeys(sentence(draw) for _ in range(number)))
    ]


def reworded(draw, text):
    """Every tenth word is another: runs of nine stay."""
    words = text.split()
    return " ".join(draw.choice(WORDS) if n % 10 == 9 else word for n, word in enumerate(words))


def excerpt(draw, text):
    words = text.split()
    start = draw.randint(0, max(0, len(words) - 14))
    return " ".join(words[start : start + 14])


DISGUISES = [
    lambda draw, text: text,
    lambda draw, text: text.upper(),
    lambda draw, text: text.replace("?", " ?!").replace(".", " . ").replace(",", ";"),
    lambda draw, text: "\n".join(text.split()) + "\t ",
    lambda draw, text: text.translate({n: n + 0xFEE0 for n in range(ord("0"), ord("9") + 1)}).replace(" ", "\u00a0"),
    lambda draw, text: "Question 7: " + text,
    excerpt,
    reworded,
]


def planted(draw, text):
    """A path that holds `text`, as its question or somewhere in its response."""
    if draw.random() < 0.5:
        return a_path(question=text)
    before, after = (" ".join(draw.choice(WORDS) for _ in range(40)) for _ in range(2))
    return a_path(response=f"{before}.\n{text}\n{after}")


def test_500_planted_variants_are_caught():
    draw = random.Random(19)
    tests = questions(draw, 120)
    rule = Contamination(tests)
    long = [test for test in tests if len(test.question.split()) > 14]
    variants = []
    for disguise in DISGUISES:
        whole_only = disguise in (excerpt, reworded) or disguise(draw, "a").startswith("Question")
        variants += [disguise(draw, draw.choice(long if whole_only else tests).question) for _ in range(63)]
    assert len(variants) >= 500
    missed = [text for text in variants if rule(planted(draw, text)).keep]
    assert missed == []


def test_at_most_one_clean_row_in_200_is_flagged():
    draw = random.Random(20)
    tests = questions(draw, 400)
    known = {test.question for test in tests}
    rule = Contamination(tests)
    clean = [test for test in questions(draw, 4000) if test.question not in known]
    flagged = [test for test in clean if not rule(a_path(question=test.question, response=sentence(draw))).keep]
    assert len(clean) > 3000
    assert len(flagged) <= 0.005 * len(clean), flagged[:5]


@pytest.mark.parametrize(
    ("fields", "keep"),
    [
        ({"question": "what is 2 + 3"}, False),
        ({"question": "What is 2 - 3?"}, True),
        ({"question": "And what is 2 + 3, Ann?"}, True),
        ({"response": "Sure.\nWhat is 2 + 3? It is 5."}, False),
        ({"response": "So what\nis 2 +\n3? It is 5."}, False),
        ({"response": "What is 2 - 3? It is -1."}, True),
        ({"question": "Which one flies best?", "choices": ["cat", "a Bat"], "task": "choice", "answer": "B"}, False),
        ({"question": "Which one flies best?", "choices": ["jet", "kite"], "task": "choice", "answer": "B"}, True),
        ({"question": "Which one flies best?"}, False),
    ],
)
def test_a_question_under_eight_words_is_compared_whole_and_its_choices_in_any_order(fields, keep):
    rule = Contamination(
        [
            Question(id="a", task="math", question="What is 2 + 3?"),
            Question(id="b", task="choice", question="Which one flies best?", choices=["A bat", "Cat"], answer="A"),
        ]
    )
    assert rule(a_path(**fields)).keep is keep


def test_a_form_that_many_test_questions_share_is_no_leak_but_each_of_them_is():
    form = "Today is day {} of the long month; what is the date one week from today in numbers?"
    tests = [Question(id=str(n), task="math", question=form.format(n)) for n in range(20)]
    rule = Contamination(tests)
    assert not rule(a_path(question=form.format(7))).keep
    assert rule(a_path(question=form.format(77))).keep


def test_the_context_counts_as_part_of_the_question():
    premise = "The old harbour of the northern island was closed in 1906 after the storm had broken its walls."
    rule = Contamination([Question(id="a", task="nli", question="It closed.", context=premise, answer="neutral")])
    row = {"task": "nli", "answer": "neutral", "question": "Ships came."}
    assert not rule(a_path(context=premise, **row)).keep
    assert rule(a_path(context="A new harbour was opened on another island after 1906.", **row)).keep


def test_the_run_drops_them_and_its_manifest_names_the_files_that_were_checked(bench):
    import hashlib
    import json

    question = "How many needles fit into the kettle that Ada carries over the bridge?"
    bench.write("one.jsonl", [{"id": "x", "task": "text", "question": "Who?"}])
    bench.write("two.jsonl", [{"id": "t", "task": "math", "question": question, "answer": "4"}])
    files = tuple(str(bench.folder / name) for name in ("one.jsonl", "two.jsonl"))
    kept, rejected, _ = bench.run([path_row(), path_row(question=question)], decontaminate=files)
    assert len(kept) == 1
    assert [row["reject_reason"] for row in rejected] == ["contaminated"]
    manifest = json.loads((bench.folder / "kept.jsonl.manifest.json").read_text())
    digests = [hashlib.sha256((bench.folder / name).read_bytes()).hexdigest() for name in ("one.jsonl", "two.jsonl")]
    assert manifest["decontaminated"] == [{"file": f, "sha256": d} for f, d in zip(files, digests)]
