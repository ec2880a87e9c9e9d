"""The token loop of `hf_backend`: a batch of prompts in, sampled tokens out, each row by its own rules.

transformers' `generate` has one temperature, one seed and one length for a batch, and runs every row until the last
one ends. Here each row has its own, a finished row leaves the batch at once, and beginnings to choose from are rows
too: each candidate's tokens are forced, the likeliest stays.

Axes: B rows, T tokens so far, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from qrd.backends.local.draws import draw
from qrd.backends.protocol import Sampling


@dataclass(frozen=True, kw_only=True)
class Job:
    """One reply to write. `starts` are token lists of which one must begin it, at their full length even past
    `max_tokens`; none means a free reply.
    """

    prompt: list[int]
    sampling: Sampling
    max_tokens: int
    starts: tuple[list[int], ...] = ()
    stop: tuple[str, ...] = ()
    want_logprob: bool = False


@dataclass
class Draft:
    """A reply being written. `forced` tokens come before any sampled one; `start_logprob` is what they sum to."""

    job: Job
    forced: list[int]
    generator: torch.Generator
    ids: list[int] = field(default_factory=list)
    logprob: float = 0.0
    start_logprob: float = 0.0
    num_start: int = 0
    finish_reason: str | None = None
    text: str | None = None
    settled: bool = True

    @property
    def needs_logprob(self) -> bool:
        """Whether anybody asks what the tokens' log-probabilities sum to."""
        return self.job.want_logprob or not self.settled


