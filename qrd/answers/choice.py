"""Answers that name one of several choices, by its letter or by its text."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from qrd.answers.reading.cues import Cue
from qrd.answers.reading.glyphs import legible
from qrd.answers.reading.listing import check_said, letters_listed
from qrd.answers.reading.markers import BUT_MAYBE, DOUBTED, Reading, Statement, last_match, plain, settle

_LEAD_IN = re.compile(
    r"(?:[\s,:;\"'“”\[\-–—]+|(?:therefore|thus|so|hence|most\s+likely|likely|probably|definitely|clearly|the\s+letter"
    r"|(?:the\s+)?(?:answer|option|choice|best|correct|one|statement|only)(?:\s+is)?|letter|it|is|that|be|must"
    r"|would|should|indeed|actually)\b){1,10}",
    re.IGNORECASE,
)
_LETTER = re.compile(r"\(([A-Za-z])\)|\b([A-Z])\b(?!['’.-]\w)|([a-z])(?=\s*[.)]?\s*$)")
_MORE = re.compile(
    r"\s*\)?\s*(?:[,(]?\s*(?:or|and|nor)\b|/|&|;|→|-+>|,(?=\s*\(?[A-Z]\b\)?\s*(?:$|[,.\]]|or\b|and\b)))\s*"
    r"(?:either\s+|possibly\s+|perhaps\s+|maybe\s+|option\s+|choice\s+)?\(?([A-Z])\b(?!['’]\w|\s+(?!(?:or|and)\s+\(?[A-Z]\b(?!\s+[a-z]))[a-z])",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:either|neither|none\s+of|not\s+(?:clear|possible|enough)|cannot|can't|undetermined|unclear|unknown|ambiguous"
    rf"|impossible|all\s+of\s+the\s+above|both|otherwise)\b|{DOUBTED}",
    re.IGNORECASE,
)
_UNSETTLED = re.compile(
    rf"\s*\)?\s*\?|[^.!?\n]{{0,120}}\botherwise\b|{BUT_MAYBE}(?:option\s+|choice\s+)?\(?[A-Z]\b"
    r"|[^\n]{0,80}?\b[A-Z]\)?\s+(?:is|would\s+be|could\s+be|are)\s+also\s+(?:\w+ly\s+)?(?:correct|right|possible|valid|acceptable|true)\b"
)
_CALLED_WRONG = re.compile(r"\s*\)?\s+(?:is|are|was)\s+(?:not\b|wrong\b|incorrect\b|false\b)", re.IGNORECASE)
_NEGATED = re.compile(r"\s*(?:not\b|n't\b|never\b|incorrect|wrong)", re.IGNORECASE)
_ARTICLE_NEXT = re.compile(
    r"\s+(?!because\b|since\b|as\b|is\b|for\b|due\b|which\b|given\b|with\b|based\b|and\b|or\b|in\b|from\b|would\b|,)[a-z]"
)
_RIGHT = re.compile(
    r"\s(?:is|are|would\s+be|must\s+be)\s+(?:therefore\s+|thus\s+|clearly\s+|definitely\s+|indeed\s+)?"
    r"(?:the\s+)?(?:(?:best|correct|right|most\s+likely|most\s+accurate)\s+(?:answer|choice|option)\b|correct\b|right\b|the\s+answer\b)",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:option|choice|answer|letter)?\s*[\[(<\"'“]{0,3}\s*([A-Z])\s*[\])>\"'”]{0,3}\s*[.:!]?\s*(?:\([^()]*\))?\s*$",
    re.IGNORECASE,
)
_LONE = re.compile(r"[\s\[(<\"'“]*([A-Za-z])[\s\])>\"'”.!:]*")
_SUBJECT_TAIL = re.compile(
    r"(?:\boption|\bchoice|\banswer|\bletter|^|,|[.:;]\s)\s*\(?\b([A-Z])\)?(?:\s*\([^()]{1,200}\))?$",
    re.IGNORECASE,
)
_LISTED = re.compile(r"\(?([A-Z])[.):]\s+(?=\S)")
_ITEM_WITHIN = re.compile(r"[\s(][B-Z][.)]\s")
_TOKEN = re.compile(r"[+\-−]?\d+(?:[.,:/]\d+)*%?|[^\W\d_]+(?:['’][^\W\d_]+)*|\d+|[%°²³]")
_ARTICLES = frozenset({"a", "an", "the"})
_STOP = re.compile(r"[.!?](?=\s|$)")
_ASIDE = re.compile(
    r"\s*(?:\bbecause\b|\bsince\b|\brather\s+than\b|\binstead\s+of\b|\bnot\b|\bas\s+(?:it|they|this)\b)",
    re.IGNORECASE,
)


def _tokens(text: str) -> str:
    """The words of a text for comparison: case and punctuation gone, articles gone, a space around each."""
    words = [word for word in _TOKEN.findall(plain(text).casefold().replace("’", "'")) if word not in _ARTICLES]
    return f" {' '.join(words)} "


class _Reader:
    """A reader of statements for one list of choices.

    Where a choice's text is itself a letter, as of a blood group, a lone letter is a label before it is a text:
    prompts ask for the label. Within a sentence ("type B") such a text settles nothing.
    """

    def __init__(self, choices: Sequence[str] | None, *, is_sole_item: bool = False) -> None:
        self._is_sole_item = is_sole_item  # of all lines of the reply, one begins as a listed option does
        self._letters = string.ascii_uppercase[: len(choices)] if choices else string.ascii_uppercase
        texts = [_tokens(legible(text)) for text in choices or ()]
        self._named = {
            text: letter for text, letter in zip(texts, self._letters) if text.strip() and texts.count(text) == 1
        }
        self._texts = {text: name for text, name in self._named.items() if not self._label(text)}

    def read(self, statement: Statement) -> Reading | None:
        """What the statement settles on."""
        words = statement.words
        if statement.cue is Cue.LINE:
            return self._of_line(statement)
        start = match.end() if (match := _LEAD_IN.match(words)) else 0
        if _NEGATED.match(words, start):
            return None
        if label := self._label(words[start:]):
            return Reading(label, end=start + words[start:].upper().index(label) + 1)
        if whole := self.by_text(words[start:]):
            return Reading(whole)
        letter = _LETTER.match(words, start)
        if letter and self._is_answer(words, letter, cue=statement.cue):
            return self._lettered(words, letter)
        if statement.cue is Cue.ANSWER:
            return self._of_sentence(words, start)
        return self._called_right(words)

    def by_text(self, words: str) -> str | None:
        """The letter of the choice whose text the words are, unless that text is a label; None without one."""
        return self._texts.get(_tokens(words))

    def named(self, words: str) -> str | None:
        """The letter of the choice whose text the words are, be it a label or not; None without one."""
        return self._named.get(_tokens(words))

    def _label(self, words: str) -> str | None:
        """The letter that the words are, where it is a choice's label; None for all else."""
        lone = _LONE.fullmatch(words)
        return lone[1].upper() if lone and lone[1].upper() in self._letters else None

    def _is_answer(self, words: str, letter: re.Match[str], *, cue: Cue) -> bool:
        """Whether a letter stands for a choice here; "A" and "I" are words too."""
        if letter[1]:
            return True
        if letter[0] in "AI" and _ARTICLE_NEXT.match(words, letter.end()):
            return False
        return cue is Cue.ANSWER or not words[letter.end() :].strip(" .)*!\"'")

    def _lettered(self, words: str, letter: re.Match[str]) -> Reading | None:
        """The reading of a letter: nothing if another letter is joined to it or its text is another choice's."""
        name = (letter[1] or letter[2] or letter[3]).upper()
        if name not in self._letters or any(rest.match(words, letter.end()) for rest in (_MORE, _UNSETTLED)):
            return Reading(None)
        if _CALLED_WRONG.match(words, letter.end()):
            return self._called_right(words)
        named = self.named(words[letter.end() :])
        return Reading(None if named and named != name else name, end=letter.end())

    def _of_line(self, statement: Statement) -> Reading | None:
        """The reading of a line without a cue: only an answer, or an answer that is called right."""
        line = statement.words
        if listed := _LISTED.match(line):
            return self._of_item(statement, listed[1], line[listed.end() :])
        if bare := _OPENING.match(line):
            name = bare[1].upper()
            if bare[1].isupper() or line.strip()[0] in "([aA" or not statement.num_below:
                return Reading(name if name in self._letters else self.by_text(line))
        if whole := self.by_text(line):
            return Reading(whole)
        return self._called_right(line) or (self._mentioned(line) if statement.num_below <= 1 else None)

    def _of_item(self, statement: Statement, name: str, words: str) -> Reading | None:
        """The reading of "B) wet palms": an answer if it closes the reply and does not close a list of all choices."""
        if statement.first and self._is_sole_item and name in self._letters:
            return self._called_right(statement.words) or self._of_sole_item(statement.words, name, words)
        alone = statement.first and statement.num_below == 0
        if self.named(words) != name or statement.num_below or not (alone or name != self._letters[-1]):
            return self._called_right(statement.words)
        return Reading(name)

    def _of_sole_item(self, line: str, name: str, words: str) -> Reading | None:
        """The reading of a reply that begins "B. Rubber does not conduct.": its letter, if no other choice is named."""
        start = len(line) - len(words)
        if _ITEM_WITHIN.search(words) or (name == "A" and line[:start].rstrip().endswith(":")):
            return None
        spoken = _tokens(words)
        others = (letter for text, letter in self._named.items() if spoken.startswith(text) and letter != name)
        return Reading(None) if next(others, None) else Reading(name, end=start)

    def _called_right(self, words: str) -> Reading | None:
        """The reading of "C is the correct answer", the last one of the words."""
        last = last_match(_RIGHT, words)
        if last is None:
            return None
        before = _STOP.split(words[: last.start()])[-1] or words[: last.start()]
        if whole := self._label(before) or self.by_text(before):
            return Reading(whole, end=last.end())
        subject = _SUBJECT_TAIL.search(before[-260:].strip())
        if subject is None or subject[1].upper() not in self._letters or not subject[1].isupper():
            return None
        return Reading(subject[1], end=last.end())

    def _of_sentence(self, words: str, start: int) -> Reading | None:
        """The reading of an announced answer that is not a letter at once: a choice's text within the sentence."""
        stop = _STOP.search(words, start)
        end = stop.start() if stop else len(words)
        sentence = words[start:end]
        if _HEDGE.search(sentence):
            return Reading(None)
        aside = _ASIDE.search(sentence)
        if found := self._sole(sentence[: aside.start()] if aside else sentence):
            return Reading(found, end=end)
        ending = re.search(r"(?:[:,]|\bis\b|\boption\b|\bchoice\b)\s*\(?([A-Z])\)?\s*$", sentence[-40:])
        return Reading(ending[1], end=end) if ending and ending[1] in self._letters else None

    def _mentioned(self, line: str) -> Reading | None:
        """The tentative reading of a line that speaks of one choice only."""
        if _HEDGE.search(line) or _ASIDE.search(line):
            return None
        found = self._sole(_STOP.split(line.rstrip(" .!"))[-1])
        return Reading(found, firm=False) if found else None

    def _sole(self, words: str) -> str | None:
        """The letter of the only choice whose text the words hold, texts within longer ones aside."""
        spoken = _tokens(words)
        held = [text for text in self._texts if text in spoken]
        longest = [text for text in held if not any(text != other and text in other for other in held)]
        return self._texts[longest[0]] if len(longest) == 1 else None


def extract(text: str, choices: Sequence[str] | None) -> str | None:
    """The letter of the choice the text settles on; None where it settles on none, or on more than one."""
    said = check_said(text)
    reader = _Reader(choices, is_sole_item=len(letters_listed(said)) == 1)
    return settle(said, clean=plain, read=reader.read)


def canonical(answer: str, choices: Sequence[str] | None) -> str | None:
    """The letter a gold answer names, by itself or by the choice's text; None where it names none."""
    name = answer.strip().strip("().").upper()
    if len(name) == 1 and name in string.ascii_uppercase[: len(choices) if choices else 26]:
        return name
    return _Reader(choices).named(answer)
