"""Embeddings: means over real tokens, computed once per text and encoder."""

import shutil

import pytest
import tiny_models
import torch
from transformers import AutoModel, AutoTokenizer

from qrd.errors import ConfigError
from qrd.training import encoder
from qrd.training.encoder import embed_texts, token_limit

CPU = torch.device("cpu")
TEXTS = ["Tom has 3 apples.", "The answer is 7. " * 3, "x"]


@pytest.fixture
def cache(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("QRD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "embeddings"


def test_an_embedding_is_the_mean_of_the_last_states_over_real_tokens(tiny, cache):
    found_KD = embed_texts(TEXTS, str(tiny.encoder), device=CPU)
    tokenizer, model = AutoTokenizer.from_pretrained(tiny.encoder), AutoModel.from_pretrained(tiny.encoder).eval()
    for text, vector_D in zip(TEXTS, found_KD, strict=True):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).last_hidden_state
        assert torch.allclose(vector_D, states[0].mean(dim=0), atol=1e-5)


def test_known_texts_are_read_back_and_only_new_ones_computed(tiny, cache, monkeypatch):
    first_KD = embed_texts(TEXTS, str(tiny.encoder), device=CPU)
    asked = []
    embed = encoder._embed
    monkeypatch.setattr(encoder, "_embed", lambda texts, *rest: asked.append(texts) or embed(texts, *rest))
    again_KD = embed_texts([*reversed(TEXTS), "new"], str(tiny.encoder), device=CPU)
    assert asked == [["new"]]
    assert torch.equal(again_KD[:3], first_KD.flip(0))


def test_another_encoder_has_a_cache_of_its_own(tiny, cache, tmp_path):
    other = tiny_models.save_encoder(tmp_path / "other", seed=1)
    both = [embed_texts(TEXTS, str(folder), device=CPU) for folder in (tiny.encoder, other)]
    assert not torch.allclose(*both)
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("width", [24, 16])
def test_an_encoder_folder_whose_weights_are_replaced_gives_new_vectors(cache, tmp_path, width):
    folder, other = (tiny_models.save_encoder(tmp_path / name, seed=0) for name in ("encoder", "other"))
    embed_texts(TEXTS, str(folder), device=CPU)
    for each in (folder, other):
        tiny_models.save_encoder(each, seed=1, width=width)
    found_KD = embed_texts([*TEXTS, "new"], str(folder), device=CPU)
    assert torch.equal(found_KD, embed_texts([*TEXTS, "new"], str(other), device=CPU))


def test_one_spelling_in_two_places_is_two_encoders_and_two_spellings_of_one_place_are_one(
    cache, tmp_path, monkeypatch
):
    vectors = []
    for seed, project in enumerate(("one", "two")):
        folder = tiny_models.save_encoder(tmp_path / project / "enc", seed=seed)
        monkeypatch.chdir(folder.parent)
        vectors.append(embed_texts(TEXTS, "./enc", device=CPU))
        assert torch.equal(embed_texts(TEXTS, f"hf:{folder}", device=CPU), vectors[-1])
    assert not torch.allclose(*vectors)
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_cache_file_is_computed_again(tiny, cache):
    first_KD = embed_texts(TEXTS, str(tiny.encoder), device=CPU)
    [file] = cache.rglob("*.safetensors")
    file.write_bytes(file.read_bytes()[:40])
    assert torch.equal(embed_texts(TEXTS, str(tiny.encoder), device=CPU), first_KD)


def test_a_bit_flipped_in_the_cache_is_computed_again(tiny, cache):
    first_KD = embed_texts(TEXTS, str(tiny.encoder), device=CPU)
    (file,) = cache.rglob("*.safetensors")
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    assert torch.equal(embed_texts(TEXTS, str(tiny.encoder), device=CPU), first_KD)


def test_a_copy_of_an_encoder_is_the_same_encoder(tiny, cache, tmp_path, monkeypatch):
    shutil.copytree(tiny.encoder, tmp_path / "copy")
    first_KD = embed_texts(TEXTS, str(tiny.encoder), device=CPU)
    monkeypatch.setattr(encoder, "_embed", None)
    assert torch.equal(embed_texts(TEXTS, str(tmp_path / "copy"), device=CPU), first_KD)


def test_a_long_text_is_cut_at_the_encoders_limit(tiny, cache):
    tokenizer, model = AutoTokenizer.from_pretrained(tiny.encoder), AutoModel.from_pretrained(tiny.encoder)
    assert token_limit(tokenizer, model) == 64
    long_KD = embed_texts(["apples " * 500, "apples " * 600], str(tiny.encoder), device=CPU)
    assert torch.allclose(long_KD[0], long_KD[1], atol=1e-6)


def test_an_encoder_that_is_not_there_is_a_config_error(cache, tmp_path):
    with pytest.raises(ConfigError, match="--encoder"):
        embed_texts(["x"], str(tmp_path / "nothing"), device=CPU)
