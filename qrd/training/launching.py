"""What `accelerate launch` and `torchrun` may ask of a run, and what they may not.

Several processes share each window's micro-batches and add their gradients up (``loop``), so every process holds
every student whole. What splits a model or takes the backward pass over cannot work beside that, and is refused
before anything is loaded rather than silently left undone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from qrd.config import TrainConfig
from qrd.errors import ConfigError

_FITS = "start plain processes (accelerate launch --multi_gpu, or torchrun), each of which holds every student"
# Variable that accelerate launch sets -> what it means, and why it cannot work.
_ENGINES = {
    "ACCELERATE_USE_DEEPSPEED": (
        "DeepSpeed",
        "its engine takes over backward pass and optimizer of one model, and qrd fits several with one loss",
    ),
    "ACCELERATE_USE_MEGATRON_LM": ("Megatron-LM", "it builds its own models, and qrd fits those of transformers"),
    "ACCELERATE_USE_FSDP": (
        "FSDP",
        "its processes must all run the same layers at the same time, and the router sends each of them other paths",
    ),
    "ACCELERATE_USE_PARALLELISM_CONFIG": ("a parallelism_config", "it splits a model among processes"),
}


def refuse_unfit_launch(config: TrainConfig, environment: Mapping[str, str] = os.environ) -> None:
    """Nothing, where the run can honour what its launcher asked for.

    Raises: ConfigError for an engine that cannot work with several students in one loop, for a precision,
    accumulation or compiler that qrd has options of its own for, and for --device with several processes.
    """
    for variable, (name, reason) in _ENGINES.items():
        if environment.get(variable, "").lower() in ("true", "1"):
            raise ConfigError(f"accelerate launch with {name}: cannot work, since {reason}; {_FITS}")
    precision = environment.get("ACCELERATE_MIXED_PRECISION", "no").lower()
    if precision not in ("no", config.dtype.replace("bfloat16", "bf16")):
        raise ConfigError(f"accelerate launch --mixed_precision {precision}: give it to qrd instead, as --dtype")
    if environment.get("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1") != "1":
        raise ConfigError("accelerate launch with gradient accumulation: give it to qrd, --gradient-accumulation-steps")
    if (backend := environment.get("ACCELERATE_DYNAMO_BACKEND", "no").lower()) != "no":
        raise ConfigError(f"accelerate launch --dynamo_backend {backend}: students are not compiled; leave it out")
    if config.device and int(environment.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError(
            "--device with several processes: each of them holds every student on its own device; leave one of both out"
        )
