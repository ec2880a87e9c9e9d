"""What refusals ask for and mean: how long to wait, when a run is hopeless, and what can be done about an option."""

import contextlib
import socket
import ssl
import subprocess
import threading
import time

import pytest

from qrd.backends import BackendSettings, open_backend
from qrd.backends.api import outlook
from qrd.backends.api.refusals import answered
from qrd.errors import BackendError
from tests.backends.api_asks import PRICED, THROUGH_LITELLM, UNPRICED, asks, opened

pytestmark = pytest.mark.usefixtures("api_keys")
NOW = {"date": "Fri, 31 Dec 1999 23:59:50 GMT"}


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": " 2.5 "}, 2.5),
        ({"retry-after": "2s"}, 2.0),
        ({"retry-after": "946684795"}, 946684795.0),  # below what is taken for a moment
        ({"retry-after": "1999-12-31T23:59:59Z"}, 9.0),
        ({"x-ratelimit-reset-requests": "1s"}, 1.0),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360.0),
        ({"x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-reset-requests": "7.66"}, 7.66),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "20ms"}, 1.0),
        (
            {
                "x-ratelimit-reset-requests": "6m0s", "x-ratelimit-remaining-requests": "99",
                "x-ratelimit-reset-tokens": "2s", "x-ratelimit-remaining-tokens": "0",
            },
            2.0,
        ),
        ({"x-ratelimit-reset-requests": "Fri, 31 Dec 1999 23:59:59 GMT"}, 9.0),
        ({"x-ratelimit-reset-requests": "2000-01-01T00:00:00+00:00"}, 10.0),
        ({"x-ratelimit-reset": "soon"}, None),
        ({"retry-after": "3", "x-ratelimit-reset-requests": "1s"}, 3.0),
        ({}, None),
    ],
)  # fmt: skip
def test_what_a_refusal_asks_to_wait_is_read_in_all_its_forms(headers, wait_s):
    found = answered(429, "busy", {**NOW, **headers}).retry_after_s
    assert found == (wait_s if wait_s is None else pytest.approx(wait_s))


@pytest.mark.parametrize("past_1970", ["4102444800", "4102444800000"])
def test_a_moment_is_told_from_a_number_of_seconds(past_1970):
    headers = {"date": "Fri, 31 Dec 2099 23:59:50 GMT", "x-ratelimit-reset": past_1970}
    assert answered(429, "busy", headers).retry_after_s == pytest.approx(10)


def test_when_limits_are_set_back_matters_only_where_a_limit_refused():
    assert answered(500, "oops", {"x-ratelimit-reset-requests": "6m0s"}).retry_after_s is None


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("400: Unsupported value: 'temperature' does not support 0.7 with this model.", "--temperature 1"),
        ("400: Unsupported parameter: 'top_p' is not supported with this model.", "--top-p 1 it is not sent"),
        ("422: body.seed: extra fields not permitted", "a seed is not taken"),
        ("400: Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'", "--max-tokens"),
        ("400: response_format is not supported", "--schema never"),
    ],
)
def test_a_refusal_of_an_option_says_what_qrd_can_do_about_it(said, advice):
    message = answered(400, said, {}).message
    assert message.startswith(said)
    assert advice in message


def test_a_refusal_that_names_no_option_is_given_as_it_came():
    assert answered(400, "400: the temperature of the room is 7", {}).message == "400: the temperature of the room is 7"


@pytest.mark.parametrize(
    ("model", "sampling", "flag"),
    [
        ("openai/o3-mini", {"temperature": 0.7}, "--temperature 1,"),
        ("openai/gpt-5", {"temperature": 0.0}, "--temperature 1,"),
        ("openai/gpt-5-mini", {"temperature": 1.0, "top_p": 0.9}, "--top-p 1 it"),
    ],
)
def test_an_option_that_a_reasoning_model_refuses_is_named_with_its_flag_and_without_litellms_advice(
    serve, model, sampling, flag
):
    served = serve()
    with pytest.raises(BackendError, match=flag) as caught:
        list(opened(served, model).complete(asks(5, **sampling)))
    assert "drop" not in str(caught.value)
    assert "litellm" not in str(caught.value)
    assert served.calls() == []


@pytest.mark.parametrize("model", ["openai/o3-mini", "openai/gpt-5"])
def test_what_is_advised_for_a_reasoning_model_is_taken(serve, model):
    served = serve()
    (reply,) = opened(served, model).complete(asks(1, temperature=1.0, seed=7))
    assert reply.error is None


@pytest.fixture
def no_server():
    """A port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@contextlib.contextmanager
def without_tls():
    """The port of a server that speaks no TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    connection.close()

        threading.Thread(target=answer, daemon=True).start()
        yield listening.getsockname()[1]


