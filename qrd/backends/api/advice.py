"""What a user of qrd can do about an option that a model refuses: providers and libraries have other names for options.

Only what qrd does is advised: `--temperature`, `--max-tokens` and the seed go with every call.
"""

from __future__ import annotations

import re

_IS_REFUSED = re.compile(
    r"unsupported|not support|n't support|extra (?:fields|inputs)|not permitted|not allowed|not available"
    r"|unknown (?:field|param|name)|unrecogni[sz]ed|unexpected|only the default",
    re.IGNORECASE,
)
_ADVICE = {
    "temperature": "--temperature as given is not taken; --temperature 1, the default of APIs, is",
    "top_p": "--top-p is not taken; with --top-p 1 it is not sent",
    "seed": "a seed is not taken; it goes with every call, and no option leaves it out",
    "max_tokens": "--max-tokens is not taken by this name; it goes with every call, and no option leaves it out",
    "response_format": "a schema is not taken; judge --schema never sends none",
}
_NAMED = re.compile(rf"(?<![\w-])({'|'.join(_ADVICE)})(?![\w-])")
# litellm's advice is for its own callers: qrd has no such options.
_OF_LITELLM = re.compile(r"^litellm\.\w+: |\s*(?:To drop|If you want to use these params).*")


def advice_of(message: str) -> str:
    """What can be done about the option that a refusal names; empty where it names none."""
    if not _IS_REFUSED.search(message):
        return ""
    return "; ".join(_ADVICE[name] for name in dict.fromkeys(_NAMED.findall(message)))


def advised(message: str) -> str:
    """The words of a server that refuses, and what can be done."""
    advice = advice_of(message)
    return f"{message} ({advice})" if advice else message


def translated(message: str) -> str:
    """What can be done about an option that litellm does not let through, and its reason without its own advice."""
    reason = _OF_LITELLM.sub("", message)
    advice = advice_of(reason)
    return f"{advice} ({reason})" if advice else reason
