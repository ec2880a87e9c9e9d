"""Students loaded: named, found, fitted with LoRA, QLoRA or in full."""

from __future__ import annotations

import copy
import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError

from qrd.config import TrainConfig
from qrd.errors import ConfigError, needs
from qrd.masking import one_line
from qrd.models import chat
from qrd.models.names import FOLDER_NAME, LOADABLE, local_source, named_student
from qrd.models.weights import hush_bitsandbytes, keep_four_bits, read_model, resolve_dtype
from qrd.training.batches import derive_seed
from qrd.training.optimisation import ROUTER
from qrd.training.students.adapters import (
    ALL_LINEAR,
    leave_casting_to_autocast,
    places_of_shared_weights,
    refuse_shared_weights,
)
from qrd.training.students.logits import agrees, read_head
from qrd.training.students.student import Student


@dataclass(frozen=True)
class StudentSpec:
    """What `--student [NAME=]MODEL` says."""

    name: str
    model: str


def parse_students(texts: Sequence[str]) -> list[StudentSpec]:
    """Names and models of `--student`, in their order.

    Example: ``small=hf:org/model-1b`` is named `small`; ``embedded:gemma3-270m`` is named `gemma3-270m`.
    Raises: ConfigError for a name that cannot be a folder's name, one used twice, or that of the router's own group.
    """
    specs: list[StudentSpec] = []
    for text in texts:
        name, model = named_student(text)
        if not FOLDER_NAME.fullmatch(name) or not model:
            raise ConfigError(f"--student: {text!r} gives no usable name; write NAME={model or 'MODEL'}")
        if name.lower() == ROUTER:
            raise ConfigError(f"--student: {ROUTER!r} is what the router's own weights are called; write NAME={model}")
        if any(name.lower() == spec.name.lower() for spec in specs):
            raise ConfigError(f"--student: two students are named {name!r}; write NAME=MODEL to tell them apart")
        specs.append(StudentSpec(name, model))
    return specs


def load_students(
    specs: Sequence[StudentSpec], config: TrainConfig, devices: Mapping[str, torch.device]
) -> list[Student]:
    """The students, in their order, each on its device. Those of one model on one device hold one copy of its weights
    and differ by their adapters; fitted in full, each has weights of its own.

    Raises: ConfigError as ``load_student``.
    """
    if config.finetune == "full":
        return [load_student(spec, config, devices[spec.name]) for spec in specs]
    bases = [(located(local_source(spec.model)), devices[spec.name]) for spec in specs]
    trees: dict[tuple[str, torch.device], list[Any]] = {}

    def tree_of(source: str, config: TrainConfig, device: torch.device) -> Any:
        base = (located(source), device)
        if base not in trees:
            model = load_model(source, config, device)
            # Twins are made before any adapter is put in, since that changes the module tree in place.
            trees[base] = [model, *(twin_of(model) for _ in range(bases.count(base) - 1))]
        return trees[base].pop(0)

    return [load_student(spec, config, devices[spec.name], load=tree_of) for spec in specs]


def located(source: str) -> str:
    """One name for a folder that is named in several ways."""
    return os.path.realpath(source) if os.path.isdir(source) else source


def twin_of(model: Any) -> Any:
    """A second tree of modules around the very same parameters and buffers: no weight is copied."""
    shared: dict[int, Any] = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    # What bitsandbytes needs to read 4-bit weights hangs on them and is as large as their scales.
    scales = [getattr(parameter, "quant_state", None) for parameter in model.parameters()]
    return copy.deepcopy(model, shared | {id(state): state for state in scales if state is not None})


def load_student(
    spec: StudentSpec,
    config: TrainConfig,
    device: torch.device,
    *,
    load: Callable[[str, TrainConfig, torch.device], Any] | None = None,
) -> Student:
    """The student ready to be fitted; its fresh weights are a function of the seed and its name. `load` gives its
    model in the place of ``load_model``.

    Raises: ConfigError where the model cannot be loaded or fitted in the way asked for.
    """
    source = local_source(spec.model)
    dtype = resolve_dtype(config.dtype, device)
    tokenizer = load_tokenizer(source, config)
    model = (load or load_model)(source, config, device)
    model.requires_grad_(config.finetune == "full")
    torch.manual_seed(derive_seed(config.seed, "student", spec.name))
    if config.finetune != "full":
        model = with_adapter(model, config)
    if config.gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    frozen = spec.name in config.freeze
    if frozen:
        model.requires_grad_(False)
    model.train(not frozen)
    mixed = dtype if dtype != torch.float32 else None
    student = Student(spec.name, source, model, tokenizer, None, device, mixed, frozen)
    head = read_head(student.base)
    student.head = head if agrees(student.base, head) else None
    if mixed is not None:
        leave_casting_to_autocast(model)
    return student


def whole_logits(students: Sequence[Student]) -> list[str]:
    """Warnings about students whose head could not be told apart: they take more memory than the plan says."""
    return [
        f"warning: {student.name}: its logits are not its output layer on its last states, so whole logits are kept; "
        "that takes more memory than planned"
        for student in students
        if student.head is None
    ]


def load_tokenizer(source: str, config: TrainConfig) -> Any:
    """The tokenizer of a model.

    Raises: ConfigError where there is none, or its chat template leaves out what it is given.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=config.trust_remote_code)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--student: no tokenizer in {source!r} ({one_line(error)})") from None
    return chat.checked(tokenizer)


def load_model(source: str, config: TrainConfig, device: torch.device) -> Any:
    """The transformers model on its device, without adapter.

    Raises: ConfigError where it cannot be loaded.
    """
    dtype = resolve_dtype(config.dtype, device)
    options: dict[str, Any] = {"attn_implementation": config.attn_implementation} if config.attn_implementation else {}
    if config.finetune == "qlora":
        options |= {"quantization_config": _four_bits(dtype), "device_map": {"": device}}
    # Full fitting keeps float32 weights: a bfloat16 weight swallows updates 256 times smaller than itself.
    weights = torch.float32 if config.finetune == "full" else dtype
    try:
        model = read_model(source, weights, trust_remote_code=config.trust_remote_code, **options)
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        raise ConfigError(f"--student: cannot load {source!r} as {LOADABLE} ({one_line(error)})") from None
    return keep_four_bits(model if config.finetune == "qlora" else model.to(device))


def _four_bits(dtype: torch.dtype) -> Any:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise needs("--finetune qlora", "bitsandbytes", "qlora", otherwise="use --finetune lora")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def with_adapter(model: Any, config: TrainConfig) -> Any:
    """The model inside a fresh LoRA adapter, the only part of it that training moves.

    Raises: ConfigError for modules that it does not have, or whose weights stand in another place too.
    """
    hush_bitsandbytes()
    from peft import LoraConfig, get_peft_model

    # peft's prepare_model_for_kbit_training is left out on purpose: it brings embeddings and output layer to float32,
    # which for 256,000 entries is gigabytes, makes every hidden state float32, and the losses slow on a GPU.
    names = config.lora_target_modules
    lora = LoraConfig(
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=ALL_LINEAR if names == (ALL_LINEAR,) else list(names),
        task_type="CAUSAL_LM",
    )
    elsewhere = places_of_shared_weights(model)
    try:
        adapted = get_peft_model(model, lora)
    except ValueError as error:
        raise ConfigError(f"--lora-target-modules {','.join(names)}: {one_line(error)}") from None
    refuse_shared_weights(adapted, elsewhere, names)
    return adapted
