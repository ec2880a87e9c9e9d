"""The stage on two tiny students: what moves, what is written, what is refused, and degenerate data."""

import json
import math

import pytest
import tiny_models
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tiny_models import path_rows, read_rows
from transformers import AutoModelForCausalLM, AutoTokenizer

from qrd.errors import ConfigError, GateError, QrdError
from qrd.rows.reader import Reader
from qrd.rows.records import Path
from qrd.stages.train import options
from qrd.stages.train import run as train
from qrd.training.loop import Loop
from qrd.training.students.loading import parse_students


def weights(run):
    [checkpoint] = sorted((run / "checkpoints").glob("step-*"))[-1:]
    return load_file(checkpoint / "weights.safetensors")


@pytest.mark.parametrize("routing", ["independent", "exclusive", "none"])
@pytest.mark.parametrize("finetune", ["lora", "full"])
def test_every_trainable_module_moves(settings, console, tmp_path, routing, finetune):
    config = settings(routing=routing, finetune=finetune, save_steps=1, save_total_limit=9, max_steps=4)
    train.run(config, console)
    folders = [tmp_path / "run" / "checkpoints" / f"step-{step}" for step in (1, 4)]
    first, last = (load_file(folder / "weights.safetensors") for folder in folders)
    still = [name for name in first if not name.startswith("buffer/") and torch.equal(first[name], last[name])]
    assert still == []
    modules = {name.split("/")[1].split(".")[0] for name in first if name.startswith("router/")}
    assert (
        modules
        == {
            "independent": {"router", "projections", "competence"},
            "exclusive": {"router"},
            "none": {"projections", "competence"},
        }[routing]
    )


def test_losses_fall(settings, console, tmp_path):
    train.run(settings(finetune="full", routing="none", max_steps=12, learning_rate=5e-3), console)
    lines = read_rows(tmp_path / "run" / "metrics.jsonl")
    for name in ("a", "b"):
        losses = [line["terms"][f"distill/{name}"] for line in lines]
        assert losses[-1] < 0.8 * losses[0]


def test_the_choice_of_routing_changes_what_students_run_and_the_loss(settings, console, tmp_path):
    first = {}
    for routing in ("independent", "exclusive", "none"):
        output = tmp_path / routing
        train.run(settings(routing=routing, max_steps=1, output=str(output)), console)
        [line] = read_rows(output / "metrics.jsonl")
        first[routing] = (line["loss"], line["tokens"])
        routed = [len(row["routed"]) for row in read_rows(output / "routing.jsonl")]
        assert len(routed) == 8
        assert set(routed) <= {"independent": {0, 1, 2}, "exclusive": {1}, "none": {2}}[routing]
    assert len(set(first.values())) == 3


def test_the_run_folder_holds_what_the_contract_names(settings, console, tmp_path):
    summary = train.run(settings(num_train_epochs=1, max_steps=None), console)
    run = tmp_path / "run"
    assert (summary.num_in, summary.num_out, summary.num_steps, summary.is_partial) == (16, 16, 2, False)
    line = read_rows(run / "metrics.jsonl")[0]
    assert set(line) == {
        "step", "epoch", "loss", "terms", "tokens", "student_tokens", "learning_rate", "spread", "seconds",
    }  # fmt: skip
    assert line["tokens"] == sum(line["student_tokens"].values())
    assert set(line["student_tokens"]) == {"a", "b"}
    routing = read_rows(run / "routing.jsonl")
    assert {row["path_id"] for row in routing} == {row["path_id"] for row in path_rows()}
    assert len(routing) == 16
    assert set(routing[0]) == {"epoch", "path_id", "id", "style", "probability", "routed"}
    assert {entry.name for entry in run.iterdir()} == {
        "config.toml", "manifest.json", "metrics.jsonl", "routing.jsonl", "students", "router", "checkpoints",
    }  # fmt: skip
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["rows_in"] == 16
    assert manifest["students"].keys() == {"a", "b"}
    assert "projections.0.linear.weight" in load_file(run / "router" / "model.safetensors")


