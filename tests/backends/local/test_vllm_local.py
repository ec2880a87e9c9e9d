"""vllm: models. All but the first test need vLLM, which has an environment of its own: `make test-vllm`."""

import importlib.util
import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext

import pytest

from qrd.backends import BackendSettings, Request, Sampling, open_backend
from qrd.errors import BackendError, ConfigError
from qrd.models import embedded

HAS_VLLM = importlib.util.find_spec("vllm") is not None
TEXTS = ("Why is the sky blue?", "2+2", "Name three rivers, and say where each of them rises.")
LITTLE = "embedded:smollm2-135m"
SETTINGS = BackendSettings(device="cpu", dtype="float32")
QUESTIONS = [{"id": f"q{n}", "task": "math", "question": f"What is {n} and {n + 3}?"} for n in range(24)]
needs_vllm = pytest.mark.skipif(not HAS_VLLM, reason="vLLM is not installed")


@pytest.mark.skipif(HAS_VLLM, reason="vLLM is installed")
def test_without_vllm_the_one_command_that_installs_it_is_named():
    with pytest.raises(ConfigError, match=r"pip install 'qrd\[vllm\]'"):
        open_backend("vllm:some/model", BackendSettings())


def ask(key, text, *, max_tokens=24, temperature=0.0, seed=None, **rest):
    sampling = Sampling(max_tokens=max_tokens, temperature=temperature, seed=seed)
    return Request(key=key, messages=({"role": "user", "content": text},), sampling=sampling, **rest)


def replies(backend, **rest):
    requests = [ask(text, text, want_logprob=True, **rest) for text in TEXTS]
    return {r.key: (r.text, r.finish_reason, round(r.logprob, 2), r.usage) for r in backend.complete(requests)}


@needs_vllm
def test_vllm_and_transformers_reply_alike(wide_model, adapter_of):
    vllm, local = (open_backend(f"{kind}:{wide_model}", SETTINGS) for kind in ("vllm", "hf"))
    assert replies(vllm) == replies(local)
    starts = ("verdict: valid\n", "verdict: invalid\n")
    assert replies(vllm, starts=starts) == replies(local, starts=starts)
    for backend in (vllm, local):
        backend.load_adapter("one", adapter_of(wide_model, 1))
    with vllm.student("one"), local.student("one"):
        assert replies(vllm) == replies(local)
    assert replies(vllm) == replies(local)
    assert len(multiprocessing.active_children()) == 1, "the engine without room for adapters has not ended"
    vllm.close()
    assert not multiprocessing.active_children()


@needs_vllm
def test_requests_are_drawn_as_others_end_and_a_short_reply_overtakes_a_long_one(wide_model):
    vllm = open_backend(f"vllm:{wide_model}", SETTINGS)
    drawn = []

    def endless():
        for number in itertools.count():
            drawn.append(number)
            yield ask(str(number), "Hi", max_tokens=1 if number else 200, temperature=1.0, seed=number)

    coming = vllm.complete(endless())
    first = next(coming)
    at_once = len(drawn)
    keys = [reply.key for reply in itertools.islice(coming, at_once)]
    coming.close()
    assert first.key != "0"
    assert at_once < len(drawn) <= 2 * at_once + 1
    assert "0" not in keys[:10]
    too_long = [ask(str(number), "Hi " * 999) for number in range(at_once)]
    assert [r.error is None for r in vllm.complete([*too_long, ask("a", "Hi")])] == [False] * at_once + [True]
    draws = [next(vllm.complete([ask("a", "Draw.", temperature=1.0, seed=seed)])).text for seed in (1, 2, 1)]
    assert draws[0] == draws[2] != draws[1]
    vllm.close()


@needs_vllm
def test_students_of_the_embedded_model_take_turns_on_it_unmerged(adapter_of):
    folder = str(embedded.folder_of(LITTLE))
    students = {f"student.{seed}": adapter_of(folder, seed) for seed in (1, 2)}
    vllm, local = (open_backend(name, SETTINGS) for name in (f"vllm:{LITTLE}", LITTLE))
    for backend in (vllm, local):
        for name, adapter in students.items():
            backend.load_adapter(name, adapter)
    seen = []
    for name in (*students, None, "student.1"):
        with vllm.student(name), local.student(name):
            seen.append(replies(vllm))
            assert seen[-1] == replies(local)
    assert seen[0] == seen[3]
    assert seen[0] != seen[1] != seen[2] != seen[0]
    vllm.close()


