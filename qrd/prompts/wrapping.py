r"""What may stand around a judge's verdict, and the two lines themselves.

The one who would abuse a reading is the path: its text is before the judge, who may repeat any of it. What it cannot
repeat is the nonce, so each wrapping here is read only where the line with the nonce is whole, stands first, and stands
once. Each was decided by that:

thoughts      cut off before anything is read, as they are for paths; a verdict in them is a draft and never read.
              Thoughts that are opened and not closed leave nothing to read.
fence         one pair of ``` around the whole reply, nothing outside it.
stars         ** around the label, the value or the whole head line, and around `reason:`; always in pairs.
capitals      `Verdict`, `VERDICT`, `Valid`, `VALID`, `Reason:`; three spellings of a word and no others. The line is
              matched whole, so `INVALID` is never taken for `VALID`.
blank lines   before the verdict and between it and the reason.
reason        over at most three lines. None behind the first may name the nonce, the form or its words, or a reason
              again: a judge that thinks on behind its verdict and changes its mind is unscored.

Anything else is not read: other quotes or languages, `9/10` for a score, a verdict behind a greeting, both on one line.
"""

from __future__ import annotations

import re

from qrd.answers import split_thoughts

MOST_REASON_LINES = 3
_FENCE = re.compile(r"```[ \t]*(?:[a-zA-Z]{1,16})?[ \t]*\r?\n(.*)\r?\n[ \t]*```", re.DOTALL)
_TAG = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)  # also where it is quoted: who echoes a tag may be led by a path
_ENDED = re.compile(r"(?:\s*<\|(?:return|end)\|>)+\s*\Z")  # special tokens that a server left in
_SECOND_THOUGHT = ("reason:", "valid", "/10", "/ 10", "out of 10")  # `invalid` holds `valid`
BLANKS = " \t\r\n"


def unwrapped(text: str) -> str | None:
    """What a judge said behind its thoughts and inside its fence; None for nothing, or thoughts behind it."""
    said = (split_thoughts(text).answer or "").strip(BLANKS)
    if not said or not _ENDED.sub("", text).rstrip(BLANKS).endswith(said) or _TAG.search(said):
        return None
    fenced = _FENCE.fullmatch(said)
    return fenced[1].strip(BLANKS) if fenced else said


def is_finished(text: str | None) -> bool:
    """Whether a judge came to say anything: its reply is not empty, and its thoughts end and leave something behind."""
    return bool(unwrapped(text or ""))


def spelt(word: str) -> str:
    """The pattern of a word in small letters, with a capital, or in capitals."""
    return f"(?:{word}|{word.capitalize()}|{word.upper()})"


def in_lines(form: str, nonce: str, value: str, text: str) -> tuple[str, str] | None:
    """(value in small letters, reason on one line) of a reply in its form; `value` is the pattern of what may be said.

    Example: `**Verdict 5f3a:** Valid` over `reason: so.` gives (`valid`, `so.`).
    """
    head, _, rest = text.partition("\n")
    label = rf"{spelt(form)} {re.escape(nonce)}:"
    wrapped = (
        rf"{label} ({value})",
        rf"\*\*{label}\*\* ({value})",
        rf"\*\*{label} ({value})\*\*",
        rf"{label} \*\*({value})\*\*",
    )
    found = re.fullmatch(rf"(?:{'|'.join(wrapped)})[ \t]*\r?", head)
    reason = _reason(rest, form, nonce)
    if found is None or reason is None:
        return None
    return next(filter(None, found.groups())).lower(), reason


def _reason(text: str, form: str, nonce: str) -> str | None:
    """The reason, its lines joined; None where it is none, goes on too long or gives the verdict a second thought."""
    found = re.fullmatch(rf"[ \t\r\n]*(?:{spelt('reason')}:|\*\*{spelt('reason')}:\*\*)([^\r\n]*)(.*)", text, re.DOTALL)
    if found is None:
        return None
    first, more = found[1].strip(" \t"), found[2]
    lines = [line.strip(BLANKS) for line in more.split("\n") if line.strip(BLANKS)]
    again = more.lower()
    is_sure = not any(word in again for word in (*_SECOND_THOUGHT, nonce, form))
    return " ".join([first, *lines]).strip() if is_sure and len(lines) < MOST_REASON_LINES else None
