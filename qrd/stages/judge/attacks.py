"""Replies that are no reasoning at all, yet make many judges say "valid": they are rejected before any call.

Source: "One Token to Fool LLM-as-a-Judge" (arXiv 2507.08794) calls them master keys.
"""

from __future__ import annotations

import re

from qrd import prompts
from qrd.rows.records import LETTERS, Path

OPENERS = (
    "thought process",
    "solution",
    "answer",
    "final answer",
    "reasoning",
    "explanation",
    "step 1",
    "lets think",
    "lets think step by step",
    "lets solve this step by step",
    "lets solve this problem step by step",
    "the answer is",
    "here is the solution",
    "here is my reasoning",
    "thinking",
    "think",
    "valid",
    "解",
    "かいせつ",
    "respuesta",
)
_BOX = re.compile(r"\\boxed\s*\{(.*)\}", re.DOTALL)


def empty_reasoning(path: Path) -> str | None:
    """Why the reply of a path holds no reasoning; None where it may hold some.

    Example: `:` and `Thought process:` and, where the answer is 5, `\\boxed{5}` do not, `2+3=5, so 5` may.
    """
    said = _bare(path.response or "")
    if not said:
        return "the reply has no word"
    if said in OPENERS:
        return "the reply is an opening without a reasoning"
    if said in _golds(path):
        return "the reply is the answer alone"
    if f" {said} " in f" {_bare(prompts.question_text(path))} ":
        return "the reply only repeats the question"
    return None


def _golds(path: Path) -> set[str]:
    if path.answer is None:
        return set()
    golds = [path.answer]
    place = LETTERS.find(path.answer)
    if path.task == "choice" and path.choices and 0 <= place < len(path.choices):
        golds += [path.choices[place], f"{path.answer} {path.choices[place]}"]
    return {_bare(gold) for gold in golds}


def _bare(text: str) -> str:
    """The words of a text, in small letters, with one space between; signs that make numbers stay."""
    boxed = _BOX.fullmatch(text.strip().strip("$. "))
    text = (boxed[1] if boxed else text).casefold().replace("'", "").replace("\u2019", "")
    return " ".join(re.findall(r"\w+", text))