def generate(folder, teacher, output, max_tokens=40):
    """qrd under way, in a process group of its own."""
    words = ["--styles", "cot", "--temperature", "0", "--device", "cpu", "--dtype", "float32"]
    words += ["--max-tokens", str(max_tokens)]
    return subprocess.Popen(
        [sys.executable, "-m", "qrd", "generate", "questions.jsonl", "--teacher", teacher, "-o", output, *words],
        cwd=folder, start_new_session=True, stderr=(folder / f"{output}.said").open("ab"),
    )  # fmt: skip


def kill_group(run, how):
    os.killpg(run.pid, how)


def kill_all_but_workers(run, how):
    """As it can come about that the engine's worker still lives: then the engine gives out what it has so far."""
    engines = subprocess.run(["pgrep", "-P", str(run.pid), "-f", "EngineCore"], capture_output=True, text=True).stdout
    (engine,) = map(int, engines.split())
    os.kill(engine, how)
    os.kill(run.pid, how)


def kill_after(run, file, number, how=signal.SIGKILL, kill=kill_group):
    """Send a signal to the group of a run once its output holds so many rows; the output's content in the end."""
    deadline = time.monotonic() + 400
    while not file.exists() or file.read_bytes().count(b"\n") < number:
        assert run.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    kill(run, how)
    run.wait(60)
    return file.read_bytes()


@needs_vllm
def test_a_run_that_was_killed_goes_on_and_its_records_are_those_of_transformers(tmp_path):
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS), "utf-8")
    saved = kill_after(generate(tmp_path, f"vllm:{LITTLE}", "vllm.jsonl"), tmp_path / "vllm.jsonl", 3)
    for teacher, output in ((f"vllm:{LITTLE}", "vllm.jsonl"), (LITTLE, "hf.jsonl")):
        assert generate(tmp_path, teacher, output).wait(400) == 0, (tmp_path / f"{output}.said").read_text()
    whole = (tmp_path / "vllm.jsonl").read_bytes()
    assert whole.startswith(saved[: saved.rfind(b"\n") + 1])
    ours, theirs = ([json.loads(line) for line in file.read_text("utf-8").splitlines()]
                    for file in (tmp_path / "vllm.jsonl", tmp_path / "hf.jsonl"))  # fmt: skip
    assert len(ours) == len(QUESTIONS)
    for row in (*ours, *theirs):
        assert {row.pop("path_id"), row.pop("request_hash"), row.pop("teacher")}
    assert sorted(ours, key=lambda row: row["id"]) == sorted(theirs, key=lambda row: row["id"])


@needs_vllm
@pytest.mark.parametrize(
    ("how", "kill", "code"), [(signal.SIGINT, kill_group, 130), (signal.SIGTERM, kill_all_but_workers, 143)]
)
def test_a_signal_to_the_engine_too_leaves_no_reply_that_was_cut_short(tmp_path, how, kill, code):
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS), "utf-8")
    run = generate(tmp_path, f"vllm:{LITTLE}", "out.jsonl", max_tokens=1500)
    saved = kill_after(run, tmp_path / "out.jsonl", 1, how, kill)
    said = (tmp_path / "out.jsonl.said").read_text()
    assert run.returncode == code, said
    rows = [json.loads(line) for line in saved.splitlines()]
    assert len(rows) < len(QUESTIONS)
    assert {row["finish_reason"] for row in rows} <= {"stop", "length"}
    assert not (tmp_path / "out.jsonl.failed.jsonl").exists()


@needs_vllm
@pytest.mark.parametrize(
    ("how", "is_stopping", "problem"),
    [(signal.SIGTERM, True, None), (signal.SIGTERM, False, "has given up|has died"), (signal.SIGKILL, False, "died")],
)
def test_replies_whose_start_was_being_chosen_when_the_engine_was_ended_are_not_given(
    wide_model, how, is_stopping, problem
):
    backend = open_backend(f"vllm:{wide_model}", settings := BackendSettings(device="cpu", dtype="float32"))

    def asked():
        for number in range(40):
            yield ask(str(number), TEXTS[0] * 9, starts=("verdict: valid\n", "verdict: invalid\n"))
        if is_stopping:
            settings.stopping.set()
        (engine,) = multiprocessing.active_children()
        os.kill(engine.pid, how)

    with nullcontext() if is_stopping else pytest.raises(BackendError, match=problem):
        assert {reply.finish_reason for reply in backend.complete(asked())} <= {"stop", "length"}
    backend.close()
    assert not multiprocessing.active_children()
