import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path as File

import pytest

from tests.kit import ledger


def post(url, content="Hi"):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()
    request = urllib.request.Request(f"{url}/chat/completions", body, {"Authorization": "Bearer k"})
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.loads(response.read())


def test_a_reply_is_a_function_of_the_request_and_the_call_is_written_down(tmp_path):
    with ledger.serving(tmp_path / "calls.jsonl") as served:
        texts = [post(served.url, content)["choices"][0]["message"]["content"] for content in ("a", "b", "a")]
        calls = served.calls()
    assert texts[0] == texts[2] != texts[1]
    assert [(call["call"], call["attempt"], call["did"]) for call in calls] == [
        (1, 1, "text"),
        (2, 1, "text"),
        (3, 2, "text"),
    ]
    assert calls[0]["authorization"] == "Bearer k"


def test_a_call_that_is_never_answered_stands_in_the_ledger(tmp_path):
    with ledger.serving(tmp_path / "calls.jsonl", rules=[{"do": "reset_before"}]) as served:
        with pytest.raises(OSError, match=r".*"):
            post(served.url)
        assert [call["did"] for call in served.calls()] == ["reset_before"]


def test_rules_apply_by_call_attempt_and_content(tmp_path):
    rules = [
        {"do": "status", "status": 500, "calls": [1]},
        {"do": "status", "status": 503, "attempts": [2], "contains": "again"},
    ]
    found = []
    with ledger.serving(tmp_path / "calls.jsonl", rules=rules) as served:
        for content in ("again", "again", "again", "other"):
            try:
                post(served.url, content)
                found.append(200)
            except urllib.error.HTTPError as error:
                found.append(error.code)
    assert found == [500, 503, 200, 200]


def test_chance_depends_on_the_seed_and_not_on_the_order_of_arrival(tmp_path):
    rules = [{"do": "length", "probability": 0.4}]

    def cut(name, order):
        with ledger.serving(tmp_path / name, seed=5, rules=rules) as served:
            return {content: post(served.url, content)["choices"][0]["finish_reason"] for content in order}

    names = [str(i) for i in range(30)]
    forwards = cut("one.jsonl", names)
    assert forwards == cut("two.jsonl", names[::-1])
    assert {"length", "stop"} == set(forwards.values())


def test_the_child_process_ends_with_its_parent(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.kit.ledger", "--file", str(tmp_path / "calls.jsonl")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=File(__file__).parents[2],
    )  # fmt: skip
    assert post(json.loads(child.stdout.readline())["url"])["choices"]
    child.stdin.close()
    assert child.wait(10) == 0
