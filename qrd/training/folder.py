"""The run folder: whose it is, what is in it, and whether a resume may go on with it.

RUN/config.toml  manifest.json  metrics.jsonl  routing.jsonl  students/NAME/  router/  checkpoints/step-N/
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path as File
from typing import Any

import tomli_w
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from qrd.config import TrainConfig, knobs
from qrd.errors import ConfigError, StorageError
from qrd.rows.companions import TEMPORARY, set_aside
from qrd.rows.disk import refuse_file, write_whole
from qrd.rows.locks import take_lock
from qrd.training import checkpoint
from qrd.training.devices.shards import gather
from qrd.training.identity import as_text, by_name, read_identity, refuse_other_run
from qrd.training.students.student import Student, save_student, verify_saved


class RunFolder:
    """The folder of one run, locked for as long as it is open. Of several processes, one `leads` and writes."""

    def __init__(self, config: TrainConfig, *, leads: bool = True) -> None:
        """Take the folder; without `resume` an existing one is set aside under a new name.

        Raises: ConfigError where another run writes it, or where it is no run folder.
        """
        self.root = File(config.output)
        self.checkpoints = self.root / "checkpoints"
        self.leads = leads
        self.lock: Any = None
        if leads:
            self._take(config)

    def _take(self, config: TrainConfig) -> None:
        try:
            refuse_file(self.root)
            self.root.parent.mkdir(parents=True, exist_ok=True)
            self.lock = take_lock(str(self.root))
            if not config.resume:
                set_aside(self.root)
            self.root.mkdir(exist_ok=True)
        except OSError as error:
            self.close()
            raise StorageError.of(self.root, error) from None
        if any(self.root.iterdir()) and not (self.root / "config.toml").is_file():
            self.close()
            raise ConfigError(f"{self.root}: holds files and is no run folder; give another -o")

    def close(self) -> None:
        """Release the folder."""
        if self.lock is not None:
            self.lock.release()

    def begin(
        self, config: TrainConfig, identity: Mapping[str, Any], models: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        """Refuse a folder that holds another run, of which something is saved; write config.toml, unless the run in it
        is finished. `models` are those of `models_of`.

        Raises: ConfigError naming the options, and the files of models, that changed; DataError for a damaged run.json.
        """
        if not self.leads:
            return
        now = {**identity, "models": by_name(models or {})}
        stored = self.root / "checkpoints" / "run.json"
        if stored.is_file() and (self.is_finished() or checkpoint.checkpoints(self.checkpoints)):
            refuse_other_run(self.root, read_identity(stored), now)
        if self.is_finished():
            return
        self.write("config.toml", tomli_w.dumps({"train": knobs.plain(config)}))
        self.write("checkpoints/run.json", as_text(now))

    def is_finished(self) -> bool:
        """Whether the run in this folder has been brought to its end."""
        return (self.root / "manifest.json").is_file()

    def write(self, name: str, text: str) -> None:
        """Put a text file into the folder, whole."""
        write_whole(self.root / name, text.encode())

    def save_students(self, students: list[Student]) -> None:
        """Write students/NAME/ and prove that each adapter loads and gives the same logits. Sharded students take
        all processes, others the one that leads.

        Raises: StorageError; QrdError where a saved student differs.
        """
        for student in students:
            if not (self.leads or student.sharded):
                continue
            weights = gather(student.model.state_dict(keep_vars=True), keeps=self.leads) if student.sharded else None
            if self.leads:
                self._put(f"students/{student.name}", partial(save_student, student, weights=weights))
            if student.sharded:
                torch.distributed.barrier()  # until the folder is there to be read
            verify_saved(student, self.root / "students" / student.name)

    def save_modules(self, modules: nn.Module, facts: Mapping[str, Any]) -> None:
        """Write router/: the objective's own modules as safetensors; as JSON what it takes to build them."""

        def fill(folder: File) -> None:
            tensors = {name: t.detach().cpu().contiguous() for name, t in modules.state_dict().items()}
            save_file(tensors, folder / "model.safetensors")
            (folder / "config.json").write_text(json.dumps(dict(facts), indent=1) + "\n", encoding="utf-8")

        self._put("router", fill)

    def _put(self, name: str, fill: Callable[[File], None]) -> None:
        target = self.root / name
        temporary = TEMPORARY.of(target)
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            fill(temporary)
            checkpoint.publish(temporary, target)
        except (OSError, SafetensorError) as error:
            raise checkpoint.unsaved(target, error) from None
