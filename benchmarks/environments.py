"""The environment that TRL runs in: its own, with the versions of torch and transformers that qrd runs on."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TRL = "trl==1.16.0"
SAME = ("transformers", "accelerate", "peft", "datasets", "tokenizers", "safetensors", "huggingface-hub")


def trl_python() -> str:
    """The interpreter of that environment, made where it is missing."""
    if given := os.environ.get("QRD_BENCH_TRL"):
        return given
    folder = ROOT / ".venv-trl"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        torch = importlib.metadata.version("torch")
        wheels = os.environ.get("UV_FIND_LINKS") or os.environ.get("PIP_FIND_LINKS", "")  # as in .ci/setup
        backend = ["--torch-backend", "cpu"] if torch.endswith("+cpu") and not wheels else []
        versions = [f"{name}=={importlib.metadata.version(name)}" for name in SAME]
        install = [*uv, "pip", "install", "--quiet", "--python", str(python), *backend]
        environment = {**os.environ, "UV_FIND_LINKS": wheels}
        subprocess.run([*install, f"torch=={torch}", TRL, *versions], check=True, env=environment)
        (folder / "ready").touch()
    return str(python)
