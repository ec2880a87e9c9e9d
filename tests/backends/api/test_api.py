import threading
import time
from email.utils import formatdate

import pytest

from qrd.backends import BackendSettings, Budget, Request, Sampling, estimate, open_backend
from qrd.backends.api import prices
from qrd.backends.api.refusals import answered
from qrd.errors import BackendError, ConfigError
from tests.backends.api_asks import CANARY, PRICED, THROUGH_LITELLM, UNPRICED, asks, opened
from tests.kit.ledger import serving

pytestmark = pytest.mark.usefixtures("api_keys")


@pytest.fixture(autouse=True, scope="module")
def warm(tmp_path_factory):
    """A first call: litellm imports its clients then, for seconds, which short timeouts would count."""
    with serving(tmp_path_factory.mktemp("warm") / "calls.jsonl") as served, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XAI_API_KEY", CANARY)
        next(open_backend(THROUGH_LITELLM, BackendSettings(api_base=served.url)).complete(asks(1)))


def test_every_request_is_answered_once_with_many_in_flight(serve):
    served = serve(latency_s=0.2)
    replies = list(opened(served, concurrency=12).complete(asks(40)))
    assert sorted(int(reply.key) for reply in replies) == list(range(40))
    assert all(reply.text and reply.finish_reason == "stop" and reply.attempts == 1 for reply in replies)
    assert max(call["in_flight"] for call in served.calls()) == 12


def test_hundreds_of_calls_can_be_in_flight(serve):
    served = serve(latency_s=1.5)
    assert len(list(opened(served, concurrency=250).complete(asks(250)))) == 250
    assert max(call["in_flight"] for call in served.calls()) >= 240


def test_requests_are_drawn_only_as_capacity_frees(serve):
    served, drawn = serve(), []

    def endless():
        for request in asks(1000):
            drawn.append(request.key)
            yield request

    replies = opened(served, concurrency=4).complete(endless())
    for _ in range(10):
        next(replies)
    replies.close()
    assert len(drawn) <= 10 + 4 + 1
    assert len(served.calls()) <= 10 + 4


