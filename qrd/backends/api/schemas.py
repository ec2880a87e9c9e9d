"""Which providers hold a reply to a JSON schema."""

from __future__ import annotations

import os

from qrd.backends.api import prices

LOCAL = ("hf", "embedded", "vllm", "scripted")
OWN_SERVER_NAMES = ("OPENAI_BASE_URL", "OPENAI_API_BASE")


def is_local(model: str) -> bool:
    """Whether a model runs in this process."""
    kind, colon, _ = model.partition(":")
    return bool(colon) and kind in LOCAL


def is_held(model: str, api_base: str | None) -> bool:
    """Whether the provider is known to hold a reply to a schema; of a server of one's own nothing is known."""
    if is_local(model) or api_base or any(os.environ.get(name) for name in OWN_SERVER_NAMES):
        return False
    return prices.knows_schemas(model)
