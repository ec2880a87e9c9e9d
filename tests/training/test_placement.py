"""Where students live: `--device`, and what a launcher may ask for."""

import dataclasses
import os

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import read_rows
from torch._subclasses import FakeTensorMode
from torch.utils._pytree import tree_leaves

from qrd.errors import ConfigError
from qrd.stages.train import run as train
from qrd.training.devices.launching import refuse_unfit_launch
from qrd.training.devices.placement import place_students
from qrd.training.students.student import Student

CPU = torch.device("cpu")
FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}


def mixes(values):
    """Whether there are numbers from here and from elsewhere; a number alone may be anywhere, as on a GPU."""
    with torch._C.DisableTorchFunctionSubclass():
        kinds = {type(v) for v in values if isinstance(v, torch.Tensor) and v.is_floating_point() and v.ndim}
    return len(kinds) == 2


class Elsewhere(torch.Tensor):
    """Stands for a tensor on another device: it mixes with none from here until it is moved."""

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), named=None):
        values = tree_leaves((arguments, named or {}))
        if function is torch.Tensor.to and any(value == CPU for value in values if isinstance(value, torch.device)):
            with torch._C.DisableTorchFunctionSubclass():
                return values[0].as_subclass(torch.Tensor)
        if mixes(values):
            raise RuntimeError(f"{function.__name__}: tensors on two devices")
        return super().__torch_function__(function, types, arguments, named or {})


def test_mutual_terms_and_losses_of_students_on_two_devices_meet_on_the_first(settings, console, tmp_path, monkeypatch):
    options = {"routing": "none", "max_steps": 2}
    train.run(settings(output=str(tmp_path / "one"), **options), console)
    run, moved = Student.run, []

    def run_elsewhere(student, batch):
        found = run(student, batch)
        if student.name == "a":
            return found
        moved.append(student.name)
        ce, hidden = ([tensor.as_subclass(Elsewhere) for tensor in each] for each in (found.ce, found.hidden))
        return dataclasses.replace(found, ce=tuple(ce), hidden=tuple(hidden))

    monkeypatch.setattr(Student, "run", run_elsewhere)
    train.run(settings(output=str(tmp_path / "two"), **options), console)
    assert moved
    for name in "ab":
        one, two = (load_file(tmp_path / r / "students" / name / "adapter_model.safetensors") for r in ("one", "two"))
        assert all(torch.equal(one[key], two[key]) for key in one)


def test_students_named_on_the_cpu_learn_what_they_learn_unnamed(settings, console, tmp_path):
    lines = []
    for number, device in enumerate(([], ["cpu"], ["a=cpu", "b=cpu"])):
        train.run(settings(output=str(tmp_path / str(number)), device=device, max_steps=1), console)
        [line] = read_rows(tmp_path / str(number) / "metrics.jsonl")
        lines.append({**line, "seconds": None})
    assert lines[0] == lines[1] == lines[2]


def test_a_lone_device_is_for_all_that_are_not_named():
    here = torch.device("cpu", 0)
    assert place_students(["b=cpu"], ["a", "b"], here) == {"a": here, "b": CPU}
    assert place_students(["cpu"], ["a", "b"], here) == {"a": CPU, "b": CPU}
    assert place_students([], ["a", "b"], here) == {"a": here, "b": here}


def test_a_card_is_one_device_however_it_is_named():
    with FakeTensorMode():  # as if there was a card
        found = place_students(["b=cuda:0", "c=cuda"], ["a", "b", "c"], torch.device("cuda"))
    assert set(found.values()) == {torch.device("cuda", 0)}


@pytest.mark.parametrize(
    ("texts", "named"),
    [
        (["c=cpu"], "no student is named 'c'; they are a, b"),
        (["a=cpu", "a=cpu"], "a placed twice"),
        (["cpu", "cpu"], "all students placed twice"),
        (["a=cuda:99"], "--device a=cuda:99: cannot be used here"),
        (["b=gpu"], "--device b=gpu: cannot be used here"),
        (["meta"], "holds no numbers"),
    ],
)
def test_a_device_that_cannot_be_used_is_refused(texts, named):
    with pytest.raises(ConfigError, match=named):
        place_students(texts, ["a", "b"], CPU)


@pytest.mark.parametrize(
    ("environment", "options", "named"),
    [
        ({"ACCELERATE_USE_FSDP": "true"}, {}, "FSDP_VERSION=1: cannot be honoured; give --fsdp_version 2"),
        ({**FSDP, "FSDP_OFFLOAD_PARAMS": "true"}, {}, "FSDP_OFFLOAD_PARAMS=true"),
        ({**FSDP, "FSDP_STATE_DICT_TYPE": "SHARDED_STATE_DICT"}, {}, "saved weights are whole"),
        ({**FSDP, "FSDP_AUTO_WRAP_POLICY": "SIZE_BASED_WRAP"}, {}, "SIZE_BASED_WRAP"),
        ({**FSDP, "FSDP_TRANSFORMER_CLS_TO_WRAP": "LlamaDecoderLayer"}, {}, "layers are found without it"),
        ({**FSDP, "FSDP_ACTIVATION_CHECKPOINTING": "true"}, {}, "--gradient-checkpointing"),
        ({**FSDP, "WORLD_SIZE": "2"}, {"device": ["a=cpu"]}, "--device with several processes"),
        (FSDP, {"finetune": "qlora"}, "--finetune qlora under FSDP"),
        ({"ACCELERATE_USE_DEEPSPEED": "true", "ACCELERATE_DEEPSPEED_ZERO_STAGE": "2"}, {}, "DeepSpeed"),
        ({"ACCELERATE_USE_MEGATRON_LM": "true"}, {}, "Megatron"),
        ({"ACCELERATE_USE_PARALLELISM_CONFIG": "true"}, {}, "parallelism_config"),
        ({"ACCELERATE_MIXED_PRECISION": "fp16"}, {}, "--mixed_precision fp16"),
        ({"ACCELERATE_MIXED_PRECISION": "bf16"}, {}, "--dtype"),
        ({"ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "4"}, {}, "--gradient-accumulation-steps"),
        ({"ACCELERATE_DYNAMO_BACKEND": "INDUCTOR"}, {}, "inductor"),
        ({"WORLD_SIZE": "2"}, {"device": ["a=cpu"]}, "--device with several processes"),
    ],
)
def test_what_a_launcher_asks_for_in_vain_is_refused_before_anything_is_loaded(
    settings, console, monkeypatch, environment, options, named
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=named) as refused:
        train.run(settings(input=["no-such-file"], **options), console)
    assert refused.value.exit_code == 2


def test_several_processes_do_not_share_a_pipe(settings, console, monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    os.mkfifo(tmp_path / "pipe")
    for file in ("-", str(tmp_path / "pipe")):
        with pytest.raises(ConfigError, match="several processes cannot share one pipe"):
            train.run(settings(input=[file]), console)


def test_what_a_plain_launch_sets_is_accepted(settings):
    plain = {"ACCELERATE_MIXED_PRECISION": "no", "ACCELERATE_DYNAMO_BACKEND": "NO", "ACCELERATE_USE_FSDP": "false"}
    refuse_unfit_launch(settings(), {**plain, "WORLD_SIZE": "2"})
    refuse_unfit_launch(settings(dtype="bfloat16"), {**plain, "ACCELERATE_MIXED_PRECISION": "bf16"})

    wrapped = {"FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP", "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT"}
    refuse_unfit_launch(settings(finetune="full"), {**plain, **FSDP, **wrapped, "WORLD_SIZE": "2"})
