"""No path repeats a question that is kept for testing.

Compared are words: case, punctuation, accents' spelling and white space count for nothing. A paraphrase is not found.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from qrd.filters.decision import KEEP, Decision, drop
from qrd.rows.records import Path, Question

LONG, SHORT = 13, 8  # words of a run; the numbers of GPT-3 (arXiv 2005.14165, appendix C) and of PaLM
MIN_SHARE = 0.15  # of a question's runs of 8 that must be found
TEMPLATE_USES = 3  # a run that stands in more questions than this, give or take a word, is form and not content
MIN_ALONE_WORDS = 4  # of a question that is looked for without its context and choices

_WORD = re.compile(r"[^\W_]+|[-+*/=<>^%](?=\s*\d)")
_LETTERS = re.compile(r"[^\W_]+")


class Contamination:
    """Drop as `contaminated` a path whose question or response holds a question of the files given.

    A question of `SHORT` words or more is held where a run of `LONG` of its words stands in the text, or `MIN_SHARE` of
    its runs of `SHORT` words; runs that are the form of many questions are passed over. A shorter one is compared
    whole: with the whole question, in whichever order its choices stand, and with each run of as many words of the
    response.
    """

    def __init__(self, questions: Iterable[Question]) -> None:
        self._wholes: set[int] = set()
        self._alone: dict[int, set[int]] = defaultdict(set)  # by number of words
        self._long: set[int] = set()
        self._holders: dict[int, list[int]] = defaultdict(list)
        self._num_runs: list[int] = []
        known = list(questions)
        forms = _forms(letters(_text(question)) for question in known)
        for question in known:
            self._add(question, forms)

    def __len__(self) -> int:
        return len(self._num_runs)

    def _add(self, question: Question, forms: set[int]) -> None:
        self._wholes.add(_whole(question))
        words, alone = letters(_text(question)), plain(question.question)
        own = {run for run in runs(words, SHORT) if run not in forms}
        if len(alone) >= MIN_ALONE_WORDS and (len(alone) < SHORT or not own):
            self._alone[len(alone)].add(hash(tuple(alone)))
        for run in own:
            self._holders[run].append(len(self._num_runs))
        starts = range(len(words) - LONG + 1)
        self._long |= {
            hash(tuple(words[at : at + LONG])) for at in starts if hash(tuple(words[at : at + SHORT])) in own
        }
        self._num_runs.append(len(own))

    def __call__(self, path: Path) -> Decision:
        """Keep what holds none of the questions."""
        return drop("contaminated") if self._is_asked(path) or self._is_told(path.response or "") else KEEP

    def _is_asked(self, question: Question) -> bool:
        if _whole(question) in self._wholes or self._holds(letters(_text(question))):
            return True
        bare, words = not (question.context or question.choices), plain(question.question)
        return bare and hash(tuple(words)) in self._alone.get(len(words), ())

    def _is_told(self, response: str) -> bool:
        words = plain(response)
        for length, alone in self._alone.items():
            if not alone.isdisjoint(runs(words, length)):
                return True
        return self._holds(letters(response))

    def _holds(self, words: Sequence[str]) -> bool:
        """Whether enough runs of a test question stand among `words`."""
        found = Counter(holder for run in set(runs(words, SHORT)) for holder in self._holders.get(run, ()))
        if not found:
            return False
        if any(run in self._long for run in runs(words, LONG)):
            return True
        return any(number >= MIN_SHARE * self._num_runs[holder] for holder, number in found.items())


def _forms(questions: Iterable[list[str]]) -> set[int]:
    """The runs of `SHORT` words that, but for at most one word, stand in more than TEMPLATE_USES questions."""
    masked: Counter[int] = Counter()
    places: dict[int, list[int]] = {}
    for words in questions:
        found = {hash(run): run for run in (tuple(words[at : at + SHORT]) for at in range(len(words) - SHORT + 1))}
        for name, run in found.items():
            places[name] = [hash((at, *run[:at], *run[at + 1 :])) for at in range(SHORT)]
            masked.update(places[name])
    return {name for name, masks in places.items() if max(masked[mask] for mask in masks) > TEMPLATE_USES}


def _text(question: Question) -> str:
    return "\n".join(filter(None, (question.context, question.question, *(question.choices or ()))))


def _whole(question: Question) -> int:
    choices = sorted(" ".join(plain(choice)) for choice in question.choices or ())
    return hash((*plain(question.context or ""), "", *plain(question.question), "", *choices))


def letters(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _LETTERS.findall(_folded(text))


def plain(text: str) -> list[str]:
    """The words of a text and, before numbers, its operators: the form in which short texts are compared."""
    return _WORD.findall(_folded(text))


def runs(words: Sequence[str], length: int) -> list[int]:
    """The hash of each run of `length` words; of fewer words there is none."""
    return [hash(tuple(words[at : at + length])) for at in range(len(words) - length + 1)]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
