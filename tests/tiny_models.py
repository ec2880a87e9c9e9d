"""Tiny random models and tokenizers, built offline.

Two families with different widths, vocabularies and tokenizers, more tokenizers of the kinds that students
come with, an encoder, and paths to train on.
"""

import json
import random

import torch
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    BertConfig,
    BertModel,
    Gemma2Config,
    Gemma2ForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

SENTENCES = [
    "Tom has 3 apples and buys 4 more, so he has 3 + 4 = 7 apples. The answer is 7.",
    "First we add the numbers, then we divide the sum by two. The answer is 12.",
    "A train leaves at 9:15 and arrives at 11:40, which is 2 hours and 25 minutes later.",
    "Since every square is a rectangle, the statement is true. The answer is yes.",
    "Reason step by step. Question: which of these is a metal? A. oak B. iron C. glass",
    "User: what is twice 21? Assistant: twice 21 is 42, because 2 * 21 = 42.",
    "def solve(x):\n    return x * 2 + 1\nprint(solve(20))  # 41",
    "Das Café kostet 3 €, naïve Größe; 数字は三つあります。",
]

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for m in messages %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'assistant' %} {{ m['content'] }}{{ eos_token }}"
    "{% else %}[INST] {{ m['content'] }} [/INST]{% endif %}{% endfor %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}<|start|>{{ m['role'] }}<|end|>\n\n{{ m['content'] }}<|eot|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant<|end|>\n\n{% endif %}"
)


def byte_level(*, specials, size=400):
    """A byte-level BPE, as GPT-2, SmolLM and Llama 3 use."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer


def unigram(*, specials, size=220, prefix=False):
    """A sentence-piece unigram with byte fallback, as Gemma's; `prefix` adds a first space, as Llama 2 does."""
    learnt = Tokenizer(models.Unigram())
    learnt.normalizer = normalizers.Replace(" ", "▁")
    pieces = trainers.UnigramTrainer(vocab_size=size, special_tokens=[], unk_token="<unk>")
    learnt.train_from_iterator(SENTENCES[:-1], pieces)
    found = json.loads(learnt.to_str())["model"]["vocab"]
    vocabulary = [(piece, score) for piece, score in found if piece != "<unk>"]
    fallback = [(f"<0x{byte:02X}>", -20.0) for byte in range(256)]
    heads = [(special, 0.0) for special in specials]
    tokenizer = Tokenizer(models.Unigram([*heads, ("<unk>", 0.0), *fallback, *vocabulary], len(heads), True))
    first = [normalizers.Prepend("▁")] if prefix else []
    tokenizer.normalizer = normalizers.Sequence([*first, normalizers.Replace(" ", "▁")])
    last = [decoders.Strip(" ", 1, 0)] if prefix else []
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *last]
    tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.add_special_tokens([AddedToken(special, special=True, normalized=False) for special in specials])
    return tokenizer


def finished(tokenizer, *, bos=None, eos, pad=None, adds_bos=False, template=None, side="right"):
    """The transformers tokenizer around a trained one."""
    if adds_bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=bos, eos_token=eos, pad_token=pad or eos, padding_side=side
    )
    fast.chat_template = template
    return fast


def chatml_tokenizer():
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return finished(byte_level(specials=specials), bos="<|im_start|>", eos="<|im_end|>", template=CHATML)


def gemma_tokenizer():
    specials = ["<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"]
    inner = unigram(specials=specials)
    return finished(inner, bos="<bos>", eos="<eos>", pad="<pad>", adds_bos=True, template=GEMMA, side="left")


