"""What a model's name means: one grammar for every place where a model is named."""

from __future__ import annotations

import os
import re

from qrd.errors import ConfigError

# NAME or OWNER/NAME, or an address such as s3://BUCKET/NAME, which vLLM takes; anything else can be a folder only.
_HUB_NAME = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)?|\w+://.+")
LOADABLE = "a hub name, a folder, hf:NAME_OR_FOLDER or embedded:NAME"


def local_source(model: str) -> str:
    """The folder or hub name that transformers loads for a model as the command line names it.

    Raises: ConfigError for a folder that is not there, and for a model of vLLM, which is not trained.
    """
    kind, colon, rest = model.partition(":")
    if kind == "embedded" and colon:
        from qrd.models.embedded import folder_of

        return str(folder_of(model))
    if kind == "vllm" and colon:
        raise ConfigError(f"--student: {model!r} cannot be trained; expected {LOADABLE}")
    return present(rest if kind == "hf" and colon else model, model)


def source_of(model: str) -> str:
    """The folder or hub name behind `hf:X`, `vllm:X`, `embedded:X` or `vllm:embedded:X`.

    Raises: ConfigError for a folder that is not there, and for an embedded encoder, which writes no text.
    """
    from qrd.models import embedded

    name = model if embedded.is_embedded(model) else model.partition(":")[2]
    if not embedded.is_embedded(name):
        return present(name, model)
    if embedded.described(name).kind == "encoder":
        raise ConfigError(f"{model}: is an encoder and writes no text")
    return str(embedded.folder_of(name))


def present(name: str, told: str) -> str:
    """The name of a hub or of a folder.

    Raises: ConfigError, which tells of it as `told`, where it can only be a folder's and there is none.
    """
    if not (_HUB_NAME.fullmatch(name) or os.path.exists(name)):
        raise ConfigError(f"{told}: there is no such folder, and no model of a hub has such a name")
    return name
