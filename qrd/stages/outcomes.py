"""What became of the replies of a run, counted: one whose replies are of no use does not end without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from qrd.console import Console
from qrd.rows.records import Fields, ending_of

ORDER = ("right", "wrong", "no answer", "without gold", "cut", "empty", "refused", "failed")
# A few long replies are cut in any run. Past one in ten the limit chooses what a student sees: the hardest questions
# have the longest replies. As many empty or refused ones are no accident either.
TOO_MANY = 0.1


@dataclass
class Outcomes:
    """Rows by what became of them; each counts once, by the first that holds of: cut, refused, empty, its answer."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, fields: Fields) -> None:
        """Count a row of the output."""
        self.counts[outcome_of(fields)] += 1

    def tell(self, console: Console, advice: Mapping[str, str], *, num_failed: int) -> None:
        """Say how many rows there are of each kind, and warn of what is too much of a kind, with its `advice`."""
        counts = self.counts + Counter(failed=num_failed)
        if not counts:
            return
        console.say("replies: " + ", ".join(f"{counts[name]:,} {name}" for name in ORDER if counts[name]))
        for warning in _warnings(self.counts, advice):
            console.say(f"warning: {warning}")


def outcome_of(fields: Fields) -> str:
    """What became of a reply, by its row."""
    text, reason = fields.get("response"), fields.get("finish_reason")
    ending = ending_of(reason if isinstance(reason, str) else None)
    if ending in ("cut", "refused"):
        return ending
    if not (isinstance(text, str) and text.strip()):
        return "empty"
    if fields.get("correct") is None:
        return "without gold"
    if fields["correct"] is True:
        return "right"
    return "wrong" if fields.get("prediction") is not None else "no answer"


def on_paths(max_tokens: int) -> dict[str, str]:
    """What would help a run of generate, by what became of its replies."""
    return {
        "cut": f"cut at --max-tokens {max_tokens}, and a cut reply trains nobody: raise it (a model that thinks first "
        "needs room for its thoughts too) and generate anew with --no-resume or into another file",
        "empty": "empty: see how they end with qrd inspect; a model that spends all its tokens on thoughts wants a "
        f"higher --max-tokens (now {max_tokens}), one that says nothing another prompt or endpoint",
        "refused": "refused by the model or a filter: they train nobody; another --teacher or --styles may answer",
        "no answer": "without an answer that could be read: see with qrd inspect how the replies end",
    }


def on_predictions(max_tokens: int) -> dict[str, str]:
    """What would help an evaluation, by what became of its replies."""
    return {
        "cut": f"cut at --max-tokens {max_tokens}, maybe before their answer: raise it and evaluate anew with "
        "--no-resume or into another file",
        "empty": "empty, and count as not right: see how they end with qrd inspect; a model that spends all its tokens "
        f"on thoughts wants a higher --max-tokens (now {max_tokens})",
        "refused": "refused by the model or a filter, and are no measure of what it knows",
        "no answer": "without an answer that could be read, and count as not right: see with qrd inspect how they end",
    }


def _warnings(counts: Counter[str], advice: Mapping[str, str]) -> Iterator[str]:
    total = counts.total()
    for name, what in advice.items():
        if counts[name] > TOO_MANY * total:
            yield f"{counts[name]:,} of {total:,} replies are {what}"
