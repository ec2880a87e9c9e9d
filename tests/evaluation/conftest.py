"""A tiny run folder and its evaluation, made once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import tiny_run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A run folder of two students of one base."""
    return tiny_run.save_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def evaluated(run_folder, tmp_path_factory):
    """One evaluation of the run folder, for all tests; `again` repeats it on its own output."""
    folder = tmp_path_factory.mktemp("evaluated")
    rows, summary, shown = tiny_run.evaluate(run_folder, folder)
    return SimpleNamespace(
        rows=rows,
        summary=summary,
        shown=shown,
        run=run_folder,
        file=folder / "predictions.jsonl",
        again=lambda: tiny_run.evaluate(run_folder, folder),
    )
