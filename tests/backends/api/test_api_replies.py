"""Answers in whatever shape servers give them, and what is none although its status is 200."""

import json

import pytest

from qrd.backends import BackendSettings, open_backend
from qrd.backends.api.refusals import CallFailed
from qrd.backends.api.replies import answer_of
from qrd.rows.records import ending_of
from tests.backends.api_asks import PRICED, asks, opened
from tests.kit import desk

pytestmark = pytest.mark.usefixtures("api_keys")

THOUGHT, TEXT = "5 and 7 make 12.", "Answer: 12"


def body(message, ending="stop", **more):
    return {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": ending}], "usage": None, **more}


def said(content, ending="stop", **more):
    return body({"role": "assistant", "content": content, **more}, ending)


ANSWERS = {
    "text": (said(TEXT), (TEXT, "stop", None)),
    "text of no words": (said(""), ("", "stop", None)),
    "parts": (said([{"type": "text", "text": "Answer: "}, {"type": "text", "text": "12"}]), (TEXT, "stop", None)),
    "parts, output_text": (said([{"type": "output_text", "text": TEXT, "annotations": []}]), (TEXT, "stop", None)),
    "parts without a type": (said([{"text": TEXT}]), (TEXT, "stop", None)),
    "parts that are texts": (said(["Answer: ", "12"]), (TEXT, "stop", None)),
    "one part that is no list": (said({"type": "text", "text": TEXT}), (TEXT, "stop", None)),
    "a part's text in a value": (said([{"type": "text", "text": {"value": TEXT}}]), (TEXT, "stop", None)),
    "parts of thinking": (
        said([{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}, {"type": "text", "text": TEXT}]),
        (TEXT, "stop", THOUGHT),
    ),
    "parts of reasoning": (
        said([{"type": "reasoning", "text": THOUGHT}, {"type": "text", "text": TEXT}]),
        (TEXT, "stop", THOUGHT),
    ),
    "a part that is marked as thought": (
        said([{"text": THOUGHT, "thought": True}, {"text": TEXT}]),
        (TEXT, "stop", THOUGHT),
    ),
    "reasoning_content": (said(TEXT, reasoning_content=THOUGHT), (TEXT, "stop", THOUGHT)),
    "reasoning": (said(TEXT, reasoning=THOUGHT), (TEXT, "stop", THOUGHT)),
    "reasoning_details": (
        said(TEXT, reasoning_details=[{"type": "reasoning.text", "text": THOUGHT}]),
        (TEXT, "stop", THOUGHT),
    ),
    "reasoning that holds all": (said(None, reasoning_content=TEXT), (TEXT, "stop", None)),
    "reasoning that holds all, beside an empty text": (said("", reasoning_content=TEXT), (TEXT, "stop", None)),
    "reasoning that was cut": (said(None, "length", reasoning_content=THOUGHT), (None, "length", THOUGHT)),
    "nothing, since it was cut": (said(None, "length"), (None, "length", None)),
    "nothing, since a filter took it": (said(None, "content_filter"), (None, "content_filter", None)),
    "a refusal": (said(None, refusal="No."), ("No.", "content_filter", None)),
    "a refusal in parts": (said([{"type": "refusal", "refusal": "No."}]), ("No.", "content_filter", None)),
    "a call of a tool": (said(None, "tool_calls", tool_calls=[{"id": "t"}]), (None, "tool_calls", None)),
    "a completion": ({"choices": [{"text": TEXT, "finish_reason": "stop"}]}, (TEXT, "stop", None)),
    "a message that is a text": (body(TEXT), (TEXT, "stop", None)),
    "a choice that is a text": ({"choices": [TEXT]}, (TEXT, None, None)),
    "one choice that is no list": (
        {"choices": {"message": {"content": TEXT}, "finish_reason": "stop"}},
        (TEXT, "stop", None),
    ),
    "a delta": ({"choices": [{"delta": {"content": TEXT}, "finish_reason": "stop"}]}, (TEXT, "stop", None)),
    "output_text": ({"output_text": TEXT, "status": "completed"}, (TEXT, "stop", None)),
    "a response": (
        {
            "status": "completed", "error": None,
            "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": THOUGHT}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": TEXT}]},
            ],
        },
        (TEXT, "stop", THOUGHT),
    ),
    "a response that was cut": (
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": [
            {"type": "message", "content": [{"type": "output_text", "text": "Ans"}]}]},
        ("Ans", "length", None),
    ),
    "Anthropic's": (
        {"type": "message", "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn"},
        (TEXT, "end_turn", None),
    ),
    "Ollama's": ({"message": {"content": TEXT}, "done": True, "done_reason": "stop"}, (TEXT, "stop", None)),
    "Gemini's": (
        {"candidates": [{"content": {"parts": [{"text": TEXT}]}, "finishReason": "STOP"}]},
        (TEXT, "STOP", None),
    ),
    "DashScope's": ({"output": {"text": TEXT, "finish_reason": "stop"}, "usage": {}}, (TEXT, "stop", None)),
    "wrapped": ({"success": True, "result": said(TEXT)}, (TEXT, "stop", None)),
    "alone in a list": ([said(TEXT)], (TEXT, "stop", None)),
    "an ending without a word": (said(TEXT, ""), (TEXT, None, None)),
    "an ending that is null": (said(TEXT, None), (TEXT, None, None)),
    "an ending that nobody knows": (said(TEXT, "because"), (TEXT, "because", None)),
    "an ending by length, as Gemini calls it": (said(TEXT, "MAX_TOKENS"), (TEXT, "length", None)),
    "an ending by length, in an object": (said(TEXT, {"type": "max_tokens"}), (TEXT, "length", None)),
    "an ending by a filter, as Gemini calls it": (said(TEXT, "SAFETY"), (TEXT, "content_filter", None)),
    "an error that tells of none": ({**said(TEXT), "error": {"code": None, "message": ""}}, (TEXT, "stop", None)),
}  # fmt: skip

