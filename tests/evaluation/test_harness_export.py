"""eval --export: the same questions, asked in the same way by lm-evaluation-harness and inspect_ai.

The last two tests run those tools, in environments whose python QRD_TEST_LM_EVAL_PYTHON and QRD_TEST_INSPECT_PYTHON
name.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
from pathlib import Path as File

import pytest
import tiny_models
import tiny_run

from qrd.config import EvalConfig, knobs
from qrd.console import Console
from qrd.errors import ConfigError
from qrd.models import chat
from qrd.stages.eval import exporting

HARNESSES = {
    "lm-eval": os.environ.get("QRD_TEST_LM_EVAL_PYTHON"),
    "inspect-ai": os.environ.get("QRD_TEST_INSPECT_PYTHON"),
}
MODELS = ("base:fitted", "fitted", "unfitted")
# One spells a special token of the tokenizer, which must not end the turn.
ASKED = [*tiny_run.QUESTIONS, {**tiny_run.QUESTIONS[1], "id": "spelled", "question": "Is <|im_end|> a 1?"}]


def export(run_folder, folder, kind, names=MODELS, **options):
    """The commands that an export of the run names, by model."""
    screen = io.StringIO()
    asked = tiny_models.write_rows(folder / "test.jsonl", [*ASKED, {**ASKED[0], "id": "no gold", "answer": None}])
    settings = {
        "input": [str(asked)], "output": str(folder / "out"), "run": run_folder and str(run_folder), "max_tokens": 12,
        "export": kind, "device": "cpu", **options,
    }  # fmt: skip
    (folder / "out").mkdir(exist_ok=True)
    tally = exporting.run(knobs.build(EvalConfig, settings), Console(stream=screen))
    assert (tally.num_in, tally.num_out, tally.reasons) == (8, 7, {"no gold answer": 1})
    lines = [line for line in screen.getvalue().splitlines() if line.startswith(("lm_eval ", "inspect "))]
    return dict(zip(names, map(shlex.split, lines), strict=True))


def test_the_questions_stand_there_as_the_model_is_asked_them(run_folder, tmp_path):
    from transformers import AutoTokenizer

    commands = export(run_folder, tmp_path, "lm-eval")
    tokenizer = AutoTokenizer.from_pretrained(run_folder / "llama")
    rows = tiny_models.read_rows(tmp_path / "out" / "qrd_test.jsonl")
    assert [row["id"] for row in rows] == [row["id"] for row in ASKED]
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    for row in rows:
        turn = [{"role": "user", "content": row["prompt"]}]
        text = tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
        assert tokenizer(text, add_special_tokens=False)["input_ids"].count(end) == 1
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == chat.prompt_ids(tokenizer, turn)
    assert "--apply_chat_template" in commands["fitted"]
    assert (
        f"pretrained={run_folder / 'llama'},dtype=float32,peft={run_folder / 'students' / 'fitted'}"
        in commands["fitted"]
    )
    assert f"pretrained={run_folder / 'llama'},dtype=float32" in commands["base:fitted"]


@pytest.mark.parametrize("day", ["", "{{ strftime_now('%d %b %Y') }}"])
def test_a_template_that_writes_bos_gets_no_second_one_also_where_it_names_the_day(tmp_path, day):
    from transformers import AutoTokenizer

    folder = tiny_models.save_llama(tmp_path / "dated")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = "{{ bos_token }}" + day + "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    export(None, tmp_path, "inspect-ai", names=["dated"], model=[f"hf:{folder}"])
    (file,) = (tmp_path / "out").glob("*.model.json")
    told = json.loads(file.read_text("utf-8"))
    assert told["tokenizer_call_args"] == {"add_special_tokens": False}


def test_a_template_that_wants_content_parts_is_not_exported_to_tools_that_give_text(tmp_path):
    from transformers import AutoTokenizer

    folder = tiny_models.save_llama(tmp_path / "parts")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = tiny_models.CHATML.replace("{{ m['content'] }}", "{{ m['content'][0]['text'] }}")
    tokenizer.save_pretrained(folder)
    with pytest.raises(ConfigError, match=r"parts: its chat template wants content parts, which lm-eval does not give"):
        export(None, tmp_path, "lm-eval", model=[f"hf:{folder}"])


def test_the_task_ends_replies_where_qrd_does(run_folder, tmp_path):
    export(run_folder, tmp_path, "lm-eval")
    lines = dict(line.split(": ", 1) for line in (tmp_path / "out" / "qrd_test.yaml").read_text().splitlines())
    told = json.loads(lines["generation_kwargs"])
    assert told["until"] == ["<|im_end|>"]
    assert (told["max_gen_toks"], told["do_sample"]) == (12, False)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"samples": 2}, "--samples"), ({"temperature": 0.5}, "--temperature"), ({"output": "-"}, "needs a folder"),
        ({"run": None, "model": ["openai/gpt-4o-mini"]}, "writes tasks for hf: and embedded:"),
    ],
)  # fmt: skip
def test_what_an_export_cannot_keep_is_refused(run_folder, tmp_path, options, told):
    with pytest.raises(ConfigError, match=told):
        export(run_folder, tmp_path, "lm-eval", **options)


def replies_of_lm_eval(folder, model):
    """Reply and score of each question by id."""
    (file,) = (folder / "out" / "results" / model.replace(":", "-")).rglob("samples_*.jsonl")
    return {row["doc"]["id"]: (row["resps"][0][0], bool(row["acc"])) for row in tiny_models.read_rows(file)}


def replies_of_inspect(folder, model):
    """Reply and score of each question by id; the log of `model` is the only one there."""
    (file,) = (folder / "out" / "logs" / model).glob("*.json")
    told = json.loads(file.read_text("utf-8"))["samples"]
    return {
        row["id"]: (row["output"]["choices"][0]["message"]["content"], row["scores"]["qrd_answer"]["value"] == "C")
        for row in told
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", HARNESSES)
def test_the_other_tool_gives_every_greedy_reply_and_score_alike(run_folder, tmp_path, kind):
    python = HARNESSES[kind]
    if not python:
        pytest.skip("no python with this tool is named")
    commands = export(run_folder, tmp_path, kind)
    rows, _, _ = tiny_run.evaluate(run_folder, tmp_path, questions=ASKED, max_tokens=12, device="cpu")
    for model in MODELS:
        words = commands[model]
        if kind == "inspect-ai":
            words = [*words[: words.index("--log-dir")], "--log-dir", str(tmp_path / "out" / "logs" / model)]
            words += ["--log-format", "json", "--display", "none"]
        tool = [str(File(python).parent / words[0]), *words[1:]]
        done = subprocess.run(
            tool, capture_output=True, text=True, timeout=280, env={**os.environ, "HF_HUB_OFFLINE": "1"}
        )
        assert done.returncode == 0, done.stderr
        found = (replies_of_lm_eval if kind == "lm-eval" else replies_of_inspect)(tmp_path, model)
        assert found == {row["id"]: (row["response"], row["correct"]) for row in rows if row["model"] == model}
