"""Which providers hold a reply to a JSON schema."""

from __future__ import annotations

import os

from qrd.backends.api import prices
from qrd.models.names import kind_of

OWN_SERVER_NAMES = ("OPENAI_BASE_URL", "OPENAI_API_BASE")


def is_held(model: str, api_base: str | None) -> bool:
    """Whether the provider is known to hold a reply to a schema; of a server of one's own nothing is known."""
    if kind_of(model).is_local or api_base or any(os.environ.get(name) for name in OWN_SERVER_NAMES):
        return False
    return prices.knows_schemas(model)
