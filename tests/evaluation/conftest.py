"""A run folder with two students of one tiny base, one of which was never fitted."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest
import tiny_models

from qrd import knobs
from qrd.config import EvalConfig
from qrd.console import Console
from qrd.stages import eval as stage

QUESTIONS = [
    {"id": f"q{n}", "task": "boolean", "question": f"Is {n} odd?", "answer": ("no", "yes")[n % 2]} for n in range(6)
]


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """`fitted` has a random adapter, `unfitted` one that changes nothing."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    root = tmp_path_factory.mktemp("run")
    base = tiny_models.save_llama(root / "llama")
    for seed, name in enumerate(("fitted", "unfitted")):
        torch.manual_seed(seed)
        loaded = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        model = get_peft_model(loaded, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
        for parameter_name, parameter in model.named_parameters():
            if name == "fitted" and "lora_B" in parameter_name:
                torch.nn.init.normal_(parameter, std=0.5)
        model.save_pretrained(root / "students" / name)
    (root / "config.toml").write_text(f"[train]\nstudent = ['fitted={base}', 'unfitted={base}']\n", "utf-8")
    (root / "manifest.json").write_text(json.dumps({"inputs": []}), "utf-8")
    return root


def evaluate(run_folder, folder, **options):
    """Evaluate the run folder: (rows, summary, what was shown)."""
    output, screen = folder / "predictions.jsonl", io.StringIO()
    asked = tiny_models.write_rows(folder / "questions.jsonl", QUESTIONS)
    settings = {
        "input": [str(asked)], "output": str(output), "run": str(run_folder), "max_tokens": 6,
        "summary": str(folder / "summary.json"), **options,
    }  # fmt: skip
    stage.run(knobs.build(EvalConfig, settings), Console(stream=screen))
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    return tiny_models.read_rows(output), summary, screen.getvalue()


@pytest.fixture(scope="session")
def evaluated(run_folder, tmp_path_factory):
    """One evaluation of the run folder, for all tests; `again` repeats it on its own output."""
    folder = tmp_path_factory.mktemp("evaluated")
    rows, summary, shown = evaluate(run_folder, folder)
    return SimpleNamespace(
        rows=rows, summary=summary, shown=shown, run=run_folder, again=lambda: evaluate(run_folder, folder)
    )
