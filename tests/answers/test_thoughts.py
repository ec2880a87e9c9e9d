"""Thoughts and answers told apart: the tags of many models, unfinished ones, and tags that are only talked of."""

from __future__ import annotations

import pytest

from qrd.answers import extract
from qrd.answers.reading.thoughts import Split, split_thoughts

# How a family of models opens its thoughts, and how it leaves them.
_FAMILIES = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<THINK>", "</Think>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<reflection>", "</reflection>"),
    ("<seed:think>", "</seed:think>"),
    ("&lt;think&gt;", "&lt;/think&gt;"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>\n<|begin_of_solution|>"),
    ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("analysis", "assistantfinal"),
    ("Here is my thought process:", "Here is my response:"),
]
_THOUGHTS = "We add 5 and 7. The answer is 12"


@pytest.mark.parametrize(("opening", "closing"), _FAMILIES)
def test_thoughts_and_answer_are_told_apart(opening: str, closing: str) -> None:
    assert split_thoughts(f"{opening}{_THOUGHTS}{closing}The answer is 13.") == (_THOUGHTS, "The answer is 13.")


@pytest.mark.parametrize(("opening", "_closing"), _FAMILIES)
def test_thoughts_that_are_never_left_hold_no_answer(opening: str, _closing: str) -> None:
    assert split_thoughts(f"{opening}{_THOUGHTS}") == Split(_THOUGHTS, None)
    assert extract("math", f"{opening}{_THOUGHTS}") is None


@pytest.mark.parametrize(("opening", "closing"), _FAMILIES)
def test_the_answer_in_the_thoughts_is_not_the_replys(opening: str, closing: str) -> None:
    assert extract("math", f"{opening}{_THOUGHTS}{closing}\n\nThe answer is 13.") == "13"
    assert extract("math", f"{opening}{_THOUGHTS}{closing}") is None


@pytest.mark.parametrize("closing", ["</think>", "</thought>", "[/THINK]", "◁/think▷", "<channel|>"])
def test_a_closing_tag_alone_ends_thoughts_that_began_with_the_reply(closing: str) -> None:
    assert split_thoughts(f"{_THOUGHTS}{closing}13") == (_THOUGHTS, "13")


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("12", ("", "12")),
        ("", ("", "")),
        ("<think></think>12", ("", "12")),
        ("<think>a</think>b<think>c</think>d", ("a\n\nc", "b\n\nd")),
        ("<think>a</think>b<think>c", ("a\n\nc", None)),
        ("<think>a<think>b</think>c</think>d", ("a<think>b</think>c", "d")),
        ("<think>a <think>b</think>c", ("a <think>b</think>c", None)),
        ("<think>\n<think>a</think>b", ("<think>a", "b")),
        ("<think>a<scratchpad>b</think>c", ("a<scratchpad>b", "c")),
        ("<thought>a</thinking>b", ("a", "b")),
        ("<think>a</think>b</think>c", ("a\n\nb", "c")),
        ("<|channel|>analysis<|message|>a<|end|>", ("a", None)),
        ("<|channel|>final<|message|>b<|return|>", ("", "b")),
    ],
)
def test_blocks_several_nested_or_torn_are_split_so_that_no_thought_is_an_answer(
    text: str, split: tuple[str, str | None]
) -> None:
    assert split_thoughts(text) == split


@pytest.mark.parametrize(
    "text",
    [
        "Use the `<think>` tag. The answer is 12.",
        'It wrote "</think>" at once. The answer is 12.',
        "A <think> tag opens, a </think> tag closes. The answer is 12.",
        "For example:\n```\n<think>13</think>\n```\nThe answer is 12.",
        "For example:\n```\n<think>13\n```\nThe answer is 12.",
        "Analysis: 5 and 7. The answer is 12.",
        "I think, [thus] x <y> 3. The answer is 12.",
    ],
)
def test_tags_that_are_only_talked_of_are_words_like_others(text: str) -> None:
    assert split_thoughts(text) == ("", text)
    assert extract("math", text) == "12"


def test_a_tag_talked_of_in_the_thoughts_does_not_end_them() -> None:
    assert split_thoughts("<think>Then I close with `</think>`. 13?</think>12") == (
        "Then I close with `</think>`. 13?",
        "12",
    )