NO_ANSWERS = {
    "detail": ({"detail": "model is loading"}, "passing", "model is loading"),
    "error": ({"error": {"message": "overloaded", "type": "server_error"}}, "passing", "overloaded"),
    "error as a text": ({"error": "overloaded"}, "passing", "overloaded"),
    "error beside an answer": ({**said("Ans"), "error": {"message": "disconnected"}}, "passing", "disconnected"),
    "error with a status": ({"error": {"message": "slow down", "code": 429}}, "passing", "429: slow down"),
    "error with a status that is a text": ({"error": {"message": "no", "code": "400"}}, "row", "400: no (400)"),
    "error with a status for good": ({"error": {"message": "who?", "code": 401}}, "permanent", "401: who?"),
    "error with a name": ({"error": {"message": "too long", "type": "invalid_request_error"}}, "row", "too long"),
    "an object that is one": ({"object": "error", "message": "boom", "code": 500}, "passing", "500: boom"),
    "a type that is one": ({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}, "passing",
                           "Busy"),
    "in a choice": (
        {"choices": [{"message": {"content": "Ans"}, "finish_reason": "error",
                      "error": {"code": 502, "message": "Provider disconnected"}}]},
        "passing", "502: Provider disconnected",
    ),
    "in a message": (body({"content": "", "error": {"message": "gone"}}), "passing", "gone"),
    "in an ending": (said("Ans", "error"), "passing", "no answer in"),
    "behind a router": (
        {"error": {"message": "Provider returned error", "metadata": {"raw": "context is full"}}},
        "passing", "Provider returned error: context is full",
    ),
    "alone in a list": ([{"error": {"code": 503, "message": "try later"}}], "passing", "503: try later"),
    "no choices": ({"id": "c", "choices": [], "usage": None}, "passing", '"choices":[]'),
    "choices that are null": ({"choices": None}, "passing", '"choices":null'),
    "a choice that is null": ({"choices": [None]}, "passing", '"choices":[null]'),
    "no message": ({"choices": [{"index": 0, "finish_reason": "stop"}]}, "passing", "without content"),
    "a message that is null": (body(None), "passing", "without content"),
    "no content": (said(None), "passing", "without content"),
    "no parts": (said([]), "passing", "without content"),
    "parts without text": (said([{"type": "image_url", "image_url": {}}]), "passing", "without content"),
    "a message of the server": ({"message": "Internal error", "code": 500}, "passing", "500: Internal error"),
    "a text of the server": ({"text": "Internal error", "code": 500}, "passing", "500"),
    "an envelope": ({"success": False, "errors": [{"code": 7003, "message": "no route"}], "result": None}, "passing",
                    "no route"),
    "a status beside nothing": ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, "passing",
                                "login fail"),
    "an empty object": ({}, "passing", "{}"),
    "a number": (7, "passing", "no JSON object"),
    "a list": ([], "passing", "no JSON object"),
    "an empty account": ({"error": {"message": "x", "code": "insufficient_quota"}}, "permanent", "insufficient_quota"),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_in_whatever_shape_it_comes(name):
    completion, expected = ANSWERS[name]
    found = answer_of(completion)
    assert (found.text, found.finish_reason, found.reasoning) == expected


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_what_is_no_answer_is_a_call_that_failed_in_the_servers_own_words(name):
    completion, kind, words = NO_ANSWERS[name]
    with pytest.raises(CallFailed, match=r"\S") as caught:
        answer_of(completion)
    assert caught.value.refusal.kind == kind
    assert words in caught.value.refusal.message


