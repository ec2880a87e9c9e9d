"""In which type weights are held: one answer for training and inference."""

import subprocess
import sys
from contextlib import nullcontext

import pytest
import torch

from qrd.backends.local import load
from qrd.backends.settings import BackendSettings
from qrd.config import TrainConfig
from qrd.models import weights
from qrd.training.students import loading


@pytest.fixture
def card(monkeypatch):
    """An NVIDIA card that multiplies in bfloat16 itself, or only pretends to."""

    def build(*, native):
        monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: native or including_emulation
        )
        return torch.device("cuda:0")

    return build


def test_auto_is_bfloat16_on_a_card_that_multiplies_in_it_and_float32_elsewhere(card):
    assert weights.resolve_dtype("auto", card(native=True)) == torch.bfloat16
    assert weights.resolve_dtype("auto", card(native=False)) == torch.float32
    for kind in ("cpu", "mps"):
        assert weights.resolve_dtype("auto", torch.device(kind)) == torch.float32


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_type_that_is_named_is_taken_on_every_device(name):
    for kind in ("cpu", "cuda", "mps"):
        assert weights.resolve_dtype(name, torch.device(kind)) == getattr(torch, name)


@pytest.mark.parametrize("answer", [torch.float32, torch.bfloat16])
def test_a_student_is_fitted_and_asked_in_the_type_that_the_one_rule_gives(tmp_path, monkeypatch, answer):
    import tiny_models

    folder = tiny_models.save_llama(tmp_path / "model")
    for module in (loading, load):
        assert module.resolve_dtype is weights.resolve_dtype
        monkeypatch.setattr(module, "resolve_dtype", lambda name, device: answer)
    fitted = loading.load_model(str(folder), TrainConfig(), torch.device("cpu"))
    asked, _ = load.load(f"hf:{folder}", BackendSettings(device="cpu"))
    assert fitted.dtype == asked.dtype == answer


# What bitsandbytes asks its compiled part at import: the answer of a CPU with AVX512-BF16.
AVX512 = """
import ctypes
asked = ctypes.CDLL.__getattr__
ctypes.CDLL.__getattr__ = lambda lib, name: (lambda: True) if name == "has_avx512bf16_cpu" else asked(lib, name)
"""


@pytest.mark.parametrize("cpu", [AVX512, ""], ids=["avx512-bf16", "as it is"])
@pytest.mark.parametrize("first", ["with_adapter(model, TrainConfig())", "load_model(sys.argv[1], FOUR_BITS, CPU)"])
def test_bitsandbytes_says_nothing_when_it_is_loaded_on_a_cpu(tmp_path, cpu, first):
    pytest.importorskip("bitsandbytes")
    import tiny_models

    script = (
        f"{cpu}\nimport sys, warnings, torch\nwarnings.simplefilter('ignore')\n"
        "from transformers import AutoModelForCausalLM\nfrom transformers.utils.logging import disable_progress_bar\n"
        "from qrd.config import TrainConfig\nfrom qrd.training.students.loading import load_model, with_adapter\n"
        "disable_progress_bar()\nFOUR_BITS, CPU = TrainConfig(finetune='qlora'), torch.device('cpu')\n"
        f"model = AutoModelForCausalLM.from_pretrained(sys.argv[1])\n{first}\n"
        "assert 'bitsandbytes' in sys.modules"
    )
    folder = tiny_models.save_llama(tmp_path / "model")
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_error_that_bitsandbytes_logs_is_still_shown(caplog):
    import logging

    weights.hush_bitsandbytes()
    logging.getLogger("bitsandbytes.cextension").error("library load error")
    assert "library load error" in caplog.text
