"""A frozen student teaches the others and does not learn."""

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import read_rows

from qrd.errors import ConfigError
from qrd.stages.train import run as train


def adapters(run, name):
    return load_file(run / "students" / name / "adapter_model.safetensors")


@pytest.mark.parametrize("routing", ["independent", "none"])
def test_a_frozen_student_stays_as_it_was_and_the_others_learn(settings, console, tmp_path, routing):
    train.run(settings(freeze=["b"], routing=routing), console)
    moved = {n: any(t.any() for k, t in adapters(tmp_path / "run", n).items() if "lora_B" in k) for n in ("a", "b")}
    assert moved == {"a": True, "b": False}
    lines = read_rows(tmp_path / "run" / "metrics.jsonl")
    assert [set(line["learning_rate"]) for line in lines] == [{"a", "router"}] * 3
    assert max(line["terms"]["distill/b"] for line in lines) > 0


def test_what_a_frozen_student_thinks_reaches_the_other(settings, console, tmp_path):
    """Its voice is in the ensemble: a student that learns beside it ends elsewhere than one that learns alone."""
    runs = {}
    for name, options in (("taught", {"freeze": ["b"]}), ("untaught", {"lambda_mutual": 0.0})):
        train.run(settings(routing="none", output=str(tmp_path / name), **options), console)
        runs[name] = adapters(tmp_path / name, "a")
    assert any(not torch.equal(runs["taught"][key], runs["untaught"][key]) for key in runs["taught"])


def test_the_projection_and_competence_of_a_frozen_student_learn(settings, console, tmp_path):
    train.run(settings(freeze=["b"], routing="none", save_steps=1, save_total_limit=9), console)
    folders = [tmp_path / "run" / "checkpoints" / f"step-{step}" for step in (1, 3)]
    first, last = (load_file(folder / "weights.safetensors") for folder in folders)
    for name in ("router/projections.1.linear.weight", "router/competence.weight_SD"):
        assert not torch.equal(first[name], last[name])
    assert not [name for name in last if name.startswith("b/")]


@pytest.mark.parametrize("finetune", ["lora", "full"])
def test_a_frozen_student_trains_beside_another_in_every_way_of_fitting(settings, console, tmp_path, finetune):
    dropout = {"lora_dropout": 0.1} if finetune == "lora" else {}
    train.run(settings(freeze=["a"], finetune=finetune, **dropout), console)
    assert len(read_rows(tmp_path / "run" / "metrics.jsonl")) == 3


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"freeze": ["nobody"]}, "no student is named 'nobody'"),
        ({"freeze": ["a", "b"]}, "every student is frozen"),
        ({"freeze": ["a"], "routing": "exclusive"}, "nobody learns"),
        ({"freeze": ["a"], "objective": "sft"}, "nobody learns"),
    ],
)
def test_a_frozen_student_that_nobody_would_learn_from_is_refused(settings, console, options, named):
    with pytest.raises(ConfigError, match=named):
        train.run(settings(**options), console)
