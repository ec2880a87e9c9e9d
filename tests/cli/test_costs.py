"""--max-cost is a ceiling: over restarts, over calls that fail, and over the commands of a pipeline."""

import json
import re

import pytest

from qrd.backends import Account
from tests.kit import ledger

MODEL = "openai/gpt-4o-mini"
PROMPT_USD, REPLY_USD = 0.15e-6, 0.6e-6
MAX_TOKENS = 200
FIFTY_WORDS = {"do": "text", "text": "word " * 50}


@pytest.fixture
def questions(bench):
    rows = [{"id": f"q{n}", "task": "text", "question": f"Word {n}?"} for n in range(30)]
    bench.write_rows("questions.jsonl", rows)
    return bench


def generate(bench, served, *more):
    return bench.run(
        "generate", "questions.jsonl", "--teacher", MODEL, "--styles", "cot", "--api-base", served.url,
        "--max-tokens", str(MAX_TOKENS), "--timeout", "0.3", "--retries", "0", *more, OPENAI_API_KEY="sk-test",
    )  # fmt: skip


def most_usd(calls):
    """What calls may have cost: those with an answer by its words, those without one at their longest."""
    total = 0.0
    for call in calls:
        said = [message["content"] for message in call["body"]["messages"]]
        is_answered = call["did"] != "hang"
        prompt = sum(len(text.split()) if is_answered else len(text.encode()) + 16 for text in said)
        total += prompt * PROMPT_USD + (50 if is_answered else MAX_TOKENS) * REPLY_USD
    return total


def test_calls_that_failed_count_against_the_ceiling_of_the_next_run(questions, tmp_path):
    ceiling = ("-o", "paths.jsonl", "--max-cost", "0.003")
    with ledger.serving(
        tmp_path / "calls.jsonl", rules=[{"do": "hang", "calls": list(range(1, 11))}, FIFTY_WORDS]
    ) as served:
        assert generate(questions, served, "-o", "paths.jsonl", "--limit", "10").code == 3
        manifest = questions.json("paths.jsonl.manifest.json")
        assert manifest["cost_usd"] >= 10 * MAX_TOKENS * REPLY_USD
        stopped = generate(questions, served, *ceiling)
        assert most_usd(served.calls()) <= 0.003
        assert stopped.code == 6
        assert "--max-cost" in stopped.err
        num_calls = len(served.calls())
        assert generate(questions, served, *ceiling).code == 6
        assert len(served.calls()) - num_calls <= 1
        assert most_usd(served.calls()) <= 0.003


def test_a_pipeline_has_one_ceiling(questions, tmp_path):
    rules = [{"do": "verdict", "contains": "WORD"}, FIFTY_WORDS]
    with ledger.serving(tmp_path / "calls.jsonl", rules=rules) as served:
        both = f"--api-base {served.url} --max-cost 0.003 --cost-file cost.jsonl --max-tokens {MAX_TOKENS}"
        done = questions.shell(
            f"qrd generate questions.jsonl --teacher {MODEL} --styles cot,facts {both}"
            f" | qrd judge --judge {MODEL} -o judged.jsonl {both}",
            OPENAI_API_KEY="sk-test",
        )
        assert done.code == 6
        assert most_usd(served.calls()) <= 0.003
        assert len(served.calls()) > 10
    noted = [json.loads(line) for line in (questions.folder / "cost.jsonl").read_text().splitlines()]
    assert sum("hold" in entry for entry in noted) >= len(served.calls())


@pytest.mark.parametrize("words", [("judge", "--judge"), ("eval", "--model")])
def test_a_run_that_goes_on_tells_what_the_rest_will_cost(words, bench, tmp_path):
    rows = [
        {"id": f"q{n}", "path_id": f"p{n}", "task": "text", "question": f"Word {n}?", "response": "Since it is so."}
        for n in range(20)
    ]
    bench.write_rows("input.jsonl", rows)
    refused = {"do": "status", "status": 401, "calls": [16]}
    with ledger.serving(tmp_path / "calls.jsonl", rules=[refused, {"do": "text", "text": "word " * 3000}]) as served:
        command, of = words
        asked = (
            command,
            "input.jsonl",
            of,
            MODEL,
            "-o",
            "output.jsonl",
            "--api-base",
            served.url,
            "--concurrency",
            "1",
        )
        bench.run(*asked, "--limit", "10", OPENAI_API_KEY="sk-test")
        stopped = bench.run(*asked, OPENAI_API_KEY="sk-test")
    assert stopped.code == 6, stopped.err
    told = re.search(r"15/20 in .* kept 10, .*\$([.0-9]+) of about \$([.0-9]+)", stopped.err)
    assert told, stopped.err
    spent, projected = map(float, told.groups())
    assert spent > 5 * 3000 * REPLY_USD * 0.99
    assert projected == pytest.approx(2 * spent, abs=0.001)


def test_each_output_of_a_shared_account_has_cost_its_own_part(questions, tmp_path):
    rules = [{"do": "hang", "calls": [2]}, {"do": "verdict", "contains": "WORD"}, FIFTY_WORDS]
    words = ("--max-cost", "1", "--cost-file", "cost.jsonl")
    judge = ("judge", "paths.jsonl", "--all", "--judge", MODEL, "-o", "judged.jsonl", *words)
    with ledger.serving(tmp_path / "calls.jsonl", rules=rules) as served:
        for code in (3, 0, 0):  # the call that failed is made again, then there is nothing to do
            assert generate(questions, served, "-o", "paths.jsonl", "--limit", "4", *words).code == code
            assert questions.run(*judge, "--api-base", served.url, OPENAI_API_KEY="sk-test").code == 0
            made, judged = (questions.json(f"{name}.jsonl.manifest.json")["cost_usd"] for name in ("paths", "judged"))
            rows = questions.rows("judged.jsonl")
            assert judged == pytest.approx(sum(usage["cost_usd"] for row in rows for usage in row["judge_usage"]))
            assert made > sum(row["usage"]["cost_usd"] for row in rows) + MAX_TOKENS * REPLY_USD
            assert made + judged == pytest.approx(Account(str(questions.folder / "cost.jsonl"), shared=True).total())
        assert len(rows) == 4
