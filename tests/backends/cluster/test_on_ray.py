"""--on ray: the same records as without, also where a worker is killed; limits are shared; refusals are plain."""

import contextlib
import dataclasses
import importlib.util
import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from qrd import config as configs
from qrd.backends import BackendSettings, open_backend
from qrd.backends.cluster import reaching
from qrd.backends.cluster.work import CHUNK, MOST_LOSSES, Member, Work
from qrd.backends.cluster.worker import News
from qrd.backends.protocol import Reply, Request
from qrd.console import Console
from qrd.errors import ConfigError
from qrd.stages import generate
from qrd.stages.eval import run as evaluating
from qrd.stages.judge import run as judge
from tests.kit import ledger
from tests.kit.harness import records_by

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
QUESTIONS = [{"id": f"q{n}", "task": "math", "question": f"What is {n} and {n}?"} for n in range(30)]
CONCURRENCY = 6
RAY = Path(sys.executable).with_name("ray")


@pytest.fixture(scope="module")
def cluster():
    """A Ray of two processors, to which this process is connected."""
    import ray

    before = dict(os.environ)
    os.environ |= {
        "RAY_USAGE_STATS_ENABLED": "0",
        "OPENAI_API_KEY": "sk-test",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()
    os.environ.clear()
    os.environ |= before


def write_rows(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def worker_pids():
    """The processes of this cluster in which a model's worker lives."""
    told = subprocess.run(["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    found = [line.split(None, 2) for line in told.splitlines()[1:]]
    nodes = [pid for pid, parent, words in found if int(parent) == os.getpid() and "raylet" in words]
    workers = [int(pid) for pid, parent, words in found if parent in nodes and words.startswith("ray::Worker")]
    assert workers, told
    return workers


def killing_a_worker(output):
    """A thread that kills a worker once the output holds a few rows."""

    def kill():
        while not output.exists() or output.read_bytes().count(b"\n") < 6:
            time.sleep(0.02)
        os.kill(worker_pids()[0], signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    return thread


@needs_ray
def test_a_killed_worker_is_replaced_and_the_records_are_those_of_a_run_without_ray(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "questions.jsonl", QUESTIONS)
    planned = 2 * len(QUESTIONS)
    with ledger.serving(tmp_path / "calls.jsonl", latency_s=0.1) as served:
        asked = {
            "input": ("questions.jsonl",), "teacher": ("openai/m",), "styles": ("cot", "tot"), "api_base": served.url,
            "concurrency": CONCURRENCY, "quiet": True,
        }  # fmt: skip
        far = configs.GenerateConfig(**asked, output="far.jsonl", on="ray", workers=2)
        killer = killing_a_worker(tmp_path / "far.jsonl")
        assert not generate.run(far, Console(quiet=True)).failed
        assert not killer.is_alive()
        calls = served.calls()
        generate.run(configs.GenerateConfig(**asked, output="near.jsonl"), Console(quiet=True))
        generate.run(far, Console(quiet=True))
        assert len(served.calls()) == len(calls) + planned, "a finished run asks for nothing again"
    far_rows, near_rows = (records_by(tmp_path / name, "path_id") for name in ("far.jsonl", "near.jsonl"))
    assert far_rows == near_rows
    assert len(far_rows) == planned
    # Half of them are the lost worker's at once; what it had finished and not handed over yet is lost with it.
    assert len(calls) - planned <= CONCURRENCY
    assert max(call["in_flight"] for call in calls) <= CONCURRENCY


@contextlib.contextmanager
def separate_cluster(folder, environment):
    """The ray:// address of a cluster of other processes, all of which are killed in the end."""
    port, for_clients = free_ports(2)
    words = ["start", "--head", "--block", "--num-cpus", "1", "--port", str(port), "--node-ip-address", "127.0.0.1"]
    words += ["--ray-client-server-port", str(for_clients), "--include-dashboard", "false", "--disable-usage-stats"]
    own = tempfile.mkdtemp(prefix="ray-")  # in the usual one its address would be left to everybody; short, for sockets
    words += ["--temp-dir", own]
    with (folder / "head.txt").open("wb") as said:
        head = subprocess.Popen([str(RAY), *words], stdout=said, stderr=said, env=environment, start_new_session=True)

    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", for_clients), 1):
                break
            assert head.poll() is None, (folder / "head.txt").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield f"ray://127.0.0.1:{for_clients}"
    finally:
        told = subprocess.run(["ps", "-eo", "pid,sid"], capture_output=True, text=True, check=True).stdout
        for pid, session in (line.split() for line in told.splitlines()[1:]):
            if int(session) == head.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        head.wait(20)
        shutil.rmtree(own, ignore_errors=True)


def free_ports(number):
    """Ports that nobody has, below those that workers of Ray take."""
    found = []
    for port in random.sample(range(3000, 10_000), 200):
        with contextlib.suppress(OSError), socket.socket() as tried:
            tried.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == number:
            break
    return found


@needs_ray
@pytest.mark.skipif(not os.environ.get("QRD_SOAK"), reason="on a busy machine Ray's own 30 s for a client do not do")
def test_a_separate_cluster_is_reached_by_its_address(tmp_path):
    write_rows(tmp_path / "questions.jsonl", QUESTIONS)
    (tmp_path / "rules.toml").write_text('[[rule]]\nreply = ["Final answer: 4", "Final answer: 5"]\n', "utf-8")
    words = [sys.executable, "-m", "qrd", "generate", "questions.jsonl", "--teacher", "scripted:rules.toml", "-o"]
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    with separate_cluster(tmp_path, environment) as address:
        for more in (["far.jsonl", "--on", address], ["near.jsonl"]):
            run = subprocess.run(
                [*words, *more], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
            )
            assert run.returncode == 0, run.stderr
    far, near = (records_by(tmp_path / name, "path_id") for name in ("far.jsonl", "near.jsonl"))
    assert far == near
    assert len(far) == 6 * len(QUESTIONS)


@needs_ray
def test_judge_and_eval_ask_on_the_cluster_too(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "questions.jsonl", QUESTIONS[:4])
    paths = [{**q, "path_id": q["id"], "response": "Step 1. So 4.", "prediction": "4"} for q in QUESTIONS[:4]]
    write_rows(tmp_path / "paths.jsonl", paths)
    rules = '[[rule]]\nregex = "verdict ([0-9a-f]+): WORD"\nreply = "verdict \\\\1: valid\\nreason: so"\n'
    (tmp_path / "rules.toml").write_text(rules + '[[rule]]\nreply = "Final answer: 4"\n', "utf-8")
    far = {"on": "ray", "workers": 1, "quiet": True}
    judging = configs.JudgeConfig(input=("paths.jsonl",), output="judged.jsonl", judge=("scripted:rules.toml",), **far)
    judge.run(judging, Console(quiet=True))
    assert {row["verdict"] for row in records_by(tmp_path / "judged.jsonl", "id").values()} == {"valid"}
    asked = {"input": ("questions.jsonl",), "model": ("scripted:rules.toml",)}
    evaluating.run(configs.EvalConfig(**asked, **far, output="far.jsonl"), Console(quiet=True))
    evaluating.run(configs.EvalConfig(**asked, quiet=True, output="near.jsonl"), Console(quiet=True))
    assert records_by(tmp_path / "far.jsonl", "id") == records_by(tmp_path / "near.jsonl", "id")


@needs_ray
def test_a_model_that_no_worker_can_have_is_refused_as_it_is_here(cluster, tmp_path):
    settings = BackendSettings(on="ray", workers=1)
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        open_backend(f"scripted:{tmp_path}/none.toml", settings)
    with pytest.raises(ConfigError, match="there is room for 2 of 9"):
        open_backend("hf:some/model", dataclasses.replace(settings, workers=9))
    with pytest.raises(ConfigError, match="--workers 9: are too many to share --concurrency 6"):
        open_backend("openai/m", dataclasses.replace(settings, workers=9, concurrency=6))


def requests(number):
    return (Request(key=str(n), messages=({"role": "user", "content": "?"},)) for n in range(number))


def test_what_a_lost_worker_owed_goes_to_the_next_one_first_and_nothing_else_does():
    work, first, second = Work(requests(40)), Member(None), Member(None)
    given = [request.key for request in work.chunk(first)]
    assert len(given) == CHUNK
    answered = tuple(Reply(key=key, text="") for key in given[:5])
    assert len(list(work.taken(first, News(replies=answered)))) == 5
    assert not list(work.taken(first, News(is_lost=True)))
    assert [request.key for request in work.chunk(second)] == [*given[5:], *map(str, range(CHUNK, CHUNK + 5))]
    assert not list(work.taken(second, News(replies=answered))), "an answer that nobody owes is none"


def test_a_request_that_ends_every_worker_fails_instead_of_going_round_for_ever():
    work, replies = Work(requests(1)), []
    for number in range(MOST_LOSSES):
        member = Member(number)
        assert len(work.chunk(member)) == 1
        replies += work.taken(member, News(is_lost=True))
    assert [reply.error for reply in replies] == [f"its worker was lost {MOST_LOSSES} times"]
    assert not work.has_more()


@pytest.mark.parametrize(("limit", "of", "shares"), [(16, 3, [6, 5, 5]), (2, 2, [1, 1]), (None, 2, [None, None])])
def test_workers_share_a_limit_to_the_last_unit(limit, of, shares):
    assert [reaching.share(limit, number, of) for number in range(of)] == shares


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"on": "ray", "max_cost": 1.0}, "--max-cost: cannot be kept with --on"),
        ({"on": "ray", "cost_file": "x"}, "--cost-file: cannot be kept with --on"),
        ({"on": "spark"}, "expected ray or ray://HOST:PORT"),
        ({"workers": 2}, "give --on too"),
        ({"tensor_parallel_size": 2}, "none of openai/m is a vllm: model"),
        ({"on": "ray", "batch": True, "input": ("q",), "output": "p"}, "--batch: leaves the work to the provider"),
    ],
)
def test_what_a_cluster_cannot_keep_is_refused(options, problem):
    with pytest.raises(ConfigError, match=problem):
        configs.GenerateConfig(teacher=("openai/m",), **options)
