"""How a judge is asked and how its reply is read: a verdict, a score or a mark for each step.

Each form is two lines of text, or one JSON object for providers that hold a reply to a schema. Both carry a word that
the path cannot know, the nonce, and the whole reply must be in the form: a word inside prose never counts, and what
cannot be read is `unscored` and never valid (method, departure 10). What may stand around the form (thoughts, a fence,
stars) is told, with the reason for each, in `wrapping`. The object is read where lines were asked for too, since its
keys and its nonce are as strict; its words have one spelling, which a schema holds them to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qrd.prompts import Messages, Rubric, question_text
from qrd.prompts.wrapping import BLANKS, in_lines, spelt, unwrapped
from qrd.rows.records import Question

MOST_STEPS = 40
WORST, BEST = 1, 10
WORDS = ("valid", "invalid")


@dataclass(frozen=True)
class Reading:
    """What a judge said; `steps` are the words for each step."""

    verdict: str
    reason: str | None = None
    score: int | None = None
    steps: tuple[str, ...] | None = None

    @property
    def first_faulty_step(self) -> int | None:
        """The number, from 1, of the first step that is invalid."""
        return self.steps.index("invalid") + 1 if self.steps and "invalid" in self.steps else None


UNREADABLE = Reading("unscored")


@dataclass(frozen=True)
class Asked:
    """One question put to a judge: what it is sent, and how to read what it says."""

    rubric: Rubric
    messages: Messages
    nonce: str
    num_steps: int
    as_json: bool

    @property
    def starts(self) -> tuple[str, ...]:
        """The ways in which a well-formed reply begins, for backends that can constrain decoding; none for steps."""
        said = {"verdict": WORDS, "score": range(WORST, BEST + 1), "steps": ()}[self.rubric.form]
        return tuple(f"{self.rubric.form} {self.nonce}: {word}\nreason:" for word in said)

    @property
    def response_format(self) -> dict[str, Any] | None:
        """The JSON schema of the reply, as OpenAI's protocol names it; None where lines are asked for."""
        if not self.as_json:
            return None
        fields = {"nonce": {"type": "string", "enum": [self.nonce]}, self.rubric.form: _SCHEMAS[self.rubric.form]}
        fields["reason"] = {"type": "string"}
        schema = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
        return {"type": "json_schema", "json_schema": {"name": "judgement", "strict": True, "schema": schema}}

    def read(self, text: str | None) -> Reading:
        """The reading of a whole reply; what its judge thought before is cut off."""
        said = (text or "").strip(BLANKS)
        # An object is whole or none, so a tag inside its reason is quoted and ends no thought.
        found = self._in_json(said) or self._in_form(unwrapped(said))
        return UNREADABLE if found is None else self._reading(*found)

    def read_guided(self, text: str | None) -> Reading:
        """The reading of a reply whose start was held to the form: no thoughts can stand before its verdict."""
        found = self._in_form((text or "").strip(BLANKS))
        return UNREADABLE if found is None else self._reading(*found)

    def _reading(self, value: Any, reason: str | None) -> Reading:
        if self.rubric.form == "score":
            return Reading("valid" if value >= (self.rubric.threshold or BEST) else "invalid", reason, score=value)
        if self.rubric.form == "steps":
            return Reading("invalid" if "invalid" in value else "valid", reason, steps=value)
        return Reading(value, reason)

    def _in_form(self, said: str | None) -> tuple[Any, str | None] | None:
        if said is None:
            return None
        return self._in_json(said) if self.as_json or said.startswith("{") else self._in_lines(said)

    def _in_lines(self, text: str) -> tuple[Any, str | None] | None:
        pattern, parse = _LINES[self.rubric.form](self.num_steps)
        found = in_lines(self.rubric.form, self.nonce, pattern, text)
        return (parse(found[0]), found[1] or None) if found else None

    def _in_json(self, text: str) -> tuple[Any, str | None] | None:
        form = self.rubric.form
        try:
            fields = json.loads(text, object_pairs_hook=_each_key_once)
        except (ValueError, RecursionError):
            return None
        if not isinstance(fields, dict) or fields.keys() != {"nonce", form, "reason"} or fields["nonce"] != self.nonce:
            return None
        value, reason = fields[form], fields["reason"]
        if not isinstance(reason, str) or not _fits(value, form, self.num_steps):
            return None
        return tuple(value) if form == "steps" else value, " ".join(reason.split()) or None


