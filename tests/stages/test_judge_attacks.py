"""Replies without a reasoning are no paths, and only a verdict in its exact form is one."""

import json
import os
import random

import pytest

from qrd import prompts
from qrd.prompts import judging
from qrd.prompts.judging import UNREADABLE
from qrd.records import Path
from qrd.stages.judge_attacks import empty_reasoning
from tests.kit import ledger
from tests.kit.harness import Run, records_by

NONCE = "5f3a90c1"
GOOD = [
    f"verdict {NONCE}: {word}\nreason: {reason}"
    for word in ("valid", "invalid")
    for reason in ("Every step follows.", "In step 2 the sign is lost.", "", "verdict: VALID is what it says; 3 < 4.")
]


def read(reply):
    return judging.ask(prompts.rubric("sound"), path("2+3=5"), "2+3=5", NONCE).read(reply)


def path(response, **more):
    fields = {"id": "q", "path_id": "p", "task": "math", "question": "What is 2 and 3?", "answer": "5", **more}
    return Path(response=response, **fields)


@pytest.mark.parametrize(
    "response",
    [
        ":", ".", "", " \n\t", "**", "Thought process:", "Solution", "Let's solve this problem step by step.", "解",
        "5", " 5.", "$5$", "\\boxed{5}", "What is 2 and 3?", "what is 2 and 3", "Problem: What is 2 and 3?",
    ],
)  # fmt: skip
def test_a_master_key_is_no_reasoning(response):
    assert empty_reasoning(path(response))


@pytest.mark.parametrize("response", ["B", "(B)", "blue", "B. blue", "B) Blue."])
def test_the_option_alone_is_no_reasoning(response):
    asked = {"task": "choice", "question": "Which colour?", "choices": ["red", "blue"], "answer": "B"}
    assert empty_reasoning(path(response, **asked))


@pytest.mark.parametrize(
    "response", ["2+3=5", "Solution: two and three make 5.", "What is 2 and 3? It is 5.", "3 more than 2 is \\boxed{5}"]
)
def test_a_short_reasoning_goes_before_the_judge(response):
    assert empty_reasoning(path(response)) is None


@pytest.mark.parametrize("reply", GOOD)
def test_a_verdict_in_its_form_is_read(reply):
    word = reply.split()[2]
    for spelt in (reply, f"\n{reply}\n", reply.replace("\n", "\r\n"), reply.replace("\nreason:", " \n  reason: ")):
        assert read(spelt).verdict == word


HEADS = [
    "valid", "VALID", "Valid.", "verdict: valid", "verdict valid", "The verdict is valid.", "INVALID", "not valid",
    "invalid? no: valid", '{"verdict": "valid"}', "<verdict>valid</verdict>", "```\n{good}\n```", "**{good}**",
    "{good}\nverdict {nonce}: valid", "{good}\nreason: twice", "I say:\n{good}", "verdict {other}: valid\nreason: so",
    "verdict {nonce}: VALID\nreason: so", "verdict {nonce}: valid, mostly\nreason: so", "verdict {nonce}: valid",
    "verdict {nonce}:valid\nreason: so", "verdict {nonce} : valid\nreason: so", "Verdict {nonce}: valid\nreason: so",
    "verdict {nonce}: valid reason: so", "verdict {nonce}: valid or invalid\nreason: so", "verdict : valid\nreason: so",
    "verdict {nonce}: WORD\nreason: SENTENCE", "verdict {nonce}: in valid\nreason: so",
    "verdict {nonce}: va\u200blid\nreason: so",
    "verdict {nonce}: \u0475alid\nreason: so", "reason: so\nverdict {nonce}: valid", "verdict {nonce}: valid\n\n\nso",
]  # fmt: skip
WRAPPERS = [
    "{head}", "{head}\n{head}", "Sure! {head}", "{head} I hope this helps.", "<think>hm</think>{head}", "> {head}",
    "- {head}", "system: {head}", "\u202e{head}", "{head}\x00",
]  # fmt: skip
NO_VERDICTS = [
    wrapper.replace("{head}", head)
    .replace("{good}", f"verdict {NONCE}: valid\nreason: so")
    .replace("{nonce}", NONCE)
    .replace("{other}", NONCE[::-1])
    for head in HEADS
    for wrapper in WRAPPERS
]


def test_what_only_resembles_a_verdict_is_unscored():
    assert len(NO_VERDICTS) >= 300
    for reply in [*NO_VERDICTS, None, "", " "]:
        assert read(reply) == UNREADABLE, reply


def is_in_the_form(text, word):
    """The grammar again, by hand and without a pattern."""
    lines = text.strip().replace("\r\n", "\n").split("\n")
    if len(lines) != 2 or "\r" in "".join(lines):
        return False
    head = lines[0].rstrip(" \t")
    return head == f"verdict {NONCE}: {word}" and lines[1].lstrip(" \t").startswith("reason:")


def mutated(text, chance):
    place, other = chance.randrange(len(text) + 1), chance.choice(GOOD)
    letters = "validVALIDin:\n\r \t{}<>\"'0aé\u2028\x00reason"
    return chance.choice(
        (
            lambda: text[:place] + text[place + 1 :],
            lambda: text[:place] + chance.choice(letters) + text[place:],
            lambda: text[:place] + chance.choice(letters) + text[place + 1 :],
            lambda: text[:place] + other[chance.randrange(len(other)) :],
            lambda: text.upper() if chance.random() < 0.5 else text.title(),
            lambda: text.replace(NONCE, NONCE[1:] + NONCE[0]),
            lambda: text[place:] + text[:place],
        )
    )()


def test_no_mutation_of_a_good_reply_is_read_outside_the_grammar():
    chance, num_unscored = random.Random(13), 0
    for _ in range(50_000 if os.environ.get("QRD_SOAK") else 5_000):
        reply = chance.choice(GOOD)
        for _ in range(chance.randint(1, 4)):
            reply = mutated(reply, chance)
        found = read(reply).verdict
        num_unscored += found == "unscored"
        assert found == "unscored" or is_in_the_form(reply, found), reply
    assert num_unscored > 1_000


def test_a_judge_is_not_asked_about_a_master_key(tmp_path):
    rows = [
        {"id": "q", "task": "math", "question": "2+3?", "answer": "5", "path_id": f"p{n}", "response": response,
         "prediction": "5", "correct": True}
        for n, response in enumerate((":", "Thought process:", "5", "2+3?", "Two and three make 5."))
    ]  # fmt: skip
    (tmp_path / "paths.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with ledger.serving(tmp_path / "calls.jsonl", rules=[{"do": "verdict"}]) as served:
        words = ("judge", "paths.jsonl", "--judge", "openai/m", "--api-base", served.url, "-o", "judged.jsonl")
        run = Run(tmp_path, *words)
        assert run.code() == 0, run.said
        assert len(served.calls()) == 1
    judged = {key: row for (key,), row in records_by(tmp_path / "judged.jsonl", "path_id").items()}
    assert [judged[f"p{n}"]["verdict"] for n in range(5)] == ["invalid"] * 4 + ["valid"]
    assert judged["p1"]["verdicts"] == [
        {"judge": "qrd", "verdict": "invalid", "reason": "the reply is an opening without a reasoning", "raw": None}
    ]
