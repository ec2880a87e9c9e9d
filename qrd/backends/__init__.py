"""Models that answer: APIs through litellm, transformers and vLLM in process, a scripted one for tests.

A backend must not know what a question, a style or a verdict is; it takes messages and gives text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qrd.backends.api.prices import estimate
from qrd.backends.bounds.account import Account
from qrd.backends.bounds.budget import Budget
from qrd.backends.bounds.flight import Flight
from qrd.backends.bounds.stopping import Stopping
from qrd.backends.hosts import base_of
from qrd.backends.protocol import Backend, Reply, Request, Sampling, hashing
from qrd.backends.settings import BackendSettings

if TYPE_CHECKING:
    from qrd.backends.api.client import Client

__all__ = [
    "Account", "Backend", "BackendSettings", "Budget", "Flight", "Reply", "Request", "Sampling", "Stopping",
    "base_of", "estimate", "hashing", "open_backend",
]  # fmt: skip


def open_backend(model: str, settings: BackendSettings) -> Backend:
    """The backend that a model's name asks for; its libraries and weights are loaded here.

    Raises: ConfigError for a name that is no model, or a model that cannot be had.
    """
    kind, colon, rest = model.partition(":")
    if settings.batch_file is not None:
        from qrd.backends.batch.backend import BatchApi

        return BatchApi(model, settings)
    if settings.on is not None:
        from qrd.backends.cluster.backend import OnRay

        return OnRay(model, settings)
    if colon and kind in ("hf", "embedded"):
        from qrd.backends.local.hf_backend import HfLocal

        return HfLocal(model, settings)
    if colon and kind == "vllm":
        from qrd.backends.local.vllm_backend import VllmLocal

        return VllmLocal(model, settings)
    if colon and kind == "scripted":
        from qrd.backends.scripted import Scripted

        return Scripted(rest)
    from qrd.backends.api.backend import Api

    return Api(model, _client(model, settings), settings)


def _client(model: str, settings: BackendSettings) -> Client:
    """Who makes the calls: for OpenAI's protocol qrd itself, else litellm."""
    from qrd.backends.api.direct import DirectClient, endpoint_of

    endpoint = endpoint_of(model, settings.api_base)
    if endpoint is not None:
        return DirectClient(endpoint, settings)
    from qrd.backends.api.by_litellm import LitellmClient

    return LitellmClient(model, settings)
