"""vLLM in this process: its queue kept full, adapters on one base, beginnings chosen by likelihood."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from qrd.backends.local import load, vllm_engine
from qrd.backends.local.turns import Turns
from qrd.backends.local.vllm_queue import EngineQueue, final_only, one_token
from qrd.backends.protocol import Reply, Request
from qrd.backends.settings import BackendSettings
from qrd.errors import ConfigError
from qrd.models import chat, names
from qrd.rows.records import Usage

HIGHEST_RANK = vllm_engine.HIGHEST_RANK
LIKELY = 5  # next tokens whose log-probabilities are compared; vLLM gives 20 at most


class VllmLocal:
    """A causal model in vLLM's offline engine, which starts with the first request.

    Prompts are rendered by `chat`, not by vLLM, so that a student is asked exactly as it was trained.
    """

    def __init__(self, model: str, settings: BackendSettings) -> None:
        self.model, self.settings = model, settings
        vllm_engine.library(model)
        self.source = names.source_of(model)
        self.engine: Any = None
        self.tokenizer: Any = None
        self.ends: list[int] = []
        self.turns = Turns[Any]()

    @property
    def guides(self) -> bool:
        """Whether a request's `starts` are honoured: not with adapters, under which vLLM 0.32 cannot score a prompt."""
        return not self.turns.adapters

    def load_adapter(self, name: str, folder: str) -> None:
        """Name a PEFT folder that vLLM loads when it is first used; the base itself goes on answering.

        Room for adapters is made when the engine starts: it starts anew if it runs without.
        Raises: ConfigError for a folder that is no PEFT folder, or of a rank above HIGHEST_RANK.
        """
        from vllm.lora.request import LoRARequest

        rank = load.adapter_config(folder).get("r", 0)
        if not isinstance(rank, int) or rank > HIGHEST_RANK:
            raise ConfigError(f"{folder}: its rank {rank} is above {HIGHEST_RANK}, the highest that vllm: models take")
        if self.engine is not None and not self.turns.adapters:
            self.close()
        self.turns.adapters[name] = LoRARequest(name, len(self.turns.adapters) + 1, folder)

    def student(self, name: str | None) -> AbstractContextManager[None]:
        """Within this context the adapter `name` answers; None is the base without any.

        Raises: ConfigError for a name that was not loaded.
        """
        return self.turns.student(name)

    def effect(self, name: str) -> float:
        """The largest change that the adapter `name` makes to the log-probability of a likely next token.

        Looked at behind every token of a fixed text, among the LIKELY likeliest; infinite where those are others.
        Raises: ConfigError as ``load.checked_effect``.
        """
        self._start()
        ids = self.tokenizer(load.PROBE)["input_ids"]
        prompts = [ids[:end] for end in range(1, len(ids) + 1)]
        seen = []
        for who in (None, name):
            with self.student(who):
                seen.append(self._next_logprobs(prompts))
        changes = [_change(before, after) for before, after in zip(*seen)]
        worst = float("nan") if any(change != change for change in changes) else max(changes)
        return load.checked_effect(worst, self.turns.adapters[name].lora_path, self.model)

    def _start(self) -> None:
        if self.engine is None:
            self.engine = vllm_engine.started(
                self.model, self.source, self.settings, takes_adapters=bool(self.turns.adapters)
            )
            self.tokenizer = chat.checked(self.engine.get_tokenizer())
            self.ends = chat.end_tokens(self.tokenizer)

    def complete(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply for each request, as they are done; requests are drawn as soon as the engine has room.

        Raises: BackendError where the engine dies, unless it is a signal to the whole group that stops the run.
        """
        self._start()
        waiting, done = iter(requests), deque[Reply]()
        num_begun = num_done = 0
        is_over = self.settings.stopping.is_set()
        with self._queue() as inside:
            while inside or not is_over:
                while not is_over and num_begun - num_done < inside.most():
                    request = next(waiting, None)
                    if request is not None:
                        self._begin(request, inside, done)
                        num_begun += 1
                    is_over = request is None or self.settings.stopping.is_set()
                if inside and not done:
                    inside.step()
                while done:
                    num_done += 1
                    yield done.popleft()
                is_over = is_over or self.settings.stopping.is_set()

    def close(self) -> None:
        """End the engine's processes, and so give the model's memory back."""
        if self.engine is not None:
            vllm_engine.end(self.engine)
            self.engine = None

    def _queue(self) -> EngineQueue:
        """The engine's queue for the student who answers now."""
        return EngineQueue(self.engine, self.turns.active, self.settings.stopping)

    def _next_logprobs(self, prompts: list[list[int]]) -> list[dict[int, Any]]:
        """The log-probabilities of the LIKELY likeliest tokens behind each prompt."""
        found: dict[int, Any] = {}
        sampling = one_token(logprobs=LIKELY)
        with self._queue() as inside:
            for number, prompt in enumerate(prompts):
                inside.add(prompt, sampling, partial(found.__setitem__, number))
            while inside:
                inside.step()
        if len(found) < len(prompts):
            raise self.settings.stopping.interrupted()
        return [found[number].outputs[0].logprobs[0] for number in range(len(prompts))]

    def _begin(self, request: Request, inside: EngineQueue, done: deque[Reply]) -> None:
        """Put a request in, its starts first where it has some; its reply goes to `done` in the end."""
        prompt = chat.prompt_ids(self.tokenizer, request.messages)
        if len(prompt) >= self._most_tokens():
            problem = f"the prompt has {len(prompt)} tokens, the model reads {self._most_tokens()} at most"
            done.append(Reply(key=request.key, error=problem, attempts=0))
        elif request.starts and self.guides:
            self._score(request, prompt, inside, done)
        else:
            self._write(request, prompt, ([], 0.0), inside, done)

    def _score(self, request: Request, prompt: list[int], inside: EngineQueue, done: deque[Reply]) -> None:
        """Find the likeliest start of a reply, then have the reply written behind it."""
        starts = [self._start_ids(text) for text in request.starts]
        scored: list[tuple[float, int]] = []

        def take(number: int, found: Any) -> None:
            scored.append((_logprob_of_end(found, len(starts[number])), -number))
            if len(scored) == len(starts):
                logprob, number = max(scored)
                self._write(request, prompt, (starts[-number], logprob), inside, done)

        # vLLM scores a text only as a prompt; it insists on writing a token, which is thrown away.
        scoring = one_token(prompt_logprobs=0)
        for number, start in enumerate(starts):
            inside.add(prompt + start, scoring, partial(take, number))

    def _write(
        self,
        request: Request,
        prompt: list[int],
        begun: tuple[list[int], float],
        inside: EngineQueue,
        done: deque[Reply],
    ) -> None:
        """Have the reply written behind its start, which has that log-probability."""
        start, start_logprob = begun

        def take(found: Any) -> None:
            written = found.outputs[0]
            # Behind a stop text only vLLM knows where to cut; elsewhere it drops an unfinished character at the end.
            tail = written.text if isinstance(written.stop_reason, str) else self._decoded(list(written.token_ids))
            num_written = len(start) + len(written.token_ids)
            done.append(
                Reply(
                    key=request.key,
                    text=self._decoded(start) + tail,
                    finish_reason=written.finish_reason,
                    usage=Usage(prompt_tokens=len(prompt), completion_tokens=num_written, cost_usd=0.0),
                    logprob=start_logprob + written.cumulative_logprob if request.want_logprob else None,
                )
            )

        inside.add(prompt + start, self._sampling(request, len(start)), take)

    def _sampling(self, request: Request, num_started: int) -> Any:
        from vllm import SamplingParams

        sampling = request.sampling
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=max(1, sampling.max_tokens - num_started),
            seed=sampling.seed,
            stop=list(request.stop) or None,
            stop_token_ids=self.ends,
            logprobs=0 if request.want_logprob else None,
            detokenize=bool(request.stop),  # only stop texts are looked for in text; the rest is decoded here, once
            output_kind=final_only(),
        )

    def _start_ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return ids

    def _decoded(self, ids: list[int]) -> str:
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _most_tokens(self) -> int:
        return int(self.engine.llm_engine.model_config.max_model_len)


def _change(before: dict[int, Any], after: dict[int, Any]) -> float:
    """The largest difference of two sets of log-probabilities by token; infinite where the sets differ."""
    if before.keys() != after.keys():
        return float("inf")
    return float(max(abs(after[token].logprob - before[token].logprob) for token in before))


def _logprob_of_end(found: Any, num_tokens: int) -> float:
    """Sum of the log-probabilities of the last tokens of a prompt that was scored."""
    ids, places = found.prompt_token_ids, found.prompt_logprobs
    return float(sum(place[token].logprob for token, place in zip(ids[-num_tokens:], places[-num_tokens:])))
