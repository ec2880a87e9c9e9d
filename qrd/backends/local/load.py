"""Loading a model and its tokenizer with transformers, so that every mistake is one line and nothing is unpickled."""

from __future__ import annotations

import json
from pathlib import Path as File
from typing import Any

from qrd.backends.settings import BackendSettings
from qrd.errors import ConfigError, needs
from qrd.masking import one_line
from qrd.models import chat
from qrd.models.names import source_of
from qrd.models.weights import keep_four_bits, read_model, resolve_dtype

# The text on which a model with an adapter is held beside the model without it.
PROBE = "Reason step by step. What is 17 + 25? First add 10 + 20, then 7 + 5; the answer is 42."


def load(model: str, settings: BackendSettings) -> tuple[Any, Any]:
    """The causal model, in evaluation mode on its device, and its tokenizer.

    Raises: ConfigError where either cannot be had.
    """
    if missing := _missing("torch", "transformers"):
        raise needs(model, missing, "train")
    import transformers
    from safetensors import SafetensorError

    logging: Any = transformers.utils.logging
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    source, trust = source_of(model), settings.trust_remote_code
    device = device_of(settings)
    try:
        tokenizer = chat.checked(transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=trust))
        network = read_model(source, resolve_dtype(settings.dtype, device), trust_remote_code=trust)
    except (OSError, ValueError, ImportError, KeyError, SafetensorError) as error:
        raise ConfigError(f"{model}: cannot be loaded: {one_line(error)}") from None
    return keep_four_bits(network.to(device).eval()), tokenizer


def device_of(settings: BackendSettings) -> Any:
    """The torch device: as given, else cuda where there is one, else cpu.

    Raises: ConfigError for a device that this machine does not have.
    """
    import torch

    name = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"--device {name}: {one_line(error)}") from None
    return device


def adapter_config(folder: str) -> dict[str, Any]:
    """The configuration of a PEFT folder whose weights are safetensors.

    Raises: ConfigError for any other folder.
    """
    try:
        found = json.loads((File(folder) / "adapter_config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder}: is no PEFT folder: {one_line(error)}") from None
    if not (File(folder) / "adapter_model.safetensors").is_file():
        raise ConfigError(f"{folder}: has no adapter_model.safetensors; other formats are not read, they can run code")
    if not isinstance(found, dict):
        raise ConfigError(f"{folder}: adapter_config.json holds no object")
    return found


def holds_fitted(folder: str) -> bool:
    """Whether a PEFT folder holds weights that training has moved: LoRA's second factors begin at 0."""
    from safetensors import safe_open

    with safe_open(str(File(folder) / "adapter_model.safetensors"), framework="pt") as stored:
        names = [name for name in stored.keys() if "lora_A" not in name and "lora_embedding_A" not in name]  # noqa: SIM118
        return any(bool(stored.get_tensor(name).count_nonzero()) for name in names)


def checked_effect(effect: float, folder: str, model: str) -> float:
    """The effect of an adapter, once it is one that a student may have.

    Raises: ConfigError where its outputs are no numbers, or where weights that were fitted change nothing: PEFT passes
    over weights whose names the base does not have.
    """
    if effect != effect:
        raise ConfigError(f"{folder}: on {model} its outputs are no numbers; its weights are broken")
    if effect == 0 and holds_fitted(folder):
        raise ConfigError(f"{folder}: changes nothing on {model}; it was fitted on another model")
    return effect


def _missing(*packages: str) -> str | None:
    import importlib.util

    return next((name for name in packages if importlib.util.find_spec(name) is None), None)
