"""vLLM in this process: the whole look-ahead window at once, adapters on one base, beginnings chosen by likelihood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from qrd import chat
from qrd.backends import hf_load
from qrd.backends.protocol import Reply, Request
from qrd.backends.settings import BackendSettings
from qrd.errors import ConfigError
from qrd.masking import one_line
from qrd.records import Usage

LOOK_AHEAD = 512  # requests given to the engine together: it batches them by itself, and a kill loses these at most
HIGHEST_RANK = 64


class VllmLocal:
    """A causal model in vLLM's offline engine, which starts with the first request.

    Prompts are rendered by `chat`, not by vLLM, so that a student is asked exactly as it was trained.
    """

    def __init__(self, model: str, settings: BackendSettings) -> None:
        self.model, self.settings = model, settings
        _library(model)
        self.source = hf_load.source_of(model)
        self.engine: Any = None
        self.tokenizer: Any = None
        self.ends: list[int] = []
        self._adapters: dict[str, Any] = {}
        self._active: str | None = None

    @property
    def guides(self) -> bool:
        """Whether a request's `starts` are honoured: not with adapters, under which vLLM 0.32 cannot score a prompt."""
        return not self._adapters

    def load_adapter(self, name: str, folder: str) -> None:
        """Name a PEFT folder that vLLM loads when it is first used; the base itself goes on answering.

        Room for adapters is made when the engine starts: it starts anew if it runs without.
        Raises: ConfigError for a folder that is no PEFT folder, or of a rank above HIGHEST_RANK.
        """
        from vllm.lora.request import LoRARequest

        rank = hf_load.adapter_config(folder).get("r", 0)
        if not isinstance(rank, int) or rank > HIGHEST_RANK:
            raise ConfigError(f"{folder}: its rank {rank} is above {HIGHEST_RANK}, the highest that vllm: models take")
        if self.engine is not None and not self._adapters:
            self.close()
        self._adapters[name] = LoRARequest(name, len(self._adapters) + 1, folder)

    @contextmanager
    def student(self, name: str | None) -> Iterator[None]:
        """Within this context the adapter `name` answers; None is the base without any.

        Raises: ConfigError for a name that was not loaded.
        """
        if name is not None and name not in self._adapters:
            raise ConfigError(f"{name!r} is not one of the loaded students {', '.join(self._adapters) or '(none)'}")
        before, self._active = self._active, name
        try:
            yield
        finally:
            self._active = before

    def complete(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply for each request, window by window."""
        if self.engine is None:
            self.engine = _engine(self.model, self.source, self.settings, takes_adapters=bool(self._adapters))
            self.tokenizer = self.engine.get_tokenizer()
            self.ends = chat.end_tokens(self.tokenizer)
        waiting = iter(requests)
        while not self.settings.stopping.is_set() and (window := list(islice(waiting, LOOK_AHEAD))):
            fitting = []
            for request in window:
                prompt = chat.prompt_ids(self.tokenizer, request.messages)
                if len(prompt) >= self._most_tokens():
                    problem = f"the prompt has {len(prompt)} tokens, the model reads {self._most_tokens()} at most"
                    yield Reply(key=request.key, error=problem, attempts=0)
                else:
                    fitting.append((request, prompt))
            yield from self._window(fitting)

    def close(self) -> None:
        """Give the model's memory back."""
        import gc

        self.engine = None
        gc.collect()

    def _window(self, items: list[tuple[Request, list[int]]]) -> Iterator[Reply]:
        starts = self._likeliest_starts(items)
        prompts = [prompt + start for (_, prompt), (start, _) in zip(items, starts)]
        sampling = [self._sampling(request, len(start)) for (request, _), (start, _) in zip(items, starts)]
        for (request, prompt), (start, start_logprob), found in zip(items, starts, self._run(prompts, sampling)):
            written = found.outputs[0]
            # Behind a stop text only vLLM knows where to cut; elsewhere it drops an unfinished character at the end.
            tail = written.text if isinstance(written.stop_reason, str) else self._decoded(list(written.token_ids))
            yield Reply(
                key=request.key,
                text=self._decoded(start) + tail,
                finish_reason=written.finish_reason,
                usage=Usage(
                    prompt_tokens=len(prompt), completion_tokens=len(start) + len(written.token_ids), cost_usd=0.0
                ),
                logprob=start_logprob + written.cumulative_logprob if request.want_logprob else None,
            )

    def _likeliest_starts(self, items: list[tuple[Request, list[int]]]) -> list[tuple[list[int], float]]:
        """For each request the tokens of its likeliest start and their log-probability; none is ``([], 0.0)``."""
        from vllm import SamplingParams

        asked, owners, starts = [], [], []
        for owner, (request, prompt) in enumerate(items):
            for text in request.starts:
                start = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
                asked.append(prompt + start)
                owners.append(owner)
                starts.append(start)
        best: list[tuple[list[int], float]] = [([], 0.0) for _ in items]
        if not asked or not self.guides:
            return best
        # vLLM scores a text only as a prompt; the one token that it insists on writing is thrown away.
        scoring = SamplingParams(max_tokens=1, prompt_logprobs=0, temperature=0)
        for owner, start, found in zip(owners, starts, self._run(asked, [scoring] * len(asked))):
            scored = list(zip(found.prompt_token_ids, found.prompt_logprobs))[
                len(found.prompt_token_ids) - len(start) :
            ]
            total = sum(places[token].logprob for token, places in scored)
            if not best[owner][0] or total > best[owner][1]:
                best[owner] = (start, total)
        return best

    def _run(self, prompts: list[list[int]], sampling: list[Any]) -> list[Any]:
        lora = self._adapters[self._active] if self._active is not None else None
        found: list[Any] = self.engine.generate(
            [{"prompt_token_ids": prompt} for prompt in prompts], sampling, lora_request=lora, use_tqdm=False
        )
        return found

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
        )

    def _decoded(self, ids: list[int]) -> str:
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text

    def _most_tokens(self) -> int:
        return int(self.engine.llm_engine.model_config.max_model_len)


def _library(model: str) -> Any:
    """The module vllm.

    Raises: ConfigError where it is not installed.
    """
    try:
        import vllm
    except ImportError as error:
        raise ConfigError(
            f"{model}: needs vLLM ({one_line(error)}); install it with: pip install 'qrd[vllm]', or use hf: instead"
        ) from None
    return vllm


def _engine(model: str, source: str, settings: BackendSettings, *, takes_adapters: bool) -> Any:
    """The engine, with room for adapters where they are wanted.

    Raises: ConfigError where vLLM cannot load the model.
    """
    vllm = _library(model)
    options: dict[str, Any] = {}
    if takes_adapters:
        options |= {"enable_lora": True, "max_lora_rank": HIGHEST_RANK, "max_loras": 1}
    if settings.dtype != "auto" or settings.device == "cpu":
        options["dtype"] = "float32" if settings.dtype == "auto" else settings.dtype
    if settings.device == "cpu":
        options["enforce_eager"] = True  # compiling a graph on a CPU takes longer than most runs
    try:
        return vllm.LLM(
            model=source,
            trust_remote_code=settings.trust_remote_code,
            load_format="safetensors",
            logprobs_mode="raw_logprobs",
            **options,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{model}: cannot be loaded by vLLM: {one_line(error)}") from None
