"""Checkpoints that are whole or absent: safetensors and JSON only, so reading one runs no code.

    checkpoints/step-N/
        weights.safetensors     every trained parameter and buffer, by name
        optimizer.safetensors   AdamW's two moments and step count of each parameter
        state.json              step, sizes of the logs, what the run was started with
        hashes.json             the SHA-256 of each of these files, written last

A folder is written under another name, brought to the disk, and renamed; only then are older ones removed. What reads
one compares the hashes first: a bit that has changed since would end in the students' weights.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path as File
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from qrd.errors import ConfigError, DataError, StorageError
from qrd.masking import one_line
from qrd.rows.manifest import sha256_of
from qrd.training.devices.shards import share_of

_FOLDER = re.compile(r"step-(\d+)")
STATE = ("step", "num_tokens", "tally", "log_sizes")
FILES = ("weights.safetensors", "optimizer.safetensors", "state.json")
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def checkpoints(folder: File) -> list[tuple[int, File]]:
    """(step, folder) of the whole checkpoints, oldest first."""
    if not folder.is_dir():
        return []
    found = ((_FOLDER.fullmatch(entry.name), entry) for entry in folder.iterdir())
    return sorted((int(match[1]), entry) for match, entry in found if match)


def save(
    folder: File,
    *,
    tensors: Mapping[str, Tensor],
    moments: Mapping[str, Tensor],
    state: Mapping[str, Any],
    keep: int,
) -> File:
    """The new checkpoint, named after ``state["step"]``; afterwards at most `keep` are left of those up to it.

    Later ones are there where they could not be read (``Fitting.resume``); they must not push out what can be.

    Raises: StorageError where the disk refuses; the older checkpoints are then untouched.
    """
    target = folder / f"step-{state['step']}"
    temporary = folder / f".step-{state['step']}.tmp"
    try:
        for torn in folder.glob(".step-*.tmp"):  # of a save that did not come to its end
            shutil.rmtree(torn)
        temporary.mkdir(parents=True)
        _save_tensors(tensors, temporary / "weights.safetensors")
        _save_tensors(moments, temporary / "optimizer.safetensors")
        _save_json({**state, "hashed": True}, temporary / "state.json")
        _save_json(_hashes(temporary), temporary / "hashes.json")
        publish(temporary, target)
        for old in [old for step, old in checkpoints(folder) if step <= state["step"]][:-keep]:
            shutil.rmtree(old)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise unsaved(target, error) from None
    return target


def unsaved(target: File, error: OSError | SafetensorError) -> StorageError:
    """What a user is told when a folder could not be written."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else one_line(error)
    return StorageError(f"{target}: cannot be saved: {reason}")


def publish(temporary: File, target: File) -> None:
    """Bring a finished folder to the disk and give it its name, in place of what stood there."""
    for entry in [*temporary.rglob("*"), temporary]:
        _fsync(entry)
    if target.exists():
        shutil.rmtree(target)
    os.rename(temporary, target)
    _fsync(target.parent)


def load(checkpoint: File) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]]:
    """Weights, optimizer moments and state of a checkpoint.

    Raises: DataError where it is damaged or cannot be read.
    """
    try:
        _refuse_damage(checkpoint)
        state = json.loads((checkpoint / "state.json").read_text(encoding="utf-8"))
        if missing := [name for name in STATE if name not in state]:
            raise ValueError(f"state.json lacks {', '.join(missing)}")
        if state.get("hashed") and not (checkpoint / "hashes.json").is_file():
            raise ValueError("hashes.json is missing")
        weights = load_file(checkpoint / "weights.safetensors")
        return weights, load_file(checkpoint / "optimizer.safetensors"), state
    except (OSError, ValueError, TypeError, SafetensorError, StorageError) as error:
        raise DataError(str(checkpoint), None, None, f"cannot be read ({one_line(error)})") from None


def _refuse_damage(checkpoint: File) -> None:
    """Nothing; also for a checkpoint of before they had hashes. Raises: ValueError that names a file that changed."""
    file = checkpoint / "hashes.json"
    if not file.exists():
        return
    told, found = json.loads(file.read_text(encoding="utf-8")), _hashes(checkpoint)
    for name in FILES:
        if told.get(name) != found[name]:
            raise ValueError(f"{name} is damaged: it is not what was saved")


def _hashes(folder: File) -> dict[str, str | None]:
    """The SHA-256 of each file; the two large ones are hashed at the same time."""
    with ThreadPoolExecutor(len(FILES)) as pool:
        return dict(zip(FILES, pool.map(sha256_of, (folder / name for name in FILES)), strict=True))


@torch.no_grad()
def restore_tensors(live: Mapping[str, Tensor], saved: Mapping[str, Tensor]) -> None:
    """Copy saved values into the live tensors, bit for bit.

    Raises: ConfigError where names or shapes do not match; nothing is copied then.
    """
    for name in sorted(live.keys() | saved.keys()):
        if name not in live or name not in saved or live[name].shape != saved[name].shape:
            raise ConfigError(f"the checkpoint does not fit this run: {name} is missing or of another shape")
    for name, tensor in live.items():
        tensor.copy_(share_of(saved[name], like=tensor))


def restore_optimizer(
    optimizer: torch.optim.Optimizer, names: Mapping[Tensor, str], moments: Mapping[str, Tensor]
) -> None:
    """Give AdamW its moments back; a parameter that never had a gradient has none."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            name = names[parameter]
            if f"{name}/step" in moments:
                optimizer.state[parameter] = {
                    "step": moments[f"{name}/step"],
                    **{moment: share_of(moments[f"{name}/{moment}"], like=parameter) for moment in _MOMENTS[1:]},
                }


def moments_of(optimizer: torch.optim.Optimizer, names: Mapping[Tensor, str]) -> dict[str, Tensor]:
    """What AdamW remembers, by the parameter's name and the moment's."""
    return {
        f"{names[parameter]}/{moment}": state[moment]
        for parameter, state in optimizer.state.items()
        for moment in _MOMENTS
    }


def _save_json(facts: Mapping[str, Any], file: File) -> None:
    file.write_text(json.dumps(dict(facts), indent=1) + "\n", encoding="utf-8")


def _save_tensors(tensors: Mapping[str, Tensor], file: File) -> None:
    save_file({name: tensor.detach().contiguous().cpu().clone() for name, tensor in tensors.items()}, file)


def _fsync(entry: File) -> None:
    descriptor = os.open(entry, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
