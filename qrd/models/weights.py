"""How a model's weights are held: in the type that `--dtype` asks for, or in 4 bits.

Training and inference share these functions, so that a student answers as it was fitted.
"""

from __future__ import annotations

import logging
from typing import Any


def resolve_dtype(name: str, device: Any) -> Any:
    """The torch type of the weights on a device, as `--dtype` names it; `auto` is bfloat16 on a GPU that multiplies in
    it, else float32.

    Apple's GPUs get float32: theirs know bfloat16 only from macOS 14 on, and the first of them only slowly.
    """
    import torch

    if name == "auto":
        return torch.bfloat16 if _multiplies_in_bfloat16(device) else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]


def _multiplies_in_bfloat16(device: Any) -> bool:
    """Whether a device does so itself: NVIDIA's older cards, such as T4 and V100, take bfloat16 and only get slower."""
    import torch

    if device.type != "cuda":
        return bool(device.type == "xpu")
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def read_model(source: str, dtype: Any, *, trust_remote_code: bool, **options: Any) -> Any:
    """A causal model as transformers reads it, quietly: from safetensors alone, since other formats can run code.

    Raises: what transformers raises.
    """
    import transformers

    bars: Any = transformers.utils.logging
    bars.disable_progress_bar()  # it would go past --quiet
    hush_bitsandbytes()
    loader: Any = transformers.AutoModelForCausalLM
    return loader.from_pretrained(
        source, dtype=dtype, use_safetensors=True, trust_remote_code=trust_remote_code, **options
    )


def hush_bitsandbytes() -> None:
    """Leave of what bitsandbytes logs only its errors.

    On a CPU it warns, whenever peft loads it, of kernels that it lacks: for a GPU, or for what ``keep_four_bits`` keeps
    it from.
    """
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def keep_four_bits(model: Any) -> Any:
    """The same model, whose 4-bit layers leave their weights as they were read.

    On a CPU with AVX512-BF16 a layer of bitsandbytes that is not in training rewrites its weights for good, also those
    that it shares with a student who learns: their product then has no gradient, scales are rounded to bfloat16, and
    widths that are no multiple of a block crash. In training mode it never does, and 4-bit layers have no other mode.
    """
    for module in model.modules():
        if hasattr(getattr(module, "weight", None), "quant_state"):
            module.register_forward_pre_hook(_in_training)
    return model


def _in_training(layer: Any, inputs: Any) -> None:
    layer.training = True
