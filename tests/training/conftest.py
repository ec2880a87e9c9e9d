"""Tiny models on disk, built once for all tests of the trainer, and short ways to run it."""

import os
import tempfile
from pathlib import Path as File
from types import SimpleNamespace

import pytest
import tiny_models
import torch

from qrd.config import TrainConfig, knobs
from qrd.console import Console

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny():
    """Folders of two students and an encoder; embeddings are cached beside them."""
    with tempfile.TemporaryDirectory() as name:
        root = File(name)
        before = os.environ.get("QRD_CACHE")
        os.environ["QRD_CACHE"] = str(root / "cache")
        yield SimpleNamespace(
            llama=tiny_models.save_llama(root / "llama"),
            gemma=tiny_models.save_gemma(root / "gemma"),
            encoder=tiny_models.save_encoder(root / "encoder"),
        )
        os.environ.pop("QRD_CACHE")
        if before is not None:
            os.environ["QRD_CACHE"] = before


@pytest.fixture
def settings(tiny, tmp_path):
    """Options of a short run on both students, as keyword arguments make them."""

    def build(rows=None, **options):
        file = tmp_path / "paths.jsonl"
        tiny_models.write_rows(file, tiny_models.path_rows() if rows is None else rows)
        return knobs.build(TrainConfig, {
            "input": [str(file)], "output": str(tmp_path / "run"), "encoder": str(tiny.encoder),
            "student": [f"a={tiny.llama}", f"b={tiny.gemma}"], "learning_rate": 1e-2, "max_steps": 3,
            "max_length": 400, "quiet": True, **({"lora_r": 4} if options.get("finetune") != "full" else {}), **options,
        })  # fmt: skip

    return build


@pytest.fixture
def console():
    return Console(quiet=True)
