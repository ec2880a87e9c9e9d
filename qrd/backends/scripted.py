"""A backend that replies by a file of rules: for tests and for trying a pipeline out at no cost."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path as File
from typing import Any

import msgspec

from qrd.backends.protocol import Reply, Request
from qrd.backends.settings import BackendSettings
from qrd.errors import ConfigError
from qrd.masking import one_line
from qrd.models.names import parsed
from qrd.rows.records import Usage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to reply where the last message contains `match`, or the pattern `regex`.

    `reply` is a text, or several of which the request's seed picks one; `\\1` in it is the pattern's first group.
    `error` takes the reply's place. A rule with neither condition always applies.
    """

    reply: str | list[str] | None = None
    match: str = ""
    regex: str | None = None
    finish_reason: str = "stop"
    error: str | None = None


class Scripted:
    """Replies by the first rule that applies; a request that none applies to is an error. Tokens are words.

    The file is JSONL, a rule a line, or TOML with `[[rule]]` tables.
    """

    guides = False

    def __init__(self, model: str, settings: BackendSettings) -> None:
        self.model, self.file = model, parsed(model).source
        self.rules = _rules(self.file)

    def complete(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply for each request, in their order."""
        for request in requests:
            yield self._reply(request)

    def close(self) -> None:
        """There is nothing to give back."""

    def _reply(self, request: Request) -> Reply:
        said = request.messages[-1]["content"]
        for rule in self.rules:
            found = re.search(rule.regex, said) if rule.regex is not None else None
            if rule.match not in said or (rule.regex is not None and found is None):
                continue
            if rule.error is not None:
                return Reply(key=request.key, error=rule.error)
            text = _picked(rule, request.sampling.seed)
            if text is not None and found is not None:
                text = found.expand(text)
            prompt_tokens = sum(len(message["content"].split()) for message in request.messages)
            usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=len((text or "").split()), cost_usd=0.0)
            return Reply(key=request.key, text=text, finish_reason=rule.finish_reason, usage=usage)
        return Reply(key=request.key, error=f"no rule of {self.file} applies")


def _picked(rule: Rule, seed: int | None) -> str | None:
    if isinstance(rule.reply, list):
        return rule.reply[(seed or 0) % len(rule.reply)] if rule.reply else None
    return rule.reply


def _rules(file: str) -> list[Rule]:
    try:
        raw = File(file).read_bytes()
        rows: Any = tomllib.loads(raw.decode()).get("rule") if file.endswith(".toml") else _lines(raw)
        rules = msgspec.convert(rows, list[Rule])
        for rule in rules:
            re.compile(rule.regex or "")
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, tomllib.TOMLDecodeError, UnicodeDecodeError, re.error) as error:
        raise ConfigError(f"{file}: no rules: {one_line(error)}") from None
    return rules


def _lines(raw: bytes) -> list[Any]:
    return [msgspec.json.decode(line) for line in raw.split(b"\n") if line.strip()]