@pytest.mark.parametrize("nested", ["error", "detail", "message", "choices", "content", "output", "data"])
def test_a_body_that_nests_for_ever_is_no_answer(nested):
    completion = "end"
    for _ in range(900):
        completion = {nested: [completion] if nested in ("choices", "content", "output") else completion}
    with pytest.raises(CallFailed, match=r"\S"):
        answer_of(completion)


@pytest.mark.parametrize("name", ["detail", "in a choice", "no choices", "no content", "no message"])
@pytest.mark.parametrize("model", ["openai/m", "xai/grok-3"])
def test_what_is_no_answer_is_asked_again_and_then_fails(serve, name, model):
    served = serve({"do": "body", "body": NO_ANSWERS[name][0], "contains": "Question 1"})
    replies = {reply.key: reply for reply in opened(served, model, retries=2).complete(asks(2))}
    assert (replies["1"].text, replies["1"].attempts) == (None, 3)
    assert replies["1"].error
    assert replies["0"].error is None
    assert len(served.calls()) == 4


@pytest.mark.parametrize(
    "name",
    [
        "reasoning_content", "a refusal", "an ending that nobody knows", "an ending by length, as Gemini calls it",
        "reasoning that holds all",
    ],
)  # fmt: skip
@pytest.mark.parametrize("model", ["openai/m", "xai/grok-3"])
def test_both_clients_read_an_answer_alike(serve, name, model):
    completion, expected = ANSWERS[name]
    (reply,) = opened(serve({"do": "body", "body": completion}), model).complete(asks(1))
    assert (reply.text, reply.finish_reason, reply.reasoning) == expected


def test_a_byte_order_mark_before_an_answer_is_skipped(serve):
    served = serve({"do": "body", "raw": "\ufeff" + json.dumps(said(TEXT))})
    (reply,) = opened(served).complete(asks(1))
    assert reply.text == TEXT


def test_what_is_no_json_is_cited(serve):
    (reply,) = opened(serve({"do": "garbage"}), retries=0).complete(asks(1))
    assert "<html>" in reply.error


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"detail": [{"loc": ["body", "seed"], "msg": "extra fields not permitted"}]}, "422: body.seed: extra fields"),
        ({"detail": "no such thing"}, "422: no such thing"),
        ({"message": "odd", "code": "bad_thing"}, "422: odd (bad_thing)"),
        ({"errors": [{"message": "one"}, {"message": "two"}]}, "422: one; two"),
        ("plain words", "422: plain words"),
    ],
)
def test_the_words_of_a_refusal_are_found_wherever_they_stand(serve, told, words):
    raw = told if isinstance(told, str) else json.dumps(told)
    (reply,) = opened(serve({"do": "body", "raw": raw, "status": 422})).complete(asks(1))
    assert reply.error.startswith(words)
    assert reply.attempts == 1


def test_a_line_of_a_batch_is_read_as_an_answer_to_a_call_is(tmp_path):
    bodies = {"Question 0": ANSWERS["parts of thinking"][0], "Question 1": NO_ANSWERS["detail"][0]}

    def answer(call):
        text = json.dumps(call["body"])
        return next(told for words, told in bodies.items() if words in text)

    with desk.serving(answer=answer) as served:
        settings = BackendSettings(api_base=served.url, batch_file=str(tmp_path / "batches.json"))
        assert list(open_backend(PRICED, settings).complete(asks(2))) == []
        replies = {reply.key: reply for reply in open_backend(PRICED, settings).complete(asks(2))}
    assert (replies["0"].text, replies["0"].reasoning) == (TEXT, THOUGHT)
    assert replies["1"].error == "model is loading"


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (None, "whole"), ("", "whole"), ("stop", "whole"), ("STOP", "whole"), ("eos_token", "whole"),
        ("end_turn", "whole"), ("stop_sequence", "whole"), ("COMPLETE", "whole"), ("length", "cut"),
        ("MAX_TOKENS", "cut"), ("model_length", "cut"), ("max_new_tokens", "cut"), ("incomplete", "cut"),
        ("abort", "cut"), ("insufficient_system_resource", "cut"), ("content_filter", "refused"),
        ("SAFETY", "refused"), ("RECITATION", "refused"), ("refusal", "refused"), ("tool_calls", "tool"),
        ("function_call", "tool"), ("because", "other"), ("unknown", "other"),
    ],
)  # fmt: skip
def test_the_ending_of_a_reply_is_known_by_the_words_of_any_provider(reason, kind):
    assert ending_of(reason) == kind
