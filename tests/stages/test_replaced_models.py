"""An output does not go on with another model under the same name: what counts is the content of its files."""

import json
import os
import shutil
import time

import pytest
import tiny_models

from qrd.config import EvalConfig, GenerateConfig, JudgeConfig, knobs
from qrd.console import Console
from qrd.errors import ConfigError
from qrd.rows import fingerprints
from qrd.stages import generate
from qrd.stages.eval import run as eval_stage
from qrd.stages.judge import run as judge

QUESTIONS = [{"id": f"q{n}", "task": "math", "question": f"{n}+1?", "answer": "5"} for n in range(4)]
PATHS = [{**row, "path_id": row["id"], "response": "4+1 is 5.", "correct": True} for row in QUESTIONS]
RULES = '[[rule]]\nregex = "verdict ([0-9a-f]+): WORD"\nreply = "verdict \\\\1: valid\\nreason: so it is"\n'
RULES += '[[rule]]\nreply = "So 5."\n'
STAGES = {
    "generate": (generate.run, GenerateConfig, QUESTIONS, {"teacher": "{}", "styles": "cot"}),
    "judge": (judge.run, JudgeConfig, PATHS, {"judge": "{}", "max_unscored": "1.0"}),
    "eval": (eval_stage.run, EvalConfig, QUESTIONS, {"model": "{}"}),
}


@pytest.fixture(params=STAGES)
def run(request, tmp_path, monkeypatch):
    """Runs a stage on so many rows with the model named, into out.jsonl."""
    monkeypatch.chdir(tmp_path)
    stage, kind, rows, options = STAGES[request.param]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def ran(model, limit):
        named = {name: value.format(model) for name, value in options.items()}
        config = {"input": ["in.jsonl"], "output": "out.jsonl", "limit": limit, "max_tokens": 8, **named}
        return stage(knobs.build(kind, config), Console(quiet=True))

    return ran


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two models of one shape with other weights."""
    root = tmp_path_factory.mktemp("models")
    return tiny_models.save_llama(root / "one"), tiny_models.save_llama(root / "two", seed=7)


def test_rules_of_a_scripted_model_that_were_changed_are_named(run, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    run("scripted:rules.toml", 2)
    before = (tmp_path / "out.jsonl").read_bytes()
    rules.write_text(RULES.replace("So 5", "So 6").replace("valid", "invalid"))
    with pytest.raises(
        ConfigError, match=r"holds rows made otherwise \(the files of scripted:rules.toml: rules.toml\)"
    ):
        run("scripted:rules.toml", 4)
    assert (tmp_path / "out.jsonl").read_bytes() == before
    (tmp_path / "copy").write_text(RULES)
    os.replace(tmp_path / "copy", rules)
    run("scripted:rules.toml", 4)
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 4


def test_the_change_is_seen_without_the_manifest_too(run, tmp_path):
    (tmp_path / "rules.toml").write_text(RULES)
    run("scripted:rules.toml", 2)
    (tmp_path / "out.jsonl.manifest.json").unlink()
    (tmp_path / "rules.toml").write_text(RULES + "\n")
    with pytest.raises(ConfigError, match="holds rows made otherwise"):
        run("scripted:rules.toml", 4)


def test_an_output_of_before_models_were_known_by_their_files_goes_on(run, tmp_path, monkeypatch):
    (tmp_path / "rules.toml").write_text(RULES)
    with monkeypatch.context() as patched:
        patched.setattr(fingerprints, "LOCAL", ())
        run("scripted:rules.toml", 2)
    before = (tmp_path / "out.jsonl").read_bytes()
    assert "models" not in json.loads((tmp_path / "out.jsonl.manifest.json").read_bytes())
    run("scripted:rules.toml", 4)
    after = (tmp_path / "out.jsonl").read_bytes()
    assert after.startswith(before)
    assert len(after.splitlines()) == 4


@pytest.mark.filterwarnings("ignore")
def test_other_weights_in_the_folder_of_a_model_are_named_and_a_copy_of_the_same_is_taken(run, tmp_path, folders):
    one, two = folders
    model = tmp_path / "model"
    shutil.copytree(one, model)
    run("hf:model", 1)
    size = (model / "model.safetensors").stat().st_size
    shutil.copyfile(two / "model.safetensors", model / "model.safetensors")
    assert (model / "model.safetensors").stat().st_size == size
    with pytest.raises(ConfigError, match=r"\(the files of hf:model: model.safetensors\)"):
        run("hf:model", 2)
    shutil.rmtree(model)
    shutil.copytree(one, model)
    (model / "README.md").write_text("Not read.")
    os.utime(model / "model.safetensors")
    run("hf:model", 2)


def test_a_large_file_is_hashed_once_and_again_when_it_changed(tmp_path, monkeypatch):
    monkeypatch.setenv("QRD_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "model" / "model.safetensors"
    file.parent.mkdir()
    file.write_bytes(bytes(fingerprints.KEPT_BYTES))
    monkeypatch.setattr(fingerprints, "SETTLED_S", 0.0)
    hashed, real = [], fingerprints.sha256_of
    monkeypatch.setattr(fingerprints, "sha256_of", lambda file: hashed.append(file) or real(file))
    first = fingerprints.files_of(f"hf:{file.parent}")
    assert fingerprints.files_of(f"vllm:{file.parent}/") == {str(file): first[str(file)]}
    assert hashed == [file]
    stat = file.stat()
    time.sleep(0.02)  # more than a tick of the clock of files
    with open(file, "r+b") as stream:
        stream.write(b"\1")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as one would who hides the change
    assert fingerprints.files_of(f"hf:{file.parent}") != first
    assert hashed == [file, file]


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("QRD_CACHE", str(tmp_path / "cache"))
    (tmp_path / "model.safetensors").write_bytes(bytes(fingerprints.KEPT_BYTES))
    fingerprints.files_at(str(tmp_path))
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("kept", [b"", b"[]", b'{"model.safetensors": 5}', b"[" * 100_000])
def test_a_cache_that_is_broken_or_cannot_be_written_only_costs_time(tmp_path, monkeypatch, kept):
    folder, cache = tmp_path / "model", tmp_path / "cache" / "hashes"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(bytes(fingerprints.KEPT_BYTES))
    monkeypatch.setattr(fingerprints, "SETTLED_S", 0.0)
    monkeypatch.setenv("QRD_CACHE", "/proc/nowhere")
    expected = fingerprints.files_at(str(folder))
    monkeypatch.setenv("QRD_CACHE", str(tmp_path / "cache"))
    assert fingerprints.files_at(str(folder)) == expected
    (file,) = cache.iterdir()
    file.write_bytes(kept)
    assert fingerprints.files_at(str(folder)) == expected
    assert file.read_bytes() != kept


@pytest.mark.parametrize(
    "model", ["openai/gpt-4o", "hf:org/name", "embedded:smollm2-135m", "vllm:embedded:smollm2-135m"]
)
def test_a_model_that_is_not_in_files_here_is_its_name(model):
    assert fingerprints.identity(model) == model
    assert fingerprints.told([model]) == []
