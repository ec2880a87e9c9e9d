"""Tokens of a response as a tokenizer of the user's choice counts them: a student's own, say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as File
from typing import Any

from qrd.errors import ConfigError, needs
from qrd.masking import one_line
from qrd.models import embedded, names
from qrd.rows.records import Path


def token_counter(tokenizer: str) -> Callable[[Path], int]:
    """A function that counts the tokens of a path's response, without those that only mark its beginning and end.

    `tokenizer` is a folder that holds one, `embedded:NAME`, or a name on the hub (`hf:` before either is allowed).
    Raises: ConfigError where there is no such tokenizer or the package that reads it is missing.
    """
    found = names.parsed(tokenizer)
    try:
        encode = _encoder(found.source if found.kind == "hf" else tokenizer)
    except ImportError as error:
        raise needs("--tokenizer", error.name or "transformers", "train") from None

    def count(path: Path) -> int:
        return len(encode(path.response or ""))

    return count


def _encoder(name: str) -> Callable[[str], Any]:
    folder = embedded.folder_of(name) if names.is_embedded(name) else File(names.present(name, f"--tokenizer {name}"))
    if (folder / "tokenizer.json").is_file():
        import tokenizers

        found = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        found.no_truncation()
        found.no_padding()
        return lambda text: found.encode(text, add_special_tokens=False).ids
    import transformers

    try:
        loaded: Any = transformers.AutoTokenizer.from_pretrained(str(folder))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--tokenizer {name}: cannot be loaded: {one_line(error)}") from None
    return lambda text: loaded(text, add_special_tokens=False, verbose=False)["input_ids"]
