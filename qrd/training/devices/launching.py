"""What `accelerate launch` and `torchrun` may ask of a run, and what they may not.

Several processes share each window's micro-batches and add their gradients up (``loop``). Each of them holds every
student whole, or under FSDP 2 a shard of each (``sharding``). What splits a model in another way or takes the backward
pass over cannot work beside that, and is refused before anything is loaded rather than silently left undone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path as File

from qrd.config import TrainConfig
from qrd.errors import ConfigError

_FITS = "start plain processes (accelerate launch --multi_gpu, or torchrun), or shard students by --use_fsdp"
# Variable that accelerate launch sets -> what it means, and why it cannot work.
_ENGINES = {
    "ACCELERATE_USE_DEEPSPEED": (
        "DeepSpeed",
        "its engine takes over backward pass and optimizer of one model, and qrd fits several with one loss",
    ),
    "ACCELERATE_USE_MEGATRON_LM": ("Megatron-LM", "it builds its own models, and qrd fits those of transformers"),
    "ACCELERATE_USE_PARALLELISM_CONFIG": ("a parallelism_config", "it splits a model among processes"),
}
# Variable of FSDP -> the only value that qrd can honour, and what would do in the place of others.
_SHARDING = {
    "FSDP_VERSION": ("2", "give --fsdp_version 2"),
    "FSDP_SHARDING_STRATEGY": ("full_shard", "leave it out"),
    "FSDP_OFFLOAD_PARAMS": ("false", "more processes hold smaller shards"),
    "FSDP_AUTO_WRAP_POLICY": ("transformer_based_wrap", "layers are sharded one by one"),
    "FSDP_TRANSFORMER_CLS_TO_WRAP": ("", "each student's layers are found without it"),
    "FSDP_IGNORED_MODULES": ("", "every part of a student is sharded"),
    "FSDP_STATE_DICT_TYPE": ("full_state_dict", "saved weights are whole, so that any run can go on with them"),
    "FSDP_FORWARD_PREFETCH": ("false", "leave it out"),
    "FSDP_USE_ORIG_PARAMS": ("true", "leave it out"),
    "FSDP_ACTIVATION_CHECKPOINTING": ("false", "give it to qrd, --gradient-checkpointing"),
}


def is_on(variable: str, environment: Mapping[str, str] = os.environ, *, unset: str = "false") -> bool:
    """Whether a launcher's variable says yes."""
    return environment.get(variable, unset).lower() in ("true", "1")


def refuse_unfit_launch(config: TrainConfig, environment: Mapping[str, str] = os.environ) -> None:
    """Nothing, where the run can honour what its launcher asked for.

    Raises: ConfigError for an engine that cannot work with several students in one loop, for what cannot be honoured
    of FSDP, for a precision, accumulation or compiler that qrd has options of its own for, and for --device, or a pipe
    as input, with several processes.
    """
    for variable, (name, reason) in _ENGINES.items():
        if is_on(variable, environment):
            raise ConfigError(f"accelerate launch with {name}: cannot work, since {reason}; {_FITS}")
    if is_on("ACCELERATE_USE_FSDP", environment):
        _refuse_unfit_sharding(config, environment)
    precision = environment.get("ACCELERATE_MIXED_PRECISION", "no").lower()
    if precision not in ("no", config.dtype.replace("bfloat16", "bf16")):
        raise ConfigError(f"accelerate launch --mixed_precision {precision}: give it to qrd instead, as --dtype")
    if environment.get("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1") != "1":
        raise ConfigError("accelerate launch with gradient accumulation: give it to qrd, --gradient-accumulation-steps")
    if (backend := environment.get("ACCELERATE_DYNAMO_BACKEND", "no").lower()) != "no":
        raise ConfigError(f"accelerate launch --dynamo_backend {backend}: students are not compiled; leave it out")
    if int(environment.get("WORLD_SIZE", "1")) == 1:
        return
    for file in config.input:
        if file == "-" or File(file).is_fifo():
            raise ConfigError(f"{file}: several processes cannot share one pipe; write the paths to a file first")
    if config.device:
        raise ConfigError(
            "--device with several processes: each of them holds every student on its own device; leave one of both out"
        )


def _refuse_unfit_sharding(config: TrainConfig, environment: Mapping[str, str]) -> None:
    given = {"FSDP_VERSION": "1", **environment}  # accelerate's default
    for variable, (fit, instead) in _SHARDING.items():
        if (value := given.get(variable, fit)).lower() != fit:
            raise ConfigError(f"accelerate launch with {variable}={value}: cannot be honoured; {instead}")
    if config.finetune == "qlora":
        raise ConfigError(
            "--finetune qlora under FSDP: what reads a 4-bit weight hangs on the weight, and a shard of it has none; "
            "use --finetune lora"
        )
