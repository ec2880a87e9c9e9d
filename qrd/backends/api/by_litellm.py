"""Calls through litellm: a hundred providers, each with its own protocol."""

from __future__ import annotations

import asyncio
import os
from contextvars import ContextVar
from typing import Any

from qrd.backends.api import prices
from qrd.backends.api.client import TOO_LONG, Answer, body_of
from qrd.backends.api.refusals import CallFailed, late, understood
from qrd.backends.api.replies import answer_of
from qrd.backends.hosts import base_of
from qrd.backends.protocol import Request
from qrd.backends.settings import BackendSettings
from qrd.errors import ConfigError
from qrd.masking import masked


class LitellmClient:
    """Calls one model. Raises, when made: ConfigError for a name that is no model, or a key that is missing."""

    def __init__(self, model: str, settings: BackendSettings) -> None:
        self.model, self.timeout_s = model, settings.timeout
        self._litellm = prices.litellm()
        provider = prices.provider_of(model)
        self.address = masked(base_of(model, settings.api_base) or f"the address that litellm has for {provider}")
        # `wait_for` decides on time: it also bounds an answer that drips in.
        self._options: dict[str, Any] = {
            "model": model,
            "num_retries": 0,
            "max_retries": 0,
            "timeout": self.timeout_s + 5,
        }
        if settings.api_base:
            self._options["api_base"] = settings.api_base
        elif missing := self._litellm.validate_environment(model).get("missing_keys"):
            raise ConfigError(f"{model}: needs a key; set the environment variable {missing[0]}")
        self._is_internal = _internal_mark()
        known = self._litellm.get_supported_openai_params(model=model, custom_llm_provider=provider)
        self._takes_seed = "seed" in (known or ())
        if "max_retries" not in (known or ()) and provider in self._litellm.openai_compatible_providers:
            # Otherwise litellm forgets it on the way to these, and their client then tries three times by itself.
            self._options["allowed_openai_params"] = ["max_retries"]
        if settings.api_base and provider == "openai" and not os.environ.get("OPENAI_API_KEY"):
            self._options["api_key"] = "none"  # a server of one's own seldom wants one, and the client insists

    async def open(self) -> None:
        """litellm opens connections by itself."""

    async def call(self, request: Request) -> Answer:
        """The answer to one call. Raises: CallFailed."""
        body = body_of(request, takes_seed=self._takes_seed)
        if self._is_internal is not None:
            self._is_internal.set(True)  # in this task alone
        try:
            call = self._litellm.acompletion(**self._options, **body)
            completion = await asyncio.wait_for(call, self.timeout_s)
        except asyncio.TimeoutError:
            raise CallFailed(late(self.timeout_s)) from None
        except Exception as error:  # noqa: BLE001  litellm lets its providers' own errors through
            raise CallFailed(understood(error)) from None
        answer = answer_of(completion.model_dump())
        if answer.is_too_long:
            raise CallFailed(TOO_LONG)
        return answer

    async def close(self) -> None:
        """litellm keeps its connections for the next model."""


def _internal_mark() -> ContextVar[bool] | None:
    """What tells litellm that a call is a part of another, whose callbacks, and the records for them, are left out.

    That and the pricing of each answer (`prices.litellm`) are a third of the processor time of a call.
    """
    try:
        from litellm._internal_context import is_internal_call
    except ImportError:  # another version
        return None
    mark: ContextVar[bool] = is_internal_call
    return mark
