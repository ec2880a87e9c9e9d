"""Students of one model: one copy of its weights, two adapters, and the results of two separate loads."""

import pytest
import torch
from safetensors.torch import load_file

from qrd.stages.train import run as train
from qrd.training.students import loading

CPU = torch.device("cpu")


@pytest.fixture
def twins(settings, tiny):
    """Settings of a run whose first two students are one model, named in two ways, and whose third is another."""

    def build(**options):
        models = [f"a={tiny.llama}", f"b=hf:{tiny.llama}/", f"c={tiny.gemma}"]
        return settings(student=models, lora_dropout=0.1, **options)

    return build


def loaded(config):
    return loading.load_students(loading.parse_students(config.student), config, dict.fromkeys("abc", CPU))


def bytes_of(tensors):
    return sum({t.data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


def test_the_base_parameters_are_one_storage_and_the_adapters_two(twins):
    a, b, c = loaded(twins())
    first, second = dict(a.model.named_parameters()), dict(b.model.named_parameters())
    assert first.keys() == second.keys()
    for name in first:
        assert (first[name] is second[name]) == ("lora_" not in name)
    assert not {p.data_ptr() for p in c.model.parameters()} & {p.data_ptr() for p in a.model.parameters()}
    alone = bytes_of(a.model.parameters())
    assert bytes_of([*first.values(), *second.values()]) == alone + bytes_of(b.trainable().values())


@pytest.mark.parametrize("options", [{}, {"gradient_checkpointing": True}, {"freeze": ["b"]}])
def test_two_adapters_on_one_base_learn_what_two_loads_learn(twins, console, tmp_path, monkeypatch, options):
    train.run(twins(output=str(tmp_path / "one"), **options), console)

    def each_by_itself(specs, config, devices):
        return [loading.load_student(spec, config, devices[spec.name]) for spec in specs]

    monkeypatch.setattr(train, "load_students", each_by_itself)
    train.run(twins(output=str(tmp_path / "two"), **options), console)
    for name in "abc":
        one, two = (
            load_file(tmp_path / run / "students" / name / "adapter_model.safetensors") for run in ("one", "two")
        )
        assert one.keys() == two.keys()
        assert all(torch.equal(one[key], two[key]) for key in one)


def test_a_model_is_read_once_however_often_it_is_named(twins, monkeypatch):
    read = []
    load_model = loading.load_model
    monkeypatch.setattr(loading, "load_model", lambda source, *rest: read.append(source) or load_model(source, *rest))
    loaded(twins())
    assert len(read) == 2


def test_students_fitted_in_full_share_nothing(twins):
    a, b, _ = loaded(twins(finetune="full"))
    assert not {p.data_ptr() for p in a.model.parameters()} & {p.data_ptr() for p in b.model.parameters()}
