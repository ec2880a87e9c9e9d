"""The plan of memory against what real tiny models hold, and what is said where memory runs out."""

import pytest
import torch
from tiny_models import read_rows

from qrd.console import Console
from qrd.errors import ConfigError
from qrd.stages.train import run as train
from qrd.training.batches import Encoded, collate
from qrd.training.devices import plan as planning
from qrd.training.loop import Loop
from qrd.training.students import loading

CPU = torch.device("cpu")
TOKENS = 200


def planned(config):
    specs = loading.parse_students(config.student)
    return planning.plan(specs, config, {spec.name: CPU for spec in specs})


def loaded(config):
    specs = loading.parse_students(config.student)
    return loading.load_students(specs, config, {spec.name: CPU for spec in specs})


def bytes_of(tensors):
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def kept_by(student):
    """Bytes that backward would read after a forward pass over TOKENS tokens, parameters left out."""
    own = {p.untyped_storage().data_ptr() for p in student.model.parameters()}
    kept = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage._cdata] = tensor
        return tensor

    batch = collate([Encoded(tuple(range(5, 5 + TOKENS)), TOKENS // 2, ())])
    with student.autocast(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        student.base.get_decoder()(input_ids=batch.ids_BT, attention_mask=batch.mask_BT, use_cache=False)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("finetune", ["lora", "full"])
def test_planned_weights_gradients_and_moments_are_those_of_the_loaded_students(settings, finetune):
    config = settings(finetune=finetune)
    for need, student in zip(planned(config), loaded(config), strict=True):
        trained = bytes_of(student.trainable().values())
        assert need.weights + need.trained == bytes_of(student.model.parameters())
        assert (need.trained, need.gradients, need.optimizer) == (trained, trained, 2 * trained)


LOGITS = planning.NUM_CHUNKS * planning.CHUNK_ELEMENTS * 4


def test_planned_activations_are_within_a_seventh_of_what_forward_keeps(settings):
    config = settings(micro_batch_tokens=TOKENS)
    for need, student in zip(planned(config), loaded(config), strict=True):
        assert need.activations - LOGITS == pytest.approx(kept_by(student), rel=1 / 7)


def test_in_half_precision_the_plan_is_enough_and_smaller(settings):
    whole, half = (settings(micro_batch_tokens=TOKENS, dtype=dtype) for dtype in ("float32", "bfloat16"))
    for before, need, student in zip(planned(whole), planned(half), loaded(half), strict=True):
        assert 0.9 * kept_by(student) < need.activations - LOGITS < 0.9 * (before.activations - LOGITS)


def test_checkpointing_a_frozen_student_and_a_shared_base_need_less(settings, tiny):
    plain, lean = planned(settings())[0], planned(settings(gradient_checkpointing=True))[0]
    assert lean.activations < plain.activations
    assert lean.lasting == plain.lasting
    frozen = planned(settings(freeze=["a"]))[0]
    assert (frozen.gradients, frozen.optimizer, frozen.activations) == (0, 0, 0)
    first, second = planned(settings(student=[f"a={tiny.llama}", f"b={tiny.llama}"]))
    assert first.weights > 0
    assert second.weights == 0
    assert second.trained == first.trained


def test_of_a_shard_half_is_planned_and_a_shared_base_counts_for_each(settings, tiny):
    config = settings(student=[f"a={tiny.llama}", f"b={tiny.llama}"])
    whole = planned(config)[0]
    specs = loading.parse_students(config.student)
    first, second = planning.plan(specs, config, {spec.name: CPU for spec in specs}, num_shards=2)
    assert first.lasting == second.lasting == pytest.approx(whole.lasting / 2, abs=4)
    assert first.activations == whole.activations


def test_the_plan_is_told_before_anything_is_loaded(settings, capsys, monkeypatch):
    monkeypatch.setattr(train, "load_students", None)
    with pytest.raises(TypeError):
        train.run(settings(quiet=False), Console())
    said = capsys.readouterr().err
    assert "a on cpu, planned: 0.00 GB weights" in said
    assert "GB planned of" in said


def test_too_little_memory_is_warned_about_with_what_would_help(settings, monkeypatch):
    monkeypatch.setattr(planning, "free_bytes", lambda device: 1000)
    [warning] = [line for line in planning.describe(planned(settings()), settings()) if line.startswith("warning")]
    assert "--micro-batch-tokens 256, --gradient-checkpointing" in warning


def test_a_model_that_cannot_run_without_weights_is_planned_without_activations(settings, monkeypatch):
    def looks_into(model, config):
        raise RuntimeError("Tensor.item() cannot be called on meta tensors")

    monkeypatch.setattr(planning, "kept_bytes", looks_into)
    needs = planned(settings())
    assert all(need.activations is None and need.weights for need in needs)
    assert "? activations" in planning.describe(needs, settings())[0]


EXHAUSTED = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried to"),
    MemoryError(),
]


@pytest.mark.parametrize("error", EXHAUSTED, ids=lambda error: type(error).__name__)
def test_running_out_of_memory_says_what_to_change_and_the_changed_run_resumes(
    settings, console, tmp_path, monkeypatch, error
):
    run_step = Loop.run_step

    def exhausted(loop, step):
        if step == 2:
            raise error
        return run_step(loop, step)

    monkeypatch.setattr(Loop, "run_step", exhausted)
    with pytest.raises(ConfigError, match=r"out of memory while training.*--micro-batch-tokens 256.*--max-length"):
        train.run(settings(save_steps=1), console)
    monkeypatch.setattr(Loop, "run_step", run_step)
    train.run(settings(save_steps=1, micro_batch_tokens=256, gradient_checkpointing=True), console)
    assert [line["step"] for line in read_rows(tmp_path / "run" / "metrics.jsonl")] == [1, 2, 3]


def test_memory_that_a_real_allocation_lacks_is_recognised(settings):
    with (
        pytest.raises(ConfigError, match="out of memory while trying"),
        planning.explaining_exhaustion(settings(), "trying"),
    ):
        torch.empty(2**50)


def test_another_error_passes_as_it_is(settings):
    with pytest.raises(RuntimeError, match="shapes"), planning.explaining_exhaustion(settings(), "training"):
        raise RuntimeError("shapes cannot be multiplied")
