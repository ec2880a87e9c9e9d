"""A model behind an API, and who makes its calls: for OpenAI's protocol qrd itself, else litellm."""

from __future__ import annotations

from qrd.backends.api.backend import Api
from qrd.backends.api.client import Client
from qrd.backends.api.direct import DirectClient, endpoint_of
from qrd.backends.settings import BackendSettings


def opened(model: str, settings: BackendSettings) -> Api:
    """The model behind its API.

    Raises: ConfigError for a name that is no model, or a key that is missing.
    """
    return Api(model, _client(model, settings), settings)


def _client(model: str, settings: BackendSettings) -> Client:
    endpoint = endpoint_of(model, settings.api_base)
    if endpoint is not None:
        return DirectClient(endpoint, settings)
    from qrd.backends.api.by_litellm import LitellmClient

    return LitellmClient(model, settings)
