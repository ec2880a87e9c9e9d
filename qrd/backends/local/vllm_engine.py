"""Starting vLLM's offline engine as qrd needs it, so that every mistake is one line and nothing is unpickled."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from multiprocessing import connection
from typing import Any

from qrd.backends.settings import BackendSettings
from qrd.errors import ConfigError, needs
from qrd.masking import one_line

HIGHEST_RANK = 64  # of adapters
GONE_WITHIN_S = 10.0  # a process that vLLM has asked to end, or killed


def library(model: str) -> Any:
    """The module vllm.

    Raises: ConfigError where it is not installed.
    """
    try:
        import vllm
    except ImportError as error:
        raise needs(model, f"vLLM ({one_line(error)})", "vllm", otherwise="use hf: instead") from None
    return vllm


def started(model: str, source: str, settings: BackendSettings, *, takes_adapters: bool) -> Any:
    """The engine, with room for adapters where they are wanted.

    Raises: ConfigError where vLLM cannot load the model; Interrupted where a signal has ended its process.
    """
    vllm = library(model)
    options: dict[str, Any] = {"tensor_parallel_size": settings.tensor_parallel_size}
    if takes_adapters:
        options |= {"enable_lora": True, "max_lora_rank": HIGHEST_RANK, "max_loras": 1}
    on_cpu = settings.device == "cpu" or _is_cpu_build()
    if settings.dtype != "auto" or on_cpu:
        options["dtype"] = "float32" if settings.dtype == "auto" else settings.dtype
    if on_cpu:
        options["enforce_eager"] = True  # compiling a graph on a CPU takes longer than most runs
        # vLLM 0.32 sets the generator of a seed back where a prompt is read in parts, which a CPU's cannot.
        options["enable_chunked_prefill"] = False
    try:
        engine = vllm.LLM(
            model=source,
            trust_remote_code=settings.trust_remote_code,
            load_format="safetensors",
            logprobs_mode="raw_logprobs",
            enable_prefix_caching=True,  # the samples of a question and the rubric of a judge are read once
            **options,
        )
    except (OSError, ValueError, RuntimeError) as error:
        if settings.stopping.is_set():
            raise settings.stopping.interrupted() from None
        raise ConfigError(f"{model}: cannot be loaded by vLLM: {one_line(error)}") from None
    _tell_of_death(engine.llm_engine.engine_core)
    return engine


def _tell_of_death(client: Any) -> None:
    """Have whoever waits for the engine's next output told when its process ends.

    vLLM 0.32 notes the end of a process that was killed, as by a system out of memory, but goes on waiting for it.
    """
    from vllm.v1.engine.exceptions import EngineDeadError

    processes, outputs = _processes(client), getattr(client, "outputs_queue", None)
    if not processes or outputs is None:
        return

    def wait() -> None:
        connection.wait([process.sentinel for process in processes])
        outputs.put_nowait(EngineDeadError())

    threading.Thread(target=wait, name="qrd-vllm-death", daemon=True).start()


def end(engine: Any) -> None:
    """End the engine's processes, and wait until they are gone.

    Asked to: vLLM's own references keep an engine alive that nobody else knows any more; and one that it has to kill,
    it does not wait for.
    """
    client = engine.llm_engine.engine_core
    processes = _processes(client)
    client.shutdown()
    for process in processes:
        process.join(GONE_WITHIN_S)


def _processes(client: Any) -> Sequence[Any]:
    """The engine's processes; none where it runs in this one (VLLM_ENABLE_V1_MULTIPROCESSING=0)."""
    manager = getattr(getattr(client, "resources", None), "engine_manager", None)
    return tuple(getattr(manager, "processes", ()))


def _is_cpu_build() -> bool:
    from vllm.platforms import current_platform

    return bool(current_platform.is_cpu())
