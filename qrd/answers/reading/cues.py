"""The words that introduce an answer ("the answer is", "therefore"), found in a line fast.

Every pattern here has bounded repeats, and is tried only where a word stands that may begin it: most of a reply is
passed over at the speed of a search for plain letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum


class Cue(Enum):
    """What introduces a statement: a named answer, a mere turn of phrase, or nothing but the line itself."""

    ANSWER = "the answer is"
    TURN = "therefore"
    LINE = ""


_NOUN = r"(?:answers?|conclusion|verdict|label|prediction|relationship|classification|solution)"
_CHOSEN = r"(?:best|correct|right|final|most\s+\w{1,20}|only\s+\w{1,20})\s+(?:choice|option|response|one|result)"
_VERB = r"(?:is|are|was|would\s+be|should\s+be|must\s+be|has\s+to\s+be|will\s+be|remains|becomes|equals)"
_CUES = re.compile(
    rf"(?P<answer>\b(?:{_NOUN}|{_CHOSEN})\b(?:\s*\([^()\n]{{1,30}}\))?"
    rf"(?:\s+(?:choice|option|letter))?(?:[^.:;!?=\n]{{0,80}}?\b{_VERB}\b\s*[:=]?|\s{{0,3}}[:=]|\s{{1,3}}-{{1,2}}\s)"
    r"|\b(?:I|we)(?:'d|\s+would|\s+will|\s+'ll)?\s+(?:choose|pick|select|go\s+with|answer|say)\b\s*:?"
    r"|^(?:choose|pick|select)\b"
    r"|\b(?:true\s+or\s+false|yes\s+or\s+no)\s{0,3}[:?]"
    r"|(?:->|→|=>|[,;(])\s{0,3}(?:now\s+)?(?:corrected|changed|revised|amended)\s+to\b"
    r"|\bI\s+(?:now\s+)?(?:change|correct|revise|amend)\s+(?:my\s+answer|that|this|it)\s+to\b"
    r"|^\s{0,3}(?:Q:.{0,200})?A:\s)"
    r"|(?P<turn>\b(?:therefore|thus|hence|so|consequently|overall|in\s+conclusion|in\s+short|finally|conclude(?:d|s)?)\b"
    r"\s*(?:[,:]\s*|that\s+|it\s+is\s+|it's\s+|it\s+must\s+be\s+){0,3}"
    r"|\b(?:actually|correction|scratch\s+that|I\s+meant?|wait|rather)\b\s*(?:[,:]\s*|it\s+is\s+|it's\s+"
    r"|it\s+should\s+be\s+|that\s+should\s+be\s+|should\s+be\s+){0,4}"
    r"|####\s{0,3})",
    re.IGNORECASE,
)
_BEGINNING = re.compile(
    r"(?<![a-z])(?:(?P<noun>answer|conclusion|verdict|label|prediction|relationship|classification|solution|best|correct(?!ion)"
    r"|right|final(?!ly)|most|only)|conclude|correction|finally|i[\s'’]|we[\s'’]|true\s|yes\s|therefore|thus|hence|so\b"
    r"|consequently|overall|in\s|actually|scratch|wait|rather)"
    r"|->|→|=>|[,;(]\s{0,3}(?:now\s+)?(?:corrected|changed|revised|amended)|####"
)
_SAID = re.compile(r"\b(?:is|are|was|would|should|must|has|will|remains|becomes|equals)\b|[:=-]")
_MAX_CUE = 250  # characters from a noun to the end of the verb or sign that makes an announcement of it


def cues_in(line: str) -> Iterator[re.Match[str]]:
    """Each cue of the line in order, none within another; its group "answer" holds where it names an answer."""
    lowered = line.lower()
    if len(lowered) != len(line):  # a letter whose small form is two
        yield from _CUES.finditer(line)
        return
    if match := _CUES.match(line):  # some cues begin a line, with whatever word
        yield match
    end = match.end() if match else 0
    said = -1
    while beginning := _BEGINNING.search(lowered, end):
        start = beginning.start()
        end = start + 1
        if beginning["noun"]:
            if said < start:
                verb = _SAID.search(lowered, start)
                said = verb.start() if verb else len(line) + _MAX_CUE
            if said > start + _MAX_CUE:
                continue
        if match := _CUES.match(line, start):
            yield match
            end = match.end()