def test_the_tokens_of_a_line_are_those_that_students_really_ran(settings, console, tmp_path, monkeypatch):
    ran = []
    from qrd.training import loop

    collate = loop.collate
    monkeypatch.setattr(loop, "collate", lambda paths: ran.append(sum(len(p.ids) for p in paths)) or collate(paths))
    train.run(settings(), console)
    assert sum(line["tokens"] for line in read_rows(tmp_path / "run" / "metrics.jsonl")) == sum(ran)


def test_a_saved_student_loads_with_peft_and_gives_the_fitted_logits(settings, console, tiny, tmp_path, monkeypatch):
    kept = {}
    save = train.RunFolder.save_students

    def save_and_keep(folder, students):
        save(folder, students)
        for student in students:
            with torch.no_grad():
                kept[student.name] = student.model.eval()(input_ids=torch.arange(20)[None]).logits

    monkeypatch.setattr(train.RunFolder, "save_students", save_and_keep)
    train.run(settings(), console)
    for name, base in (("a", tiny.llama), ("b", tiny.gemma)):
        model = PeftModel.from_pretrained(
            AutoModelForCausalLM.from_pretrained(base), tmp_path / "run" / "students" / name
        )
        with torch.no_grad():
            found = model.eval()(input_ids=torch.arange(20)[None]).logits
            untrained = AutoModelForCausalLM.from_pretrained(base)(input_ids=torch.arange(20)[None]).logits
        assert torch.equal(found, kept[name])
        assert not torch.equal(found, untrained)


def test_a_saved_student_that_differs_is_noticed(settings, console, monkeypatch):
    from qrd.training import folder

    def save_wrongly(student, target, weights=None):
        before = next(iter(student.trainable().values()))
        before.data.add_(1.0)
        student.model.save_pretrained(str(target))
        before.data.sub_(1.0)

    monkeypatch.setattr(folder, "save_student", save_wrongly)
    with pytest.raises(QrdError, match="differs"):
        train.run(settings(), console)


def test_sft_trains_every_student_on_every_path(settings, console, tmp_path):
    train.run(settings(objective="sft", max_steps=1, per_device_train_batch_size=16), console)
    [line] = read_rows(tmp_path / "run" / "metrics.jsonl")
    assert set(line["terms"]) == {"distill", "distill/a", "distill/b"}
    assert line["spread"] is None
    assert all(row["routed"] == ["a", "b"] for row in read_rows(tmp_path / "run" / "routing.jsonl"))
    assert not (tmp_path / "run" / "router").exists()


def test_routing_none_without_mutual_term_is_the_sft_baseline(settings, console, tmp_path):
    runs = []
    for number, own in enumerate(({"objective": "sft"}, {"routing": "none", "lambda_mutual": 0.0})):
        output = tmp_path / str(number)
        train.run(settings(output=str(output), **own), console)
        runs.append(weights(output))
    shared = {name for name in runs[0] if name.startswith(("a/", "b/"))}
    assert shared
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in shared)


def test_the_spread_is_logged_and_a_collapse_reported(settings, console, tmp_path, monkeypatch):
    results = []
    run_step = Loop.run_step

    def collapse_after_first(loop, step):
        if step == 1:
            for projection in loop.objective.modules["projections"]:
                projection.linear.weight.data.zero_()
        results.append(run_step(loop, step))
        return results[-1]

    monkeypatch.setattr(Loop, "run_step", collapse_after_first)
    train.run(settings(routing="none", max_steps=2), console)
    lines = read_rows(tmp_path / "run" / "metrics.jsonl")
    assert min(lines[0]["spread"].values()) > 0.1
    assert max(lines[1]["spread"].values()) < 1e-6
    assert results[0].closing.warning is None
    assert "a, b have collapsed" in results[1].closing.warning


def rows_with(**changes):
    return [{**row, **changes} for row in path_rows()]


