"""QLoRA for real, on the CPU: 4-bit weights under trained adapters."""

import copy
import os
import signal

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import path_rows, read_rows, save_llama

from qrd.errors import ConfigError, Interrupted
from qrd.stages.train import run as train
from qrd.training.batches import Encoder, collate
from qrd.training.devices import plan as planning
from qrd.training.loop import Loop
from qrd.training.students import loading
from qrd.training.students.student import save_student, verify_saved

CPU = torch.device("cpu")


@pytest.fixture
def four_bits(settings):
    """Settings of a run on 4-bit weights."""
    pytest.importorskip("bitsandbytes")

    def build(**options):
        return settings(finetune="qlora", **options)

    return build


@pytest.fixture
def repacking_cpu(monkeypatch):
    """bitsandbytes as on a CPU with AVX512-BF16, where its layers rewrite their weights in evaluation; what such a CPU
    multiplies rewritten weights with is done here with their numbers, likewise without a gradient."""
    layers = pytest.importorskip("bitsandbytes.nn.modules")
    functional = pytest.importorskip("bitsandbytes.functional")
    rewritten = []

    def rewrite(weight, state, block_n=32):
        rewritten.append(weight)
        return functional._convert_weight_packed_for_cpu(weight, state, block_n)

    def product(x, weight, state, **options):
        plain, state = functional._convert_weight_packed_for_cpu_inverse(weight.detach().clone(), copy.copy(state))
        weight_ND = functional.dequantize_4bit(plain, state).bfloat16()
        return (x.detach().bfloat16() @ weight_ND.T).to(x.dtype)

    monkeypatch.setattr(layers, "has_avx512bf16", lambda: True)
    monkeypatch.setattr(layers, "_convert_weight_packed_for_cpu", rewrite)
    monkeypatch.setattr(functional, "gemv_4bit", product)
    return rewritten


def four_bit_kind():
    """The 4-bit weights that --finetune qlora asks transformers for."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype="float32"
    )


def test_without_bitsandbytes_qlora_is_refused_with_what_to_install(settings, console, monkeypatch):
    monkeypatch.setattr(loading.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs bitsandbytes: pip install 'qrd\[qlora\]'"):
        train.run(settings(finetune="qlora"), console)


def test_adapters_learn_over_four_bit_weights_and_load_again_with_peft(four_bits, console, tiny, tmp_path, monkeypatch):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    seen = {}

    def keep(student, folder, weights=None):
        seen[student.name] = student
        save_student(student, folder)

    monkeypatch.setattr("qrd.training.folder.save_student", keep)
    train.run(four_bits(routing="none", max_steps=8), console)
    losses = [line["terms"]["distill/a"] for line in read_rows(tmp_path / "run" / "metrics.jsonl")]
    assert losses[-1] < losses[0]
    for name, folder in (("a", tiny.llama), ("b", tiny.gemma)):
        base = AutoModelForCausalLM.from_pretrained(folder, quantization_config=four_bit_kind(), dtype=torch.float32)
        base.dequantize()  # what an unquantised layer gives does not depend on the CPU
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
    specs = loading.parse_students(config.student)
    devices = dict.fromkeys("ab", CPU)
    first, second = loading.load_students(specs, config, devices)
    quantised = [p for p in first.model.parameters() if hasattr(p, "quant_state")]
    others = {id(p) for p in second.model.parameters()}
    assert quantised
    assert all(id(p) in others for p in quantised)
    held = sum(p.numel() * p.element_size() for p in first.model.parameters() if not p.requires_grad)
    # Scales hang on the weights and are rounded up to whole blocks, of which tiny weights have few.
    assert planning.plan(specs, config, devices)[0].weights == pytest.approx(held, rel=0.1)


def gradients(student):
    """Of each part of an adapter that has begun to learn, on two paths."""
    for name, parameter in student.trainable().items():
        parameter.data.normal_(generator=torch.Generator().manual_seed(len(name)), std=0.1)
    encoder = Encoder(student.tokenizer)
    paths = [encoder.encode(row["prompt"], row["response"]) for row in path_rows(2, ("cot",))]
    sum(ce_N.sum() for ce_N in student.run(collate(paths)).ce).backward()
    return {name: parameter.grad for name, parameter in student.trainable().items()}


def load_four_bits(config):
    return loading.load_students(loading.parse_students(config.student), config, dict.fromkeys("ab", CPU))


def load_dequantised(config):
    """The first student around the same weights as plain matrices."""

    def dequantised(source, config, device):
        return loading.load_model(source, config, device).dequantize()

    return loading.load_student(loading.parse_students(config.student)[0], config, CPU, load=dequantised)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name in found:
        assert expected[name].any()
        assert torch.allclose(found[name], expected[name], rtol=1e-3, atol=1e-6 * expected[name].abs().max()), name


@pytest.mark.parametrize("width", [32, 64, 128])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_gradients_are_those_over_the_same_weights_dequantised(four_bits, repacking_cpu, tmp_path, width, dtype):
    config = four_bits(student=[f"a={save_llama(tmp_path / 'model', width=width)}"], dtype=dtype)
    found = gradients(load_four_bits(config)[0])
    expected = gradients(load_dequantised(config))
    if dtype == "float32":
        assert_same(found, expected)
    one, other = (torch.cat([gradient.flatten() for gradient in each.values()]) for each in (found, expected))
    assert torch.cosine_similarity(one, other, dim=0) > 0.999
    assert not repacking_cpu


def test_a_frozen_student_on_the_same_base_leaves_the_gradients_of_the_other_right(four_bits, repacking_cpu, tmp_path):
    model = save_llama(tmp_path / "model", width=64)
    config = four_bits(student=[f"a={model}", f"b={model}"], freeze=["b"])
    learning, frozen = load_four_bits(config)
    encoder = Encoder(frozen.tokenizer)
    frozen.run(collate([encoder.encode([{"role": "user", "content": "Why?"}], "So.")]))
    assert_same(gradients(learning), gradients(load_dequantised(config)))
    assert not repacking_cpu


def test_checking_a_saved_student_leaves_the_gradients_of_its_base_right(four_bits, repacking_cpu, tmp_path):
    config = four_bits(student=[f"a={save_llama(tmp_path / 'model', width=64)}"])
    (student,) = load_four_bits(config)
    save_student(student, tmp_path / "saved")
    verify_saved(student, tmp_path / "saved")
    student.model.train()
    assert_same(gradients(student), gradients(load_dequantised(config)))
    assert not repacking_cpu


@pytest.mark.parametrize("width", [32, 64])
def test_a_model_that_was_saved_in_four_bits_is_read_and_fitted_as_it_is(settings, repacking_cpu, tmp_path, width):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from qrd.backends.local.hf_backend import HfLocal
    from qrd.backends.settings import BackendSettings

    source, folder = save_llama(tmp_path / "model", width=width), tmp_path / "four bits"
    AutoModelForCausalLM.from_pretrained(source, quantization_config=four_bit_kind()).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    config = settings(student=[f"a={folder}"])
    assert_same(gradients(load_four_bits(config)[0]), gradients(load_dequantised(config)))
    network, ids_BT = HfLocal(f"hf:{folder}", BackendSettings(device="cpu")).network, torch.arange(9)[None]
    plain = AutoModelForCausalLM.from_pretrained(folder).dequantize().eval()
    with torch.inference_mode():
        assert torch.allclose(network(ids_BT).logits, plain(ids_BT).logits, atol=1e-5)
    assert not repacking_cpu