class Decoder:
    """Writes replies with one causal model, which it does not own."""

    def __init__(self, model: Any, tokenizer: Any, *, ends: Sequence[int]) -> None:
        self.model, self.tokenizer, self.ends = model, tokenizer, frozenset(ends)
        base = model.get_base_model() if hasattr(model, "peft_config") else model
        self.config, self.device = base.config, base.device
        self._accepted = inspect.signature(base.forward).parameters

    @torch.inference_mode()
    def write(self, jobs: Sequence[Job]) -> list[Draft]:
        """The finished row of each job, in their order."""
        rows, owners = _rows_of(jobs)
        # Samples and starts of one prompt share its reading, which costs more than a short reply does.
        prompts = list(dict.fromkeys(tuple(job.prompt) for job in jobs))
        state, logits_BV = self._prefilled(prompts)
        places = {prompt: place for place, prompt in enumerate(prompts)}
        readings = [places[tuple(jobs[owner].prompt)] for owner in owners]
        if readings != list(range(len(prompts))):
            state.select(readings)
            logits_BV = logits_BV[readings]
        groups: dict[int, list[Draft]] = {}
        for owner, row in zip(owners, rows):
            groups.setdefault(owner, []).append(row)
        while True:
            self._extend(rows, logits_BV)
            for owner, group in groups.items():
                groups[owner] = _settle(group)
            chosen = {id(row) for group in groups.values() for row in group}
            alive = [i for i, row in enumerate(rows) if row.finish_reason is None and id(row) in chosen]
            if not alive:
                return [groups[owner][0] for owner in range(len(jobs))]
            if len(alive) < len(rows):
                state.select(alive)
                rows = [rows[i] for i in alive]
            logits_BV = self._step(state, rows)

    def _prefilled(self, prompts: Sequence[Sequence[int]]) -> tuple[State, Tensor]:
        from transformers import DynamicCache

        width = max(map(len, prompts))
        ids_BT = torch.zeros(len(prompts), width, dtype=torch.long)
        mask_BT = torch.zeros_like(ids_BT)
        for i, prompt in enumerate(prompts):
            ids_BT[i, width - len(prompt) :] = torch.tensor(prompt)
            mask_BT[i, width - len(prompt) :] = 1
        state = State(mask_BT.to(self.device), DynamicCache(config=self.config))
        positions_BT = (mask_BT.cumsum(-1) - 1).clamp(min=0)
        return state, self._forward(ids_BT, positions_BT, state)

    def _step(self, state: State, rows: Sequence[Draft]) -> Tensor:
        """The next logits_BV after each row's last token."""
        state.mask_BT = torch.cat([state.mask_BT, state.mask_BT.new_ones(len(rows), 1)], dim=1)
        ids_BT = torch.tensor([[row.ids[-1]] for row in rows])
        positions_BT = torch.tensor([[len(row.job.prompt) + len(row.ids) - 1] for row in rows])
        return self._forward(ids_BT, positions_BT, state)

    def _forward(self, ids_BT: Tensor, positions_BT: Tensor, state: State) -> Tensor:
        inputs: dict[str, Any] = {"input_ids": ids_BT.to(self.device), "attention_mask": state.mask_BT}
        if "position_ids" in self._accepted:
            inputs["position_ids"] = positions_BT.to(self.device)
        if "logits_to_keep" in self._accepted:
            inputs["logits_to_keep"] = 1  # the prompt's own logits would be the largest tensor by far
        found = self.model(**inputs, past_key_values=state.cache, use_cache=True)
        logits_BV: Tensor = found.logits[:, -1].float()
        return logits_BV

    def _extend(self, rows: Sequence[Draft], logits_BV: Tensor) -> None:
        """Give every row its next token and see which ones end with it."""
        drawn_B = draw(logits_BV, [row.job.sampling for row in rows], [row.generator for row in rows])
        for i, row in enumerate(rows):
            if row.forced:
                drawn_B[i] = row.forced[0]
        logprob_B = None
        if any(row.needs_logprob for row in rows):
            picked_B = logits_BV.gather(1, drawn_B[:, None])[:, 0]
            logprob_B = (picked_B - logits_BV.logsumexp(-1)).tolist()
        for i, (row, token) in enumerate(zip(rows, drawn_B.tolist())):
            row.ids.append(token)
            if logprob_B is not None:
                row.logprob += logprob_B[i]
            self._see_end(row, token)

    def _see_end(self, row: Draft, token: int) -> None:
        if row.forced:
            row.forced = row.forced[1:]
            row.start_logprob = row.logprob
        elif token in self.ends:
            row.finish_reason = "stop"
        if row.job.stop and not row.forced:
            self._see_stop(row)
        if row.finish_reason is None and not row.forced and len(row.ids) >= row.job.max_tokens:
            row.finish_reason = "length"
        if row.finish_reason and row.text is None:
            row.text = self._decoded(row.ids)

    def _see_stop(self, row: Draft) -> None:
        """Cut the row before the first stop text that its tokens spell behind its start."""
        behind = row.ids[row.num_start :]
        # A token stands for a byte or more and a character is four bytes at most: older tokens cannot complete a stop.
        tail = behind[-4 * max(map(len, row.job.stop)) - 4 :]
        if not any(stop in self._decoded(tail) for stop in row.job.stop):
            return
        text, num_start = self._decoded(row.ids), len(self._decoded(row.ids[: row.num_start]))
        places = [place for stop in row.job.stop if (place := text.find(stop, num_start)) >= 0]
        if places:
            row.finish_reason, row.text = "stop", text[: min(places)]

    def _decoded(self, ids: list[int]) -> str:
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


@dataclass
class State:
    """What the model remembers of the rows in the batch. Shapes: mask_BT, 1 for real tokens."""

    mask_BT: Tensor
    cache: Any

    def select(self, indices: Sequence[int]) -> None:
        """Keep these rows, in this order; an index that stands twice doubles its row."""
        index_B = torch.tensor(indices, device=self.mask_BT.device)
        self.mask_BT = self.mask_BT[index_B]
        self.cache.reorder_cache(index_B)


def _rows_of(jobs: Sequence[Job]) -> tuple[list[Draft], list[int]]:
    """A row for each job, or for each start of it, and the index of its job."""
    rows, owners = [], []
    for owner, job in enumerate(jobs):
        for start in job.starts or ([],):
            generator = torch.Generator()
            if job.sampling.seed is None:
                generator.seed()
            else:
                generator.manual_seed(job.sampling.seed)
            rows.append(Draft(job, list(start), generator, num_start=len(start), settled=len(job.starts) < 2))
            owners.append(owner)
    return rows, owners


def _settle(group: list[Draft]) -> list[Draft]:
    """The row with the likeliest start alone, once every start of the job is written."""
    if any(row.forced for row in group):
        return group
    best = max(group, key=lambda row: row.start_logprob)
    best.settled = True
    return [best]
