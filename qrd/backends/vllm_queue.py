"""What is inside vLLM's engine: requests go in one by one, outputs come out as they are done, none waits for another.

The engine batches by itself and anew at each step, so all that it needs is to have more at hand than it runs at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from qrd.errors import BackendError
from qrd.masking import one_line

AHEAD = 2  # times what the engine runs at once: one that ends is followed in the same step

_names = itertools.count()


class EngineQueue:
    """Requests of one caller inside the engine, all with one adapter or with none; a context, which ends them all."""

    def __init__(self, engine: Any, lora: Any) -> None:
        self.engine, self.lora = engine.llm_engine, lora
        self._then: dict[str, Callable[[Any], None]] = {}

    def __bool__(self) -> bool:
        return bool(self._then)

    def most(self) -> int:
        """Requests that the engine should have inside."""
        return AHEAD * int(self.engine.vllm_config.scheduler_config.max_num_seqs)

    def add(self, prompt: list[int], sampling: Any, then: Callable[[Any], None]) -> None:
        """Put one request in; `then` is called with its output once it is whole."""
        name = f"qrd-{next(_names)}"
        self._then[name] = then
        # A prompt with a type is one that needs no further rendering.
        self.engine.add_request(name, {"type": "token", "prompt_token_ids": prompt}, sampling, lora_request=self.lora)

    def step(self) -> None:
        """Let the engine go on until it has something to tell.

        Raises: BackendError where its process has died.
        """
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            found = self.engine.step()
        except EngineDeadError as error:
            self._then.clear()
            raise BackendError(f"vLLM's engine has died: {one_line(error)}") from None
        for output in found:
            if output.finished:
                self._then.pop(output.request_id)(output)

    def __enter__(self) -> EngineQueue:
        return self

    def __exit__(self, *_: object) -> None:
        if self._then:
            self.engine.abort_request(list(self._then))


def one_token(**more: Any) -> Any:
    """Sampling of the likeliest next token alone, for the sake of the log-probabilities that `more` asks for."""
    from vllm import SamplingParams

    return SamplingParams(max_tokens=1, temperature=0, detokenize=False, output_kind=final_only(), **more)


def final_only() -> Any:
    """The kind of output that comes once, whole: at every token it would be copied for nobody."""
    from vllm.sampling_params import RequestOutputKind

    return RequestOutputKind.FINAL_ONLY
