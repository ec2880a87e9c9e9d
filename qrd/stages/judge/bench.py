"""How `judge` puts paths before its judges: requests with a nonce each, replies read by their form."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from qrd import prompts
from qrd.backends import Backend, Reply, Request, open_backend
from qrd.backends.api import schemas
from qrd.backends.bounds.stopping import DRAIN_S
from qrd.config import JudgeConfig
from qrd.errors import BackendError, ConfigError
from qrd.models.names import kind_of
from qrd.prompts import Rubric, judging
from qrd.prompts.judging import Asked
from qrd.rows.reader import Row
from qrd.rows.records import WHOLE_ENDS, Fields, Path
from qrd.stages.asking import Asking, nonces, sampling_of

SHOWN_CHARS = 160


@dataclass
class Case:
    """A path before its judges: what was asked of whom, and the verdicts that have come, by the keys of requests."""

    row: Row[Path]
    asked: dict[str, Asked] = field(default_factory=dict)
    guided: set[str] = field(default_factory=set)
    verdicts: dict[str, Fields] = field(default_factory=dict)
    usage: list[Fields] = field(default_factory=list)

    def take(self, model: str, key: str, reply: Reply) -> None:
        """Note the verdict in a reply that came whole."""
        asked = self.asked[key]
        is_whole = reply.finish_reason in WHOLE_ENDS
        if (
            key in self.guided
        ):  # its verdict is complete before its reason is: the reason may be cut, the verdict cannot
            found = asked.read_guided(reply.text)
        else:
            found = asked.read(reply.text if is_whole else None)
        verdict: Fields = {"judge": model, "verdict": found.verdict, "reason": found.reason, "raw": reply.text}
        if found.verdict == "unscored" and not is_whole:
            verdict["finish_reason"] = reply.finish_reason
        if asked.rubric.form == "score":
            verdict["score"] = found.score
        if asked.rubric.form == "steps":
            verdict |= {"steps": found.steps, "first_faulty_step": found.first_faulty_step}
        self.verdicts[key] = verdict
        used = reply.usage
        self.usage.append(
            {
                "judge": model,
                "cost_usd": used.cost_usd,
                "completion_tokens": used.completion_tokens,
                "prompt_tokens": used.prompt_tokens,
            }
        )


def unread_reply(verdict: Fields) -> str:
    """The reply of an unscored verdict on one line, without a character that acts on a terminal, and how it ended."""
    raw, ending = verdict.get("raw"), verdict.get("finish_reason")
    said = "an empty reply" if not raw else ascii(raw) if len(raw) <= SHOWN_CHARS else f"{raw[:SHOWN_CHARS]!a}..."
    return f"{said} (finish_reason {ending})" if ending else said


@dataclass
class Bench:
    """The judges of a run, opened when the first path needs them."""

    config: JudgeConfig
    rubric: Rubric
    asking: Asking
    backends: dict[str, Backend] = field(default_factory=dict)

    def open(self) -> dict[str, Backend]:
        """The backend of each judge."""
        for model in self.config.judge:
            if model not in self.backends:
                self.backends[model] = open_backend(model, self.asking.settings())
        return self.backends

    def close(self) -> None:
        """Close what was opened."""
        for backend in self.backends.values():
            backend.close()

    def replies(self, cases: dict[str, Case]) -> Generator[tuple[str, str, Reply], None, None]:
        """(judge, key, reply) from all judges at once, as they come; one judge runs in this thread.

        To be closed: what is left of a panel then sends nothing more.
        """
        backends = self.open()
        if len(backends) == 1:
            ((model, backend),) = backends.items()
            yield from ((model, reply.key, reply) for reply in backend.complete(self._requests(cases, 0, model)))
            return
        arrived: queue.Queue[Any] = queue.Queue()
        for number, (model, backend) in enumerate(backends.items()):
            target = _feeder(arrived, model, backend, partial(self._requests, cases, number, model))
            threading.Thread(target=target, daemon=True).start()
        running = len(backends)
        try:
            while running:
                item = arrived.get()
                if isinstance(item, BackendError):
                    self.asking.stopping.set()
                    yield from _drained(arrived, running - 1)
                    raise item
                if isinstance(item, BaseException):
                    raise item
                if item is None:
                    running -= 1
                else:
                    yield item
        finally:
            if running:
                self.asking.stopping.set()  # the run is over, and nobody waits for what the others would still ask

    def _requests(self, cases: dict[str, Case], judge_number: int, model: str) -> Iterator[Request]:
        """The votes asked of one judge, each with a nonce of its own; those of an earlier run are not asked again."""
        config, guides = self.config, self.backends[model].guides
        sampling = sampling_of(config, config.seed)
        new_nonce, as_json = nonces(config), takes_json(config, model)
        for path_id, case in cases.items():
            path = case.row.record
            for vote in range(config.votes):
                key = key_of(path_id, judge_number, vote)
                if key in case.verdicts:
                    continue
                nonce = case.asked[key].nonce if key in case.asked else new_nonce(key)
                asked = judging.ask(self.rubric, path, path.response or "", nonce, as_json=as_json)
                case.asked[key] = asked
                if guides and asked.starts:
                    case.guided.add(key)
                # Behind a start that the backend chose only the reason's line is left to write.
                stop = ("\n",) if key in case.guided else ()
                yield Request(
                    key=key,
                    messages=tuple(asked.messages),
                    sampling=sampling,
                    starts=asked.starts,
                    stop=stop,
                    response_format=asked.response_format,
                )


def key_of(path_id: str, judge_number: int, vote: int) -> str:
    """The key of one request, both numbers from 0."""
    return f"{path_id}/{judge_number:03}/{vote:03}"


def path_of(key: str) -> str:
    """The path_id in the key of a request, whatever it is made of; behind it stand the numbers of judge and vote."""
    return key.rsplit("/", 2)[0]


def rubric_of(config: JudgeConfig) -> Rubric:
    """The rubric in force. Raises: ConfigError for a --threshold that the rubric has no use for."""
    rubric = prompts.rubric(config.rubric)
    if config.threshold is None:
        return rubric
    if rubric.form != "score":
        raise ConfigError(f"--threshold: the rubric {config.rubric} gives no scores; --rubric score does")
    return replace(rubric, threshold=config.threshold)


def takes_json(config: JudgeConfig, model: str) -> bool:
    """Whether a judge replies in JSON that its provider holds to a schema, by --schema.

    Raises: ConfigError where it must and cannot.
    """
    if config.schema == "auto":
        return schemas.is_held(model, config.api_base)
    if config.schema == "always" and kind_of(model).is_local:
        raise ConfigError(f"--schema always: {model} runs here, where no schema is held to; auto leaves it out")
    return config.schema == "always"


def _drained(arrived: queue.Queue[Any], running: int) -> Iterator[tuple[str, str, Reply]]:
    """What the other judges had under way when one failed for good: it is paid for."""
    end = time.monotonic() + DRAIN_S
    while running:
        try:
            item = arrived.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            return
        if isinstance(item, tuple):
            yield item
        else:
            running -= 1


def _feeder(
    arrived: queue.Queue[Any], model: str, backend: Backend, requests: Callable[[], Iterator[Request]]
) -> Callable[[], None]:
    """A thread's work: put every reply of one judge, then None, or the error that ended it."""

    def feed() -> None:
        try:
            for reply in backend.complete(requests()):
                arrived.put((model, reply.key, reply))
            arrived.put(None)
        except Exception as error:  # noqa: BLE001  raised again by the thread that waits
            arrived.put(error)

    return feed