@contextlib.contextmanager
def with_a_certificate_of_its_own(folder):
    """The port of a TLS server that nobody vouches for."""
    certificate = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    where = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    subprocess.run(["openssl", *certificate, *where], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            while True:
                with contextlib.suppress(ssl.SSLError, ConnectionError):
                    connection, _ = listening.accept()
                    context.wrap_socket(connection, server_side=True).close()

        threading.Thread(target=answer, daemon=True).start()
        yield listening.getsockname()[1]


def told_of(model, base, number=200, **settings):
    """What a run says that ends since no server is reached, and how long it took."""
    begin = time.monotonic()
    with pytest.raises(BackendError, match="no server was reached") as caught:
        list(open_backend(model, BackendSettings(api_base=base, **settings)).complete(asks(number)))
    return str(caught.value), time.monotonic() - begin


@pytest.mark.parametrize("model", [UNPRICED, THROUGH_LITELLM])
@pytest.mark.parametrize("retries", [0, 1, 8])
def test_a_server_that_cannot_be_reached_ends_the_run_early_and_its_address_is_told(no_server, model, retries):
    base = f"http://127.0.0.1:{no_server}/v1"
    message, seconds = told_of(model, base, retries=retries)
    assert base in message
    assert "the same command goes on" in message
    assert "0x" not in message
    assert seconds < 60  # of eight retries each, 418


def test_the_address_that_is_told_holds_no_secret(no_server):
    message, _ = told_of(UNPRICED, f"http://user:hunter2hunter2@127.0.0.1:{no_server}/v1?key=canary")
    assert f"127.0.0.1:{no_server}/v1" in message
    assert "hunter2" not in message
    assert "canary" not in message


def test_a_host_without_an_address_ends_the_run_early():
    assert "no-such-host.invalid" in told_of(UNPRICED, "http://no-such-host.invalid/v1")[0]


def test_a_server_whose_tls_fails_ends_the_run_early(tmp_path):
    with without_tls() as port:
        assert str(port) in told_of(UNPRICED, f"https://127.0.0.1:{port}/v1")[0]
    with with_a_certificate_of_its_own(tmp_path) as port:
        assert "certificate" in told_of(UNPRICED, f"https://localhost:{port}/v1")[0].lower()


def test_one_question_that_no_server_is_there_for_ends_the_run_too(no_server):
    told_of(UNPRICED, f"http://127.0.0.1:{no_server}/v1", number=1, retries=3, first_wait_s=0.01)


def test_a_server_that_comes_soon_is_waited_for(monkeypatch):
    monkeypatch.setattr(outlook, "LEAST_S", 60.0)
    with socket.create_server(("127.0.0.1", 0)) as before:
        port = before.getsockname()[1]

    def come():
        time.sleep(0.3)
        with socket.create_server(("127.0.0.1", port)) as listening:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.recv(2**16)
                body = b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}'
                head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
                connection.sendall(head + body)
                connection.close()

    settings = BackendSettings(api_base=f"http://127.0.0.1:{port}/v1", concurrency=4, retries=12, first_wait_s=0.05)
    replies = open_backend(UNPRICED, settings).complete(asks(8))
    threading.Thread(target=come, daemon=True).start()
    assert [reply.text for reply in replies] == ["Hi"] * 8


def test_a_server_that_goes_away_after_an_answer_is_tried_again_for_each_row(serve):
    served = serve()
    backend = opened(served, retries=1)
    next(backend.complete(asks(1)))
    backend.client._url = backend.client._url.with_port(9)
    assert [reply.attempts for reply in backend.complete(asks(5))] == [2] * 5


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize("model", [PRICED, THROUGH_LITELLM])
def test_a_refusal_of_every_request_alike_ends_the_run_after_the_first_rows(serve, status, model):
    served = serve({"do": "status", "status": status, "message": "no model of request 7f3a-11 for you"})
    with pytest.raises(BackendError, match="refuses all requests alike") as caught:
        list(opened(served, model, concurrency=4).complete(asks(200)))
    assert "no model of request 7f3a-11 for you" in str(caught.value)
    assert len(served.calls()) <= 2 * 4 + 4


def test_refusals_that_tell_of_the_row_alone_are_alike_where_numbers_differ(serve):
    rules = [
        {"do": "status", "status": 400, "message": f"you sent {n} tokens", "contains": f'Question {n}"'}
        for n in range(100)
    ]
    with pytest.raises(BackendError, match="alike"):
        list(opened(serve(*rules), concurrency=4).complete(asks(100)))


def test_rows_that_are_refused_among_answers_fail_alone(serve):
    served = serve({"do": "text", "text": "Hi", "calls": [3]}, {"do": "status", "status": 400})
    replies = list(opened(served, concurrency=2).complete(asks(60)))
    assert sum(reply.error is None for reply in replies) == 1
    assert len(served.calls()) == 60
