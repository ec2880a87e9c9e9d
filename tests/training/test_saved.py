"""What a run leaves in students/: folders that transformers loads as they are."""

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from qrd.stages.train import run as train


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_a_student_fitted_in_full_loads_in_plain_transformers(settings, console, tiny, tmp_path, family):
    base = getattr(tiny, family)
    train.run(settings(student=[f"s={base}"], finetune="full", routing="none", max_steps=2), console)
    folder = tmp_path / "run" / "students" / "s"
    model = AutoModelForCausalLM.from_pretrained(folder)
    [checkpoint] = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))
    fitted = load_file(checkpoint / "weights.safetensors")
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, fitted[f"s/{name}"]), name
    tied = model.config.tie_word_embeddings
    assert (model.get_output_embeddings().weight is model.get_input_embeddings().weight) == tied
    tokenizer, before = (AutoTokenizer.from_pretrained(each) for each in (folder, base))
    asked = [{"role": "user", "content": "Why?"}]
    assert tokenizer.apply_chat_template(asked) == before.apply_chat_template(asked)
