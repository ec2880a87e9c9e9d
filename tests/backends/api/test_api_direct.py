"""What qrd's own client for OpenAI's protocol does, and how many calls it makes at once."""

import random
import subprocess
import sys
from dataclasses import replace

import pytest

from qrd.backends import BackendSettings, Request, Sampling, open_backend
from qrd.backends.api import prices
from qrd.backends.api.backend import Api
from qrd.backends.api.by_litellm import LitellmClient
from qrd.backends.api.direct import endpoint_of
from qrd.backends.api.replies import answer_of
from qrd.backends.bounds.evidence import Evidence
from qrd.errors import BackendError, ConfigError
from tests.backends.api_asks import CANARY, PRICED, UNPRICED, asks, opened
from tests.kit import desk
from tests.kit.ledger import prompt_of

pytestmark = pytest.mark.usefixtures("api_keys")


def test_more_calls_than_files_may_be_open_at_first(serve):
    code = (
        "import resource, sys; from qrd.backends import *\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
        "ask = lambda n: Request(key=str(n), messages=({'role': 'user', 'content': str(n)},))\n"
        "settings = BackendSettings(api_base=sys.argv[1], concurrency=100, retries=0)\n"
        "replies = list(open_backend('openai/m', settings).complete(map(ask, range(100))))\n"
        "print(sum(reply.error is None for reply in replies))"
    )
    words = [sys.executable, "-c", code, serve(latency_s=0.5).url]
    assert subprocess.run(words, capture_output=True, text=True).stdout == "100\n"


