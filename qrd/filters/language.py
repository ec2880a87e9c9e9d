"""The response is written in the language asked for."""

from __future__ import annotations

import re

from qrd.errors import ConfigError, needs
from qrd.filters.decision import KEEP, Decision, drop
from qrd.rows.records import Path

# Formulas and code are of no language.
_NO_PROSE = re.compile(r"```.*?(?:```|\Z)|\\\[.*?\\\]|\\\(.*?\\\)|\$[^$]{1,2000}\$|\\[A-Za-z]+|[^\W\d_]*[\d_]\w*", re.S)
MIN_LETTERS = 40  # of less text no detector can tell
SURE = 0.8


class Language:
    """Drop what is in an `other_language`; what is too short to tell, or not told with certainty, is kept."""

    def __init__(self, language: str) -> None:
        """`language` is a code of ISO 639-1, such as en or de.

        Raises: ConfigError for a code that the detector does not know, or where the detector is missing.
        """
        try:
            from py3langid import langid
        except ImportError:
            raise needs("--language", "py3langid", "filter") from None
        self._detector = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
        known = sorted(set(self._detector.labels))
        if language not in known:
            raise ConfigError(f"--language: {language!r} is not one of {', '.join(known)}")
        self.language = language

    def __call__(self, path: Path) -> Decision:
        """Keep where the prose of the response is in the language."""
        prose = _NO_PROSE.sub(" ", path.response or "")
        if sum(map(str.isalpha, prose)) < MIN_LETTERS:
            return KEEP
        found, probability = self._detector.classify(prose)
        return KEEP if found == self.language or probability < SURE else drop("other_language")
