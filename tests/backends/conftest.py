"""Tiny random models with byte tokenizers (two with a chat template, one base with sliding attention); ledgers."""

import contextlib

import pytest

from tests.backends.api_asks import CANARY
from tests.kit.ledger import serving


def byte_tokenizer(specials, template):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: i for i, token in enumerate([*specials, *alphabet])}
    inner = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    if template is None:
        inner.post_processor = processors.TemplateProcessing(
            single="<bos> $A", special_tokens=[("<bos>", vocab["<bos>"])]
        )
    names = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, additional_special_tokens=[s for s in specials if s not in names.values()], **names
    )
    tokenizer.chat_template = template
    return tokenizer


CHAT = (
    "{{ bos_token }}{% for m in messages %}<turn>{{ m['role'] }}\n{{ m['content'] }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)


def save(folder, tokenizer, config, seed):
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=0.3)  # far from uniform, so that greedy choices are no coin tosses
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def chat_model(tmp_path_factory):
    from transformers import LlamaConfig

    tokenizer = byte_tokenizer(["<pad>", "<bos>", "<eos>", "<turn>", "<end>"], CHAT)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    return save(tmp_path_factory.mktemp("chat_model"), tokenizer, config, seed=1)


@pytest.fixture(scope="session")
def base_model(tmp_path_factory):
    from transformers import Gemma3TextConfig

    tokenizer = byte_tokenizer(["<pad>", "<eos>", "<bos>"], None)
    config = Gemma3TextConfig(
        vocab_size=len(tokenizer), hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=12, sliding_window=8, layer_types=["sliding_attention", "full_attention"],
        max_position_embeddings=256, bos_token_id=2, eos_token_id=1, pad_token_id=0, query_pre_attn_scalar=12,
    )  # fmt: skip
    return save(tmp_path_factory.mktemp("base_model"), tokenizer, config, seed=2)


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory):
    """A chat model whose heads are wide enough for vLLM."""
    from transformers import LlamaConfig

    tokenizer = byte_tokenizer(["<pad>", "<bos>", "<eos>", "<turn>", "<end>"], CHAT)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=96, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=64, max_position_embeddings=256, bos_token_id=1, eos_token_id=2, pad_token_id=0,
    )  # fmt: skip
    return save(tmp_path_factory.mktemp("wide_model"), tokenizer, config, seed=3)


@pytest.fixture
def adapter_of(tmp_path):
    """Makes random LoRA folders: `adapter_of(model_folder, seed)`."""

    def make(base, seed):
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        torch.manual_seed(seed)
        lora = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
        folder = str(tmp_path / f"adapter-{seed}")
        get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora).save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def api_keys(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("XAI_API_KEY", CANARY)


@pytest.fixture
def serve(tmp_path):
    """Starts ledgers: `serve(rule, rule, ..., latency_s=...)`."""
    with contextlib.ExitStack() as stack:

        def start(*rules, **plan):
            file = tmp_path / f"calls-{len(list(tmp_path.iterdir()))}.jsonl"
            return stack.enter_context(serving(file, rules=list(rules), **plan))

        yield start
