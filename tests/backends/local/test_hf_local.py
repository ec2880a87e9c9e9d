import pytest

from qrd.backends import BackendSettings, Request, Sampling
from qrd.backends.local.hf_backend import HfLocal
from qrd.errors import ConfigError
from qrd.models import chat
from tests.backends.conftest import CHAT

TEXTS = ("Why is the sky blue?", "2+2", "Name three rivers, and say where each of them rises.", "x", "Tell me.")


def ask(key, text, *, max_tokens=24, temperature=0.0, top_p=1.0, seed=None, **rest):
    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed)
    return Request(key=key, messages=({"role": "user", "content": text},), sampling=sampling, **rest)


def replies(backend, requests):
    return {reply.key: reply for reply in backend.complete(requests)}


def opened(folder, **settings):
    return HfLocal(f"hf:{folder}", BackendSettings(device="cpu", **settings))


@pytest.fixture(scope="module", params=["chat_model", "base_model"])
def backend(request):
    return opened(request.getfixturevalue(request.param), batch_size=8)


def reference_logprob(backend, prompt, reply_ids):
    """Sum of log p of `reply_ids` after `prompt`, in float64 from one plain pass over the whole sequence."""
    import torch

    ids = torch.tensor([prompt + reply_ids])
    with torch.inference_mode():
        logits = backend.network(input_ids=ids).logits[0].double()
    log_p = logits[len(prompt) - 1 : -1].log_softmax(-1)
    return log_p.gather(1, ids[0, len(prompt) :, None]).sum().item()


def generated(backend, request):
    """(prompt, reply ids, reply) by transformers' own greedy search, one request at a time."""
    import torch

    prompt = chat.prompt_ids(backend.tokenizer, request.messages)
    with torch.inference_mode():
        found = backend.network.generate(
            torch.tensor([prompt]), do_sample=False, max_new_tokens=request.sampling.max_tokens,
            eos_token_id=backend.ends, attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        )  # fmt: skip
    return prompt, found[0, len(prompt) :].tolist()


def test_a_batch_of_many_lengths_replies_as_transformers_does_to_each_alone(backend):
    requests = [ask(str(i), text, max_tokens=5 + 8 * i, want_logprob=True) for i, text in enumerate(TEXTS)]
    found = replies(backend, requests)
    for request in requests:
        prompt, ids = generated(backend, request)
        reply = found[request.key]
        assert reply.text == backend.tokenizer.decode(ids, skip_special_tokens=True)
        assert reply.finish_reason == ("stop" if ids[-1] in backend.ends else "length")
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (len(prompt), len(ids))
        assert reply.logprob == pytest.approx(reference_logprob(backend, prompt, ids), abs=1e-4)


def test_a_sampled_reply_does_not_depend_on_its_batch(backend):
    requests = [
        ask(str(i), text, temperature=0.9, top_p=0.8 if i % 2 else 1.0, seed=7 + i) for i, text in enumerate(TEXTS)
    ]
    together = replies(backend, requests)
    for request in requests:
        (alone,) = backend.complete([request])
        assert alone.text == together[request.key].text


def test_another_seed_draws_another_reply(backend):
    texts = {r.text for r in backend.complete(ask(str(s), "Draw.", temperature=1.0, seed=s) for s in range(6))}
    assert len(texts) == 6


def test_a_stop_text_ends_the_reply_before_it(backend):
    (free,) = backend.complete([ask("free", TEXTS[0])])
    stop = free.text[6:9]
    (cut,) = backend.complete([ask("cut", TEXTS[0], stop=("never in it", stop))])
    assert cut.text == free.text[: free.text.index(stop)]
    assert cut.finish_reason == "stop"
    assert cut.usage.completion_tokens < free.usage.completion_tokens


def test_the_reply_begins_with_the_likeliest_start_and_goes_on(backend):
    starts = ("verdict: valid\n", "verdict: invalid\n", "no")
    requests = [ask(str(i), text, starts=starts, want_logprob=True, max_tokens=30) for i, text in enumerate(TEXTS)]
    for key, reply in replies(backend, requests).items():
        prompt = chat.prompt_ids(backend.tokenizer, requests[int(key)].messages)
        ids = {start: backend.tokenizer(start, add_special_tokens=False)["input_ids"] for start in starts}
        best = max(starts, key=lambda start: reference_logprob(backend, prompt, ids[start]))
        assert reply.text.startswith(best)
        (alone,) = backend.complete([ask("alone", TEXTS[int(key)], starts=(best,), want_logprob=True, max_tokens=30)])
        assert (alone.text, alone.logprob) == (reply.text, pytest.approx(reply.logprob, abs=1e-4))


def test_samples_of_one_prompt_are_read_once_and_reply_as_if_alone(backend, monkeypatch):
    sizes, forward = [], backend.network.forward

    def counted(*words, **named):
        sizes.append(tuple(named["input_ids"].shape))
        return forward(*words, **named)

    requests = [ask(f"{text}{n}", text, temperature=0.9, seed=n, max_tokens=6) for text in TEXTS[:2] for n in range(3)]
    alone = {request.key: next(iter(backend.complete([request]))).text for request in requests}
    monkeypatch.setattr(backend.network, "forward", counted)
    assert {key: reply.text for key, reply in replies(backend, requests).items()} == alone
    assert sizes[0][0] == 2, "two prompts are read"
    assert sizes[1][0] == 6, "six replies are written"


