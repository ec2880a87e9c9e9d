"""litellm, loaded quietly, and what it knows of prices. It takes seconds to import, so only calls to APIs do."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

from qrd.backends.protocol import Request
from qrd.errors import ConfigError

FORMS = "PROVIDER/NAME as litellm knows it (openai/gpt-4o-mini), hf:NAME_OR_FOLDER, vllm:NAME_OR_FOLDER, embedded:NAME"


@cache
def litellm() -> Any:
    """The module litellm: no download of prices, no `.env` file read, no retries and no logs of its own.

    Raises: ConfigError where it is not installed.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # in its other mode it reads .env files of the working folder
    try:
        import litellm as found
    except ImportError:
        raise ConfigError("calling an API needs litellm; install it with: pip install 'qrd[api]'") from None
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    module: Any = found
    module.suppress_debug_info = True
    module.num_retries = 0
    return module


def provider_of(model: str) -> str:
    """The provider of a litellm name.

    Raises: ConfigError where litellm knows none.
    """
    try:
        provider: str = litellm().get_llm_provider(model)[1]
    except litellm().exceptions.BadRequestError:
        raise ConfigError(f"{model!r} names no model; a model is {FORMS}") from None
    return provider


def price(model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
    """US dollars of so many tokens; None where the price is not known."""
    try:
        prompt_usd, completion_usd = litellm().cost_per_token(
            model=model, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens
        )
    except Exception:  # noqa: BLE001  litellm raises a bare Exception for models it has no price of
        return None
    return float(prompt_usd + completion_usd)


def most_tokens(messages: Sequence[dict[str, str]]) -> int:
    """More tokens than a prompt can have: no tokenizer makes more tokens than a text has bytes."""
    return sum(len(message["content"].encode("utf-8", "surrogatepass")) + 16 for message in messages)


def likely_tokens(messages: Sequence[dict[str, str]]) -> int:
    """About the tokens of a prompt: four bytes each, and four for every message's frame."""
    return sum(len(message["content"].encode("utf-8", "surrogatepass")) // 4 + 4 for message in messages)


def estimate(model: str, requests: Sequence[Request]) -> tuple[int, int, float | None]:
    """(prompt tokens, about; reply tokens, at most; US dollars of both, or None) of asking all of `requests`.

    Raises: ConfigError for a name that is no model.
    """
    prompt_tokens = sum(likely_tokens(request.messages) for request in requests)
    completion_tokens = sum(request.sampling.max_tokens for request in requests)
    if model.partition(":")[0] in ("hf", "vllm", "embedded", "scripted"):
        return prompt_tokens, completion_tokens, 0.0
    provider_of(model)
    return prompt_tokens, completion_tokens, price(model, prompt_tokens, completion_tokens)
