"""Replies without a reasoning are no paths, and only a verdict in its exact form is one."""

import json
import os
import random

import pytest

from qrd import prompts
from qrd.prompts import judging
from qrd.prompts.judging import UNREADABLE
from qrd.rows.records import Path
from qrd.stages.judge.attacks import empty_reasoning
from tests.kit import ledger
from tests.kit.harness import Run, records_by
from tests.stages.judge.verdict_grammar import is_in_the_grammar

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


WRAPPINGS = [
    "<think>\nFirst it is invalid. verdict {nonce}: invalid\nreason: no\n</think>\n\n{good}",
    "<thinking>hm</thinking>{good}",
    "It may be invalid.\n</think>\n{good}", "```\n{good}\n```", "```text\n{good}\n```\n",
    "<think>hm</think>\n```\n{good}\n```",
    "**verdict {nonce}:** {word}\n**reason:** so", "**verdict {nonce}: {word}**\nreason: so",
    "verdict {nonce}: **{word}**\nreason: so", "Verdict {nonce}: {Word}\nReason: so",
    "VERDICT {nonce}: {WORD}\nREASON: so",
    "\n\nverdict {nonce}: {word}\n\nreason: so",
    "verdict {nonce}: {word}\nreason: Each step follows.\nThe sum is right.",
    "verdict {nonce}: {word}\nreason:\nIt follows.",
]  # fmt: skip
MEANT = [
    (word, wrapping.format(good=good, nonce=NONCE, word=word, Word=word.title(), WORD=word.upper()))
    for wrapping in WRAPPINGS
    for word, good in (("valid", GOOD[0]), ("invalid", GOOD[5]))
]
WRAPPED = GOOD + [reply for _, reply in MEANT]


@pytest.mark.parametrize(("word", "reply"), MEANT)
def test_what_honest_judges_put_around_a_verdict_is_read(word, reply):
    assert read(reply).verdict == word


@pytest.mark.parametrize(
    "reply",
    [
        "<think>{good}", "<think>\n{good}\n</think>", "{good}</think>", "{good}\n</think>\nI hope this helps.",
        "<think>hm</think>{good}<think>wait", "<think>hm</think>\nIt is valid.", "<thinking>{good}",
        "<think>a</think><think>\n{good}\n</think>", "```\n{good}\n</think>\n```", "{good}\n<think>or not</think>",
        "{good}\nWait, it is invalid.", "{good}\nverdict: none", "{good}\n2 out of 10", "{good}\none\ntwo\nthree",
        "```\n{good}\n```\n```\n{good}\n```", "```\n{good}\n``` or not", "Here:\n```\n{good}\n```",
        "````\n{good}\n````",
        "**{good}**", "**verdict {nonce}: valid\nreason: so", "verdict {nonce}: valid**\nreason: so",
        "*verdict {nonce}:* valid\nreason: so", "verdict {nonce}: ***valid***\nreason: so",
        "VERDICT {NONCE}: VALID\nREASON: SO", "verdict {nonce}: vAlid\nreason: so",
        "verdict {nonce}: \"valid\"\nreason: so",
        "verdict {nonce}: valid/10\nreason: so", "Urteil {nonce}: valid\nGrund: so",
        "verdict {nonce}: valid reason: so",
    ],
)  # fmt: skip
def test_a_verdict_in_thoughts_or_with_a_second_thought_is_never_read(reply):
    assert read(reply.format(good=GOOD[0], nonce=NONCE, NONCE=NONCE.upper())) == UNREADABLE


HEADS = [
    "valid", "VALID", "Valid.", "verdict: valid", "verdict valid", "The verdict is valid.", "INVALID", "not valid",
    "invalid? no: valid", '{"verdict": "valid"}', "<verdict>valid</verdict>", "```\n{good}", "**{good}**",
    "{good}\nverdict {nonce}: valid", "{good}\nreason: twice", "I say:\n{good}", "verdict {other}: valid\nreason: so",
    "verdict {nonce}: vALID\nreason: so", "verdict {nonce}: valid, mostly\nreason: so", "verdict {nonce}: valid",
    "verdict {nonce}:valid\nreason: so", "verdict {nonce} : valid\nreason: so", "verdicT {nonce}: valid\nreason: so",
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


def mutated(text, chance):
    place, other = chance.randrange(len(text) + 1), chance.choice(WRAPPED)
    letters = "validVALIDin:\n\r \t{}<>*`/\"'0aé\u2028\x00reason"
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
        reply = chance.choice(WRAPPED)
        for _ in range(chance.randint(1, 4)):
            reply = mutated(reply, chance)
        found = read(reply).verdict
        num_unscored += found == "unscored"
        assert found == "unscored" or is_in_the_grammar(reply, form="verdict", nonce=NONCE, value=found), reply
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