def test_a_stop_text_inside_a_start_ends_nothing(backend):
    start = "verdict: valid\nreason:"
    (free,) = backend.complete([ask("free", TEXTS[0], starts=(start,), max_tokens=30)])
    (cut,) = backend.complete([ask("cut", TEXTS[0], starts=(start,), max_tokens=30, stop=("\n", free.text[-3:]))])
    assert cut.text.startswith(start)
    assert cut.text == start + free.text.removeprefix(start).split("\n")[0].split(free.text[-3:])[0]


def test_a_prompt_past_the_context_is_an_error_of_its_row_only(backend):
    found = replies(backend, [ask("long", "word " * 80), ask("short", "Hi")])
    assert "the model reads 256 at most" in found["long"].error
    assert found["short"].error is None


def test_a_reply_stops_where_the_context_ends(backend):
    (reply,) = backend.complete([ask("a", "Hi", max_tokens=10_000, temperature=1.0, seed=3)])
    assert reply.usage.prompt_tokens + reply.usage.completion_tokens <= 256


def test_requests_are_drawn_as_capacity_frees(backend):
    drawn = []

    def endless():
        for i in range(10**6):
            drawn.append(i)
            yield ask(str(i), "Hi", max_tokens=1)

    next(iter(backend.complete(endless())))
    assert len(drawn) <= 8 * backend.settings.batch_size


def with_template(model, folder, *, body):
    """The chat model in a new folder, each of its turns shown by other words of a template."""
    import shutil

    from transformers import AutoTokenizer

    shutil.copytree(model, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = CHAT.replace("{{ m['content'] }}", body)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_template_that_wants_parts_replies_as_one_that_wants_text(chat_model, tmp_path):
    parts = with_template(chat_model, tmp_path / "parts", body="{% for c in m['content'] %}{{ c['text'] }}{% endfor %}")
    requests = [ask(text, text) for text in TEXTS]
    assert replies(opened(parts), requests) == replies(opened(chat_model), requests)


@pytest.mark.parametrize(("role", "body"), [
    ("user", "{{ m['content'][0]['image'] }}"),
    ("assistant", "{% if m['role'] == 'user' %}{{ m['content'] }}{% endif %}"),
])  # fmt: skip
def test_a_template_that_loses_messages_is_refused_before_the_weights_are_read(
    chat_model, tmp_path, monkeypatch, role, body
):
    from transformers import AutoModelForCausalLM

    loses = with_template(chat_model, tmp_path / "loses", body=body)
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", None)
    with pytest.raises(ConfigError, match=rf"loses: its chat template does not show the {role} message whole"):
        opened(loses)


def test_adapters_take_turns_on_one_base_and_leave_it_as_it_was(chat_model, adapter_of):
    backend = opened(chat_model)
    requests = [ask(str(i), text) for i, text in enumerate(TEXTS)]

    def texts():
        return [reply.text for reply in sorted(backend.complete(requests), key=lambda reply: reply.key)]

    untouched = texts()
    backend.load_adapter("student.one", adapter_of(chat_model, 1))
    backend.load_adapter("student.two", adapter_of(chat_model, 2))
    with backend.student("student.one"):
        first = texts()
        with backend.student("student.two"):
            second = texts()
        assert texts() == first
    assert untouched not in (first, second)
    assert first != second
    assert texts() == untouched


def test_an_adapter_of_another_base_and_an_unknown_name_are_one_line(chat_model, wide_model, adapter_of):
    backend = opened(chat_model)
    with pytest.raises(ConfigError, match="does not fit on hf:"):
        backend.load_adapter("a", adapter_of(wide_model, 1))
    with pytest.raises(ConfigError, match="not one of the loaded students"), backend.student("a"):
        pass


def test_a_folder_that_is_no_safetensors_adapter_is_refused(chat_model, tmp_path):
    backend = opened(chat_model)
    with pytest.raises(ConfigError, match="is no PEFT folder"):
        backend.load_adapter("a", chat_model)
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.bin").write_bytes(b"a pickle")
    with pytest.raises(ConfigError, match=r"no adapter_model\.safetensors"):
        backend.load_adapter("a", str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "problem"), [({}, "cannot be loaded"), ({"device": "no-such-device"}, "--device no-such-device")]
)
def test_a_model_that_cannot_be_had_is_one_line(tmp_path, settings, problem):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match=problem) as caught:
        HfLocal(f"hf:{tmp_path}", BackendSettings(**settings))
    assert "\n" not in str(caught.value)


def test_pickled_weights_are_not_read(chat_model, tmp_path):
    import shutil

    import torch
    from safetensors.torch import load_file

    folder = tmp_path / "pickled"
    shutil.copytree(chat_model, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="cannot be loaded"):
        opened(folder)
