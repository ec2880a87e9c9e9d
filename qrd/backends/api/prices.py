"""litellm, loaded quietly, and what it knows of prices. It takes seconds to import, so only calls to APIs do."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path as File
from typing import Any

import msgspec

from qrd.backends.protocol import Request
from qrd.errors import ConfigError, needs
from qrd.models import names

FORMS = ", ".join(("PROVIDER/NAME as litellm knows it (openai/gpt-4o-mini)", *names.forms()))

OWN_SERVERS = frozenset({"openai", "hosted_vllm", "custom_openai", "openai_like", "lm_studio", "llamafile"})


@cache
def litellm() -> Any:
    """The module litellm: no download of prices, no `.env` file read, no retries and no logs of its own.

    Raises: ConfigError where it is not installed.
    """
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_MODE", "PRODUCTION")  # in its other mode it reads .env files of the working folder
    try:
        with _kept_for_good():
            import litellm as found
    except ImportError:
        raise needs("calling an API", "litellm", "api") from None
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    module: Any = found
    module.suppress_debug_info = True
    module.num_retries = 0
    if hasattr(module.utils, "update_response_metadata"):  # it prices and times each answer, which nobody reads here
        module.utils.update_response_metadata = _nothing
    return module


@contextlib.contextmanager
def _kept_for_good() -> Iterator[None]:
    """Within this context objects come to stay: nobody looks for garbage among them, now, later or at the exit.

    litellm brings 2,700 modules: to look through them again and again as they come, and once more at the exit, took a
    quarter of the time between.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()


def _nothing(**_: object) -> None:
    """Done in place of what is left out."""


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
    entry = entry_of(model)
    if entry is not None:
        return prompt_tokens * entry.prompt_usd + completion_tokens * entry.reply_usd
    return _asked_price(model, prompt_tokens, completion_tokens) if _is_litellms(model) else None


def batch_price(model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
    """US dollars of so many tokens in a provider's batch: half of the price, where no other is known."""
    entry = entry_of(model)
    if entry is not None:
        return prompt_tokens * entry.batch_usd[0] + completion_tokens * entry.batch_usd[1]
    whole = price(model, prompt_tokens, completion_tokens)
    return None if whole is None else whole / 2


@dataclass(frozen=True)
class Entry:
    """The prices of a token, where they depend on nothing else; `batch_usd` are those of the provider's batches."""

    prompt_usd: float
    reply_usd: float
    batch_usd: tuple[float, float]


@cache
def entry_of(model: str) -> Entry | None:
    """What litellm's table says of a model, read without importing litellm; None where only litellm itself can tell."""
    found = _row_of(model)
    if found is None:
        return None
    facts = msgspec.json.decode(found)
    rates = [facts.get(f"{side}_cost_per_token") for side in ("input", "output")]
    # Some prices grow with the length of the prompt, or are asked for something else than tokens.
    is_plain = all(isinstance(rate, (int, float)) for rate in rates) and facts.get("mode") == "chat"
    if not is_plain or any("_above_" in name or "tiered" in name or "per_request" in name for name in facts):
        return None
    halves = [facts.get(f"{side}_cost_per_token_batches") for side in ("input", "output")]
    batch = [rate / 2 if half is None else half for rate, half in zip(rates, halves)]
    return Entry(rates[0], rates[1], (batch[0], batch[1]))


@cache
def _table() -> dict[str, msgspec.Raw]:
    """litellm's table of models; empty where it is not installed."""
    package = importlib.util.find_spec("litellm")
    for folder in (package.submodule_search_locations or ()) if package else ():
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            raw = File(folder, "model_prices_and_context_window_backup.json").read_bytes()
            return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return {}


def _row_of(model: str) -> msgspec.Raw | None:
    return _table().get(model) or (_table().get(model[7:]) if model.startswith("openai/") else None)


def knows_schemas(model: str) -> bool:
    """Whether litellm's table says that the model's provider holds a reply to a JSON schema."""
    row = _row_of(model)
    return row is not None and msgspec.json.decode(row, type=_Abilities).supports_response_schema is True


class _Abilities(msgspec.Struct):
    supports_response_schema: bool | None = None


def _is_litellms(model: str) -> bool:
    """Whether litellm may know a price; not of servers of one's own, and to ask takes the seconds that it loads for."""
    return names.parsed(model).provider not in OWN_SERVERS or _row_of(model) is not None


def _asked_price(model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
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


def estimate(model: str, requests: Iterable[Request]) -> tuple[int, int, float | None]:
    """(prompt tokens, about; reply tokens, at most; US dollars, at most, or None) of asking all of `requests`.

    The cost is that of all prompts' bytes, as `--max-cost` sets it aside: text in Chinese, digits or LaTeX may have
    several times the tokens of plain English.
    Raises: ConfigError for a name that is no model.
    """
    prompt_tokens = most_prompt_tokens = completion_tokens = 0
    for request in requests:
        prompt_tokens += likely_tokens(request.messages)
        most_prompt_tokens += most_tokens(request.messages)
        completion_tokens += request.sampling.max_tokens
    if names.kind_of(model).is_local:
        return prompt_tokens, completion_tokens, 0.0
    provider_of(model)
    return prompt_tokens, completion_tokens, price(model, most_prompt_tokens, completion_tokens)