@pytest.mark.parametrize(
    "rows",
    {
        "one style": path_rows(8, styles=("cot",)),
        "one path": path_rows(1, styles=("cot",)),
        "identical paths": rows_with(response="We add. The answer is 7."),
        "responses of one token": rows_with(response="7"),
        "one path per question, in two styles": path_rows(8)[::3],
        "a very long path": [*path_rows(3), {**path_rows(1)[0], "path_id": "long", "response": "Add one more. " * 90}],
    }.items(),
    ids=lambda item: item[0],
)
@pytest.mark.parametrize("routing", ["independent", "exclusive"])
def test_degenerate_data_trains_without_a_broken_number(settings, console, tmp_path, rows, routing):
    train.run(settings(rows[1], routing=routing, max_length=900, micro_batch_tokens=600), console)
    lines = read_rows(tmp_path / "run" / "metrics.jsonl")
    assert len(lines) == 3
    assert all(math.isfinite(value) for line in lines for value in line["terms"].values())


def test_a_path_of_ten_thousand_tokens_trains_or_is_left_out_and_counted(settings, console, tiny, tmp_path):
    rows = path_rows(2)
    rows[1]["response"] = "Add one more. " * 1200
    # One student, and not the one whose attention holds every pair of tokens.
    wide = tiny_models.save_llama(tmp_path / "wide", positions=16_384)
    for model, max_length in ((wide, 400), (tiny.llama, 20_000)):
        options = {"student": [f"only={model}"], "routing": "none", "max_steps": 1, "max_length": max_length}
        left_out = train.run(settings(rows, output=str(tmp_path / str(max_length)), **options), console)
        assert left_out.reasons == {"too_long": 1}
    train.run(settings(rows, student=[f"only={wide}"], routing="none", max_steps=1, max_length=20_000), console)
    [line] = read_rows(tmp_path / "run" / "metrics.jsonl")
    assert line["student_tokens"]["only"] > 10_000
    assert all(math.isfinite(value) for value in line["terms"].values())


def test_a_path_beyond_a_students_own_context_is_left_out_and_counted(settings, console, tiny, tmp_path):
    short = tiny_models.save_gpt2(tmp_path / "gpt2", positions=256)
    rows = path_rows(2, styles=("cot",))
    rows[1]["response"] = "Add one more. " * 25
    students = [f"long={tiny.llama}", f"short={short}"]
    summary = train.run(settings(rows, student=students, max_steps=1, routing="none"), console)
    assert summary.reasons == {"too_long": 1}
    assert {row["path_id"] for row in read_rows(tmp_path / "run" / "routing.jsonl")} == {rows[0]["path_id"]}


@pytest.mark.parametrize("routing", ["independent", "exclusive", "none"])
def test_one_student_trains_alone(settings, console, tiny, tmp_path, routing):
    train.run(settings(student=[f"only={tiny.llama}"], routing=routing), console)
    lines = read_rows(tmp_path / "run" / "metrics.jsonl")
    assert all(math.isfinite(line["loss"]) for line in lines)
    assert (tmp_path / "run" / "students" / "only" / "adapter_model.safetensors").is_file()


def test_four_students_train_together(settings, console, tiny, tmp_path):
    models = [f"s{n}={folder}" for n, folder in enumerate([tiny.llama, tiny.gemma] * 2)]
    train.run(settings(student=models, max_steps=2, learning_rate=[1e-3, 2e-3, 3e-3, 4e-3]), console)
    line = read_rows(tmp_path / "run" / "metrics.jsonl")[0]
    rates = [line["learning_rate"][f"s{n}"] for n in range(4)]
    assert rates == pytest.approx([1e-3, 2e-3, 3e-3, 4e-3])