def test_a_local_server_needs_no_key(serve, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    served = serve()
    for model in ("openai/anything", "hosted_vllm/anything"):
        assert next(opened(served, model).complete(asks(1))).text


def test_a_direct_call_follows_no_redirect_and_says_where_it_leads(serve):
    other = serve()
    served = serve({"do": "redirect", "location": other.url + "/chat/completions"})
    with pytest.raises(BackendError, match=f"redirects to {other.url}"):
        list(opened(served, PRICED, concurrency=4).complete(asks(50)))
    assert len(served.calls()) <= 4 + 5
    assert other.calls() == []


def test_no_proxy_stands_before_this_machine_and_netrc_is_not_read(serve, monkeypatch, tmp_path):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login canary password canary", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    served = serve()
    (reply,) = opened(served, UNPRICED, retries=0).complete(asks(1))
    assert reply.error is None
    assert served.calls()[0]["authorization"] is None


def test_a_key_that_brings_the_end_of_a_line_along_is_sent_without(serve, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", f"{CANARY}\r\n")
    served = serve()
    (reply,) = opened(served, PRICED, retries=0).complete(asks(1))
    assert reply.error is None
    assert served.calls()[0]["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize("count", [True, -1, 10**400, 1.5, "7", None])
def test_what_is_no_count_of_tokens_is_not_taken_for_one(count):
    usage = {"prompt_tokens": count, "completion_tokens": 3}
    answer = answer_of({"choices": [{"message": {"content": "Hi"}}], "usage": usage})
    assert (answer.text, answer.num_prompt, answer.num_reply) == ("Hi", None, 3)


def test_an_answer_in_a_batch_that_is_too_long_for_a_row_fails_its_request_alone(tmp_path):
    def say(call):
        return "word " * 2**20 if "Question 1" in prompt_of(call) else "Hi"

    with desk.serving(say=say) as served:
        settings = BackendSettings(api_base=served.url, batch_file=str(tmp_path / "batches.json"))
        assert list(open_backend(PRICED, settings).complete(asks(3))) == []
        replies = {reply.key: reply for reply in open_backend(PRICED, settings).complete(asks(3))}
    assert "longer than 4 MiB" in replies["1"].error
    assert [replies[key].text for key in "02"] == ["Hi", "Hi"]


@pytest.mark.parametrize(("retry_after", "num_calls", "said"), [(3600, 1, "asks to wait 3600 s"), (0, 3, "busy")])
def test_a_batch_api_that_asks_to_wait_for_long_is_left_and_not_waited_for(tmp_path, retry_after, num_calls, said):
    with desk.serving(retry_after=retry_after) as served:
        file = str(tmp_path / "batches.json")
        settings = BackendSettings(api_base=served.url, batch_file=file, retries=2, first_wait_s=0.01)
        with pytest.raises(BackendError, match=said):
            list(open_backend(PRICED, settings).complete(asks(3)))
        assert served.num_refused == num_calls


def test_another_host_is_reached_through_the_proxy_of_the_environment(serve, monkeypatch):
    served = serve()
    monkeypatch.setenv("http_proxy", served.url.removesuffix("/v1"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    settings = BackendSettings(api_base="http://teacher.invalid/v1", retries=0)
    (reply,) = open_backend(UNPRICED, settings).complete(asks(1))
    assert reply.error is None
    assert len(served.calls()) == 1


@pytest.mark.parametrize("model", ["deepseek/deepseek-chat", "deepseek/deepseek-reasoner"])
def test_a_provider_that_is_called_directly_is_sent_what_litellm_would_send_it_and_at_the_same_address(
    serve, model, monkeypatch
):
    monkeypatch.setenv("DEEPSEEK_API_KEY", CANARY)
    sampling = Sampling(temperature=0.7, top_p=0.9, max_tokens=64, seed=5)
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    held = {"type": "json_schema", "json_schema": {"name": "j", "strict": True, "schema": schema}}
    messages = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"})
    plain = Request(key="0", messages=messages, sampling=sampling, stop=("END",))
    requests = [plain, replace(plain, key="1", response_format=held)]
    served = serve()
    settings = BackendSettings(api_base=served.url)
    for client in (None, LitellmClient(model, settings)):
        backend = open_backend(model, settings) if client is None else Api(model, client, settings)
        for request in requests:
            next(backend.complete([request]))
    calls = [(call["body"], call["authorization"]) for call in served.calls()]
    assert calls[:2] == calls[2:]
    assert calls[0][1] == f"Bearer {CANARY}"
    _, _, key, base = prices.litellm().get_llm_provider(model)
    endpoint = endpoint_of(model, None)
    assert (endpoint.base, endpoint.key) == (base, key)
    monkeypatch.delenv("DEEPSEEK_API_KEY")
    with pytest.raises(ConfigError, match="set the environment variable DEEPSEEK_API_KEY"):
        open_backend(model, BackendSettings())


@pytest.mark.parametrize(
    ("model", "said"),
    [("openai/m", "http://[/v1"), ("hosted_vllm/m", "ftp://host/v1"), ("openai/m", "host:8000")],
)
def test_an_endpoint_that_is_no_url_is_named(model, said):
    with pytest.raises(ConfigError, match="is no URL"):
        open_backend(model, BackendSettings(api_base=said))


def test_the_user_of_an_endpoint_is_sent_only_where_there_is_no_key(serve, monkeypatch):
    served = serve()
    base = served.url.replace("http://", "http://user:hunter2hunter2@")
    for model in (PRICED, UNPRICED):
        next(open_backend(model, BackendSettings(api_base=base)).complete(asks(1)))
    assert [call["authorization"].split()[0] for call in served.calls()] == ["Bearer", "Basic"]


def test_a_server_that_takes_eight_calls_at_once_is_given_about_eight(serve):
    served = serve({"do": "status", "status": 429, "over": 8}, latency_s=0.03)
    replies = list(opened(served, concurrency=64, first_wait_s=0.05, retries=20).complete(asks(400)))
    assert [reply.error for reply in replies] == [None] * 400
    refused = [call for call in served.calls() if call["did"] == "status"]
    assert len(refused) < 64 + 64 + 400 * 0.15
    late = served.calls()[-200:]
    assert sum(call["did"] == "text" for call in late) > 150
    assert max(call["in_flight"] for call in late) >= 7


def test_what_a_429_asks_to_wait_holds_back_its_own_call_alone(serve):
    served = serve({"do": "status", "status": 429, "retry_after": 1, "calls": [5]}, latency_s=0.02)
    assert len(list(opened(served, concurrency=4).complete(asks(40)))) == 40
    calls = served.calls()
    refused = calls[4]
    again = next(call for call in calls[5:] if call["digest"] == refused["digest"])
    assert again["time"] - refused["time"] >= 1
    assert sum(call["time"] < again["time"] for call in calls) > 30


def test_where_no_call_passes_what_a_429_asks_to_wait_holds_back_every_call(serve):
    served = serve({"do": "status", "status": 429, "retry_after": 1, "calls": [5, 6, 7, 8]}, latency_s=0.02)
    assert len(list(opened(served, concurrency=4).complete(asks(40)))) == 40
    calls = served.calls()
    assert not [call for call in calls[8:] if call["time"] < calls[7]["time"] + 0.95]
    assert len(calls) == 44


def test_refusals_by_lot_leave_the_others_their_places_and_are_each_tried_again(serve):
    served = serve({"do": "status", "status": 429, "probability": 0.4}, latency_s=0.01)
    backend = opened(served, concurrency=16, retries=30)
    replies = list(backend.complete(asks(400)))
    assert [reply.error for reply in replies] == [None] * 400
    assert sum(reply.attempts for reply in replies) == len(served.calls())
    assert backend._gate.limit > 8


def test_a_third_of_calls_refused_by_lot_and_none_of_them_at_low_places_are_told_apart():
    lot, load, few = Evidence(), Evidence(), Evidence()
    chance = random.Random(3)
    for _ in range(200):
        place = chance.randint(1, 16)
        lot.add(place, is_refused=chance.random() < 0.33)
        load.add(place, is_refused=place > 10)
    for place in range(1, 7):
        few.add(place, is_refused=place % 2 == 0)
    assert [evidence.is_by_lot() for evidence in (lot, load, few)] == [True, False, False]


def test_calls_that_are_nearly_all_refused_are_never_taken_for_a_lot():
    evidence = Evidence()
    for number in range(200):
        evidence.add(number % 16 + 1, is_refused=number % 10 > 0)
    assert not evidence.is_by_lot()


def test_evidence_that_is_doubted_takes_twice_as_much_to_come_back():
    evidence, needed = Evidence(), []
    for _ in range(3):
        number = 0
        while not evidence.is_by_lot():
            evidence.add(number % 4 + 1, is_refused=number // 4 % 3 == 0)
            number += 1
        needed.append(number)
        evidence.doubt()
    assert needed[1] >= 1.5 * needed[0]
    assert needed[2] >= 1.5 * needed[1]


def test_a_direct_client_needs_nothing_heavy():
    heavy = ["litellm", "torch", "transformers", "vllm"]
    settings = "qrd.backends.BackendSettings(api_base='http://127.0.0.1:9')"
    called = f"[list(qrd.backends.open_backend(m, {settings}).complete([])) for m in ('openai/m', 'deepseek/m')]"
    code = f"import sys, qrd.backends; {called}; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_what_litellm_brings_is_never_looked_through_for_garbage_again():
    code = (
        "import gc; from qrd.backends.api import prices; prices.litellm(); print(gc.isenabled(), gc.get_freeze_count())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    assert told[0] == "True"
    assert int(told[1]) > 100_000
