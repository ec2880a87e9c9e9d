"""Windows of paths: their number, the last one of an epoch, and what follows from how far training is."""

import pytest
from tiny_models import path_rows, read_rows

from qrd.stages.train import run as train


def steps(tmp_path, settings, console, **options):
    """Paths of each step, by their names, and the lines of metrics.jsonl."""
    config = settings(routing="none", lambda_mutual=0.0, per_device_train_batch_size=6, **options)
    train.run(config, console)
    routed = [line["path_id"] for line in read_rows(tmp_path / "run" / "routing.jsonl")]
    return routed, read_rows(tmp_path / "run" / "metrics.jsonl")


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"num_train_epochs": 2, "max_steps": None}, [6, 6, 4, 6, 6, 4]),
        ({"num_train_epochs": 0.5, "max_steps": None}, [6, 6]),
        ({"num_train_epochs": 0.01, "max_steps": None}, [6]),
        ({"num_train_epochs": 1, "max_steps": 5}, [6, 6, 4, 6, 6]),
        ({"num_train_epochs": 9, "max_steps": 2}, [6, 6]),
        ({"num_train_epochs": 2, "max_steps": None, "gradient_accumulation_steps": 9}, [16, 16]),
    ],
    ids=str,
)
def test_an_epoch_holds_every_path_once_and_its_last_window_what_is_left(settings, console, tmp_path, options, sizes):
    routed, lines = steps(tmp_path, settings, console, **options)
    assert len(lines) == len(sizes)
    assert len(routed) == sum(sizes)
    epochs = [routed[at : at + 16] for at in range(0, len(routed), 16)]
    every = {row["path_id"] for row in path_rows()}
    assert all(len(set(epoch)) == len(epoch) and set(epoch) <= every for epoch in epochs)
    assert all(set(epoch) == every for epoch in epochs if len(epoch) == 16)


@pytest.mark.parametrize(
    ("anneal", "expected"), [("linear", [2.0, 1.25, 0.5]), ("exponential", [2.0, 1.0, 0.5]), (None, [2.0, 2.0, 2.0])]
)
def test_the_temperature_of_the_gates_starts_and_ends_as_asked_for(settings, console, monkeypatch, anneal, expected):
    from qrd.method import router

    seen, draw_gates = [], router.draw_gates

    def note(*tensors, temperature, **options):
        seen.append(temperature)
        return draw_gates(*tensors, temperature=temperature, **options)

    monkeypatch.setattr(router, "draw_gates", note)
    schedule = {"gumbel_anneal": anneal, "gumbel_final_temperature": 0.5} if anneal else {}
    train.run(settings(gumbel_temperature=2.0, **schedule), console)
    assert seen == pytest.approx(expected)
