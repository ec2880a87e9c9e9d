"""Questions to a person at a terminal, on standard error so that standard output stays free for records."""

from __future__ import annotations

from pathlib import Path as File

import typer


def ask_text(question: str, *, default: str | None = None, must_exist: bool = False) -> str:
    """A line of text; asked again until it names a file where `must_exist`."""
    while True:
        answer: str = typer.prompt(question, default=default, err=True).strip()
        if not must_exist or File(answer).is_file():
            return answer
        typer.echo(f"there is no file {answer}", err=True)


def ask_model(question: str, *, default: str, optional: bool = False) -> str:
    """The name of a model, or an empty text where it may be left out."""
    forms = "litellm name, hf:NAME_OR_FOLDER, vllm:NAME_OR_FOLDER or embedded:NAME"
    answer: str = typer.prompt(f"{question} ({forms}){'; - for none' if optional else ''}", default=default, err=True)
    return "" if optional and answer.strip() == "-" else answer.strip()


def ask_number(question: str, *, default: int) -> int:
    """A whole number of at least 1."""
    while True:
        answer: int = typer.prompt(question, default=default, type=int, err=True)
        if answer >= 1:
            return answer
        typer.echo("at least 1, please", err=True)
