"""Students: loaded, fitted with LoRA, QLoRA or in full, run on their paths, and saved.

Axes: B paths of a micro-batch, T tokens, N target tokens, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import torch
from torch import Tensor, nn

from qrd.errors import QrdError
from qrd.models import chat
from qrd.training.batches import Batch
from qrd.training.students.logits import Head, target_losses


@dataclass(frozen=True)
class Pass:
    """What one student made of one micro-batch.

    Shapes: `ce` and `hidden`, one tensor per path: ce_N of its targets, and hidden_TD of its response's
    tokens (the last hidden states, end of turn left out).
    """

    ce: tuple[Tensor, ...]
    hidden: tuple[Tensor, ...]


@dataclass
class Student:
    """One model with its tokenizer. `head` is None where only the whole model gives the right logits; a `frozen`
    student runs without gradient and without dropout; of a `sharded` one this process holds a part (``sharding``). What
    is trained is float32; `autocast_dtype` is what it is multiplied in where that is less."""

    name: str
    source: str
    model: Any
    tokenizer: Any
    head: Head | None
    device: torch.device
    autocast_dtype: torch.dtype | None = None
    frozen: bool = False
    sharded: bool = False

    @property
    def base(self) -> Any:
        """The transformers model, inside its adapter where it has one."""
        return self.model.get_base_model() if hasattr(self.model, "peft_config") else self.model

    @property
    def width(self) -> int:
        """Dimensions of its hidden states."""
        return int(self.base.config.get_text_config().hidden_size)

    @property
    def most_tokens(self) -> int | None:
        """The longest text that it reads; None where its configuration does not say."""
        return chat.most_tokens(self.base.config)

    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that training moves, by name."""
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    def run(self, batch: Batch) -> Pass:
        """Losses of the targets and hidden states of the responses."""
        batch = batch.to(self.device)
        with self.autocast(), torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            states_BTD, ce_N = self.states_and_losses(batch)
        flat_PD = states_BTD.flatten(0, 1)
        # A target's own state stands one place after the state that predicts it.
        own = [index_N[:-1] + 1 for index_N in torch.split(batch.predict_N, list(batch.sizes))]
        return Pass(torch.split(ce_N, list(batch.sizes)), tuple(flat_PD[index_T] for index_T in own))

    def states_and_losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Last hidden states and losses of the targets.

        Shapes: states_BTD, ce_N float32.
        """
        inputs = {"input_ids": batch.ids_BT, "attention_mask": batch.mask_BT, "use_cache": False}
        if self.head is not None:
            states_BTD: Tensor = self.base.get_decoder()(**inputs).last_hidden_state
            return states_BTD, target_losses(self.head, states_BTD.flatten(0, 1)[batch.predict_N], batch.target_N)
        found = self.base(**inputs, output_hidden_states=True)
        logits_NV = found.logits.flatten(0, 1)[batch.predict_N].float()
        ce_N = nn.functional.cross_entropy(logits_NV, batch.target_N, reduction="none")
        return found.hidden_states[-1], ce_N

    def autocast(self) -> AbstractContextManager[Any]:
        """A context in which the model runs as it is trained."""
        return torch.autocast(self.device.type, dtype=self.autocast_dtype, enabled=self.autocast_dtype is not None)


def save_student(student: Student, folder: File, weights: Mapping[str, Tensor] | None = None) -> None:
    """Write a plain PEFT folder, or a full model, with the tokenizer; `weights` in the place of the model's own."""
    student.model.save_pretrained(str(folder), state_dict=weights)
    student.tokenizer.save_pretrained(str(folder))


@torch.no_grad()
def verify_saved(student: Student, folder: File) -> None:
    """Load the saved adapter again beside the fitted one and compare their logits; full models are not loaded
    twice.

    Raises: QrdError where they differ.
    """
    if not hasattr(student.model, "peft_config"):
        return
    model, ids_BT = student.model.eval(), torch.arange(1, 17, device=student.device).unsqueeze(0)
    with student.autocast():
        expected = model(input_ids=ids_BT, use_cache=False).logits
        fitted = model.active_adapter
        model.load_adapter(str(folder), adapter_name="saved")
        model.set_adapter("saved")
        found = model(input_ids=ids_BT, use_cache=False).logits
        model.set_adapter(fitted)
        model.delete_adapter("saved")
    worst = (expected - found).abs().max().item()
    # Two runs of one model are equal on a CPU; a GPU does not promise that.
    allowed = 0.0 if student.device.type == "cpu" else 0.01 * expected.abs().max().item()
    if not worst <= allowed:  # a number that is none is not either
        raise QrdError(f"{folder}: the saved student differs from the fitted one by up to {worst:g} in its logits")
