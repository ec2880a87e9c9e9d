"""Which paths are trained on, and as what tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from qrd.models import chat
from qrd.rows.records import Path, ending_of
from qrd.training.batches import Encoder, Example, derive_seed


def refusal(path: Path) -> str | None:
    """Why a path must not be trained on (`truncated`, `refused`, `empty`, `rejected`), or None.

    What `filter --flag` marked is rejected too: the marks stand for what it would have dropped.
    """
    if path.reject_reason or path.flags:
        return "rejected"
    ending = ending_of(path.finish_reason)
    if ending == "cut":
        return "truncated"
    if ending in ("refused", "tool"):
        return "refused"
    return None if path.response and path.response.strip() else "empty"


def doubts(paths: Iterable[Path]) -> list[str]:
    """Warnings about paths that filter would have dropped; they are trained on, since filter decides."""
    paths = list(paths)
    wrong = sum(path.correct is not True for path in paths)
    unjudged = sum(path.verdict != "valid" for path in paths)
    advice = f"of {len(paths)} paths; qrd filter drops them"
    texts = ((wrong, "not known to be correct"), (unjudged, "not judged valid"))
    return [f"warning: {number} {text} {advice}" for number, text in texts if number]


def encode_paths(
    paths: Sequence[Path],
    messages: Callable[[Path], chat.Messages],
    tokenizers: Sequence[Any],
    *,
    limits: Sequence[int],
    reasons: dict[str, int],
) -> list[Example]:
    """The paths in every student's tokens. `limits` are the most tokens that each student may get.

    A path too long for any student is left out, never shortened (`too_long`); so is one whose text holds a special
    token that a tokenizer cannot read as text (`special_token`). Both are counted in `reasons`.
    """
    encoders = [Encoder(tokenizer) for tokenizer in tokenizers]
    examples = []
    for path in paths:
        prompt, response = messages(path), path.response or ""
        encoded = tuple(encoder.encode(prompt, response) for encoder in encoders)
        example = Example(path.path_id, path.id, path.style, response, encoded)
        if any(len(each.ids) > limit for each, limit in zip(encoded, limits, strict=True)):
            reasons["too_long"] = reasons.get("too_long", 0) + 1
        elif not all(encoder.is_plain(each) for encoder, each in zip(encoders, encoded, strict=True)):
            reasons["special_token"] = reasons.get("special_token", 0) + 1
        else:
            examples.append(example)
    return examples


def one_per_question(examples: Sequence[Example], *, seed: int) -> list[Example]:
    """One path of each question, in their order: chosen by the seed and the paths' names, whatever their order."""
    ranks = {example.path_id: derive_seed(seed, "path", example.path_id) for example in examples}
    chosen: dict[str, str] = {}
    for path_id, question in sorted((example.path_id, example.id) for example in examples):
        if question not in chosen or ranks[path_id] < ranks[chosen[question]]:
            chosen[question] = path_id
    return [example for example in examples if chosen[example.id] == example.path_id]
