"""What a model's name means: one grammar for every place where a model is named.

``PREFIX:SOURCE``     a kind of `KINDS`: ``hf:org/model``, ``vllm:folder``, ``embedded:smollm2-135m``, ``scripted:file``
``PROVIDER/NAME``     a model behind an API, as litellm knows it; for a student or an encoder a hub name or a folder
``[NAME=]MODEL``      a student, and what it is called
``base:NAME``         in predictions the untrained base of a student
``ensemble:RULE``     in predictions what the students of a run come to together
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from qrd.errors import ConfigError

TRANSFORMERS = ("torch", "transformers", "accelerate", "peft", "safetensors")
EMBEDDED, FOLDER = "embedded", "NAME_OR_FOLDER"
FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# NAME or OWNER/NAME, or an address such as s3://BUCKET/NAME, which vLLM takes; anything else can be a folder only.
_HUB_NAME = re.compile(r"\w[\w.-]*(?:/\w[\w.-]*)?|\w+://.+")
_BASE, _ENSEMBLE = "base:", "ensemble:"


class Kind(NamedTuple):
    """What models of one prefix are, and what they need: packages, and the extra of qrd that brings them.

    `form` is how help spells what follows the prefix; empty where help does not tell of it. `is_local`: it runs in
    this process and costs nothing; `takes_device`: on a GPU, where there is one; `is_in_files`: its source may be a
    folder or file of this machine; `is_trainable`: transformers loads it.
    """

    form: str = ""
    packages: tuple[str, ...] = ()
    extra: str = ""
    is_local: bool = True
    takes_device: bool = True
    is_in_files: bool = True
    is_trainable: bool = False


KINDS = {
    "": Kind("PROVIDER/NAME", ("litellm", "aiohttp"), "api", is_local=False, takes_device=False, is_in_files=False),
    "hf": Kind(FOLDER, TRANSFORMERS, "train", is_trainable=True),
    "vllm": Kind(FOLDER, ("vllm",), "vllm"),
    EMBEDDED: Kind("NAME", TRANSFORMERS, "train", is_in_files=False, is_trainable=True),
    "scripted": Kind(takes_device=False),
}


class ModelName(NamedTuple):
    """A name taken apart: a key of `KINDS`, and what stands behind its colon; all of it where there is no prefix."""

    kind: str
    source: str

    @property
    def provider(self) -> str:
        """Who serves a model behind an API: what stands before the first slash; empty for a model of another kind.

        Example: that of ``openai/gpt-4o-mini`` is openai; ``hf:openai/gpt-oss-20b`` has none.
        """
        return "" if self.kind else self.source.partition("/")[0]


def parsed(model: str) -> ModelName:
    """The parts of a model's name.

    Example: ``hf:org/model`` is (hf, org/model); ``ollama/llama3:8b`` has no prefix that is known, and is all source.
    """
    kind, colon, source = model.partition(":")
    return ModelName(kind, source) if kind and colon and kind in KINDS else ModelName("", model)


def kind_of(model: str) -> Kind:
    """What kind of model a name asks for."""
    return KINDS[parsed(model).kind]


def is_embedded(model: str) -> bool:
    """Whether `model` names an embedded model, known or not."""
    return parsed(model).kind == EMBEDDED


def forms(*, only_trainable: bool = False) -> list[str]:
    """How help spells the names of models that have a prefix."""
    told = ((prefix, kind) for prefix, kind in KINDS.items() if prefix and kind.form)
    return [f"{prefix}:{kind.form}" for prefix, kind in told if kind.is_trainable or not only_trainable]


def either(choices: Sequence[str]) -> str:
    """The choices in words: a, b or c."""
    return " or ".join(filter(None, (", ".join(choices[:-1]), choices[-1])))


LOADABLE = either(["a hub name", "a folder", *forms(only_trainable=True)])


def named_student(text: str) -> tuple[str, str]:
    """(name, model) of `[NAME=]MODEL`; without a name, the last part of the model's, which may be no FOLDER_NAME.

    Example: ``small=hf:org/model-1b`` is named `small`; ``embedded:gemma3-270m`` is named `gemma3-270m`.
    """
    name, equals, model = text.partition("=")
    if equals and FOLDER_NAME.fullmatch(name):
        return name, model
    return text.rstrip("/").rpartition("/")[2].rpartition(":")[2], text


def base_name(student: str) -> str:
    """What the untrained base of a student is called in predictions."""
    return f"{_BASE}{student}"


def is_base(model: str) -> bool:
    """Whether predictions are those of an untrained base."""
    return model.startswith(_BASE)


def ensemble_name(rule: str) -> str:
    """What the ensemble by a rule is called in predictions."""
    return f"{_ENSEMBLE}{rule}"


def is_ensemble(model: str) -> bool:
    """Whether predictions are those of an ensemble, whose replies are its students'."""
    return model.startswith(_ENSEMBLE)


def local_source(model: str, *, option: str = "--student") -> str:
    """The folder or hub name that transformers loads for a model to be trained, as the command line names it.

    Raises: ConfigError for a name with the prefix of models that cannot be, and for a folder that is not there.
    """
    found = parsed(model)
    if found.kind and not KINDS[found.kind].is_trainable:
        raise ConfigError(f"{option}: {model!r} cannot be trained; expected {LOADABLE}")
    if found.kind != EMBEDDED:
        return present(found.source, f"{option} {model}")
    from qrd.models.embedded import folder_of

    return str(folder_of(model))


def source_of(model: str) -> str:
    """The folder or hub name behind `hf:X`, `vllm:X`, `embedded:X` or `vllm:embedded:X`.

    Raises: ConfigError for a folder that is not there, and for an embedded encoder, which writes no text.
    """
    from qrd.models import embedded

    name = model if is_embedded(model) else parsed(model).source
    if not is_embedded(name):
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
