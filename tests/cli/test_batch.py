"""--batch: requests are submitted once, the process ends, and the same command collects what is there."""

import json
from dataclasses import dataclass

import pytest

from tests.kit import desk
from tests.kit.harness import Run, records_by
from tests.kit.ledger import prompt_of

MODEL = "openai/gpt-4o-mini"
QUESTIONS = [{"id": f"q{n}", "task": "text", "question": f"Word {n}?"} for n in range(6)]
PATHS = [{**row, "path_id": row["id"], "response": "Thus the word, for it is a word."} for row in QUESTIONS]


@pytest.fixture
def asked(bench):
    bench.write_rows("questions.jsonl", QUESTIONS)
    bench.write_rows("paths.jsonl", PATHS)
    return bench


@dataclass
class Ended:
    """How a run ended, and what the runs in its folder have said."""

    code: int
    err: str


def run(bench, served, *words):
    done = Run(bench.folder, *words, "--batch", "--api-base", served.url)
    return Ended(done.code(), done.said)


def generate(bench, served, *more):
    words = ("generate", "questions.jsonl", "-o", "out.jsonl", "--teacher", MODEL, "--styles", "cot,facts")
    return run(bench, served, *words, *more)


def told(call):
    """A judge's verdict, with the word that was asked for."""
    nonce = prompt_of(call).split("verdict ")[-1].split(":")[0]
    return f"verdict {nonce}: valid\nreason: it holds."


def test_what_was_submitted_is_collected_later_at_half_the_price(asked):
    with desk.serving(looks=1) as served:
        first = generate(asked, served)
        assert first.code == 3
        assert "12 requests are with the provider" in first.err
        assert asked.rows("out.jsonl") == []
        assert asked.json("out.jsonl.manifest.json")["finished"] is False
        assert generate(asked, served).code == 3
        assert generate(asked, served).code == 0
        assert served.num_creates == 1
        assert served.keys == {"Bearer sk-test"}
    rows = asked.rows("out.jsonl")
    assert len({row["path_id"] for row in rows}) == 12
    for row in rows:
        usage = row["usage"]
        whole = usage["prompt_tokens"] * 0.15e-6 + usage["completion_tokens"] * 0.6e-6
        assert usage["cost_usd"] == pytest.approx(whole / 2)
    cost_usd = asked.json("out.jsonl.manifest.json")["cost_usd"]
    assert cost_usd == pytest.approx(sum(row["usage"]["cost_usd"] for row in rows))
    assert not (asked.folder / "out.jsonl.batches.json").exists()


def test_every_reply_goes_to_its_own_request(asked):
    with desk.serving(say=lambda call: prompt_of(call).split("?")[0]) as served:
        generate(asked, served)
        generate(asked, served)
    assert len(asked.rows("out.jsonl")) == 12
    assert all(row["question"].rstrip("?") in row["response"] for row in asked.rows("out.jsonl"))


def test_requests_that_failed_are_named_and_submitted_again_by_the_next_run_only(asked):
    with desk.serving(fails="Word 3?") as served:
        generate(asked, served)
        collected = generate(asked, served)
        assert collected.code == 3
        assert "the plan says 400" in collected.err
        assert (len(asked.rows("out.jsonl")), len(asked.rows("out.jsonl.failed.jsonl"))) == (10, 2)
        assert served.num_creates == 1
        del served.plan["fails"]
        generate(asked, served)
        assert generate(asked, served).code == 0
        assert served.num_creates == 2
        assert len(served.requests()) == 12 + 2
    assert len(asked.rows("out.jsonl")) == 12


def test_what_an_expired_batch_did_not_run_is_submitted_anew(asked):
    with desk.serving(status="expired", unrun="Word 2?") as served:
        generate(asked, served)
        assert generate(asked, served).code == 3
        assert len(asked.rows("out.jsonl")) == 10
        assert len(served.requests()) == 12 + 2
        served.plan["status"] = "completed"
        assert generate(asked, served).code == 0
    assert len({row["path_id"] for row in asked.rows("out.jsonl")}) == 12


def test_a_batch_whose_name_was_lost_on_the_way_is_found_and_not_submitted_twice(asked):
    with desk.serving(lose=[1], looks=1) as served:
        assert generate(asked, served).code == 6
        assert generate(asked, served).code == 3
        assert generate(asked, served).code == 0
        assert served.num_creates == 1
    assert len(asked.rows("out.jsonl")) == 12


