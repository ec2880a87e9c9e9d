"""Models that answer: APIs through litellm, transformers and vLLM in process, a scripted one for tests.

A backend must not know what a question, a style or a verdict is; it takes messages and gives text.
"""

from qrd.backends.budget import Budget
from qrd.backends.prices import estimate
from qrd.backends.protocol import Backend, Reply, Request, Sampling
from qrd.backends.settings import BackendSettings
from qrd.backends.stopping import Stopping

__all__ = [
    "Backend", "BackendSettings", "Budget", "Reply", "Request", "Sampling", "Stopping", "estimate", "open_backend",
]  # fmt: skip


def open_backend(model: str, settings: BackendSettings) -> Backend:
    """The backend that a model's name asks for; its libraries and weights are loaded here.

    Raises: ConfigError for a name that is no model, or a model that cannot be had.
    """
    kind, colon, rest = model.partition(":")
    if colon and kind in ("hf", "embedded"):
        from qrd.backends.hf_local import HfLocal

        return HfLocal(model, settings)
    if colon and kind == "vllm":
        from qrd.backends.vllm_local import VllmLocal

        return VllmLocal(model, settings)
    if colon and kind == "scripted":
        from qrd.backends.scripted import Scripted

        return Scripted(rest)
    from qrd.backends.litellm_api import LitellmApi

    return LitellmApi(model, settings)
