"""bfloat16: what is trained stays float32, what is multiplied and kept for backward does not."""

import math

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import read_rows

from qrd.stages.train import run as train
from qrd.training.batches import Encoder, collate
from qrd.training.loop import Loop
from qrd.training.students import loading

CPU = torch.device("cpu")
WAYS = [("lora", False), ("lora", True), ("full", False), ("full", True)]


@pytest.mark.parametrize(("finetune", "recomputes"), WAYS)
def test_gradients_in_bfloat16_point_where_those_in_float32_do(
    settings, console, tmp_path, monkeypatch, finetune, recomputes
):
    found = {}

    def keep(loop, step):
        found[loop.config.dtype] = {n: p.grad.clone() for n, p in loop.trained.named().items() if p.grad is not None}
        loop.optimizer.zero_grad()

    monkeypatch.setattr(Loop, "_update", keep)
    losses = []
    for dtype in ("float32", "bfloat16"):
        config = settings(
            routing="none", max_steps=1, output=str(tmp_path / dtype), dtype=dtype, finetune=finetune,
            gradient_checkpointing=recomputes,
        )  # fmt: skip
        train.run(config, console)
        losses += [line["loss"] for line in read_rows(tmp_path / dtype / "metrics.jsonl")]
    assert losses[1] == pytest.approx(losses[0], rel=0.01)
    assert found["bfloat16"].keys() == found["float32"].keys()
    assert {gradient.dtype for gradient in found["bfloat16"].values()} == {torch.float32}
    half, whole = (torch.cat([gradient.flatten() for gradient in found[d].values()]) for d in ("bfloat16", "float32"))
    assert torch.cosine_similarity(half, whole, dim=0) > 0.99


def kept(student, batch):
    """Floating-point tensors that backward would find, parameters left out."""
    own, found = {p.untyped_storage()._cdata for p in student.model.parameters()}, {}

    def note(tensor):
        if tensor.is_floating_point() and tensor.untyped_storage()._cdata not in own:
            found.setdefault(tensor.untyped_storage()._cdata, tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        student.run(batch)
    return sum(tensor.untyped_storage().nbytes() for tensor in found.values())


def test_adapters_keep_no_float32_copy_of_what_they_read(settings, tiny):
    sizes = []
    for dtype in ("float32", "bfloat16"):
        student = loading.load_student(loading.StudentSpec("a", str(tiny.llama)), settings(dtype=dtype, lora_r=32), CPU)
        paths = [Encoder(student.tokenizer).encode([{"role": "user", "content": "Why?"}], "Because it is. " * 20)]
        sizes.append(kept(student, collate(paths)))
    assert sizes[1] < 0.7 * sizes[0]


def test_a_half_precision_run_saves_float32_adapters(settings, console, tmp_path):
    train.run(settings(dtype="bfloat16"), console)
    lines = read_rows(tmp_path / "run" / "metrics.jsonl")
    assert all(math.isfinite(value) for line in lines for value in line["terms"].values())
    saved = load_file(tmp_path / "run" / "students" / "a" / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}
