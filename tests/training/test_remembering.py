"""Options that make the router remember losses: what is remembered, resumed and refused."""

import os
import signal

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import path_rows, read_rows

from qrd.errors import ConfigError, Interrupted
from qrd.stages.train import run as train
from qrd.training.loop import Loop

REMEMBERS = [{"router_input": "path+state"}, {"route_by": "gain"}, {"router_input": "path+state", "route_by": "gain"}]


def result(run):
    lines = [{**line, "seconds": None} for line in read_rows(run / "metrics.jsonl")]
    return lines, read_rows(run / "routing.jsonl"), load_file(run / "router" / "model.safetensors")


@pytest.mark.parametrize("routing", ["independent", "exclusive"])
def test_what_is_remembered_are_the_pairs_that_were_run(settings, console, tmp_path, routing):
    train.run(settings(router_input="path+state", routing=routing, num_train_epochs=2, max_steps=None), console)
    _, routed, modules = result(tmp_path / "run")
    assert torch.equal(modules["memory.mean_JS"] > 0, modules["memory.seen_JS"])
    ran = {(line["path_id"], name) for line in routed for name in line["routed"]}
    paths = [row["path_id"] for row in path_rows()]
    found = {(paths[j], "ab"[s]) for j, s in modules["memory.seen_JS"].nonzero().tolist()}
    assert found == ran


@pytest.mark.parametrize("options", REMEMBERS)
def test_a_resumed_run_remembers_the_same_bit_for_bit(settings, console, tmp_path, monkeypatch, options):
    train.run(settings(output=str(tmp_path / "whole"), max_steps=6, **options), console)
    run_step = Loop.run_step

    def signalled(loop, step):
        if step == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return run_step(loop, step)

    monkeypatch.setattr(Loop, "run_step", signalled)
    with pytest.raises(Interrupted):
        train.run(settings(max_steps=6, **options), console)
    monkeypatch.setattr(Loop, "run_step", run_step)
    train.run(settings(max_steps=6, **options), console)
    found, expected = result(tmp_path / "run"), result(tmp_path / "whole")
    assert found[:2] == expected[:2]
    assert all(torch.equal(found[2][name], tensor) for name, tensor in expected[2].items())


@pytest.mark.parametrize("options", REMEMBERS)
@pytest.mark.parametrize(
    ("others", "named"),
    [
        ({"routing": "none"}, "--routing none: there is no router"),
        ({"objective": "sft"}, "--objective sft: there is no router"),
        ({"max_steps": 2}, "no path is seen twice in 2 steps"),
    ],
)
def test_remembering_is_refused_where_it_cannot_matter(settings, console, options, others, named):
    with pytest.raises(ConfigError, match=named):
        train.run(settings(**options, **others), console)


def test_routing_by_gain_teaches_the_router_nothing_in_the_first_epoch(settings, console, tmp_path):
    for route_by, expected in (("loss", [True, True]), ("gain", [False, True])):
        output = tmp_path / route_by
        options = {"lambda_entropy": 0.0, "max_steps": 4, "save_steps": 1, "save_total_limit": 9}
        train.run(settings(route_by=route_by, output=str(output), **options), console)
        folders = [output / "checkpoints" / f"step-{step}" for step in (1, 2, 4)]
        weights = [load_file(folder / "weights.safetensors") for folder in folders]
        name = "router/router.layers.0.weight"
        moved = [not torch.equal(weights[n][name], weights[n + 1][name]) for n in (0, 1)]
        assert moved == expected
