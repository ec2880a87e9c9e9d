"""Where the models are that qrd calls by itself, by the prefix of their names."""

from __future__ import annotations

import os
from typing import NamedTuple

from qrd.models.names import parsed


class Host(NamedTuple):
    """Where a prefix of model names leads: variables of its endpoint and its key, and its endpoint without them.

    `needs_key`: that endpoint answers nobody without one.
    """

    base_names: tuple[str, ...]
    key_name: str
    base: str | None = None
    needs_key: bool = False


# Variables and endpoints are litellm's. A provider stands here where litellm would send the very same call and take the
# reply's text as it is: from others' texts it takes a <think> part, or it has other names for options.
HOSTS = {
    "openai": Host(("OPENAI_BASE_URL", "OPENAI_API_BASE"), "OPENAI_API_KEY", "https://api.openai.com/v1", True),
    "deepseek": Host(("DEEPSEEK_API_BASE",), "DEEPSEEK_API_KEY", "https://api.deepseek.com/beta", True),
    "hosted_vllm": Host(("HOSTED_VLLM_API_BASE",), "HOSTED_VLLM_API_KEY"),
    "custom_openai": Host((), "OPENAI_API_KEY"),
    "openai_like": Host(("OPENAI_LIKE_API_BASE",), "OPENAI_LIKE_API_KEY"),
    "lm_studio": Host(("LM_STUDIO_API_BASE",), "LM_STUDIO_API_KEY"),
    "llamafile": Host(("LLAMAFILE_API_BASE",), "LLAMAFILE_API_KEY", "http://127.0.0.1:8080/v1"),
}


def base_of(model: str, api_base: str | None) -> str | None:
    """The endpoint that is asked for, by --api-base or by a variable; None for the provider's own.

    It decides the reply as the model's name does: two runs with another value of the variable are not the same work.
    """
    host = HOSTS.get(parsed(model).provider)
    return api_base or next(filter(None, map(os.environ.get, host.base_names if host else ())), None)
