"""Students cut into shards, one a process: what `accelerate launch --use_fsdp --fsdp_version 2` asks for.

torch's ``fully_shard`` brings a layer together where it runs and apart again, and adds the gradients of all processes
up. Only processes that run the same layers in the same order can do that, so they take the micro-batches of a
window in turns of one set of students (``take_turns``). Router, projections and competence are small: each process
holds them whole.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import torch

from qrd.config import TrainConfig
from qrd.errors import ConfigError
from qrd.models.weights import resolve_dtype
from qrd.training.devices.launching import is_on
from qrd.training.students.loading import StudentSpec, load_student
from qrd.training.students.student import Student


def load_sharded(specs: Sequence[StudentSpec], config: TrainConfig, device: torch.device) -> list[Student]:
    """The students, in their order, each of them sharded before the next one is read, so that a device never holds
    one whole. Those of one model are sharded each by itself.

    Raises: ConfigError as ``load_student``, and where a student cannot be sharded.
    """
    # The launcher's own default, under which transformers leaves the weights of all processes but one empty; with it
    # the head could not be checked against the model.
    os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"
    # The CPU reads for another device, which decides what `auto` is.
    config = replace(config, dtype=str(resolve_dtype(config.dtype, device)).removeprefix("torch."))
    students = []
    for spec in specs:
        student = load_student(spec, config, torch.device("cpu"))
        shard(student, device, reshard_after_forward=is_on("FSDP_RESHARD_AFTER_FORWARD", unset="true"))
        students.append(student)
    return students


def shard(student: Student, device: torch.device, *, reshard_after_forward: bool) -> None:
    """Leave of each layer, and of what is outside of the layers, this process's shard on the device.

    Raises: ConfigError for a torch that cannot add gradients up, and for a model whose layers are not known.
    """
    from torch.distributed import device_mesh, fsdp

    if not hasattr(fsdp, "FSDPModule") or not hasattr(fsdp.FSDPModule, "set_force_sum_reduction_for_comms"):
        raise ConfigError(f"FSDP needs a newer torch than {torch.__version__}, whose fully_shard adds gradients up")
    base, kinds = student.base, set(getattr(student.base, "_no_split_modules", None) or ())
    layers = [module for module in base.modules() if type(module).__name__ in kinds]
    if student.head is None or not layers:
        lacking = "layers" if not layers else "head"
        raise ConfigError(f"--student {student.name}: cannot be sharded, since its {lacking} cannot be told apart")
    mesh = device_mesh.init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    # Fitted in full, autocast would keep a half-precision copy of every layer until backward: what is gathered is cast
    # instead. Under LoRA the layers are in half precision already.
    half = None if hasattr(student.model, "peft_config") else student.autocast_dtype
    policy = fsdp.MixedPrecisionPolicy(param_dtype=half, reduce_dtype=torch.float32 if half else None)
    for module in (*reversed(layers), base):
        # None: what is outside of the layers stays until backward, which needs it first. A frozen student has none.
        reshard = student.frozen or (None if module is base else reshard_after_forward)
        fsdp.fully_shard(module, mesh=mesh, mp_policy=policy, reshard_after_forward=reshard)
        # Each process's loss is its share of the window's, so gradients are added up, never averaged.
        module.set_gradient_divide_factor(1.0)
        module.set_force_sum_reduction_for_comms(True)
    # The decoder and the head are called apart: what calls them is the forward pass that brings their weights together.
    base.states_and_losses = student.states_and_losses
    fsdp.register_fsdp_forward_method(base, "states_and_losses")
    student.states_and_losses = base.states_and_losses  # type: ignore[method-assign]
    student.device, student.sharded = device, True
    student.autocast_dtype = None if half else student.autocast_dtype


def take_turns(students_of: Sequence[tuple[bool, ...]], *, process: int, num_processes: int) -> list[tuple[int, bool]]:
    """The micro-batches one process runs, in their order, and whether each counts: where a turn has fewer
    micro-batches than there are processes, those left over repeat its last one for nothing.

    `students_of` says which students run each micro-batch. In every turn all processes run the same ones.
    Example: of three micro-batches of student 0 and one of student 1 two processes run ``[0, 2, 3]`` and
    ``[1, (2), (3)]``, the ones in brackets for nothing.
    """
    groups: dict[tuple[bool, ...], list[int]] = {}
    for number, students in enumerate(students_of):
        groups.setdefault(students, []).append(number)
    own = []
    for numbers in groups.values():
        for start in range(0, len(numbers), num_processes):
            turn = numbers[start : start + num_processes]
            own.append((turn[min(process, len(turn) - 1)], process < len(turn)))
    return own