def all_tokenizers():
    """Name -> (tokenizer, the token that ends its turns): the kinds that students come with."""
    llama3 = byte_level(specials=["<|begin|>", "<|start|>", "<|end|>", "<|eot|>", "<|endoftext|>"], size=350)
    return {
        "chatml, byte-level, no BOS": (chatml_tokenizer(), "<|im_end|>"),
        "gemma, unigram, BOS twice, padded left": (gemma_tokenizer(), "<end_of_turn>"),
        "mistral, first space, BOS twice": (
            finished(
                unigram(specials=["<s>", "</s>", "[INST]", "[/INST]"], prefix=True),
                bos="<s>", eos="</s>", adds_bos=True, template=MISTRAL,
            ),
            "</s>",
        ),
        "llama 3, byte-level, BOS twice": (
            finished(llama3, bos="<|begin|>", eos="<|endoftext|>", adds_bos=True, template=LLAMA3),
            "<|eot|>",
        ),
        "gpt-2, no template, no BOS": (
            finished(byte_level(specials=["<|endoftext|>"], size=320), eos="<|endoftext|>"),
            "<|endoftext|>",
        ),
        "base gemma, no template, BOS": (
            finished(unigram(specials=["<pad>", "</s>", "<s>"]), bos="<s>", eos="</s>", pad="<pad>", adds_bos=True),
            "</s>",
        ),
        "llama 2, no template, first space, BOS": (
            finished(unigram(specials=["<s>", "</s>"], prefix=True), bos="<s>", eos="</s>", adds_bos=True, side="left"),
            "</s>",
        ),
    }  # fmt: skip


def save_llama(folder, *, seed=0, width=32, layers=2, positions=1024):
    """A folder with a tiny Llama of ChatML turns; its input and output embeddings are shared."""
    tokenizer = chatml_tokenizer()
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=positions, tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return _saved(LlamaForCausalLM(config), tokenizer, folder)


def save_gemma(folder, *, seed=0, width=48, layers=2):
    """A folder with a tiny Gemma 2, whose logits are soft-capped; another width, vocabulary and tokenizer."""
    tokenizer = gemma_tokenizer()
    torch.manual_seed(seed)
    config = Gemma2Config(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=1, head_dim=12, max_position_embeddings=1024, sliding_window=16,
        final_logit_softcapping=5.0, attn_implementation="eager",
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return _saved(Gemma2ForCausalLM(config), tokenizer, folder)


def save_gpt2(folder, *, seed=0, width=32, positions=256):
    """A folder with a tiny GPT-2: no chat template, and a learned vector for each of its few positions."""
    tokenizer = finished(byte_level(specials=["<|endoftext|>"], size=320), eos="<|endoftext|>")
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=width, n_layer=2, n_head=4, n_positions=positions,
        bos_token_id=tokenizer.eos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return _saved(GPT2LMHeadModel(config), tokenizer, folder)


def save_encoder(folder, *, seed=0, width=24):
    """A folder with a tiny BERT that reads at most 64 tokens."""
    specials = ["<pad>", "<s>"]
    tokenizer = finished(byte_level(specials=specials, size=300), bos="<s>", eos="<s>", pad="<pad>", adds_bos=True)
    tokenizer.model_max_length = 64
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=64, pad_token_id=0,
    )  # fmt: skip
    return _saved(BertModel(config), tokenizer, folder)


def _saved(model, tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def path_rows(num_questions=8, styles=("vanilla", "cot"), *, seed=0):
    """Judged paths of short sums in several styles, as filter would keep them."""
    draw = random.Random(seed)
    rows = []
    for number in range(num_questions):
        a, b = draw.randint(2, 60), draw.randint(2, 60)
        for style in styles:
            steps = " ".join(draw.choice(SENTENCES[:4]) for _ in range(draw.randint(0, 2)))
            lead = "We just add." if style == "vanilla" else f"Step one: take {a}. Step two: add {b}. {steps}"
            rows.append(
                {
                    "id": f"sum-{number}", "task": "math", "question": f"What is {a} + {b}?", "answer": str(a
                    + b), "path_id": f"sum-{number}-{style}", "teacher": "scripted", "style": style, "sample":
                    0, "prompt": [{"role": "user", "content": f"Think, then answer: what is {a} + {b}?"}],
                    "response": f"{lead} {a} + {b} = {a + b}. The answer is {a + b}.", "finish_reason":
                    "stop", "prediction": str(a + b), "correct": True, "verdicts": [], "verdict": "valid",
                }
            )  # fmt: skip
    return rows


def write_rows(file, rows):
    """A JSONL file of these rows."""
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def read_rows(file):
    """The rows of a JSONL file."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
