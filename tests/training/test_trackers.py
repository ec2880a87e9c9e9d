"""Experiment trackers, by the one that writes into the run's folder: tensorboard, as it is."""

import pytest

from qrd.errors import ConfigError
from qrd.stages.train import run as train


def test_a_tracker_begins_in_a_new_folder_and_not_where_the_run_is_refused_or_finished(settings, console, tmp_path):
    def files():
        return sorted((tmp_path / "run").rglob("events.out.tfevents.*"))

    tracked = {"report_to": ["tensorboard"], "max_steps": 1}
    train.run(settings(**tracked), console)
    begun = files()
    assert any(file.stat().st_size > 100 for file in begun)
    train.run(settings(**tracked), console)
    with pytest.raises(ConfigError, match="holds another run"):
        train.run(settings(**tracked, seed=1), console)
    assert files() == begun
