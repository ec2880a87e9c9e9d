"""Messages as the tokens that a local model reads; training and inference share these functions.

Models without a chat template, such as bases, get a plain one: each message on its own, a blank line between, and a
reply that begins on a fresh line. It names no roles, since a base model has never seen any.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from qrd.models.chat_template import Messages as Messages
from qrd.models.chat_template import rendered

# Stand for a question and a reply when a template is asked what it puts around them.
_ASKED, _REPLY = "\ue000asked\ue000", "\ue000reply\ue000"
_TURNS = ({"role": "user", "content": _ASKED}, {"role": "assistant", "content": _REPLY})
_OPENED = re.compile(r"(<(?!/)[^<>\s]+>|\[(?!/)[^\[\]\s]+\])\s*\Z")  # a tag that stands last, and ends none
_JOINER = "\N{WORD JOINER}"


def prompt_ids(tokenizer: Any, messages: Messages) -> list[int]:
    """The prompt's token ids, up to where the reply begins, with one BOS where the tokenizer uses one.

    A template may write BOS itself or leave it to the tokenizer; either way it stands once, at the front. A special
    token spelled out in a message is broken up with an invisible character: text cannot end a turn or begin one.

    Raises: ConfigError for messages that the template refuses, or does not show whole.
    """
    ids = list(tokenizer(prompt_text(tokenizer, messages), add_special_tokens=False)["input_ids"])
    lead = _leading(tokenizer)
    return ids if ids[: len(lead)] == lead else lead + ids


def prompt_text(tokenizer: Any, messages: Messages) -> str:
    """The prompt as text, up to where the reply begins.

    Raises: ConfigError as ``prompt_ids``.
    """
    messages = [{**message, "content": defused(tokenizer, message["content"])} for message in messages]
    if not tokenizer.chat_template:
        return plain_prompt(messages)
    return rendered(tokenizer, messages, add_generation_prompt=True)


def most_tokens(config: Any) -> int | None:
    """The most tokens that a model of this transformers configuration reads, prompt and reply together; None where it
    does not say."""
    found = getattr(config.get_text_config(), "max_position_embeddings", None)
    return found if isinstance(found, int) and found > 0 else None


def checked(tokenizer: Any) -> Any:
    """The same tokenizer, once its chat template shows what a user asks and what is replied.

    Raises: ConfigError where it does not.
    """
    prompt_text(tokenizer, _TURNS[:1])
    if tokenizer.chat_template:
        rendered(tokenizer, _TURNS, add_generation_prompt=False)
    return tokenizer


def num_begun(tokenizer: Any, response: str) -> int:
    """How many characters of a response its prompt says already: those of a tag that the template opens a reply with.

    Example: of ``<think>\\nTwo.`` eight, where the prompt ends with ``<think>\\n``.
    """
    tag = _opened_tag(tokenizer)
    begun = re.match(rf"\s*{re.escape(tag)}\s*", response) if tag else None
    return begun.end() if begun else 0


@lru_cache(maxsize=16)
def _opened_tag(tokenizer: Any) -> str | None:
    """The tag that the chat template puts last, where a reply begins: ``<think>`` of some."""
    if not tokenizer.chat_template:
        return None
    asked = rendered(tokenizer, _TURNS[:1], add_generation_prompt=True)
    found = _OPENED.search(asked.rpartition(_ASKED)[2])
    return found[1] if found else None


def plain_prompt(messages: Messages) -> str:
    """The prompt of a model without a chat template."""
    return "".join(f"{message['content'].strip()}\n\n" for message in messages)


@lru_cache(maxsize=16)
def end_of_turn(tokenizer: Any) -> int:
    """The token that ends a reply: the first special one that the chat template puts behind it, else EOS.

    Example: EOS of Gemma's tokenizer is ``<eos>``, but its chat template ends a turn with ``<end_of_turn>``.
    Raises: ValueError for a tokenizer that has neither.
    """
    if tokenizer.chat_template:
        behind = rendered(tokenizer, _TURNS, add_generation_prompt=False).partition(_REPLY)[2]
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
