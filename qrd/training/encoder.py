"""Embeddings of paths from a frozen encoder, computed once and cached on disk (eq. 1; departure 5).

Axes: K texts, B texts of a batch, T tokens, D width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from qrd.errors import ConfigError
from qrd.masking import one_line
from qrd.models.embedded import cache_folder
from qrd.models.names import local_source
from qrd.rows.disk import write_whole
from qrd.rows.fingerprints import files_at
from qrd.training.batches import cut

BATCH_TOKENS = 4096


def embed_texts(texts: Sequence[str], encoder: str, *, device: torch.device, trust_remote_code: bool = False) -> Tensor:
    """One vector per text: the mean of the encoder's last hidden states over its tokens.

    Texts longer than the encoder's limit are cut there. What was embedded once with this encoder is read
    back; a folder is the same encoder for as long as its files are.

    Shapes: embedding_KD float32, on the CPU.
    Source: section 2.4, eq. 1.
    """
    folder = cache_folder() / "embeddings" / _digest(_identity(local_source(encoder, option="--encoder")))
    keys = [_digest(text) for text in texts]
    known = _read_cache(folder)
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        fresh_KD = _embed(list(missing.values()), encoder, device, trust_remote_code)
        fresh = dict(zip(missing, fresh_KD.unbind(0), strict=True))
        data = save({key: vector.clone() for key, vector in fresh.items()})
        write_whole(folder / f"{hashlib.sha256(data).hexdigest()}.safetensors", data)
        known |= fresh
    return torch.stack([known[key] for key in keys])


def _identity(source: str) -> str:
    """What tells an encoder from others: a hub's name, or the content of a folder's files."""
    files = files_at(source)
    return repr([(File(file).name, sha256) for file, sha256 in files.items()]) if files else source


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _read_cache(folder: File) -> dict[str, Tensor]:
    known: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            data = file.read_bytes()
            if hashlib.sha256(data).hexdigest() != file.stem:
                raise SafetensorError("another content than its name says")
            known |= load(data)
        except (OSError, SafetensorError):  # what is damaged is computed again
            file.unlink(missing_ok=True)
    return known


def _embed(texts: list[str], encoder: str, device: torch.device, trust_remote_code: bool) -> Tensor:
    tokenizer, model = _load(encoder, device, trust_remote_code)
    limit = token_limit(tokenizer, model)
    rows = [tokenizer(text, truncation=True, max_length=limit)["input_ids"] for text in texts]
    width = model.config.hidden_size
    embedding_KD = torch.zeros(len(texts), width)
    for piece in cut([len(ids) for ids in rows], BATCH_TOKENS):
        embedding_KD[piece] = _mean_states(model, [rows[k] for k in piece], device).cpu()
    return embedding_KD


@torch.no_grad()
def _mean_states(model: Any, rows: list[list[int]], device: torch.device) -> Tensor:
    """Mean of the last hidden states over real tokens, padding left out.

    Shapes: mean_BD float32.
    """
    width = max(len(ids) for ids in rows)
    padding = model.config.pad_token_id or 0
    ids_BT = torch.full((len(rows), width), padding)
    mask_BT = torch.zeros(len(rows), width, dtype=torch.long)
    for row, ids in enumerate(rows):
        ids_BT[row, : len(ids)] = torch.tensor(ids)
        mask_BT[row, : len(ids)] = 1
    mask_BT = mask_BT.to(device)
    states_BTD: Tensor = model(input_ids=ids_BT.to(device), attention_mask=mask_BT).last_hidden_state.float()
    sum_BD: Tensor = (states_BTD * mask_BT.unsqueeze(-1)).sum(dim=1)
    return sum_BD / mask_BT.sum(dim=1, keepdim=True)


def _load(encoder: str, device: torch.device, trust_remote_code: bool) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    source = local_source(encoder, option="--encoder")
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=trust_remote_code)
        model = AutoModel.from_pretrained(
            source, dtype=torch.float32, use_safetensors=True, trust_remote_code=trust_remote_code
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise ConfigError(f"--encoder: cannot load {encoder!r} ({one_line(error)})") from None
    return tokenizer, model.to(device).eval()


def token_limit(tokenizer: Any, model: Any) -> int:
    """Most tokens the encoder reads, special ones included.

    RoBERTa numbers its positions from the padding token's number plus one, so of 514 positions 512 are
    usable.
    """
    positions = int(getattr(model.config, "max_position_embeddings", 512))
    if model.config.model_type in ("roberta", "xlm-roberta", "camembert"):
        positions -= int(model.config.pad_token_id) + 1
    return min(positions, int(tokenizer.model_max_length))