def test_a_student_that_never_gets_a_path_stays_as_it_was(settings, console, tmp_path, monkeypatch):
    from qrd.method import router

    def never_the_second(logits_KS, noise_KS, *, routing, temperature):
        return router.choose_gates(logits_KS, "none") * torch.tensor([1.0, 0.0]) + 0 * logits_KS

    monkeypatch.setattr(router, "draw_gates", never_the_second)
    train.run(settings(save_steps=1, save_total_limit=9, weight_decay=0.5), console)
    folders = sorted((tmp_path / "run" / "checkpoints").glob("step-*"))
    first, last = (load_file(folder / "weights.safetensors") for folder in (folders[0], folders[-1]))
    assert all(torch.equal(first[name], last[name]) for name in first if name.startswith("b/"))
    lines = read_rows(tmp_path / "run" / "metrics.jsonl")
    assert all(line["terms"]["distill/b"] == 0.0 and line["student_tokens"]["b"] == 0 for line in lines)


def test_paths_that_are_no_training_data_are_left_out_and_counted(settings, console, tmp_path):
    rows = path_rows(4)
    rows[0]["finish_reason"] = "length"
    rows[6]["flags"] = ["duplicate"]
    rows[1]["response"] = None
    rows[2]["response"] = " \n"
    rows[3]["finish_reason"] = "content_filter"
    rows[4]["reject_reason"] = "wrong_answer"
    rows[5]["response"] = "word " * 2000
    summary = train.run(settings(rows), console)
    assert summary.reasons == {"truncated": 1, "empty": 2, "refused": 1, "rejected": 2, "too_long": 1}
    assert (summary.num_in, summary.num_out, summary.is_partial) == (8, 1, True)
    trained = {row["path_id"] for row in read_rows(tmp_path / "run" / "routing.jsonl")}
    assert trained == {rows[7]["path_id"]}


def test_no_path_left_is_a_gate_error(settings, console):
    with pytest.raises(GateError, match="truncated"):
        train.run(settings(rows_with(finish_reason="length")), console)


def test_unjudged_and_incorrect_paths_are_warned_about_and_kept(settings, capsys, tmp_path):
    from qrd.console import Console

    rows = path_rows(2)
    rows[0]["correct"], rows[1]["verdict"] = False, None
    summary = train.run(settings(rows, max_steps=1), Console())
    said = capsys.readouterr().err
    assert "1 not known to be correct of 4 paths" in said
    assert "1 not judged valid of 4 paths" in said
    assert summary.num_out == 4


