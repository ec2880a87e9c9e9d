"""QLoRA for real, on the CPU: 4-bit weights under trained adapters."""

import os
import signal

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import read_rows

from qrd.errors import ConfigError, Interrupted
from qrd.stages import train
from qrd.training import plan as planning
from qrd.training import students
from qrd.training.loop import Loop

CPU = torch.device("cpu")


@pytest.fixture
def four_bits(settings):
    """Settings of a run on 4-bit weights."""
    pytest.importorskip("bitsandbytes")

    def build(**options):
        return settings(finetune="qlora", **options)

    return build


def test_without_bitsandbytes_qlora_is_refused_with_what_to_install(settings, console, monkeypatch):
    monkeypatch.setattr(students.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs bitsandbytes: pip install 'qrd\[qlora\]'"):
        train.run(settings(finetune="qlora"), console)


def test_adapters_learn_over_four_bit_weights_and_load_again_with_peft(four_bits, console, tiny, tmp_path, monkeypatch):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    seen = {}
    save_student = students.save_student

    def keep(student, folder, weights=None):
        seen[student.name] = student
        save_student(student, folder)

    monkeypatch.setattr("qrd.training.folder.save_student", keep)
    train.run(four_bits(routing="none", max_steps=8), console)
    losses = [line["terms"]["distill/a"] for line in read_rows(tmp_path / "run" / "metrics.jsonl")]
    assert losses[-1] < losses[0]
    kind = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype="float32"
    )
    for name, folder in (("a", tiny.llama), ("b", tiny.gemma)):
        base = AutoModelForCausalLM.from_pretrained(folder, quantization_config=kind, dtype=torch.float32)
        again = PeftModel.from_pretrained(base, tmp_path / "run" / "students" / name).eval()
        ids_BT = torch.arange(20)[None]
        with torch.no_grad():
            found, kept = (model.eval()(input_ids=ids_BT).logits for model in (again, seen[name].model))
        assert torch.allclose(found, kept, atol=1e-5)


def test_a_stopped_qlora_run_resumes_to_what_an_uninterrupted_one_learns(four_bits, console, tmp_path, monkeypatch):
    train.run(four_bits(output=str(tmp_path / "whole"), max_steps=4), console)
    run_step = Loop.run_step

    def stopped(loop, step):
        if step == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return run_step(loop, step)

    monkeypatch.setattr(Loop, "run_step", stopped)
    with pytest.raises(Interrupted):
        train.run(four_bits(max_steps=4), console)
    monkeypatch.setattr(Loop, "run_step", run_step)
    train.run(four_bits(max_steps=4), console)
    for name in "ab":
        one, other = (
            load_file(tmp_path / run / "students" / name / "adapter_model.safetensors") for run in ("run", "whole")
        )
        assert all(torch.equal(one[key], other[key]) for key in other)


def test_four_bit_weights_are_planned_as_they_are_held_and_shared_by_students_of_one_base(four_bits, tiny):
    config = four_bits(student=[f"a={tiny.llama}", f"b={tiny.llama}"])
    specs = students.parse_students(config.student)
    devices = dict.fromkeys("ab", CPU)
    first, second = students.load_students(specs, config, devices)
    quantised = [p for p in first.model.parameters() if hasattr(p, "quant_state")]
    others = {id(p) for p in second.model.parameters()}
    assert quantised
    assert all(id(p) in others for p in quantised)
    held = sum(p.numel() * p.element_size() for p in first.model.parameters() if not p.requires_grad)
    # Scales hang on the weights and are rounded up to whole blocks, of which tiny weights have few.
    assert planning.plan(specs, config, devices)[0].weights == pytest.approx(held, rel=0.1)
