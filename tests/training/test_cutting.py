"""Promise 17: neither losses nor gradients depend on how a window is cut into batches."""

import pytest
import torch
from tiny_models import path_rows, read_rows
from torch.utils._python_dispatch import TorchDispatchMode

from qrd.stages.train import run as train
from qrd.stages.train.distilling import QrDistillWindow
from qrd.training.batches import Encoded, Example
from qrd.training.loop import Loop, cut_by_students
from qrd.training.objectives.step_by_step import StepByStepWindow

CUTS = [(8, 1, 10**6), (4, 2, 10**6), (2, 4, 700), (1, 8, 1)]


def rows_of_many_lengths():
    rows = path_rows(4)
    words = "We add the numbers and carry what is left over to the next place, then check the sum again. " * 9
    for number, row in enumerate(rows):
        row["response"] = "7" if number == 0 else words[: 60 * number] + row["response"]
    return rows


@pytest.fixture
def gradients(settings, console, monkeypatch, tmp_path):
    """Gradients of every trained parameter after the first window, and its line of metrics.jsonl."""

    def measure(**options):
        found = {}

        def keep(loop, step):
            named = loop.trained.named()
            found.update({name: p.grad.clone() for name, p in named.items() if p.grad is not None})
            loop.optimizer.zero_grad()

        monkeypatch.setattr(Loop, "_update", keep)
        config = settings(rows_of_many_lengths(), max_steps=1, max_length=900, resume=False, **options)
        train.run(config, console)
        return found, read_rows(tmp_path / "run" / "metrics.jsonl")[0]

    return measure


@pytest.mark.parametrize("routing", ["none", "independent", "exclusive"])
def test_gradients_of_every_term_do_not_depend_on_the_cut(gradients, routing):
    entropy = {} if routing == "none" else {"lambda_entropy": 0.5}
    runs = [
        gradients(
            routing=routing, per_device_train_batch_size=batch, gradient_accumulation_steps=windows,
            micro_batch_tokens=tokens, max_grad_norm=0, **entropy,
        )
        for batch, windows, tokens in CUTS
    ]  # fmt: skip
    first, line = runs[0]
    kinds = {name.split("/")[0] for name in first}
    assert kinds == ({"a", "b"} if routing == "none" else {"a", "b", "router"}) | (
        {"router"} if routing != "exclusive" else set()
    )
    for other, other_line in runs[1:]:
        assert other.keys() == first.keys()
        for name, gradient in first.items():
            assert torch.allclose(other[name], gradient, atol=1e-5, rtol=1e-4), name
        assert other_line["loss"] == pytest.approx(line["loss"], abs=1e-5)
        assert other_line["terms"] == pytest.approx(line["terms"], abs=1e-5)
        assert other_line["tokens"] == line["tokens"]


def test_gradient_checkpointing_changes_no_gradient(gradients):
    plain, _ = gradients(routing="none")
    recomputed, _ = gradients(routing="none", gradient_checkpointing=True)
    for name, gradient in plain.items():
        assert torch.allclose(recomputed[name], gradient, atol=1e-6), name


def test_micro_batches_hold_paths_of_the_same_students_and_fill_the_budget():
    draw = torch.Generator().manual_seed(0)
    for num_students in (1, 2, 3, 4):
        lengths = torch.randint(5, 60, (24,), generator=draw).tolist()
        versions = [tuple(Encoded(tuple(range(n + s)), 2, ()) for s in range(num_students)) for n in lengths]
        examples = [Example(str(k), "q", "cot", "", encoded) for k, encoded in enumerate(versions)]
        selected_KS = torch.rand(24, num_students, generator=draw) < 0.5
        pieces = cut_by_students(examples, selected_KS, 100)
        assert sorted(row for piece in pieces for row in piece) == [k for k in range(24) if selected_KS[k].any()]
        for piece in pieces:
            assert len({tuple(selected_KS[row].tolist()) for row in piece}) == 1
            longest = max(len(each.ids) for row in piece for each in examples[row].encoded)
            assert len(piece) == 1 or longest * len(piece) <= 100 + 3 * len(piece)
        exclusive_KS = torch.eye(num_students, dtype=torch.bool)[torch.arange(24) % num_students]
        passes = len(cut_by_students(examples, exclusive_KS, 100))
        assert passes <= len(cut_by_students(examples, torch.ones_like(exclusive_KS), 100)) + num_students


class Waits(TorchDispatchMode):
    """Counts what makes the host wait for a device: reading a number, and choosing rows by a mask."""

    count = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        masks = arguments[1] if function is torch.ops.aten.index.Tensor else ()
        reads = function is torch.ops.aten._local_scalar_dense.default
        self.count += reads or any(mask is not None and mask.dtype is torch.bool for mask in masks)
        return function(*arguments, **(named or {}))


@pytest.mark.parametrize("options", [{"routing": "none"}, {"objective": "step-by-step"}], ids=str)
def test_a_micro_batch_never_makes_the_host_wait_for_the_device(settings, console, monkeypatch, options):
    part, waits = {"routing": QrDistillWindow, "objective": StepByStepWindow}[next(iter(options))], []
    original = part.part

    def watched(window, micro):
        with Waits() as mode:
            found = original(window, micro)
        waits.append(mode.count)
        return found

    monkeypatch.setattr(part, "part", watched)
    train.run(settings(max_steps=1, micro_batch_tokens=10**6, **options), console)
    assert waits == [0]
