"""Paths leave in the forms that other trainers read, none that must not train leaves, and loaders give them back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qrd.config import DataExportConfig, knobs
from qrd.console import Console
from qrd.errors import ConfigError, DataError, GateError, StorageError
from qrd.exports.trainers import TRAINERS
from qrd.prompts import student_messages
from qrd.rows.records import Question, in_shard
from qrd.stages.data import exporting
from tests.published.conftest import read

ASKED = [{"role": "system", "content": "Think."}, {"role": "user", "content": "1 + 1?"}]
PATH = {
    "id": "q1", "task": "math", "question": "1 + 1?", "answer": "2", "path_id": "p1", "teacher": "t", "style": "cot",
    "sample": 0, "prompt": ASKED, "response": " One more than 1 is \u2028 2.\n", "finish_reason": "stop",
    "prediction": "2", "correct": True, "verdict": "valid", "own": [1],
}  # fmt: skip
PLAIN = student_messages(Question(id="q1", task="math", question="1 + 1?"))
REPLY = {"role": "assistant", "content": PATH["response"]}
ORIGIN = {"id": "q1", "path_id": "p1", "teacher": "t", "style": "cot"}


def paths(number: int) -> list[dict[str, Any]]:
    return [{**PATH, "id": f"q{n}", "path_id": f"p{n}", "response": f"It is {n}."} for n in range(number)]


@pytest.fixture
def exported(tmp_path: Path):
    """The rows that an export writes, or what it returns with `summary=True`."""

    def run(rows: list[dict[str, Any]], *, summary: bool = False, **options: Any) -> Any:
        file = tmp_path / "paths.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        given = {"input": str(file), "for": "trl", "output": str(tmp_path / "out.jsonl"), **options}
        told = exporting.run(knobs.build(DataExportConfig, given), Console(quiet=True))
        return told if summary else read(Path(given["output"]))

    return run


@pytest.mark.parametrize("trainer", TRAINERS)
@pytest.mark.parametrize(("prompt", "asked"), [("plain", PLAIN), ("style", ASKED)])
def test_messages_are_the_prompt_and_the_reply_word_for_word(exported, trainer: str, prompt: str, asked: Any) -> None:
    (row,) = exported([PATH], prompt=prompt, **{"for": trainer})
    assert row == {"messages": [*asked, REPLY], **ORIGIN}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_prompt_and_completion_are_turns_for_trl_and_texts_elsewhere(exported, trainer: str) -> None:
    (row,) = exported([PATH], form="prompt-completion", prompt="style", **{"for": trainer})
    texts = {"prompt": "Think.\n\n1 + 1?", "completion": PATH["response"]}
    assert row == ({"prompt": ASKED, "completion": [REPLY]} if trainer == "trl" else texts) | ORIGIN


def test_no_reply_that_must_not_train_leaves(exported, tmp_path: Path) -> None:
    spoilt = [
        {"finish_reason": "length"}, {"finish_reason": "content_filter"}, {"response": " "}, {"response": None},
        {"reject_reason": "invalid"},
    ]  # fmt: skip
    rows = [PATH, *({**PATH, "path_id": f"bad{n}", **change} for n, change in enumerate(spoilt))]
    assert [row["path_id"] for row in exported(rows)] == ["p1"]
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_text())
    reasons = {name: number for name, number in manifest["reasons"].items() if number}
    assert (manifest["rows_in"], manifest["rows_out"]) == (6, 1)
    assert reasons == {"truncated": 2, "empty": 2, "rejected": 1}


def test_nothing_left_to_export_fails_and_leaves_the_old_file(exported, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("old\n")
    with pytest.raises(GateError, match=r"no path is left to export; left out: 1 empty"):
        exported([{**PATH, "response": ""}])
    assert (tmp_path / "out.jsonl").read_text() == "old\n"


def test_limit_and_shard_choose_paths_and_the_counts_add_up(exported, tmp_path: Path) -> None:
    rows = paths(30)
    parts = [exported(rows, shard=f"{n}/2") for n in (1, 2)]
    assert sorted(row["path_id"] for part in parts for row in part) == sorted(row["path_id"] for row in rows)
    assert all(in_shard(row["id"], 1, 2) for row in parts[0])
    assert [row["path_id"] for row in exported(rows, limit=3)] == ["p0", "p1", "p2"]
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_text())
    assert manifest["rows_in"] == manifest["rows_out"] + sum(manifest["reasons"].values()) == 30


def test_every_bad_row_is_named_and_set_aside_on_demand(exported, tmp_path: Path) -> None:
    rows = [PATH, {**PATH, "path_id": "p2", "response": 5}, {**PATH, "path_id": "p3", "prompt": None}, PATH]
    file = tmp_path / "paths.jsonl"
    with pytest.raises(DataError) as caught:
        exported(rows, prompt="style")
    assert str(caught.value).splitlines() == [
        f"{file}:2:response: found int, expected str | null",
        f"{file}:3:prompt: found nothing, expected the teacher's prompt (--prompt plain)",
        f"{file}:4:path_id: found 'p1' again, first used at {file}:1",
    ]
    assert not (tmp_path / "out.jsonl").exists()
    told = exported(rows, prompt="style", skip_bad=True, summary=True)
    assert (told.num_in, told.num_out, told.num_bad) == (4, 1, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"public": True}, "--public: only with --hub"),
        ({"format": "parquet"}, "--format parquet: .*out.jsonl says otherwise"),
        ({"format": "parquet", "output": "-"}, "--format parquet: needs a file"),
        ({"for": "llama-factory", "output": "-"}, "--for llama-factory: needs a file"),
        ({"hub": "me/x"}, "--hub: .*out.jsonl is a file; give a folder"),
        ({"hub": "a/b/c", "output": "-"}, "--hub: .*'a/b/c'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(exported, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        exported([PATH], **options)


def test_llama_factory_finds_the_file_in_its_registry_and_keeps_other_entries(exported, tmp_path: Path) -> None:
    registry = tmp_path / "dataset_info.json"
    registry.write_text('{"mine": {"file_name": "mine.json"}}')
    exported([PATH], **{"for": "llama-factory"})
    exported([PATH], form="prompt-completion", output=str(tmp_path / "texts.jsonl"), **{"for": "llama-factory"})
    entries = json.loads(registry.read_text())
    assert entries["mine"] == {"file_name": "mine.json"}
    assert (entries["out"]["file_name"], entries["out"]["columns"]) == ("out.jsonl", {"messages": "messages"})
    assert entries["out"]["tags"]["role_tag"] == "role"
    assert entries["texts"]["columns"] == {"prompt": "prompt", "response": "completion"}
    registry.write_text("[1]")
    with pytest.raises(ConfigError, match="is no registry of LLaMA-Factory"):
        exported([PATH], **{"for": "llama-factory"})
    assert registry.read_text() == "[1]"


def test_a_missing_package_is_one_line_that_says_how_to_get_it(exported, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"--format parquet needs pyarrow: pip install 'qrd\[hub\]'"):
        exported([PATH], output=str(tmp_path / "x.parquet"))
    with pytest.raises(ConfigError, match=r"--hub needs huggingface_hub: pip install 'qrd\[hub\]'"):
        exported([PATH], output="-", hub="me/x")


def test_a_parquet_file_that_cannot_be_written_is_left_as_it_was(exported, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "taken").write_text("")
    with pytest.raises(StorageError, match="taken"):
        exported([PATH], output=str(tmp_path / "taken" / "x.parquet"), summary=True)
    output = tmp_path / "x.parquet"
    exported([PATH], output=str(output), summary=True)
    before = output.read_bytes()
    with pytest.raises(DataError):
        exported([PATH, {}], output=str(output), summary=True)
    assert output.read_bytes() == before
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize("form", ["messages", "prompt-completion"])
@pytest.mark.parametrize("trainer", ["trl", "axolotl"])
def test_the_package_datasets_gives_the_same_rows_back_from_either_format(
    exported, tmp_path: Path, form: str, trainer: str
) -> None:
    datasets = pytest.importorskip("datasets")
    pytest.importorskip("pyarrow")
    given = {"form": form, "prompt": "style", "for": trainer, "summary": True}
    rows = [*paths(1500), PATH]  # more than one batch of Parquet
    rows[0]["path_id"] = "first"
    for kind, name in (("json", "rows.jsonl"), ("parquet", "rows.parquet")):
        exported([{**row, "path_id": f"{n}"} for n, row in enumerate(rows)], output=str(tmp_path / name), **given)
        loaded = datasets.load_dataset(
            kind, data_files=str(tmp_path / name), split="train", cache_dir=str(tmp_path / "cache")
        )
        assert loaded.to_list() == read(tmp_path / "rows.jsonl")


def qrd(*words: str, given: bytes = b"", **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, "-m", "qrd", "data", "export", *words], input=given, env=environment, capture_output=True,
        timeout=60,
    )  # fmt: skip


def test_rows_flow_through_a_pipe_and_for_is_an_option_like_others(tmp_path: Path) -> None:
    line = json.dumps(PATH).encode() + b"\n"
    done = qrd("--for", "trl", given=line)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["messages"] == [*PLAIN, REPLY]
    assert qrd(given=line, QRD_DATA_EXPORT_FOR="trl").stdout == done.stdout
    file = tmp_path / "config.toml"
    file.write_bytes(qrd("--for", "trl", "--form", "prompt-completion", "--print-config").stdout)
    assert b'for = "trl"' in file.read_bytes()
    assert "completion" in json.loads(qrd("--config", str(file), given=line).stdout)
    wrong = qrd("--for", "keras", given=line)
    assert (wrong.returncode, wrong.stdout) == (2, b"")
    assert wrong.stderr.startswith(b"qrd: --for: 'keras' is not one of trl, llama-factory")
    assert qrd(given=line).stderr == b"qrd: --for must be given (qrd data export --help)\n"