def test_what_is_sent_is_what_was_asked(serve):
    served = serve()
    sampling = Sampling(temperature=0.3, top_p=0.9, max_tokens=7, seed=11)
    messages = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"})
    request = Request(key="k", messages=messages, sampling=sampling, stop=("END",))
    list(opened(served, PRICED).complete([request]))
    (call,) = served.calls()
    sent = call["body"]
    assert sent["messages"] == list(messages)
    assert (sent["temperature"], sent["top_p"], sent["seed"], sent["stop"]) == (0.3, 0.9, 11, ["END"])
    assert sent.get("max_tokens", sent.get("max_completion_tokens")) == 7
    assert call["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize("model", [PRICED, THROUGH_LITELLM])
def test_a_lasting_fault_is_tried_retries_plus_one_times(serve, model):
    served = serve({"do": "status", "status": 500, "contains": "Question 1"})
    replies = {reply.key: reply for reply in opened(served, model, retries=3).complete(asks(3))}
    assert len(served.calls()) == 4 + 2
    assert (replies["1"].text, replies["1"].attempts) == (None, 4)
    assert "the plan says 500" in replies["1"].error
    assert replies["0"].error is None


@pytest.mark.parametrize(
    "fault", ["reset_before", "reset_mid", "garbage", "status 503", "status 429", "status 408", "hang", "drip"]
)
@pytest.mark.parametrize("model", [PRICED, THROUGH_LITELLM])
def test_a_fault_that_passes_costs_one_more_call(serve, fault, model):
    do, _, status = fault.partition(" ")
    served = serve({"do": do, "attempts": [1], **({"status": int(status)} if status else {})})
    start = time.monotonic()
    replies = list(opened(served, model, timeout=0.5, retries=2).complete(asks(3)))
    assert [(reply.error, reply.attempts) for reply in replies] == [(None, 2)] * 3
    assert len(served.calls()) == 6
    assert time.monotonic() - start < 5


def test_chaos_on_the_network_changes_time_and_not_results(serve):
    shares = {"status 429": 0.30, "status 503": 0.10, "reset_mid": 0.05, "hang": 0.03, "drip": 0.02, "garbage": 0.01}
    rules = []
    for fault, share in shares.items():
        do, _, status = fault.partition(" ")
        rules.append({"do": do, "probability": share, **({"status": int(status)} if status else {})})
    calm, rough = serve(seed=11), serve(*rules, seed=11)
    found = [
        {reply.key: reply.text for reply in opened(served, retries=20, timeout=1.0).complete(asks(100))}
        for served in (calm, rough)
    ]
    assert found[0] == found[1]
    assert len(rough.calls()) > len(calm.calls()) == 100


def test_retry_after_is_waited_for(serve):
    served = serve({"do": "status", "status": 429, "retry_after": 1, "attempts": [1]})
    list(opened(served).complete(asks(2)))
    times = [call["time"] for call in served.calls()]
    assert times[2] - times[0] >= 1
    assert len(times) == 4


def test_too_long_a_retry_after_stops_the_run(serve):
    served = serve({"do": "status", "status": 429, "retry_after": 3600})
    with pytest.raises(BackendError, match="asks to wait 3600 s"):
        list(opened(served, concurrency=4).complete(asks(50)))
    assert len(served.calls()) <= 9


def test_a_retry_after_that_is_a_date_is_taken_for_the_seconds_until_then(serve):
    ahead, past = (formatdate(time.time() + seconds, usegmt=True) for seconds in (3600, -3600))
    with pytest.raises(BackendError, match=r"asks to wait 3[56]\d\d s"):
        list(opened(serve({"do": "status", "status": 429, "retry_after": ahead})).complete(asks(1)))
    (reply,) = opened(serve({"do": "status", "status": 429, "retry_after": past, "attempts": [1]})).complete(asks(1))
    assert reply.attempts == 2


@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [
        ("Fri, 31 Dec 1999 23:59:59 GMT", 9.0),
        ("Friday, 31-Dec-99 23:59:59 GMT", 9.0),
        ("Fri Dec 31 23:59:59 1999", 9.0),
        ("Fri, 31 Dec 1999 20:00:00 GMT", 0.0),
        ("Fri, 99 Foo 1999 23:59:59 GMT", None),
        ("soon", None),
        ("1e9", None),
    ],
)
def test_a_date_is_set_against_the_clock_of_the_server_that_sent_it(retry_after, wait_s):
    headers = {"date": "Fri, 31 Dec 1999 23:59:50 GMT", "retry-after": retry_after}
    assert answered(429, "busy", headers).retry_after_s == wait_s


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_permanent_refusal_stops_at_once(serve, status):
    served = serve({"do": "status", "status": status, "message": f"bad key {CANARY}"})
    with pytest.raises(BackendError, match="refused for good") as caught:
        list(opened(served, PRICED, concurrency=4).complete(asks(200)))
    assert len(served.calls()) <= 4 + 5
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("model", [PRICED, THROUGH_LITELLM])
def test_an_empty_account_is_permanent_though_it_looks_like_a_rate_limit(serve, model):
    served = serve({"do": "status", "status": 429, "code": "insufficient_quota", "message": "You exceeded it"})
    with pytest.raises(BackendError, match="refused for good"):
        list(opened(served, model, concurrency=4).complete(asks(200)))
    assert len(served.calls()) <= 4 + 5


def test_a_sampling_option_that_the_model_does_not_have_stops_before_any_call(serve):
    served = serve()
    with pytest.raises(BackendError, match="temperature"):
        list(opened(served, "openai/o3-mini").complete(asks(50, temperature=0.7)))
    assert served.calls() == []


def test_a_request_that_the_provider_cannot_take_fails_alone(serve):
    served = serve({"do": "status", "status": 400, "contains": "Question 2"})
    replies = {reply.key: reply for reply in opened(served).complete(asks(5))}
    assert len(served.calls()) == 5
    assert replies["2"].attempts == 1
    assert [key for key, reply in replies.items() if reply.error] == ["2"]