def test_the_prompt_is_the_plain_question_or_the_teachers_own(settings, console, monkeypatch):
    seen = {}
    for prompt in ("plain", "style"):
        config = settings(prompt=prompt, max_steps=1, resume=False)
        init = Loop.__init__

        def note(loop, students, examples, *rest, init=init, prompt=prompt):
            ids = examples[0].encoded[0]
            seen[prompt] = students[0].tokenizer.decode(ids.ids[: ids.num_prompt])
            init(loop, students, examples, *rest)

        monkeypatch.setattr(Loop, "__init__", note)
        train.run(config, console)
        monkeypatch.setattr(Loop, "__init__", init)
    assert "Think, then answer" in seen["style"]
    assert "Think, then answer" not in seen["plain"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"routing": "exclusive", "lambda_mutual": 0.1}, "--routing exclusive"),
        ({"objective": "sft", "lambda_mutual": 0.1}, "--objective sft"),
        ({"student": ["x=somewhere"], "lambda_mutual": 0.1}, "one student"),
        ({"objective": "sft", "routing": "exclusive"}, "--routing exclusive with --objective sft"),
        ({"objective": "sft", "balance": "global"}, "--balance global with --objective sft: there is no router"),
        ({"objective": "sft", "router_learning_rate": 1.0}, "--router-learning-rate 1.0 with --objective sft"),
        ({"routing": "none", "lambda_entropy": 0.5}, "--lambda-entropy 0.5 with --routing none"),
        ({"routing": "exclusive", "shared_width": 9}, "--shared-width 9 without the mutual term"),
        ({"routing": "exclusive", "balance": "global"}, "--balance global with --routing exclusive"),
        ({"routing": "exclusive", "student": ["x=y"], "lambda_entropy": 1}, "--lambda-entropy 1.0 .* one student"),
        (
            {"lr_scheduler_type": "constant", "warmup_ratio": 0.1},
            "--warmup-ratio 0.1 with --lr-scheduler-type constant",
        ),
        ({"gumbel_anneal": "exponential"}, "--gumbel-anneal exponential without --gumbel-final-temperature"),
        ({"finetune": "full", "lora_target_modules": ["q", "v"]}, "--lora-target-modules q,v with --finetune full"),
        ({"learning_rate": [1e-3, 1e-3, 1e-3]}, "--learning-rate"),
        ({"lr_scheduler_type": "reduce_lr_on_plateau"}, "--lr-scheduler-type"),
        ({"dtype": "float16"}, "--dtype"),
        ({"finetune": "full", "load_in_4bit": True}, "--load-in-4bit"),
        ({"report_to": ["nobody"]}, "--report-to"),
        ({"student": ["same=x", "Same=y"]}, "two students"),
        ({"student": ["router=x", "b=y"]}, "'router' is what the router's own weights"),
        ({"student": ["some/Router"]}, "write NAME=some/Router"),
        ({"student": ["vllm:x"]}, "vllm:x"),
        ({"student": ["x=no/such-folder-or-model/at-all"]}, "no such folder"),
        ({"lora_target_modules": ["nothing_like_this"]}, "--lora-target-modules"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_options_that_cannot_be_honoured_are_refused(settings, console, options, named):
    with pytest.raises(ConfigError, match=named):
        train.run(settings(**options), console)


def test_a_template_that_loses_the_question_is_refused_before_the_weights_are_read(
    settings, console, tmp_path, monkeypatch
):
    folder = tiny_models.save_llama(tmp_path / "loses")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = tiny_models.CHATML.replace("m['content']", "m['text']")
    tokenizer.save_pretrained(folder)
    monkeypatch.setattr("qrd.training.students.loading.load_model", None)
    with pytest.raises(ConfigError, match="loses: its chat template does not show the user message whole"):
        train.run(settings(student=[f"a={folder}"]), console)


def test_an_explicit_zero_is_accepted_where_there_is_nothing_to_teach(settings, console):
    assert options.settled(settings(routing="exclusive", lambda_mutual=0.0)).lambda_mutual == 0.0
    assert options.settled(settings(routing="exclusive")).lambda_mutual == 0.0
    assert options.settled(settings()).lambda_mutual == 0.1


def test_the_encoder_follows_the_students(settings):
    embedded = ["embedded:smollm2-135m", "embedded:gemma3-270m"]
    assert options.settled(settings(encoder=None, student=embedded)).encoder == "embedded:minilm-l6"
    assert options.settled(settings(encoder=None)).encoder == "FacebookAI/roberta-base"


def test_students_are_named_by_hand_or_by_their_model():
    names = ["small=hf:org/model-1b", "embedded:gemma3-270m", "org/other.model/", "dir/a=b"]
    assert [(spec.name, spec.model) for spec in parse_students(names[:3])] == [
        ("small", "hf:org/model-1b"), ("gemma3-270m", "embedded:gemma3-270m"), ("other.model", "org/other.model/"),
    ]  # fmt: skip
    for text in ("../x=m", "dir/..", "a b"):
        with pytest.raises(ConfigError, match="no usable name"):
            parse_students([text])


def test_a_gradient_that_is_not_finite_stops_the_run(settings, console, tmp_path, monkeypatch):
    from qrd.training import loop

    def poison(trained, max_norm):
        next(iter(trained.named().values())).grad.fill_(float("nan"))
        return clip(trained, max_norm)

    clip = loop.clip
    monkeypatch.setattr(loop, "clip", poison)
    with pytest.raises(QrdError, match="step 1: the gradient of a is not finite"):
        train.run(settings(routing="none"), console)
    assert not (tmp_path / "run" / "manifest.json").exists()


def test_usable_paths_are_read_through_the_checked_reader(settings, tmp_path):
    config = settings()
    paths, summary = train.usable_paths(Reader(config.input, Path, unique="path_id"), config)
    assert len(paths) == summary.num_out == 16
    assert tiny_models.path_rows()[0]["path_id"] == paths[0].path_id
