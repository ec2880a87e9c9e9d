"""eval --export: an evaluation as a task of lm-evaluation-harness or inspect_ai.

Reads:   questions; a run folder of train, or local models by name: of each model its tokenizer and configuration.
Does:    puts the questions as each model is asked them, with what ends its replies, where the other tool finds them.
Writes:  a folder with the task, its questions and its grading; the command of each model on standard error.
Never:   loads weights or asks a model; exports draws, which no two tools make alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path as File
from typing import Any

from qrd import prompts
from qrd.backends import BackendSettings
from qrd.backends.local import load
from qrd.config import EvalConfig, knobs
from qrd.console import Console
from qrd.errors import ConfigError
from qrd.exports import harnesses
from qrd.exports.harnesses import Entry
from qrd.masking import one_line
from qrd.models import chat, names
from qrd.models.chat_template import form_of, rendered
from qrd.models.weights import resolve_dtype
from qrd.rows.disk import refuse_file, write_whole
from qrd.rows.reader import Reader
from qrd.rows.records import Fields, Question
from qrd.stages import Tally, selecting
from qrd.stages.eval.candidates import Candidate, candidates_of

WRITERS = {
    "lm-eval": (harnesses.lm_eval_files, harnesses.lm_eval_command),
    "inspect-ai": (harnesses.inspect_files, harnesses.inspect_command),
}


def run(config: EvalConfig, console: Console) -> Tally:
    """Write the task and print the commands; the counts.

    Raises: ConfigError for a model that is not in this process, or options that an export cannot keep.
    """
    _refuse_unkept(config)
    candidates = list(candidates_of(config))
    for candidate in candidates:
        if not names.kind_of(candidate.model).is_trainable:
            raise ConfigError(f"{candidate.model}: --export writes tasks for hf: and embedded: models")
    reader = Reader(config.input, Question, unique="id", skip_bad=config.skip_bad, needs_rows=True)
    questions = [row.record for row in selecting.selected(reader, config)]
    selecting.report_bad(reader, console)
    with_gold = [question for question in questions if question.answer is not None]
    tally = Tally(num_in=reader.num_rows, num_out=len(with_gold), num_bad=len(reader.bad))
    tally.reasons["no gold answer"] = len(questions) - len(with_gold)
    folder, (files_of, command_of) = File(config.output), WRITERS[str(config.export)]
    forms: dict[Any, str] = {}
    commands = []
    for candidate in candidates:
        entry, rows = _entry_of(candidate, with_gold, config, console)
        form = (entry.has_template, entry.ends, entry.extra_ends, tuple(row["prompt"] for row in rows))
        task = forms.setdefault(form, _task_name(config, entry.name if forms else None))
        for name, content in files_of(task, rows, entry, config.max_tokens).items():
            write_whole(folder / name, content)
        commands.append(command_of(task, str(folder), entry, config.batch_size))
    console.say(f"{folder}: {len(with_gold)} questions; qrd must be installed where these run:")
    for command in commands:
        console.say(command)
    return tally


def _refuse_unkept(config: EvalConfig) -> None:
    if config.output == "-":
        raise ConfigError("--export: needs a folder; give one with -o")
    refuse_file(File(config.output))
    if config.engine != "hf":
        raise ConfigError("--engine: --export writes tasks for transformers; leave it out")
    for name in ("samples", "temperature", "top_p", "summary"):
        default = EvalConfig.__dataclass_fields__[name].default
        if getattr(config, name) != default:
            raise ConfigError(f"{knobs.flag_of(name)}: --export writes one greedy reply a question; leave it out")


def _task_name(config: EvalConfig, other: str | None) -> str:
    stem = File(config.input[0]).stem if config.input[0] != "-" else "questions"
    return re.sub(r"[^A-Za-z0-9]+", "_", "_".join(["qrd", stem, *([other] if other else [])])).strip("_")


def _entry_of(
    candidate: Candidate, questions: Sequence[Question], config: EvalConfig, console: Console
) -> tuple[Entry, list[Fields]]:
    """The model for a harness, and the questions as its tokenizer is given them; says where it will read otherwise."""
    source = names.source_of(candidate.model)
    tokenizer, settings, most = _described(candidate.model, source, config)
    if tokenizer.chat_template and form_of(tokenizer, ("user",), add_generation_prompt=True).parted:
        raise ConfigError(
            f"{candidate.model}: its chat template wants content parts, which {config.export} does not give; "
            "give the model a chat template that takes text"
        )
    own = settings.eos_token_id if isinstance(settings.eos_token_id, list) else [settings.eos_token_id]
    ends = chat.end_tokens(tokenizer, settings)
    rows = [_row(question, tokenizer) for question in questions]
    device = load.device_of(_placement(config))
    dtype = str(resolve_dtype(config.dtype, device)).removeprefix("torch.")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", candidate.name).strip("-.")
    text_of = {end: str(tokenizer.decode([end])) for end in ends}
    entry = Entry(
        name=name,
        source=source,
        adapter=candidate.adapter,
        dtype=dtype,
        device=str(device),
        has_template=bool(tokenizer.chat_template),
        ends=tuple(text_of.values()),
        extra_ends=tuple(text_of[end] for end in ends if end not in own),
        adds_special=_adds_special(tokenizer, questions),
    )
    longest = max((len(_ids(tokenizer, question)) for question in questions), default=0)
    if most is not None and longest + config.max_tokens > most:
        console.say(f"warning: {candidate.name}: reads {most} tokens; the longest prompts leave less than --max-tokens")
    if getattr(settings, "repetition_penalty", None) not in (None, 1.0) and config.export == "inspect-ai":
        console.say(f"warning: {candidate.name}: inspect applies the repetition penalty of its generation_config.json")
    return entry, rows


def _placement(config: EvalConfig) -> BackendSettings:
    return BackendSettings(device=config.device, dtype=config.dtype, trust_remote_code=config.trust_remote_code)


def _described(model: str, source: str, config: EvalConfig) -> tuple[Any, Any, int | None]:
    """(tokenizer, generation settings, most tokens that the model reads).

    Raises: ConfigError where they cannot be had.
    """
    import transformers

    trust = config.trust_remote_code
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=trust)
        shape = transformers.AutoConfig.from_pretrained(source, trust_remote_code=trust)
        try:
            settings = transformers.GenerationConfig.from_pretrained(source)
        except OSError:
            settings = transformers.GenerationConfig.from_model_config(shape)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{model}: cannot be read: {one_line(error)}") from None
    return tokenizer, settings, getattr(shape.get_text_config(), "max_position_embeddings", None)


def _ids(tokenizer: Any, question: Question) -> list[int]:
    return chat.prompt_ids(tokenizer, prompts.student_messages(question))


def _row(question: Question, tokenizer: Any) -> Fields:
    """A question as both tools take it: `prompt` is the message, or all of the prompt where there is no template."""
    (message,) = prompts.student_messages(question)
    said = chat.defused(tokenizer, message["content"])
    prompt = said if tokenizer.chat_template else chat.plain_prompt([{"content": said}])
    return {
        "id": question.id,
        "task": question.task,
        "prompt": prompt,
        "answer": question.answer,
        "choices": list(question.choices or []),
    }


def _adds_special(tokenizer: Any, questions: Sequence[Question]) -> bool:
    """Whether the tokenizer must add its special tokens to the rendered prompt to read what qrd reads."""
    if not questions:
        return False
    text = _row(questions[0], tokenizer)["prompt"]
    if tokenizer.chat_template:
        text = rendered(tokenizer, [{"role": "user", "content": text}], add_generation_prompt=True)
    wanted = _ids(tokenizer, questions[0])
    return bool(tokenizer(text, add_special_tokens=False)["input_ids"] != wanted)
