"""What memory a run will need, told before a weight is loaded, and what to change where it was not enough.

The numbers come from the models' configurations alone: each is built without memory (torch's meta device), fitted with
its adapter, and run once on as many tokens as a micro-batch holds, while what backward would keep is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psutil
import torch
from torch import Tensor

from qrd.config import TrainConfig
from qrd.errors import ConfigError
from qrd.masking import one_line
from qrd.models.names import local_source
from qrd.models.weights import resolve_dtype
from qrd.training.students.adapters import refuse_unknown_targets
from qrd.training.students.loading import StudentSpec, located, with_adapter
from qrd.training.students.logits import CHUNK_ELEMENTS

GB = 1e9
# Bytes of a 4-bit weight: half a byte, and for every 64 weights one scale, itself of 8 bits (double quantisation).
FOUR_BIT_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
# Chunks of logits alive at once: the logits, and in half precision what the output layer gave.
NUM_CHUNKS = 2
SHORT = 8  # tokens of a row whose pairs do not matter
# What code that looks into its numbers raises where there are none; a plan must not stop a run that would work.
UNPLANNED = (RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError, KeyError, IndexError)


@dataclass(frozen=True)
class Need:
    """What one student needs. Units: bytes; `weights` do not count what is trained and are 0 where another student
    holds them already; `activations` is None where the model cannot be run without its weights."""

    name: str
    device: torch.device
    weights: int
    trained: int
    gradients: int
    optimizer: int
    activations: int | None

    @property
    def lasting(self) -> int:
        """All that stays from step to step."""
        return self.weights + self.trained + self.gradients + self.optimizer


def plan(
    specs: Sequence[StudentSpec], config: TrainConfig, devices: Mapping[str, torch.device], *, num_shards: int = 1
) -> list[Need]:
    """What each student will need, in their order, of `num_shards` processes in each. Students of one model on one
    device hold its weights once; sharded, each has its own.

    Raises: ConfigError where a model's configuration cannot be read.
    """
    held: set[tuple[str, torch.device]] = set()
    needs = []
    for spec in specs:
        place = (located(local_source(spec.model)), devices[spec.name])
        alone = place not in held or config.finetune == "full" or num_shards > 1
        need = _need(spec, config, place[1], holds=alone)
        kept = ("weights", "trained", "gradients", "optimizer")
        needs.append(replace(need, **{part: getattr(need, part) // num_shards for part in kept}))
        held.add(place)
    return needs


def refuse_unfit_adapters(specs: Sequence[StudentSpec], config: TrainConfig) -> None:
    """Refuse, before any weight is loaded, modules to adapt that cannot be.

    Raises: ConfigError for a name that is no module of any student, and as ``with_adapter``.
    """
    if config.finetune == "full":
        return
    targeted: set[str] = set()
    for source in dict.fromkeys(local_source(spec.model) for spec in specs):
        try:
            model = _hollow(source, config, torch.device("cpu"))
        except (ConfigError, *UNPLANNED):  # the same is found, and told, where it is loaded
            return
        targeted |= set(with_adapter(model, config).targeted_module_names)
    refuse_unknown_targets(config.lora_target_modules, targeted)


def _need(spec: StudentSpec, config: TrainConfig, device: torch.device, *, holds: bool) -> Need:
    model = _hollow(local_source(spec.model), config, device)
    weights = sum(_stored_bytes(name, p, config, model) for name, p in model.named_parameters())
    model.requires_grad_(config.finetune == "full")
    if config.finetune != "full":
        model = with_adapter(model, config)
    trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    frozen = spec.name in config.freeze
    learnt = 0 if frozen else trained
    if config.finetune != "full":  # adapters are float32, but multiply in the type of the weights
        model = model.to(resolve_dtype(config.dtype, device))
    held = weights if holds and config.finetune != "full" else 0
    return Need(spec.name, device, held, trained, learnt, 2 * learnt, 0 if frozen else _activations(model, config))


def _activations(model: Any, config: TrainConfig) -> int | None:
    try:
        return kept_bytes(model, config) + NUM_CHUNKS * CHUNK_ELEMENTS * 4
    except UNPLANNED:
        return None


def _hollow(source: str, config: TrainConfig, device: torch.device) -> Any:
    """The model without its weights."""
    from transformers import AutoConfig, AutoModelForCausalLM

    dtype = torch.float32 if config.finetune == "full" else resolve_dtype(config.dtype, device)
    options: dict[str, Any] = {"attn_implementation": config.attn_implementation} if config.attn_implementation else {}
    options |= {"trust_remote_code": config.trust_remote_code}
    try:
        described = AutoConfig.from_pretrained(source, trust_remote_code=config.trust_remote_code)
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(described, dtype=dtype, **options)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError(f"--student: no model to train in {source!r} ({one_line(error)})") from None


def _stored_bytes(name: str, parameter: Tensor, config: TrainConfig, model: Any) -> int:
    if config.finetune != "qlora":
        return parameter.numel() * parameter.element_size()
    owner = model.get_submodule(name.rpartition(".")[0])
    quantised = isinstance(owner, torch.nn.Linear) and owner is not model.get_output_embeddings()
    return int(parameter.numel() * (FOUR_BIT_BYTES if quantised and parameter.ndim == 2 else parameter.element_size()))


def kept_bytes(model: Any, config: TrainConfig) -> int:
    """What the forward pass of a full micro-batch keeps for backward.

    With gradient checkpointing: the input of every layer, and one layer's share of the rest.
    """
    base = model.get_base_model() if hasattr(model, "peft_config") else model
    width = min(config.max_length, config.micro_batch_tokens)
    if base.config.get_text_config()._attn_implementation != "eager":
        # Without a device attention keeps a weight for each pair of tokens, which fused kernels never do.
        width = min(width, SHORT)
    num_rows = max(config.micro_batch_tokens // width, 1)
    ids_BT = torch.ones(num_rows, width, dtype=torch.long, device="meta")
    # A mask of two axes would be looked into, and there is nothing in it.
    mask_BXTT = torch.ones(num_rows, 1, width, width, dtype=torch.bool, device="meta")
    own = {p.untyped_storage()._cdata for p in model.parameters()}
    kept: dict[int, Tensor] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept.setdefault(storage._cdata, tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        base.get_decoder()(input_ids=ids_BT, attention_mask=mask_BXTT, use_cache=False)
    total = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    if not config.gradient_checkpointing:
        return total
    described = base.config.get_text_config()
    inputs = described.num_hidden_layers * num_rows * width * described.hidden_size * _element_size(model)
    return int(inputs + total // described.num_hidden_layers)


def describe(needs: Sequence[Need], config: TrainConfig) -> list[str]:
    """The plan as lines for people, with a warning for each device that has less than it takes."""
    lines = [
        f"{need.name} on {need.device}, planned: {_gb(need.weights + need.trained)} weights, {_gb(need.gradients)} "
        f"gradients, {_gb(need.optimizer)} optimizer, {_gb(need.activations)} activations of a micro-batch"
        for need in needs
    ]
    for device in dict.fromkeys(need.device for need in needs):
        here = [need for need in needs if need.device == device]
        # A micro-batch runs through all its students before any backward; exclusive routing splits it among them.
        join = sum if config.shares_paths else max
        planned = sum(need.lasting for need in here) + join([need.activations or 0 for need in here])
        free = free_bytes(device)
        room = "" if free is None else f" of {_gb(free)} free"
        lines.append(f"{device}: {_gb(planned)} planned{room}")
        if free is not None and planned > free:
            lines.append(f"warning: that may be too much for {device}; {remedies(config)}")
    return lines


def free_bytes(device: torch.device) -> int | None:
    """What is free on a device now; None where it does not say."""
    if device.type == "cpu":
        return int(psutil.virtual_memory().available)
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def remedies(config: TrainConfig) -> str:
    """The options that would take less memory than those in force, the cheapest first."""
    found = []
    if config.micro_batch_tokens > 128:
        found.append(f"--micro-batch-tokens {config.micro_batch_tokens // 2}")
    if not config.gradient_checkpointing:
        found.append("--gradient-checkpointing")
    found.append(f"--max-length below {config.max_length}")
    if config.finetune == "full":
        found.append("--finetune lora")
    if config.finetune != "qlora":
        found.append("--finetune qlora (4-bit weights)")
    if config.dtype in ("auto", "float32"):
        found.append("--dtype bfloat16")
    return f"less is taken by {', '.join(found)}"


@contextmanager
def explaining_exhaustion(config: TrainConfig, what: str) -> Iterator[None]:
    """Turns running out of memory into one line that says what to change; every other error passes.

    Raises: ConfigError.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_exhaustion(error):
            raise
        raise ConfigError(f"out of memory while {what}; {remedies(config)}. A saved step is resumed") from None


def is_exhaustion(error: BaseException) -> bool:
    """Whether an error says that memory ran out; on a CPU, torch says so in a plain RuntimeError only.

    Example: ``RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: ...")``.
    """
    said = str(error)
    known = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
    return isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)) or any(words in said for words in known)


def _gb(number: float | None) -> str:
    return "?" if number is None else f"{number / GB:.2f} GB"


def _element_size(model: Any) -> int:
    return int(next(model.parameters()).element_size())
