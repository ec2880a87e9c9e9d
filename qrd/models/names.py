"""What a model's name means: one grammar for every place where a model is named."""

from __future__ import annotations

from qrd.errors import ConfigError

LOADABLE = "a hub name, a folder, hf:NAME_OR_FOLDER or embedded:NAME"


def local_source(model: str) -> str:
    """The folder or hub name that transformers loads for a model as the command line names it."""
    kind, colon, rest = model.partition(":")
    if kind == "embedded" and colon:
        from qrd.models.embedded import folder_of

        return str(folder_of(model))
    if kind == "vllm" and colon:
        raise ConfigError(f"--student: {model!r} cannot be trained; expected {LOADABLE}")
    return rest if kind == "hf" and colon else model


def source_of(model: str) -> str:
    """The folder or hub name behind `hf:X`, `vllm:X`, `embedded:X` or `vllm:embedded:X`.

    Raises: ConfigError for an embedded encoder, which writes no text.
    """
    from qrd.models import embedded

    name = model if embedded.is_embedded(model) else model.partition(":")[2]
    if not embedded.is_embedded(name):
        return name
    if embedded.described(name).kind == "encoder":
        raise ConfigError(f"{model}: is an encoder and writes no text")
    return str(embedded.folder_of(name))
