"""Folders that were not made here: no pickle is read, and code they bring runs only where that was asked for."""

import json

import pytest
import tiny_models
import torch
from safetensors.torch import load_file
from transformers import dynamic_module_utils

from qrd.config import EvalConfig, knobs
from qrd.errors import ConfigError
from qrd.stages.eval import run as eval_stage
from qrd.stages.train import run as train

CODE = """
open({mark!r}, "w").close()
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM
class StudentConfig(LlamaConfig):
    model_type = "of-its-own"
class EncoderConfig(BertConfig):
    model_type = "of-its-own"
class Student(LlamaForCausalLM):
    config_class = StudentConfig
class Encoder(BertModel):
    config_class = EncoderConfig
"""
PARTS = ["student", "encoder", "eval"]


class Pickled:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (self.mark, "w"))


@pytest.fixture
def use(settings, console, tmp_path, monkeypatch):
    """Gives a folder to the command that reads such a one."""
    monkeypatch.setenv("QRD_CACHE", str(tmp_path / "cache"))

    def run(part, folder, **options):
        if part == "eval":
            row = {"id": "q", "task": "math", "question": "What is 1 + 1?", "answer": "2"}
            questions = tiny_models.write_rows(tmp_path / "questions.jsonl", [row])
            eval_stage.run(knobs.build(EvalConfig, {
                "input": [str(questions)], "output": str(tmp_path / "out.jsonl"), "model": [f"hf:{folder}"],
                "device": "cpu", "max_tokens": 2, "quiet": True, **options,
            }), console)  # fmt: skip
        else:
            given = {"student": [f"a={folder}"]} if part == "student" else {"encoder": str(folder)}
            train.run(settings(max_steps=1, **given, **options), console)

    return run


def made(part, folder):
    return tiny_models.save_encoder(folder) if part == "encoder" else tiny_models.save_llama(folder)


@pytest.mark.parametrize("part", PARTS)
def test_a_folder_of_pickled_weights_is_refused_unread(use, tmp_path, part):
    folder, mark = made(part, tmp_path / "pickled"), tmp_path / "unpickled"
    weights = load_file(folder / "model.safetensors")
    torch.save({**weights, "more": Pickled(str(mark))}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"model\.safetensors"):
        use(part, folder)
    assert not mark.exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert mark.exists()


@pytest.mark.parametrize("part", PARTS)
def test_weights_cut_short_are_named_with_their_folder(use, tmp_path, part):
    folder = made(part, tmp_path / "broken")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ConfigError, match=r"broken.*header"):
        use(part, folder)


def with_code(part, folder, mark, *, model_type):
    """The folder with code of its own, which leaves a file behind when it is run."""
    (folder / "code_of_its_own.py").write_text(CODE.format(mark=str(mark)))
    name, kind = ("Encoder", "AutoModel") if part == "encoder" else ("Student", "AutoModelForCausalLM")
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoConfig": f"code_of_its_own.{name}Config", kind: f"code_of_its_own.{name}"}
    (folder / "config.json").write_text(json.dumps({**config, "model_type": model_type or config["model_type"]}))
    return folder


@pytest.mark.parametrize("part", PARTS)
def test_code_of_a_folder_runs_only_by_the_flag(use, tmp_path, monkeypatch, part):
    mark = tmp_path / "ran"
    folder = with_code(part, made(part, tmp_path / "foreign"), mark, model_type="of-its-own")
    with pytest.raises(ConfigError, match=r"trust_remote_code|custom code"):
        use(part, folder)
    assert not mark.exists()
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    use(part, folder, trust_remote_code=True, resume=False)
    assert mark.exists()


@pytest.mark.parametrize("part", PARTS)
def test_a_folder_of_a_known_kind_is_read_without_the_code_it_brings(use, tmp_path, part):
    mark = tmp_path / "ran"
    use(part, with_code(part, made(part, tmp_path / "foreign"), mark, model_type=None))
    assert not mark.exists()