@pytest.mark.parametrize("model", [PRICED, THROUGH_LITELLM])
def test_a_reply_that_a_filter_took_the_text_of_is_a_reply_of_none(serve, model):
    (reply,) = opened(serve({"do": "content_filter"}), model).complete(asks(1))
    assert (reply.text, reply.error, reply.finish_reason) == (None, None, "content_filter")


def test_a_cut_reply_keeps_its_text_and_says_so(serve):
    (reply,) = opened(serve({"do": "length", "text": "So far"})).complete(asks(1))
    assert (reply.text, reply.finish_reason) == ("So far", "length")


def test_the_cost_is_known_for_priced_models_only(serve):
    served = serve()
    (priced,) = opened(served, PRICED).complete(asks(1))
    (unpriced,) = opened(served, UNPRICED).complete(asks(1))
    tokens = priced.usage.prompt_tokens, priced.usage.completion_tokens
    assert tokens == (2, 10)
    assert priced.usage.cost_usd == pytest.approx(2 * 0.15e-6 + 10 * 0.6e-6)
    assert unpriced.usage.cost_usd is None


def billed(served, max_tokens):
    """What the ledger's calls cost at most, at the price of PRICED and a word a token."""
    return len(served.calls()) * (2 * 0.15e-6 + max_tokens * 0.6e-6)


def test_the_budget_is_a_ceiling_that_calls_in_flight_count_against(serve):
    served = serve({"do": "text", "text": "word " * 50}, latency_s=0.05)
    ceiling, replies = 25 * 50 * 0.6e-6, []
    with pytest.raises(BackendError, match="--max-cost"):
        replies.extend(opened(served, PRICED, concurrency=8, max_cost=ceiling).complete(asks(200)))
    assert billed(served, 50) <= ceiling
    assert len(replies) == len(served.calls()) >= 15


def test_what_earlier_runs_cost_counts_against_the_budget(serve):
    served = serve()
    with pytest.raises(BackendError, match="are spent"):
        list(opened(served, PRICED, max_cost=0.001, spent_usd=0.001).complete(asks(5)))
    assert served.calls() == []


def test_a_call_without_an_answer_counts_as_billed(serve):
    served = serve({"do": "hang"})
    with pytest.raises(BackendError, match="--max-cost"):
        list(opened(served, PRICED, timeout=0.1, max_cost=4 * 50 * 0.6e-6).complete(asks(20)))
    assert billed(served, 50) <= 4 * 50 * 0.6e-6


