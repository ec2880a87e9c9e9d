"""Where an adapter may stand: merged into its base it must give what it gave beside it."""

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tiny_models import save_llama
from transformers import AutoModelForCausalLM, AutoTokenizer

from qrd.errors import ConfigError
from qrd.stages.train import run as train
from qrd.training.students import loading

CPU = torch.device("cpu")


def loaded(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


@pytest.fixture
def untied(tmp_path):
    """A tiny Llama whose output layer has weights of its own."""
    source, folder = save_llama(tmp_path / "tied"), tmp_path / "untied"
    model = loaded(source)
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight) * 0.1)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


def assert_merging_changes_nothing(adapted):
    ids_BT = torch.arange(3, 20)[None]
    with torch.no_grad():
        beside = adapted.eval()(input_ids=ids_BT).logits
        merged = adapted.merge_and_unload()(input_ids=ids_BT).logits
    assert torch.allclose(beside, merged, atol=1e-4)
    return beside


@pytest.mark.parametrize(
    "names", [["lm_head"], ["embed_tokens"], ["q_proj", "lm_head", "embed_tokens"], ["all-linear"]]
)
def test_an_adapter_on_weights_that_stand_once_is_fitted_and_merges(settings, console, tmp_path, untied, names):
    train.run(settings(student=[f"a={untied}"], routing="none", lora_target_modules=names), console)
    folder = tmp_path / "run" / "students" / "a"
    assert any(t.any() for key, t in load_file(folder / "adapter_model.safetensors").items() if "_B" in key)
    fitted = assert_merging_changes_nothing(PeftModel.from_pretrained(loaded(untied), folder))
    with torch.no_grad():
        assert not torch.allclose(fitted, loaded(untied)(input_ids=torch.arange(3, 20)[None]).logits, atol=1e-4)


@pytest.mark.parametrize("finetune", ["lora", "qlora"])
@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["lm_head"], r"the weights of lm_head are those of model\.embed_tokens too"),
        (["embed_tokens", "q_proj"], r"the weights of model\.embed_tokens are those of lm_head too"),
        (["q_proj", "model.embed_tokens"], r"the weights of model\.embed_tokens are those of lm_head too"),
        (["q_proj", "v_prj"], "no student has a module 'v_prj'"),
        (["all-linear", "lm_head"], "all-linear is every linear layer but the output layer, and stands alone"),
        (["q_proj", "all-linear"], "all-linear is every linear layer but the output layer, and stands alone"),
    ],
)
def test_targets_that_would_break_a_merged_model_or_are_none_are_refused_before_loading(
    settings, console, monkeypatch, finetune, names, told
):
    monkeypatch.setattr(loading, "load_model", None)
    with pytest.raises(ConfigError, match=rf"^--lora-target-modules {','.join(names)}: .*{told}"):
        train.run(settings(lora_target_modules=names, finetune=finetune), console)


def test_a_module_that_one_student_of_two_has_is_taken(settings, console, tmp_path):
    from tiny_models import save_gpt2

    models = [f"a={save_llama(tmp_path / 'llama')}", f"b={save_gpt2(tmp_path / 'gpt2')}"]
    output = tmp_path / "fitted"
    train.run(
        settings(student=models, lora_target_modules=["q_proj", "c_attn"], max_steps=1, output=str(output)), console
    )
    for name, target in (("a", "q_proj"), ("b", "c_attn")):
        weights = load_file(output / "students" / name / "adapter_model.safetensors")
        assert weights
        assert all(f".{target}." in key for key in weights)


def test_weights_that_two_layers_share_are_refused_whatever_the_target_is_called(settings, tmp_path):
    model = loaded(save_llama(tmp_path / "model"))
    first, second = (layer.self_attn for layer in model.model.layers)
    second.q_proj.weight = first.q_proj.weight
    with pytest.raises(
        ConfigError, match=r"layers\.0\.self_attn\.q_proj are those of model\.layers\.1\.self_attn\.q_proj"
    ):
        loading.with_adapter(model, settings())
    model = loaded(tmp_path / "model")
    model.model.layers[1].self_attn.q_proj = model.model.layers[0].self_attn.q_proj
    with pytest.raises(
        ConfigError, match=r"layers\.0\.self_attn\.q_proj are those of model\.layers\.1\.self_attn\.q_proj"
    ):
        loading.with_adapter(model, settings())


def test_a_block_that_runs_twice_is_adapted_and_merges(settings, tmp_path):
    model = loaded(save_llama(tmp_path / "model"))
    model.model.layers[1].self_attn = model.model.layers[0].self_attn
    adapted = loading.with_adapter(model, settings())
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    assert_merging_changes_nothing(adapted)
