"""A run folder with two students of one tiny base, one of which was never fitted, and its evaluation."""

from __future__ import annotations

import io
import json

import tiny_models

from qrd.config import EvalConfig, knobs
from qrd.console import Console
from qrd.stages.eval import run as stage

QUESTIONS = [
    {"id": f"q{n}", "task": "boolean", "question": f"Is {n} odd?", "answer": ("no", "yes")[n % 2]} for n in range(6)
]


def save_run(root):
    """A run folder: `fitted` has a random adapter, `unfitted` one that changes nothing; both have a competence."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

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
    _save_competence(root / "router", width=32)
    (root / "manifest.json").write_text(json.dumps({"inputs": []}), "utf-8")
    return root


def _save_competence(folder, *, width, shared_width=8):
    """router/ as train leaves it, with random projections and competence vectors of both students."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(5)
    stored = {f"projections.{s}.linear.weight": torch.randn(shared_width, width) for s in (0, 1)}
    stored["competence.weight_SD"] = torch.randn(2, shared_width)
    facts = {"students": ["fitted", "unfitted"], "widths": [width, width], "shared_width": shared_width}
    folder.mkdir()
    save_file(stored, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(facts), "utf-8")


def evaluate(run_folder, folder, questions=QUESTIONS, **options):
    """Evaluate the run folder: (rows, summary, what was shown)."""
    output, screen = folder / "predictions.jsonl", io.StringIO()
    asked = tiny_models.write_rows(folder / "questions.jsonl", questions)
    settings = {
        "input": [str(asked)], "output": str(output), "run": str(run_folder), "max_tokens": 6,
        "summary": str(folder / "summary.json"), **options,
    }  # fmt: skip
    stage.run(knobs.build(EvalConfig, settings), Console(stream=screen))
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    return tiny_models.read_rows(output), summary, screen.getvalue()
