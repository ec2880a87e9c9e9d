"""What is inside vLLM's engine: requests go in one by one, outputs come out as they are done, none waits for another.

The engine batches by itself and anew at each step, so all that it needs is to have more at hand than it runs at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from qrd.backends.bounds.stopping import Stopping
from qrd.errors import BackendError
from qrd.masking import one_line

AHEAD = 2  # times what the engine runs at once: one that ends is followed in the same step
CUT = ("abort", "error")  # how vLLM calls the end of what it did not finish
HEARD_WITHIN_S = 2.0  # between processes that one signal was meant for, and from a run to its workers

_names = itertools.count()


class EngineQueue:
    """Requests of one caller inside the engine, all with one adapter or with none; a context, which ends them all.

    The engine's process is of our group, so Ctrl-C, and what a scheduler sends to all processes of a job, ends it with
    everything inside. Once the run is `stopping` that is no failure: what was inside is left unanswered.
    """

    def __init__(self, engine: Any, lora: Any, stopping: Stopping) -> None:
        self.engine, self.lora, self.stopping = engine.llm_engine, lora, stopping
        self._then: dict[str, Callable[[Any], None]] = {}

    def __bool__(self) -> bool:
        return bool(self._then)

    def most(self) -> int:
        """Requests that the engine should have inside."""
        return AHEAD * int(self.engine.vllm_config.scheduler_config.max_num_seqs)

    def add(self, prompt: list[int], sampling: Any, then: Callable[[Any], None]) -> None:
        """Put one request in; `then` is called with its output once it is whole.

        Raises: as `step`.
        """
        from vllm.v1.engine.exceptions import EngineDeadError

        name = f"qrd-{next(_names)}"
        self._then[name] = then
        # A prompt with a type is one that needs no further rendering.
        typed = {"type": "token", "prompt_token_ids": prompt}
        try:
            self.engine.add_request(name, typed, sampling, lora_request=self.lora)
        except EngineDeadError as error:
            self._ended(f"has died: {one_line(error)}")

    def step(self) -> None:
        """Let the engine go on until it has something to tell.

        Raises: BackendError where its process has died, or was ended, and the run is not stopping.
        """
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            found = self.engine.step()
        except EngineDeadError as error:
            self._ended(f"has died: {one_line(error)}")
            return
        finished = [output for output in found if output.finished]
        whole = [output for output in finished if output.outputs[0].finish_reason not in CUT]
        for output in whole:
            if (then := self._then.pop(output.request_id, None)) is not None:
                then(output)
        if len(whole) < len(finished):
            self._ended("has given up what it was at; the same command goes on")

    def _ended(self, problem: str) -> None:
        """Nothing that is inside will be whole. Raises: BackendError, unless the run is stopping."""
        self._then.clear()
        if not self.stopping.wait(HEARD_WITHIN_S):
            raise BackendError(f"vLLM's engine {problem}")

    def __enter__(self) -> EngineQueue:
        return self

    def __exit__(self, *_: object) -> None:
        from vllm.v1.engine.exceptions import EngineDeadError

        if self._then:
            with suppress(EngineDeadError):
                self.engine.abort_request(list(self._then))


def one_token(**more: Any) -> Any:
    """Sampling of the likeliest next token alone, for the sake of the log-probabilities that `more` asks for."""
    from vllm import SamplingParams

    return SamplingParams(max_tokens=1, temperature=0, detokenize=False, output_kind=final_only(), **more)


def final_only() -> Any:
    """The kind of output that comes once, whole: at every token it would be copied for nobody."""
    from vllm.sampling_params import RequestOutputKind

    return RequestOutputKind.FINAL_ONLY
