"""Killed at any moment, a run loses no saved answer, doubles none, and pays again only for calls in flight.

The long form (QRD_SOAK, `make soak`) kills more often.
"""

import json
import os
import random
import time

import pytest

from tests import tiny_models
from tests.kit import ledger
from tests.kit.harness import Run, kill_at_random, records_by, rows_of

IN_FLIGHT = 16
LATENCY_S = [0.005, 0.03]
QUESTIONS = [{"id": f"q{n}", "task": "math", "question": f"What is {n} and {n}?"} for n in range(40)]
VERDICTS = [{"do": "verdict", "contains": "WORD"}]


def num_kills(short, long):
    return long if os.environ.get("QRD_SOAK") else short


@pytest.fixture
def seed():
    """A new one each time, shown where a test fails."""
    number = random.SystemRandom().randrange(10**6)
    print("seed", number)
    return number


def words(command, output, served, *more):
    return (command, "input.jsonl", "-o", output, "--api-base", served.url, "--concurrency", str(IN_FLIGHT), *more)


def write_rows(file, rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def compare_with_an_uninterrupted_run(folder, command, more, key, *, planned, kills, seed):
    for name in ("killed", "whole"):
        (folder / name).mkdir()
    with ledger.serving(folder / "calls.jsonl", latency_s=LATENCY_S) as served:
        asked = words(command, "output.jsonl", served, *more)
        for name in ("killed", "whole"):
            write_rows(folder / name / "input.jsonl", QUESTIONS)
        kill_at_random(folder / "killed", asked, "output.jsonl", served, kills=kills, planned=planned, seed=seed)
        num_calls = len(served.calls())
        whole = Run(folder / "whole", *asked)
        assert whole.code() == 0, whole.said
        assert len(served.calls()) == num_calls + planned
    killed = records_by(folder / "killed" / "output.jsonl", *key)
    assert len(killed) == planned
    assert killed == records_by(folder / "whole" / "output.jsonl", *key)
    assert num_calls - planned <= kills * IN_FLIGHT


def test_generate_survives_kills_at_any_moment(tmp_path, seed):
    more = ("--teacher", "openai/m", "--styles", "vanilla,cot,tot,facts", "--samples", "2")
    compare_with_an_uninterrupted_run(
        tmp_path, "generate", more, ["path_id"], planned=320, kills=num_kills(3, 50), seed=seed
    )


def test_eval_survives_kills_at_any_moment(tmp_path, seed):
    more = ("--model", "openai/m", "--samples", "3", "--temperature", "0.8")
    compare_with_an_uninterrupted_run(
        tmp_path, "eval", more, ["model", "id", "sample"], planned=120, kills=num_kills(2, 20), seed=seed
    )


def test_judge_survives_kills_at_any_moment(tmp_path, seed):
    paths = [
        {**question, "path_id": f"{question['id']}-{n}", "response": f"Draw {n}. So 1.", "prediction": "1"}
        for question in QUESTIONS
        for n in range(8 if os.environ.get("QRD_SOAK") else 5)
    ]
    kills = num_kills(2, 30)
    write_rows(tmp_path / "input.jsonl", paths)
    with ledger.serving(tmp_path / "calls.jsonl", latency_s=LATENCY_S, rules=VERDICTS) as served:
        asked = words("judge", "judged.jsonl", served, "--judge", "openai/m")
        kill_at_random(tmp_path, asked, "judged.jsonl", served, kills=kills, planned=len(paths), seed=seed)
        assert len(served.calls()) - len(paths) <= kills * IN_FLIGHT
    judged = records_by(tmp_path / "judged.jsonl", "path_id")
    assert {key for (key,) in judged} == {path["path_id"] for path in paths}
    assert {record["verdict"] for record in judged.values()} == {"valid"}


@pytest.mark.slow
def test_a_model_in_this_process_survives_kills_too(tmp_path):
    model = tiny_models.save_llama(tmp_path / "model")
    write_rows(tmp_path / "input.jsonl", QUESTIONS[:12])
    asked = ("--teacher", f"hf:{model}", "--styles", "vanilla,cot", "--batch-size", "4", "--max-tokens", "12")
    asked = ("generate", "input.jsonl", "-o", "output.jsonl", *asked)
    assert Run(tmp_path, *asked, dies_at=("write", "inside", 9)).code() == -9
    torn = rows_of(tmp_path / "output.jsonl")
    assert 4 <= torn.count(b"\n") < 9, "rows are to be appended as they come"
    second, deadline = Run(tmp_path, *asked), time.monotonic() + 60
    while rows_of(tmp_path / "output.jsonl").count(b"\n") < 12 and not second.has_ended:
        assert time.monotonic() < deadline, second.said
        time.sleep(0.002)
    second.kill()
    saved = rows_of(tmp_path / "output.jsonl")
    last = Run(tmp_path, *asked)
    assert last.code() == 0, last.said
    assert rows_of(tmp_path / "output.jsonl").startswith(saved)
    assert saved.startswith(torn)
    assert len(records_by(tmp_path / "output.jsonl", "path_id")) == 24


SCRIPTED = ("generate", "input.jsonl", "--teacher", "scripted:teacher.toml", "-o", "paths.jsonl")


@pytest.fixture
def scripted(tmp_path):
    """A folder whose run needs no network: two questions, six styles, one request that fails."""
    write_rows(tmp_path / "input.jsonl", QUESTIONS[:2])
    rules = '[[rule]]\nregex = "1 and 1[\\\\s\\\\S]*two passes"\nerror = "no"\n[[rule]]\nreply = "\\u00e9: 4"\n'
    (tmp_path / "teacher.toml").write_text(rules, "utf-8")
    return tmp_path


def check_that_a_run_completes(folder, wanted):
    assert Run(folder, *SCRIPTED).code() == 3, "one request fails"
    assert records_by(folder / "paths.jsonl", "path_id") == wanted


def dies(folder, *dies_at):
    return Run(folder, *SCRIPTED, dies_at=dies_at).code() == -9


@pytest.mark.parametrize(
    ("step", "place"),
    [("write", "inside"), ("write", "after"), ("fsync", "before"), ("rename", "before"), ("rename", "after")],
)
def test_every_step_of_the_writer_is_a_safe_place_to_die(scripted, step, place):
    assert Run(scripted, *SCRIPTED).code() == 3
    wanted = records_by(scripted / "paths.jsonl", "path_id")
    assert len(wanted) == 11
    number, num_deaths = 1, 0
    while True:
        for file in scripted.glob("paths.jsonl*"):
            file.unlink()
        if not dies(scripted, step, place, number):
            break
        num_deaths += 1
        saved = rows_of(scripted / "paths.jsonl")
        check_that_a_run_completes(scripted, wanted)
        assert rows_of(scripted / "paths.jsonl").startswith(saved)
        number += 1
    assert num_deaths >= (11 if step == "write" else 1)


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_run_may_die_while_it_mends_a_torn_line(scripted, place):
    assert Run(scripted, *SCRIPTED).code() == 3
    wanted = records_by(scripted / "paths.jsonl", "path_id")
    whole = (scripted / "paths.jsonl").read_bytes()
    (scripted / "paths.jsonl").write_bytes(whole[:-20])
    assert dies(scripted, "truncate", place, 1)
    check_that_a_run_completes(scripted, wanted)
