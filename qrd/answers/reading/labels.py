"""Reading a statement whose answer is one of a few words: what boolean and nli share."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qrd.answers.reading.cues import Cue
from qrd.answers.reading.markers import BUT_MAYBE, DOUBTED, Reading, Statement, is_supposed, last_match

_FILLER = re.compile(
    r"(?:❌(?=\s*(?:no|false|incorrect|untrue)\b)|[✅✔☑✓➡👉\s,:;\"'“”(\[\-–—]+|(?:without\s+(?:a\s+)?doubt|no\s+doubt|beyond\s+(?:any\s+)?doubt|of\s+course|in\s+fact|therefore|thus|so|then|hence|indeed|most|more|very|highly|likely|probably|definitely"
    r"|clearly|certainly|simply|technically|generally|essentially|considered|a|an|the|as|overall|demonstrably|still"
    r"|also|both|presumably|arguably|mostly|largely|logically|strictly|obviously|absolutely|actually|resounding"
    r"|answer|is|it|that|this|reasonably|best|described|option|choice|overwhelmingly|almost|just|now"
    r"|be|must|inferred|to|we|can|conclude|usually|practically|potentially|final"
    r"|understood|interpreted|implied|assumed|say|unequivocally|currently|fundamentally|ultimately)\b){1,12}",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"(?:not|isn't|never|cannot\s+be|can't\s+be|wasn't|unlikely(?:\s+to\s+be)?)\s+(?:\w{2,12}ly\s+)?$", re.IGNORECASE
)
_NOT_MODAL = r"(?<!may )(?<!can )(?<!might )(?<!could )"
_NO_DETERMINER = r"(?!(?<=\bno)\s+(?!(?:for|in|if|when|on|at|to|otherwise|depending|respectively)\b)\w)"
_ALTERNATIVE = re.compile(r"\bor\s+[\"']?$", re.IGNORECASE)
_DOUBTED = re.compile(DOUBTED, re.IGNORECASE)
_DENIAL = re.compile(r"no|nope|false|untrue|incorrect|contradict\w*|not\s.*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?](?=[\s\"')]|$)")
_AFTER_BARE = re.compile(r"[\s.!,;:)\"'\]]*(?:\([^()]{0,400}\)?[\s.]*)?$")
_AFTER_HEAD = re.compile(r"\s*(?:[.!,;:)\"'\]—–]|-\s|$|\(|that\b)")


class Labels:
    """A reader of statements for one closed set of words.

    `words` maps a pattern to the answer it stands for (None: words that settle on nothing), tried in order.
    `subject` are the things that may be said to be so ("the statement is true"), `verbs` the labels that say so of a
    subject by themselves ("the text contradicts it"), `opposite` what a denied label means, `unknowable` the phrases
    that settle on what `words` says of them wherever they stand.
    """

    def __init__(
        self,
        words: Mapping[str, str | None],
        *,
        subject: str,
        opposite: Mapping[str, str | None],
        unknowable: str,
        verbs: str = r"(?!)",
    ) -> None:
        self._answers = list(words.values())
        alternatives = "|".join(f"({pattern})" for pattern in words)
        self._label = re.compile(rf"(?<![\w-])(?:{alternatives})(?!\w|-\w)", re.IGNORECASE)
        self._subject = re.compile(rf"\b(?:{subject})\b", re.IGNORECASE)
        adverbs = r"[\s,:;\"'(]{0,4}(?:(?!not\b)\w+[\s,]{1,2}){0,3}?[\"'(]?"
        self._said = re.compile(
            rf"(?:{_NOT_MODAL}\b(?:is|are|as|be|was)\b{adverbs}|(?<=\s)(?={verbs}\b))(?:{alternatives})(?!\w)",
            re.IGNORECASE,
        )
        self._joined = re.compile(
            rf"(?:\s*(?:,?\s*(?:or|and|nor)\b|/|→|-+>)\s*|{BUT_MAYBE})(?:{alternatives})(?!\w){_NO_DETERMINER}"
            rf"|[^.!?\n]{{0,60}}?(?:[,;]|\bbut|\band)\s+(?:{alternatives})\s+(?:for|in|if|when|on|at|to|otherwise)\b",
            re.IGNORECASE,
        )
        self._unknowable = re.compile(rf"\b(?:{unknowable})\b", re.IGNORECASE)
        self._restated = re.compile(
            rf"\s*[,:;.—–-]+\s*(?:it|this|that)(?:['’]s|\s+is)\s+(?:\w+ly\s+)?(?:{alternatives})\s*(?:[.!,;)]|$)",
            re.IGNORECASE,
        )
        self._undecided = re.compile(rf"\b(?:{unknowable})\s+(?:if|whether)\b", re.IGNORECASE)
        self._opposite = opposite

    @property
    def pattern(self) -> re.Pattern[str]:
        """The pattern of one label."""
        return self._label

    def exact(self, text: str) -> str | None:
        """The answer a text stands for that is nothing but a label; None for any other text."""
        match = self._label.fullmatch(text.strip().strip(".!\"'()"))
        return self._answer(match) if match else None

    def read(self, statement: Statement) -> Reading | None:
        """What the statement settles on: its first word, what is said of a subject, or its last word."""
        head = _FILLER.match(statement.words)
        start = head.end() if head else 0
        match = self._label.match(statement.words, start)
        if match:
            return self._at_head(statement, match, start)
        if statement.cue is Cue.ANSWER and (ending := self._at_end(statement.words)):
            return ending
        return self._said_in(statement)

    def _said_in(self, statement: Statement) -> Reading | None:
        """The reading of words that do not begin with a label: what they say of a subject, or that nobody can say."""
        if self._undecided.search(statement.words):
            return self._unknown(statement)
        said = self._of_subject(statement)
        return said if said and said.answer else self._unknown(statement) or said

    def _unknown(self, statement: Statement) -> Reading | None:
        """The reading of "it cannot be determined" in the first sentence of the words."""
        stop = _SENTENCE_END.search(statement.words)
        match = self._unknowable.search(statement.words, 0, stop.start() if stop else len(statement.words))
        if not match or not (label := self._label.match(match[0])):
            return None
        return Reading(self._answer(label), firm=statement.cue is not Cue.LINE)

    def _answer(self, match: re.Match[str]) -> str | None:
        return self._answers[((match.lastindex or 1) - 1) % len(self._answers)]

    def _judged(self, statement: str, match: re.Match[str], *, firm: bool) -> Reading | None:
        """The reading of a label in its surroundings: hedged, denied, or plain."""
        answer = self._answer(match)
        before = statement[max(0, match.start() - 40) : match.start()]
        joined = self._joined.match(statement, match.end())
        if (answer is not None and joined and self._answer(joined) != answer) or _ALTERNATIVE.search(before):
            return Reading(None, firm)
        if _NEGATION.search(before):
            denied = self._opposite.get(match[0].lower(), "")
            return None if denied == "" else Reading(denied, firm, match.end())
        return Reading(answer, firm, match.end())

    def _at_head(self, statement: Statement, match: re.Match[str], start: int) -> Reading | None:
        words = statement.words
        if statement.cue is Cue.ANSWER:
            return self._judged(words, match, firm=True)
        bare = bool(_AFTER_BARE.match(words, match.end()))
        clause = bool(_AFTER_HEAD.match(words, match.end()))
        if not (bare or clause):
            return self._said_in(statement)
        reading = self._judged(words, match, firm=statement.cue is Cue.TURN or (bare and start == 0))
        if reading is None or not _DENIAL.fullmatch(match[0]):
            return reading
        restated = self._restated.match(words, match.end())
        if restated and (answer := self._answer(restated)) != reading.answer:
            return Reading(answer if statement.cue is Cue.TURN else None, reading.firm)
        return reading._replace(end=None)  # "No. That is wrong." says of the question what its "no" says

    def _at_end(self, words: str) -> Reading | None:
        """The reading of "…, which makes it: yes": a label that ends the first sentence."""
        stop = _SENTENCE_END.search(words)
        sentence = words[: stop.start()] if stop else words
        last = last_match(self._label, sentence, max(0, len(sentence) - 40))
        if last is None or sentence[last.end() :].strip(" \"')*"):
            return None
        return self._judged(sentence, last, firm=True)

    def _of_subject(self, statement: Statement) -> Reading | None:
        """The reading of "the statement … is false", the last one of the words."""
        subject = self._subject.search(statement.words)
        if not subject:
            return None
        last = last_match(self._said, statement.words, subject.end())
        if last is None or _DOUBTED.search(re.split(r"[.,;!?]", statement.words[: last.start()])[-1]):
            return None
        match = self._label.match(statement.words, last.start(last.lastindex or 0))
        if match and is_supposed(statement.words[: match.start()].rstrip(), statement.words[match.end() :]):
            return None
        return self._judged(statement.words, match, firm=statement.cue is not Cue.LINE) if match else None
