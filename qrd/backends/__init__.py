"""Models that answer: APIs through litellm, transformers and vLLM in process, a scripted one for tests.

A backend must not know what a question, a style or a verdict is; it takes messages and gives text.

To add a kind of model, touch these five files and no other:

1.  its module in this folder: one class with what `protocol.Backend` names, made from a model's name and the settings;
    `scripted` is the smallest. Where adapters can take turns on it, also what `protocol.AdapterBackend` names;
2.  a line in `BACKENDS`, below;
3.  a line in `qrd.models.names.KINDS`: its prefix, the packages and the extra that it needs, whether it costs money,
    takes a GPU or lies in files. Help, prices, fingerprints, clusters and `qrd doctor` go by that;
4.  its extra in pyproject.toml;
5.  its test in tests/backends.
"""

from __future__ import annotations

from importlib import import_module

from qrd.backends.api.prices import estimate
from qrd.backends.bounds.account import Account
from qrd.backends.bounds.budget import Budget
from qrd.backends.bounds.flight import Flight
from qrd.backends.bounds.stopping import Stopping
from qrd.backends.hosts import base_of
from qrd.backends.protocol import Backend, Reply, Request, Sampling, hashing
from qrd.backends.settings import BackendSettings
from qrd.models.names import parsed

__all__ = [
    "Account",
    "Backend",
    "BackendSettings",
    "Budget",
    "Flight",
    "Reply",
    "Request",
    "Sampling",
    "Stopping",
    "base_of",
    "estimate",
    "hashing",
    "open_backend",
]

# By the prefix of a model's name, the module below this one that answers, and what in it takes (model, settings).
BACKENDS = {
    "": ("api.opening", "opened"),
    "hf": ("local.hf_backend", "HfLocal"),
    "embedded": ("local.hf_backend", "HfLocal"),
    "vllm": ("local.vllm_backend", "VllmLocal"),
    "scripted": ("scripted", "Scripted"),
}
BATCHED, ON_A_CLUSTER = ("batch.backend", "BatchApi"), ("cluster.backend", "OnRay")


def open_backend(model: str, settings: BackendSettings) -> Backend:
    """The backend that a model's name asks for; its libraries and weights are loaded here.

    Raises: ConfigError for a name that is no model, or a model that cannot be had.
    """
    chosen = BACKENDS[parsed(model).kind]
    if settings.on is not None:
        chosen = ON_A_CLUSTER
    if settings.batch_file is not None:
        chosen = BATCHED
    module, name = chosen
    backend: Backend = getattr(import_module(f"{__name__}.{module}"), name)(model, settings)
    return backend
