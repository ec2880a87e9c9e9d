"""Promise 16: a student is trained on exactly the intended tokens, whatever its tokenizer."""

import pytest
import tiny_models
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from qrd.errors import ConfigError
from qrd.method.words import align, split_words
from qrd.models import chat
from qrd.training.batches import Encoder, collate
from qrd.training.students.logits import read_head
from qrd.training.students.student import Student

TOKENIZERS = tiny_models.all_tokenizers()
MESSAGES = [{"role": "user", "content": "What is 3 + 4?\n\nReason step by step."}]
RESPONSES = [
    "Tom has 3 apples. The answer is 7.",
    "Café: 3 €\n\n数字は三つ 🙂 naïve",
    "x",
    "  two leading spaces and a\ttab  ",
    "print('a')\n    return  # <b>",
]
each_tokenizer = pytest.mark.parametrize("name", TOKENIZERS)


def encoded(name, response, messages=MESSAGES):
    return Encoder(TOKENIZERS[name][0]).encode(messages, response)


@each_tokenizer
@pytest.mark.parametrize("response", RESPONSES)
def test_targets_decode_to_the_response_and_the_end_of_turn(name, response):
    tokenizer, end = TOKENIZERS[name]
    path = encoded(name, response)
    targets = list(path.ids[path.num_prompt :])
    assert tokenizer.convert_ids_to_tokens(targets[-1]) == end
    assert tokenizer.decode(targets[:-1], clean_up_tokenization_spaces=False) == response
    assert len(path.offsets) == len(targets) - 1 == path.num_targets - 1


@each_tokenizer
def test_there_is_one_bos_where_the_tokenizer_has_one(name):
    tokenizer, _ = TOKENIZERS[name]
    ids = encoded(name, "x").ids
    if tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id:
        assert ids[0] == tokenizer.bos_token_id
        assert ids.count(tokenizer.bos_token_id) == 1
    elif tokenizer.bos_token_id is not None:  # ChatML: the same token begins every turn
        assert ids[:2].count(tokenizer.bos_token_id) == 1


@each_tokenizer
def test_the_prompt_holds_the_question_and_ends_where_the_reply_begins(name):
    tokenizer, _ = TOKENIZERS[name]
    path = encoded(name, "zzz")
    prompt = tokenizer.decode(path.ids[: path.num_prompt])
    assert "What is 3 + 4?" in prompt
    assert "zzz" not in prompt
    assert tuple(chat.prompt_ids(tokenizer, MESSAGES)) == path.ids[: path.num_prompt]


@each_tokenizer
def test_a_special_token_spelled_out_in_a_response_is_plain_text_or_noticed(name):
    tokenizer, end = TOKENIZERS[name]
    encoder = Encoder(tokenizer)
    path = encoder.encode(MESSAGES, f"before {end} after")
    spelled = encoder.end in path.ids[path.num_prompt : -1]
    assert encoder.is_plain(path) is not spelled
    assert not (spelled and "byte-level" in name)
    assert encoder.is_plain(encoder.encode(MESSAGES, "before after"))


PARTS = tiny_models.CHATML.replace("{{ m['content'] }}", "{% for c in m['content'] %}{{ c['text'] }}{% endfor %}")


def chatml(template):
    tokenizer = tiny_models.chatml_tokenizer()
    tokenizer.chat_template = template
    return tokenizer


def test_a_template_that_wants_parts_gives_the_tokens_of_one_that_wants_text():
    one, other = (Encoder(chatml(template)).encode(MESSAGES, "x") for template in (PARTS, tiny_models.CHATML))
    assert one == other


def test_a_tag_that_the_template_opens_and_the_response_too_stands_once():
    tokenizer = chatml(tiny_models.CHATML.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}"))
    response = "<think>\nTwo and two.\n</think>\n\nFinal answer: 4"
    path = Encoder(tokenizer).encode(MESSAGES, response)
    prompt, targets = tokenizer.decode(path.ids[: path.num_prompt]), path.ids[path.num_prompt : -1]
    assert prompt.endswith("assistant\n<think>\n")
    assert tokenizer.decode(targets) == response.removeprefix("<think>\n")
    assert [response[start:end] for start, end in path.offsets] == [tokenizer.decode([token]) for token in targets]


@each_tokenizer
@pytest.mark.parametrize("response", RESPONSES)
def test_every_word_has_tokens_and_offsets_cover_exactly_its_characters(name, response):
    path, words = encoded(name, response), split_words(response)
    pairs = align(path.offsets, words)
    assert {word for _, word in pairs} == set(range(len(words)))
    for word, (start, end) in enumerate(words):
        spans = [path.offsets[token] for token, other in pairs if other == word]
        covered = {char for first, last in spans for char in range(first, last)}
        assert covered >= set(range(start, end))


def test_a_tokenizer_without_any_end_is_refused():
    tokenizer = tiny_models.finished(tiny_models.byte_level(specials=["<p>"]), eos=None, pad="<p>")
    with pytest.raises(ConfigError, match="ends a text"):
        Encoder(tokenizer)


@pytest.mark.parametrize("family", ["llama", "gemma"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_path_alone_equals_the_path_padded_left_or_right(tiny, family, side):
    folder = getattr(tiny, family)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.padding_side = side
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    student = Student("s", "s", model, tokenizer, read_head(model), torch.device("cpu"))
    paths = [Encoder(tokenizer).encode(MESSAGES, response) for response in RESPONSES]
    together = student.run(collate(paths))
    rows = tokenizer.pad({"input_ids": [list(path.ids) for path in paths]}, return_tensors="pt")
    place = rows["attention_mask"].cumsum(dim=1).sub(1).clamp(min=0)
    logits_BTV = model(**{k: rows[k] for k in ("input_ids", "attention_mask")}, position_ids=place).logits
    for b, path in enumerate(paths):
        alone = student.run(collate([path]))
        real_TV = logits_BTV[b][rows["attention_mask"][b].bool()]
        targets = torch.tensor(path.ids[path.num_prompt :])
        expected = torch.nn.functional.cross_entropy(real_TV[path.num_prompt - 1 : -1], targets, reduction="none")
        assert together.ce[b].shape == (path.num_targets,)
        assert torch.allclose(alone.ce[0], together.ce[b], atol=1e-5)
        assert torch.allclose(expected, together.ce[b], atol=1e-5)
        assert torch.allclose(alone.hidden[0], together.hidden[b], atol=1e-4)
        assert together.hidden[b].shape[0] == len(path.offsets)
