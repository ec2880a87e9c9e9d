"""Seconds of encoding the responses of a file for the router: with an empty cache, then again.

Usage: QRD_CACHE=EMPTY_FOLDER encoding.py PATHS.jsonl     Loading the encoder counts, importing the libraries does not.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
import transformers.models.bert.modeling_bert  # noqa: F401  (training has it imported by then)

from qrd.training.encoder import embed_texts


def seconds(texts: list[str]) -> float:
    start = time.perf_counter()
    embed_texts(texts, "embedded:minilm-l6", device=torch.device("cpu"))
    return time.perf_counter() - start


if __name__ == "__main__":
    responses = [json.loads(line)["response"] for line in Path(sys.argv[1]).read_text().splitlines()]
    print(json.dumps([seconds(responses), seconds(responses)]))
