"""Rules that decide whether a path is worth training on, one a file; the first that says no gives the reason.

A rule sees one path and must not know where it comes from or goes. Rules of one path come before those that compare
paths, so that no dropped path takes the place of another.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from qrd.config import FilterConfig
from qrd.filters.answer import answer, answer_known
from qrd.filters.cap import Cap, style, teacher
from qrd.filters.decision import KEEP, Decision, Rule
from qrd.filters.finish import finish
from qrd.filters.length import Length, num_tokens
from qrd.filters.verdict import verdict, verdict_known
from qrd.rows.records import Path, Question

__all__ = [
    "KEEP",
    "Decision",
    "Length",
    "Rule",
    "Rules",
    "all_objections",
    "answer",
    "finish",
    "objections",
    "rules",
    "verdict",
]


class Rules(NamedTuple):
    """The rules in their order: those that look at one path, then those that compare paths."""

    single: tuple[Rule, ...]
    comparing: tuple[Rule, ...]


def rules(config: FilterConfig, test_questions: Iterable[Question] = ()) -> Rules:
    """The rules of a configuration; an empty `require` means correct and valid, each where the data knows it.

    `test_questions` are what --decontaminate looks for. Raises: ConfigError where a rule lacks its package.
    """
    single: list[Rule] = [finish]
    if not config.require:
        single += [answer, verdict]
    if "correct" in config.require:
        single.append(answer_known)
    if "valid" in config.require:
        single.append(verdict_known)
    if config.min_tokens is not None or config.max_tokens is not None:
        single.append(_length(config))
    if config.language is not None:
        from qrd.filters.language import Language

        single.append(Language(config.language))
    if config.decontaminate:
        from qrd.filters.contamination import Contamination

        single.append(Contamination(test_questions))
    return Rules(tuple(single), tuple(_comparing(config)))


def _length(config: FilterConfig) -> Rule:
    if config.tokenizer is None:
        return Length(config.min_tokens, config.max_tokens, num_tokens)
    from qrd.filters.tokens import token_counter

    return Length(config.min_tokens, config.max_tokens, token_counter(config.tokenizer))


def _comparing(config: FilterConfig) -> list[Rule]:
    chosen: list[Rule] = []
    if config.dedupe is not None:
        from qrd.filters.duplicates import Duplicates

        chosen.append(Duplicates(config.dedupe))
    if config.max_per_style is not None:
        chosen.append(Cap(config.max_per_style, style))
    if config.max_per_teacher is not None:
        chosen.append(Cap(config.max_per_teacher, teacher))
    return chosen


def objections(path: Path, rules: Rules) -> list[str]:
    """The reason of the first rule that drops the path; none where all keep it."""
    for rule in (*rules.single, *rules.comparing):
        keep, reason = rule(path)
        if not keep:
            return [str(reason)]
    return []


def all_objections(path: Path, rules: Rules) -> list[str]:
    """The reasons of every rule that would drop the path; what one path's rules drop is compared with no other."""
    decisions = [rule(path) for rule in rules.single]
    if all(decision.keep for decision in decisions):
        return objections(path, rules._replace(single=()))
    return [str(decision.reason) for decision in decisions if not decision.keep]