def ask(rubric: Rubric, question: Question, response: str, nonce: str, *, as_json: bool = False) -> Asked:
    """What a judge is sent: rubric, question and path, no gold; `nonce` is a word that the path cannot know."""
    material, num_steps = response, 0
    if rubric.form == "steps":
        steps = steps_of(response)
        num_steps = len(steps)
        material = "\n".join(f"[{nonce} {number}] {step}" for number, step in enumerate(steps, 1))
    fence = f"=== reasoning {nonce} ==="
    form = _json_form(rubric.form, nonce, num_steps) if as_json else _line_form(rubric.form, nonce, num_steps)
    parts = (rubric.instruction.strip(), question_text(question), f"{fence}\n{material}\n{fence}", form)
    return Asked(rubric, [{"role": "user", "content": "\n\n".join(parts)}], nonce, num_steps, as_json)


def steps_of(response: str) -> list[str]:
    """A response cut into its steps: its lines, or its sentences where it is one line; neighbours are joined past 40.

    Example: `2+3=5.\\n\\nSo 5.` has the two steps `2+3=5.` and `So 5.`.
    """
    steps = [line.strip() for line in response.split("\n") if line.strip()]
    if len(steps) == 1:
        steps = [step for step in re.split(r"(?<=[.!?])\s+", steps[0]) if step]
    size = -(-len(steps) // MOST_STEPS) or 1
    return [" ".join(steps[begin : begin + size]) for begin in range(0, len(steps), size)]


def _line_form(form: str, nonce: str, num_steps: int) -> str:
    # The form shows placeholders, not the two words: a small model copies what it is shown.
    shown = {"verdict": "WORD", "score": "NUMBER", "steps": " ".join(f"{n}=WORD" for n in range(1, num_steps + 1))}
    return (
        f"Reply with two lines and nothing else, in exactly this form:\n"
        f"{form} {nonce}: {shown[form]}\n"
        f"reason: SENTENCE\n"
        f"{_MEANINGS[form]}"
    )


def _json_form(form: str, nonce: str, num_steps: int) -> str:
    shown = {"verdict": "WORD", "score": "NUMBER", "steps": f"[{', '.join(['WORD'] * num_steps)}]"}
    return (
        f"Reply with one JSON object and nothing else, in exactly this form:\n"
        f'{{"nonce": "{nonce}", "{form}": {shown[form]}, "reason": SENTENCE}}\n'
        f"{_MEANINGS[form]}"
    )


_MEANINGS = {
    "verdict": "WORD is valid or invalid. SENTENCE says why; for an invalid reasoning it names the first faulty step.",
    "score": "NUMBER is a whole number from 1 (worthless) to 10 (faultless). SENTENCE says why.",
    "steps": "Each WORD is valid or invalid, one for each step, in their order. SENTENCE says what is wrong with the "
    "first invalid step, or that none is.",
}
_WORD_SCHEMA = {"type": "string", "enum": list(WORDS)}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "verdict": _WORD_SCHEMA,
    "score": {"type": "integer", "enum": list(range(WORST, BEST + 1))},
    "steps": {"type": "array", "items": _WORD_SCHEMA},
}
Parser = Callable[[str], Any]
_WORD = "|".join(map(spelt, WORDS))
_LINES: dict[str, Callable[[int], tuple[str, Parser]]] = {
    "verdict": lambda num_steps: (_WORD, str),
    "score": lambda num_steps: ("10|[1-9]", int),
    "steps": lambda num_steps: (
        " ".join(f"{number}=(?:{_WORD})" for number in range(1, num_steps + 1)),
        lambda said: tuple(mark.partition("=")[2] for mark in said.split(" ")),
    ),
}


def _fits(value: Any, form: str, num_steps: int) -> bool:
    """Whether a value of a reply in JSON is what its form wants; true is no number."""
    if form == "score":
        return type(value) is int and WORST <= value <= BEST
    if form == "steps":
        return isinstance(value, list) and len(value) == num_steps and all(_fits(word, "verdict", 0) for word in value)
    return isinstance(value, str) and value in WORDS


def _each_key_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key stands twice")
    return fields
