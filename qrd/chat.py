"""Messages as the tokens that a local model reads; training and inference share these functions.

Models without a chat template, such as bases, get a plain one: each message on its own, a blank line between, and a
reply that begins on a fresh line. It names no roles, since a base model has never seen any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from qrd.errors import ConfigError
from qrd.masking import one_line

Messages = Sequence[Mapping[str, str]]

_REPLY = "\ue000reply\ue000"  # stands for a reply when a template is asked what follows one
_JOINER = "\N{WORD JOINER}"
# Put before a template that asks for today's date: the day that Llama 3.1's names where it cannot ask.
_SAME_DAY = (
    "{% macro strftime_now(format) %}{{ format | replace('%Y', '2024') | replace('%m', '07') | replace('%d', '26') "
    "| replace('%b', 'Jul') | replace('%B', 'July') | replace('%A', 'Friday') }}{% endmacro %}{{ '' }}"
)


def prompt_ids(tokenizer: Any, messages: Messages) -> list[int]:
    """The prompt's token ids, up to where the reply begins, with one BOS where the tokenizer uses one.

    A template may write BOS itself or leave it to the tokenizer; either way it stands once, at the front. A special
    token spelled out in a message is broken up with an invisible character: text cannot end a turn or begin one.

    Raises: ConfigError for messages that the template refuses.
    """
    messages = [{**message, "content": defused(tokenizer, message["content"])} for message in messages]
    templated = bool(tokenizer.chat_template)
    text = rendered(tokenizer, messages, add_generation_prompt=True) if templated else plain_prompt(messages)
    ids = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    lead = _leading(tokenizer)
    return ids if ids[: len(lead)] == lead else lead + ids


def most_tokens(config: Any) -> int | None:
    """The most tokens that a model of this transformers configuration reads, prompt and reply together; None where it
    does not say."""
    found = getattr(config.get_text_config(), "max_position_embeddings", None)
    return found if isinstance(found, int) and found > 0 else None


def plain_prompt(messages: Messages) -> str:
    """The prompt of a model without a chat template."""
    return "".join(f"{message['content'].strip()}\n\n" for message in messages)


def rendered(tokenizer: Any, messages: Messages, *, add_generation_prompt: bool) -> str:
    """The messages as the chat template writes them, on one and the same day.

    A template that names today's date (Llama 3.2's does) would else give other tokens after midnight, also to a run
    that is resumed. What a system message says goes before the user's words where a template knows no such role.

    Raises: ConfigError where the template refuses the messages.
    """
    from jinja2.exceptions import TemplateError

    problem, template = "", tokenizer.get_chat_template()
    if "strftime_now" in template:
        template = _SAME_DAY + template
    for each in (messages, _without_system(messages)):
        try:
            text: str = tokenizer.apply_chat_template(
                each, chat_template=template, tokenize=False, add_generation_prompt=add_generation_prompt
            )
        except TemplateError as error:
            problem = problem or one_line(error)
        else:
            return text
    raise ConfigError(f"{tokenizer.name_or_path}: its chat template refuses the prompt ({problem})")


def _without_system(messages: Messages) -> Messages:
    told = [message["content"] for message in messages if message["role"] == "system"]
    others = [message for message in messages if message["role"] != "system"]
    if not told or not others:
        return messages
    return [{**others[0], "content": "\n\n".join([*told, others[0]["content"]])}, *others[1:]]


@lru_cache(maxsize=16)
def end_of_turn(tokenizer: Any) -> int:
    """The token that ends a reply: the first special one that the chat template puts behind it, else EOS.

    Example: EOS of Gemma's tokenizer is ``<eos>``, but its chat template ends a turn with ``<end_of_turn>``.
    Raises: ValueError for a tokenizer that has neither.
    """
    if tokenizer.chat_template:
        turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _REPLY}]
        behind = rendered(tokenizer, turns, add_generation_prompt=False).partition(_REPLY)[2]
        special = _special_ids(tokenizer)
        for token in tokenizer(behind, add_special_tokens=False)["input_ids"]:
            if token in special:
                return int(token)
    if tokenizer.eos_token_id is None:
        raise ValueError(f"{tokenizer.name_or_path}: the tokenizer has no token that ends a text")
    return int(tokenizer.eos_token_id)


def end_tokens(tokenizer: Any, generation_config: Any = None) -> list[int]:
    """Every id that ends a reply, `end_of_turn` first; `generation_config` is the model's own."""
    configured = getattr(generation_config, "eos_token_id", None)
    others = configured if isinstance(configured, (list, tuple)) else [configured]
    found = [end_of_turn(tokenizer), tokenizer.eos_token_id, *others]
    return list(dict.fromkeys(token for token in found if token is not None))


def defused(tokenizer: Any, text: str) -> str:
    """The text with every special token that it spells out broken up by an invisible character."""
    pattern = _special_pattern(tokenizer)
    return pattern.sub(lambda found: found[0][:1] + _JOINER + found[0][1:], text) if pattern else text


@lru_cache(maxsize=16)
def _special_pattern(tokenizer: Any) -> re.Pattern[str] | None:
    added = tokenizer.added_tokens_decoder
    spelled = sorted((added[token].content for token in _special_ids(tokenizer)), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, spelled))) if spelled else None


@lru_cache(maxsize=16)
def _special_ids(tokenizer: Any) -> frozenset[int]:
    return frozenset(token for token, added in tokenizer.added_tokens_decoder.items() if added.special)


@lru_cache(maxsize=16)
def _leading(tokenizer: Any) -> list[int]:
    """[BOS] where the tokenizer puts it before a text by itself, else []."""
    bos = tokenizer.bos_token_id
    return [bos] if bos is not None and tokenizer("a")["input_ids"][:1] == [bos] else []
