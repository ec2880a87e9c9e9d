"""Models that answer: APIs through litellm, transformers and vLLM in process, a scripted one for tests.

A backend must not know what a question, a style or a verdict is; it takes messages and gives text.
"""

from qrd.backends.protocol import Backend, Reply, Request, Sampling
from qrd.backends.settings import BackendSettings

__all__ = ["Backend", "BackendSettings", "Reply", "Request", "Sampling"]
