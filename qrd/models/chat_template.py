"""What a model's chat template makes of messages, with nothing left out.

A template may know no system role, want its text in content parts, or drop what it does not expect without a word. So
the form in which it shows everything is looked for once, with marks for texts, and each prompt is looked through too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

from qrd.errors import ConfigError
from qrd.masking import one_line

Messages = Sequence[Mapping[str, str]]

# Put before a template that asks for today's date: the day that Llama 3.1's names where it cannot ask.
_SAME_DAY = (
    "{% macro strftime_now(format) %}{{ format | replace('%Y', '2024') | replace('%m', '07') | replace('%d', '26') "
    "| replace('%b', 'Jul') | replace('%B', 'July') | replace('%A', 'Friday') }}{% endmacro %}{{ '' }}"
)
_END_OF_THOUGHT = "</think>"


@dataclass(frozen=True)
class Form:
    """How a template wants messages: the system's words before the user's, or apart; the contents of `parted` roles
    as lists of parts, the others as text."""

    without_system: bool
    parted: frozenset[str]

    def messages(self, messages: Messages) -> list[dict[str, Any]]:
        """The messages in this form."""
        each = _without_system(messages) if self.without_system else messages
        return [{**message, "content": self._content(message)} for message in each]

    def _content(self, message: Mapping[str, str]) -> Any:
        text = message["content"]
        return [{"type": "text", "text": text}] if message["role"] in self.parted else text


def rendered(tokenizer: Any, messages: Messages, *, add_generation_prompt: bool) -> str:
    """The messages as the chat template writes them, each of them whole, on one and the same day.

    A template that names today's date (Llama 3.2's does) would else give other tokens after midnight, also to a run
    that is resumed. What a system message says goes before the user's words where a template shows no such role. White
    space may be changed, and what an earlier reply thought be left out: that is a template's own business.

    Raises: ConfigError where the template refuses the messages, or does not show all that they say.
    """
    roles = [message["role"] for message in messages]
    form = form_of(tokenizer, roles, add_generation_prompt=add_generation_prompt)
    text = _applied(tokenizer, form.messages(messages), add_generation_prompt)
    for message in messages:
        if not _shows(text, message):
            told = " ".join(message["content"].split())
            raise _lost(tokenizer, f"{message['role']} message {told[:40]!r}")
    return text


def form_of(tokenizer: Any, roles: Sequence[str], *, add_generation_prompt: bool) -> Form:
    """The form in which the chat template shows messages of these roles whole.

    Raises: ConfigError where there is none.
    """
    return _form(tokenizer, _template(tokenizer), tuple(roles), add_generation_prompt)


@lru_cache(maxsize=64)
def _form(tokenizer: Any, template: str, roles: tuple[str, ...], add_generation_prompt: bool) -> Form:
    """The first form in which the template shows a mark in each message; `template` is here to tell calls apart."""
    marks = [{"role": role, "content": f"\ue000Mark {place}\ue000"} for place, role in enumerate(roles)]
    refused, lost = [], []
    for form in _forms(roles):
        try:
            text = _applied(tokenizer, form.messages(marks), add_generation_prompt)
        except ConfigError as error:
            refused.append(error)
            continue
        hidden = [mark["role"] for mark in marks if mark["content"] not in text or _as_data(mark["content"], text)]
        if not hidden:
            return form
        lost.append(hidden)
    # The form that comes nearest tells what is wrong.
    raise _lost(tokenizer, f"{min(lost, key=len)[0]} message") if lost else refused[0]


def _forms(roles: Sequence[str]) -> Iterator[Form]:
    """Every form of these roles: first with a system role, as text before parts."""
    names = sorted(set(roles))
    for without_system in (False, True)[: 2 if "system" in roles else 1]:
        for number in range(len(names) + 1):
            for parted in combinations(names, number):
                yield Form(without_system, frozenset(parted))


def _as_data(mark: str, text: str) -> bool:
    """Whether a list of parts was written out as it is, which a template does that expects text."""
    return f"'text': '{mark}'" in text or f'"text": "{mark}"' in text


def _shows(text: str, message: Mapping[str, str]) -> bool:
    said = message["content"]
    if message["role"] == "assistant":
        said = said.rpartition(_END_OF_THOUGHT)[2]
    return " ".join(said.split()) in " ".join(text.split())


def _lost(tokenizer: Any, what: str) -> ConfigError:
    found = f"{tokenizer.name_or_path}: its chat template does not show the {what} whole, as text or as content parts"
    return ConfigError(f"{found}; give the model a chat template that shows all messages")


def _applied(tokenizer: Any, messages: Sequence[Mapping[str, Any]], add_generation_prompt: bool) -> str:
    from jinja2.exceptions import TemplateError

    template = _template(tokenizer)
    if "strftime_now" in template:
        template = _SAME_DAY + template
    try:
        text: str = tokenizer.apply_chat_template(
            messages, chat_template=template, tokenize=False, add_generation_prompt=add_generation_prompt
        )
    # A template that is given a list and does with it what a text can: Python's own errors come through.
    except (TemplateError, TypeError, ValueError, AttributeError, LookupError) as error:
        problem = f"its chat template refuses the prompt ({one_line(error)})"
        raise ConfigError(f"{tokenizer.name_or_path}: {problem}") from None
    return text


def _template(tokenizer: Any) -> str:
    try:
        return str(tokenizer.get_chat_template())
    except ValueError as error:  # several templates, none of them the one to take
        raise ConfigError(f"{tokenizer.name_or_path}: has no one chat template ({one_line(error)})") from None


def _without_system(messages: Messages) -> Messages:
    told = [message["content"] for message in messages if message["role"] == "system"]
    others = [message for message in messages if message["role"] != "system"]
    if not told or not others:
        return messages
    return [{**others[0], "content": "\n\n".join([*told, others[0]["content"]])}, *others[1:]]
