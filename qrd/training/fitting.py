"""A run from its first or its saved step to its last: logs, checkpoints, and a clean stop on a signal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path as File
from types import FrameType
from typing import Any

from torch import Tensor

from qrd.errors import ConfigError, DataError, Interrupted
from qrd.training import checkpoint
from qrd.training.devices.shards import gather
from qrd.training.folder import RunFolder
from qrd.training.log import RunLog, Stopwatch, Sums
from qrd.training.loop import Loop, StepResult

Watch = Callable[[StepResult], None]


class Fitting:
    """Takes a loop through its steps; all its state is in the last checkpoint or follows from the
    configuration."""

    def __init__(self, loop: Loop, folder: RunFolder) -> None:
        self.loop, self.folder = loop, folder
        self.step = 0
        self.num_tokens = 0
        self.tally = Sums()
        self._log_sizes: Mapping[str, int] = {}

    def resume(self, say: Callable[[str], None]) -> int:
        """Go back to the newest checkpoint that can be read; the number of steps already done, 0 where none was saved.

        One that is damaged is passed over and told of: an older one leads to the same weights, only later.
        Raises: DataError where none can be read; ConfigError where none fits.
        """
        problems: list[ConfigError | DataError] = []
        for _, folder in reversed(checkpoint.checkpoints(self.folder.checkpoints)):
            try:
                self._return_to(folder)
            except (ConfigError, DataError) as error:
                problems.append(error)
            else:
                for problem in problems:
                    say(f"warning: {problem}; {folder.name} is used")
                return self.step
        if problems:
            raise _none_left(problems[0])
        return 0

    def _return_to(self, folder: File) -> None:
        weights, moments, state = checkpoint.load(folder)
        checkpoint.restore_tensors(self._tensors(), weights)
        checkpoint.restore_optimizer(self.loop.optimizer, self.loop.names, moments)
        self.step, self.num_tokens = state["step"], state["num_tokens"]
        self.tally, self._log_sizes = Sums(**state["tally"]), state["log_sizes"]

    def run(self, watch: Watch) -> None:
        """Do the steps that are left; `watch` sees each as it is done.

        Raises: Interrupted after SIGINT or SIGTERM, with a checkpoint of the last finished step.
        """
        log = RunLog(self.folder.root, self._log_sizes) if self.loop.accelerator.is_main_process else None
        watch_clock = Stopwatch()
        try:
            with _noted_signals() as received:
                while self.step < self.loop.total_steps:
                    result = self.loop.run_step(self.step)
                    self.step += 1
                    self._record(log, result, watch_clock.lap())
                    watch(result)
                    stop = self._agreed(received)
                    if stop or self.step % self.loop.config.save_steps == 0 or self.step == self.loop.total_steps:
                        self._save(log)
                    if stop and self.step < self.loop.total_steps:
                        raise Interrupted(self._stopped(), signal_number=stop)
        finally:
            if log is not None:
                log.close()

    def _stopped(self) -> str:
        place = f"{self.folder.root}: stopped after step {self.step} of {self.loop.total_steps}"
        return f"{place}, saved; the same command resumes"

    def _record(self, log: RunLog | None, result: StepResult, seconds: float) -> None:
        closing = result.closing
        self.num_tokens += sum(result.student_tokens.values())
        self.tally.add(
            terms=closing.terms, spread=closing.spread, student_tokens=result.student_tokens, seconds=seconds
        )
        if log is not None:
            log.write("routing.jsonl", routing_lines(result, [student.name for student in self.loop.students]))
        if self.step % self.loop.config.logging_steps and self.step < self.loop.total_steps:
            return
        epoch, rates = self.step / self.loop.steps_per_epoch, self.loop.learning_rate()
        line = self.tally.line(step=self.step, epoch=epoch, learning_rate=rates)
        self.tally = Sums()
        if log is not None:
            log.write("metrics.jsonl", [line])
            self.loop.accelerator.log(_flat(line), step=self.step)

    def _save(self, log: RunLog | None) -> None:
        tensors, moments = self._tensors(), checkpoint.moments_of(self.loop.optimizer, self.loop.names)
        if self.loop.sharded:
            tensors, moments = (gather(each, keeps=log is not None) for each in (tensors, moments))
        if log is not None:
            checkpoint.save(
                self.folder.checkpoints,
                tensors=tensors,
                moments=moments,
                state={
                    "step": self.step,
                    "num_tokens": self.num_tokens,
                    "tally": self.tally.as_json(),
                    "log_sizes": log.sync(),
                },
                keep=self.loop.config.save_total_limit,
            )
        self.loop.accelerator.wait_for_everyone()

    def _tensors(self) -> dict[str, Tensor]:
        """Every trained parameter, and the objective's buffers."""
        buffers = {f"buffer/{name}": buffer for name, buffer in self.loop.objective.modules.named_buffers()}
        return {**self.loop.trained.named(), **buffers}

    def _agreed(self, received: list[int]) -> int:
        """The signal to stop for, or 0; all processes stop at the same step when one was told to."""
        own = received[0] if received else 0
        if self.loop.accelerator.num_processes == 1:
            return own
        from accelerate.utils import gather_object

        return int(max(gather_object([own])))


def _none_left(newest: ConfigError | DataError) -> ConfigError | DataError:
    """What a user is told where no checkpoint is of use, for the reason of the newest."""
    rest = "nor an older one; --no-resume starts over"
    if isinstance(newest, DataError):
        return DataError(newest.file, None, None, f"{newest.problem}, {rest}")
    return ConfigError(f"{newest}, {rest}")


def routing_lines(result: StepResult, names: list[str]) -> Iterator[dict[str, Any]]:
    """The lines of routing.jsonl for one step."""
    probabilities, selected = result.loss.probability_KS.tolist(), result.loss.selected_KS.tolist()
    for example, probability_S, selected_S in zip(result.window.examples, probabilities, selected, strict=True):
        yield {
            "epoch": result.window.epoch,
            "path_id": example.path_id,
            "id": example.id,
            "style": example.style,
            "probability": {name: round(p, 6) for name, p in zip(names, probability_S, strict=True)},
            "routed": [name for name, routed in zip(names, selected_S, strict=True) if routed],
        }


def _flat(line: Mapping[str, Any]) -> dict[str, float]:
    """A line of metrics.jsonl as the flat numbers that experiment trackers take."""
    flat: dict[str, float] = {}
    for name, value in line.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}/{key}": number for key, number in value.items()}
        elif value is not None:
            flat[name] = value
    return flat


@contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """A list that gets the number of the first SIGINT or SIGTERM; a second one acts as if nobody listened."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    try:
        for number in before:
            signal.signal(number, note)
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
