"""transformers in this process: replies in batches, adapters on one base, beginnings chosen by likelihood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any, NamedTuple

from qrd.backends.local import load
from qrd.backends.local.turns import Turns
from qrd.backends.protocol import Reply, Request
from qrd.backends.settings import BackendSettings
from qrd.errors import ConfigError, needs
from qrd.masking import one_line
from qrd.models import chat
from qrd.rows.records import Usage

LOOK_AHEAD = 8  # batches of requests sorted by length at a time: less padding, and replies still come steadily


class Adapter(NamedTuple):
    """A PEFT folder on the base, and what PEFT calls it there."""

    inner: str
    folder: str


class HfLocal:
    """A causal model in this process. `guides`: a request's `starts` are honoured.

    `load_adapter` puts PEFT folders beside each other on the one base, `student` says which of them answers.
    """

    guides = True

    def __init__(self, model: str, settings: BackendSettings) -> None:
        self.model, self.settings = model, settings
        self.network, self.tokenizer = load.load(model, settings)
        self.ends = chat.end_tokens(self.tokenizer, self.network.generation_config)
        self.turns = Turns[Adapter]()

    def load_adapter(self, name: str, folder: str) -> None:
        """Put a PEFT folder on the base as `name`; the base itself goes on answering.

        Raises: ConfigError for a folder that is no PEFT folder, or was made for another base.
        """
        load.adapter_config(folder)
        try:
            from peft import PeftModel
        except ImportError:
            raise needs(f"{folder}: an adapter", "peft", "train") from None
        inner = f"student{len(self.turns.adapters)}"  # a name with a dot would break the names of its parameters
        try:
            if self.turns.adapters:
                self.network.load_adapter(folder, adapter_name=inner)
            else:
                self.network = PeftModel.from_pretrained(self.network, folder, adapter_name=inner)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ConfigError(f"{folder}: does not fit on {self.model}: {one_line(error)}") from None
        self.network.eval()
        self.turns.adapters[name] = Adapter(inner, folder)

    def student(self, name: str | None) -> AbstractContextManager[None]:
        """Within this context the adapter `name` answers; None is the base without any.

        Raises: ConfigError for a name that was not loaded.
        """
        return self.turns.student(name)

    def switched(self) -> AbstractContextManager[Any]:
        """A context in which the network itself is that of the student who answers now."""
        if not self.turns.adapters:
            return nullcontext()
        if self.turns.active is None:
            off: AbstractContextManager[Any] = self.network.disable_adapter()
            return off
        self.network.set_adapter(self.turns.active.inner)
        return nullcontext()

    def effect(self, name: str) -> float:
        """The largest change that the adapter `name` makes to a logit on a fixed text; 0 where it changes nothing.

        Raises: ConfigError as ``load.checked_effect``.
        """
        import torch

        ids_BT = torch.tensor([self.tokenizer(load.PROBE)["input_ids"]], device=self.network.device)
        logits = []
        with torch.inference_mode():
            for who in (None, name):
                with self.student(who), self.switched():
                    logits.append(self.network(input_ids=ids_BT, use_cache=False).logits.float())
        effect = (logits[1] - logits[0]).abs().max().item()
        return load.checked_effect(effect, self.turns.adapters[name].folder, self.model)

    def complete(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply for each request; they come batch by batch, those of long prompts first."""
        waiting = iter(requests)
        while window := list(islice(waiting, self.settings.batch_size * LOOK_AHEAD)):
            fitting = []
            for request in window:
                prompt = chat.prompt_ids(self.tokenizer, request.messages)
                if (room := self._room(prompt)) < 1:
                    problem = f"the prompt has {len(prompt)} tokens, the model reads {self.most_tokens()} at most"
                    yield Reply(key=request.key, error=problem, attempts=0)
                else:
                    fitting.append((request, prompt, min(room, request.sampling.max_tokens)))
            fitting.sort(key=lambda item: (-len(item[1]), -item[2]))
            for begin in range(0, len(fitting), self.settings.batch_size):
                if self.settings.stopping.is_set():
                    return
                yield from self._batch(fitting[begin : begin + self.settings.batch_size])

    def close(self) -> None:
        """Give the model's memory back."""
        import gc

        import torch

        self.network = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _batch(self, items: list[tuple[Request, list[int], int]]) -> list[Reply]:
        import torch

        from qrd.backends.local.decoding import Decoder, Job

        jobs = [
            Job(
                prompt=prompt,
                sampling=request.sampling,
                max_tokens=max_tokens,
                starts=tuple(self._start_ids(start) for start in request.starts),
                stop=request.stop,
                want_logprob=request.want_logprob,
            )
            for request, prompt, max_tokens in items
        ]
        try:
            with self.switched():
                rows = Decoder(self.network, self.tokenizer, ends=self.ends).write(jobs)
        except torch.OutOfMemoryError:
            raise ConfigError(
                f"{self.model}: out of memory at --batch-size {self.settings.batch_size}; lower it"
            ) from None
        return [
            Reply(
                key=request.key,
                text=row.text,
                finish_reason=row.finish_reason,
                usage=Usage(prompt_tokens=len(prompt), completion_tokens=len(row.ids), cost_usd=0.0),
                logprob=row.logprob if request.want_logprob else None,
            )
            for (request, prompt, _), row in zip(items, rows)
        ]

    def _start_ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return ids

    def most_tokens(self) -> int | None:
        """The most tokens that the model reads, prompt and reply together; None where it does not say."""
        return chat.most_tokens(self.network.config)

    def _room(self, prompt: list[int]) -> int:
        """Tokens that a reply to this prompt may have."""
        most = self.most_tokens()
        return most - len(prompt) if most is not None else 2**31