@pytest.mark.parametrize(
    ("step", "place", "num_before"),
    [("rename", "before", 0), ("rename", "after", 0), ("rename", "after", 1), ("write", "after", 1)],
)
def test_a_kill_at_any_step_of_a_run_submits_nothing_twice(tmp_path, step, place, num_before):
    rows = "".join(json.dumps(row) + "\n" for row in QUESTIONS[:2])
    with desk.serving() as served:
        words = ("generate", "input.jsonl", "-o", "out.jsonl", "--teacher", MODEL, "--styles", "cot", "--batch")
        for number in range(1, 20):
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "input.jsonl").write_text(rows, "utf-8")
            served.batches.clear()
            for _ in range(num_before):
                assert Run(folder, *words, "--api-base", served.url).code() == 3
            died = Run(folder, *words, "--api-base", served.url, dies_at=(step, place, number)).code() == -9
            codes = [Run(folder, *words, "--api-base", served.url).code()]
            while codes[-1] == 3:
                codes.append(Run(folder, *words, "--api-base", served.url).code())
            assert codes[-1] == 0
            assert len(served.requests()) == 2
            assert len(records_by(folder / "out.jsonl", "path_id")) == 2
            if num_before:
                assert_settled(folder)
            if not died:
                break
        assert number > 4


def assert_settled(folder, output="out.jsonl", usage="usage"):
    """No batch is left, and what is noted as paid is what the rows have cost."""
    assert not (folder / f"{output}.batches.json").exists()
    lines = (folder / output).read_text("utf-8").splitlines()
    usages = [row[usage] if usage == "judge_usage" else [row[usage]] for row in map(json.loads, lines)]
    cost_usd = sum(each["cost_usd"] for of_row in usages for each in of_row)
    assert json.loads((folder / f"{output}.manifest.json").read_text())["cost_usd"] == pytest.approx(cost_usd)
    noted = [json.loads(line) for line in (folder / f".{output}.account.jsonl").read_text().splitlines()]
    assert sum(entry["usd"] for entry in noted) == pytest.approx(cost_usd)


def test_a_batch_that_the_provider_refuses_says_why_and_is_given_up(asked):
    with desk.serving(status="failed") as served:
        generate(asked, served)
        refused = generate(asked, served)
        assert refused.code == 6
        assert "not to our liking" in refused.err
    assert json.loads((asked.folder / "out.jsonl.batches.json").read_text())["batches"] == []


def test_work_under_way_is_neither_paid_twice_nor_mixed_with_other_work(asked):
    with desk.serving(looks=9) as served:
        generate(asked, served)
        live = asked.run(
            "generate", "questions.jsonl", "-o", "out.jsonl", "--teacher", MODEL, "--styles", "cot,facts",
            "--api-base", served.url, OPENAI_API_KEY="sk-test",
        )  # fmt: skip
        assert live.code == 2
        assert "--batch collects them" in live.err
        other = generate(asked, served, "--temperature", "0.1")
        assert other.code == 2
        assert "in another way" in other.err
        assert served.num_creates == 1


def test_a_batch_is_held_against_the_ceiling_until_it_is_collected(asked):
    with desk.serving() as served:
        most = generate(asked, served, "--max-cost", "0.0001")
        assert most.code == 6
        assert served.num_creates == 0
        assert generate(asked, served, "--max-cost", "0.01").code == 3
        held = asked.json("out.jsonl.manifest.json")["cost_usd"]
        assert generate(asked, served, "--max-cost", "0.01").code == 0
        assert asked.json("out.jsonl.manifest.json")["cost_usd"] < held <= 0.01


def test_a_panel_judges_by_batches(asked):
    with desk.serving(say=told) as served:
        words = ("judge", "paths.jsonl", "-o", "judged.jsonl", "--judge", MODEL, "--judge", "openai/gpt-4o")
        first, second = (run(asked, served, *words) for _ in range(2))
        assert (first.code, second.code) == (3, 0), second.err
        assert served.num_creates == 2
        assert len(served.requests()) == len(set(served.requests())) == 12
    assert [row["verdict"] for row in asked.rows("judged.jsonl")] == ["valid"] * 6


def test_a_panel_that_was_killed_behind_its_last_row_settles_its_batches(tmp_path):
    rows = "".join(json.dumps(row) + "\n" for row in PATHS[:2])
    words = ("judge", "paths.jsonl", "-o", "judged.jsonl", "--judge", MODEL, "--judge", "openai/gpt-4o", "--votes", "2")
    with desk.serving(say=told) as served:
        (tmp_path / "paths.jsonl").write_text(rows, "utf-8")
        asked = (*words, "--api-base", served.url)
        assert Run(tmp_path, *asked, "--batch").code() == 3
        assert Run(tmp_path, *asked, "--batch", dies_behind=("judged.jsonl", 2)).code() == -9
        assert (tmp_path / "judged.jsonl.batches.json").exists()
        assert Run(tmp_path, *asked).code() == 0
        assert len(served.requests()) == 8
    assert_settled(tmp_path, "judged.jsonl", "judge_usage")


@pytest.mark.parametrize(
    ("more", "said"), [(("--teacher", "hf:x"), "OpenAI's protocol"), (("--teacher", MODEL, "-o", "-"), "-o OUTPUT")]
)
def test_where_there_is_no_batch_it_is_refused(asked, more, said):
    refused = asked.run("generate", "questions.jsonl", "--batch", "-o", "out.jsonl", *more, OPENAI_API_KEY="sk-test")
    assert refused.code == 2
    assert said in refused.err