def test_two_models_share_one_budget(serve):
    served = serve({"do": "text", "text": "word " * 50}, latency_s=0.02)
    budget = Budget(12 * 50 * 0.6e-6)

    def spend():
        with pytest.raises(BackendError, match="--max-cost"):
            list(opened(served, PRICED, budget=budget).complete(asks(100)))

    threads = [threading.Thread(target=spend) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert 0 < billed(served, 50) <= budget.ceiling


def test_an_unknown_price_is_refused_under_a_ceiling_unless_allowed(serve):
    served = serve()
    with pytest.raises(ConfigError, match="--allow-unpriced"):
        opened(served, UNPRICED, max_cost=1.0)
    assert len(list(opened(served, UNPRICED, max_cost=1.0, allow_unpriced=True).complete(asks(3)))) == 3


def test_requests_a_minute_are_spread_evenly(serve):
    served = serve()
    list(opened(served, rpm=600).complete(asks(8)))
    times = [call["time"] for call in served.calls()]
    assert times[-1] - times[0] >= 0.6


def test_tokens_a_minute_are_set_aside_for_calls_under_way(serve):
    served = serve(latency_s=1.5)
    # 500 tokens set aside a call at 60,000 a minute: one call every half second, while none has come back.
    list(opened(served, tpm=60_000, concurrency=3).complete(asks(3, max_tokens=494)))
    times = sorted(call["time"] for call in served.calls())
    assert times[2] - times[0] >= 0.7


def test_tokens_that_a_call_did_not_use_come_back(serve):
    served = serve(latency_s=0.01)
    start = time.monotonic()
    # Each sets 100 s aside and uses about 10 ms of them.
    list(opened(served, tpm=60_000, concurrency=1).complete(asks(6, max_tokens=100_000)))
    assert time.monotonic() - start < 50
    assert len(served.calls()) == 6


def test_a_missing_key_is_named_before_any_call(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        open_backend(PRICED, BackendSettings())


@pytest.mark.parametrize("model", ["nonsense", "foo/bar", "hf/x", "vlm:x"])
def test_a_name_that_is_no_model_is_one_line_with_the_accepted_forms(model, capfd):
    with pytest.raises(ConfigError, match="hf:NAME_OR_FOLDER") as caught:
        open_backend(model, BackendSettings())
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().out == ""


def test_a_redirect_does_not_carry_the_key_to_another_host(serve):
    other = serve()
    away = other.url.replace("127.0.0.1", "localhost") + "/chat/completions"
    served = serve({"do": "redirect", "location": away})
    list(opened(served, THROUGH_LITELLM, retries=0).complete(asks(1)))
    assert served.calls()[0]["authorization"] == f"Bearer {CANARY}"
    assert [call["authorization"] for call in other.calls()] in ([], [None])


@pytest.mark.parametrize("model", [PRICED, THROUGH_LITELLM])
def test_an_answer_too_long_for_a_row_fails_its_request_alone(serve, model):
    served = serve({"do": "huge", "num_bytes": 6 * 2**20, "contains": "Question 1"})
    replies = {reply.key: reply for reply in opened(served, model).complete(asks(3))}
    assert "longer than 4 MiB" in replies["1"].error
    assert [key for key, reply in replies.items() if reply.error] == ["1"]
    assert len(served.calls()) == 3


def test_closing_the_replies_stops_within_a_second(serve):
    served = serve({"do": "hang", "calls": list(range(2, 100))})
    replies = opened(served, concurrency=8).complete(asks(50))
    next(replies)
    start = time.monotonic()
    replies.close()
    assert time.monotonic() - start < 1.5
    assert not [thread for thread in threading.enumerate() if thread.name == "qrd-api"]


def test_one_backend_answers_again_and_again(serve):
    backend = opened(serve(), PRICED)
    for _ in range(3):
        assert [reply.error for reply in backend.complete(asks(4))] == [None] * 4


def test_no_secret_of_the_environment_or_the_url_reaches_an_error(serve, monkeypatch):
    monkeypatch.setenv("MY_SERVICE_TOKEN", "plain-looking-canary")
    echoed = f"{CANARY} plain-looking-canary https://user:hunter2hunter2@host/x?key=canary Bearer canary-canary"
    served = serve({"do": "status", "status": 400, "message": echoed})
    (reply,) = opened(served).complete(asks(1))
    assert "the plan" not in reply.error
    assert "canary" not in reply.error
    assert "hunter2" not in reply.error


def test_an_estimate_counts_every_call_at_its_longest():
    requests = asks(10, max_tokens=100)
    prompt_tokens, completion_tokens, cost_usd = estimate(PRICED, requests)
    assert completion_tokens == 1000
    assert 10 * 2 <= prompt_tokens <= 10 * 10
    highest = [prices.price(PRICED, prices.most_tokens(request.messages), 100) for request in requests]
    assert cost_usd == pytest.approx(sum(highest))
    assert estimate(UNPRICED, asks(1))[2] is None
    assert estimate("embedded:smollm2-135m", asks(1))[2] == 0.0


@pytest.mark.parametrize("text", ["8675309" * 40, "\u4e09\u89d2\u5f62\u7684\u9762\u79ef" * 40, r"\frac{\pi}{2}" * 40])
def test_the_cost_of_an_estimate_is_a_ceiling_for_text_of_many_tokens(text):
    request = Request(key="k", messages=({"role": "user", "content": text},), sampling=Sampling(max_tokens=0))
    # At worst each byte is a token of its own.
    assert estimate(PRICED, [request])[2] >= len(text.encode()) * 0.15e-6
