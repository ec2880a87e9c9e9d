import pytest

from qrd.backends import base_of
from qrd.config.base import MODEL_HELP
from qrd.errors import ConfigError
from qrd.models import names
from qrd.models.names import parsed


@pytest.mark.parametrize(
    ("model", "kind", "source", "provider"),
    [
        ("hf:org/model", "hf", "org/model", ""),
        ("vllm:embedded:smollm2-135m", "vllm", "embedded:smollm2-135m", ""),
        ("embedded:minilm-l6", "embedded", "minilm-l6", ""),
        ("scripted:a/rules.toml", "scripted", "a/rules.toml", ""),
        ("openai/gpt-4o-mini", "", "openai/gpt-4o-mini", "openai"),
        ("ollama/llama3:8b", "", "ollama/llama3:8b", "ollama"),
        ("hf", "", "hf", "hf"),
        (":x", "", ":x", ":x"),
    ],
)
def test_a_name_is_its_prefix_and_what_stands_behind_it(model, kind, source, provider):
    assert parsed(model) == (kind, source)
    assert parsed(model).provider == provider


def test_a_local_model_named_as_a_provider_has_no_endpoint(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    assert base_of("openai/gpt-oss-20b", None) == "http://127.0.0.1:9"
    assert base_of("hf:openai/gpt-oss-20b", None) is None


@pytest.mark.parametrize("model", ["scripted:x", "vllm:org/model"])
@pytest.mark.parametrize("option", ["--student", "--encoder"])
def test_a_model_that_transformers_does_not_load_is_not_taken_for_a_hub_name(model, option):
    with pytest.raises(ConfigError, match=f"^{option}: .{model}. cannot be trained; expected a hub name, a folder,"):
        names.local_source(model, option=option)


@pytest.mark.parametrize("model", ["org/model", "a/folder:of/mine", "C:/models/small"])
def test_a_student_without_a_known_prefix_is_a_hub_name_or_a_folder(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / model).mkdir(parents=True)
    assert names.local_source(model) == model
    assert names.local_source(f"hf:{model}") == model


@pytest.mark.parametrize(
    ("text", "name", "model"),
    [
        ("small=hf:org/model-1b", "small", "hf:org/model-1b"),
        ("embedded:gemma3-270m", "gemma3-270m", "embedded:gemma3-270m"),
        ("runs/a=b/", "a=b", "runs/a=b/"),
        ("hf:gpt2", "gpt2", "hf:gpt2"),
    ],
)
def test_a_student_is_called_as_it_is_named_else_by_the_end_of_its_models_name(text, name, model):
    assert names.named_student(text) == (name, model)


def test_bases_and_ensembles_are_told_apart_in_predictions():
    base, ensemble = names.base_name("small"), names.ensemble_name("vote")
    assert (base, ensemble) == ("base:small", "ensemble:vote")
    assert [names.is_base(name) for name in (base, ensemble, "small")] == [True, False, False]
    assert [names.is_ensemble(name) for name in (base, ensemble, "small")] == [False, True, False]


def test_help_tells_of_every_prefix_that_a_user_is_to_know():
    told = "a litellm name (openai/gpt-4o-mini), hf:NAME_OR_FOLDER, vllm:NAME_OR_FOLDER or embedded:NAME"
    assert told == MODEL_HELP
    assert names.LOADABLE == "a hub name, a folder, hf:NAME_OR_FOLDER or embedded:NAME"
