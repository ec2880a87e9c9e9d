"""Promise 18: interrupted training equals uninterrupted training, bit for bit; a checkpoint is whole or absent."""

import json
import multiprocessing
import os
import random
import shutil
import signal

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import path_rows, read_rows

from qrd.console import Console
from qrd.errors import ConfigError, DataError, Interrupted, StorageError
from qrd.stages.train import run as train
from qrd.training import checkpoint, fitting
from qrd.training.loop import Loop

OPTIONS = {"max_steps": 9, "save_steps": 2, "logging_steps": 3, "lora_dropout": 0.1, "warmup_ratio": 0.2}
SEED = 20260


@pytest.fixture
def results():
    """What a finished run leaves, times left out."""

    def read(run):
        lines = [{**line, "seconds": None} for line in read_rows(run / "metrics.jsonl")]
        files = ["router/model.safetensors", *(f"students/{n}/adapter_model.safetensors" for n in ("a", "b"))]
        tensors = {f"{file}:{name}": t for file in files for name, t in load_file(run / file).items()}
        return lines, read_rows(run / "routing.jsonl"), tensors

    return read


def assert_same(found, expected):
    assert found[:2] == expected[:2]
    assert found[2].keys() == expected[2].keys()
    assert all(torch.equal(found[2][name], tensor) for name, tensor in expected[2].items())


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(step):
    """In a child: die while this step's micro-batches are done and its update is not."""
    update = Loop._update

    def patched(loop, at):
        if at == step:
            die()
        update(loop, at)

    Loop._update = patched


def killed_in_save(number_of_files):
    """In a child: die inside the second save, after so many of its files, or (3) before the rename."""
    saves, original = [], checkpoint._save_tensors

    def patched(tensors, file):
        saves.append(file)
        original(tensors, file)
        if len(saves) == 2 + number_of_files:
            die()

    def publish(temporary, target):
        if len(saves) == 4:
            die()
        real_publish(temporary, target)

    real_publish = checkpoint.publish
    checkpoint._save_tensors = patched
    if number_of_files == 3:
        checkpoint.publish = publish


def run_in_child(config, prepare, *arguments):
    """The exit code of a real process that runs the stage after `prepare`."""

    def body():
        prepare(*arguments)
        train.run(config, Console(quiet=True))

    child = multiprocessing.get_context("fork").Process(target=body)
    child.start()
    child.join(120)
    assert child.exitcode is not None, "the child hangs"
    return child.exitcode


@pytest.mark.parametrize("routing", ["independent", "exclusive"])
def test_a_run_killed_at_random_steps_and_inside_saves_equals_an_uninterrupted_one(
    settings, console, tmp_path, results, routing
):
    whole = settings(output=str(tmp_path / "whole"), routing=routing, **OPTIONS)
    train.run(whole, console)
    config = settings(routing=routing, **OPTIONS)
    draw = random.Random(SEED)
    kills = [(killed_in_save, 1), (killed_in_save, 3), *((killed_at, draw.randrange(4, 9)) for _ in range(2))]
    for prepare, argument in kills:
        assert run_in_child(config, prepare, argument) == -signal.SIGKILL, (prepare, argument, SEED)
        for step, folder in checkpoint.checkpoints(tmp_path / "run" / "checkpoints"):
            assert checkpoint.load(folder)[2]["step"] == step
    train.run(config, console)
    assert_same(results(tmp_path / "run"), results(tmp_path / "whole"))


@pytest.mark.skipif(not os.environ.get("QRD_SOAK"), reason="long: set QRD_SOAK=1")
@pytest.mark.timeout(1200)
def test_a_run_killed_thirty_times_equals_an_uninterrupted_one(settings, console, tmp_path, results):
    options = {**OPTIONS, "max_steps": 40, "save_steps": 3, "num_train_epochs": 40.0}
    train.run(settings(output=str(tmp_path / "whole"), **options), console)
    config = settings(**options)
    draw = random.Random(SEED)
    for number in range(30):
        saved = [step for step, _ in checkpoint.checkpoints(tmp_path / "run" / "checkpoints")]
        last = max(saved, default=0)
        kill = (killed_at, min(last + draw.randrange(4), 38))
        if last <= 30 and number % 3 == 0:
            kill = (killed_in_save, draw.choice([1, 2, 3]))
        assert run_in_child(config, *kill) == -signal.SIGKILL, (number, kill, SEED)
        for step, folder in checkpoint.checkpoints(tmp_path / "run" / "checkpoints"):
            assert checkpoint.load(folder)[2]["step"] == step
    train.run(config, console)
    assert_same(results(tmp_path / "run"), results(tmp_path / "whole"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_saves_and_the_same_command_resumes(
    settings, console, tmp_path, results, monkeypatch, number
):
    train.run(settings(output=str(tmp_path / "whole"), **OPTIONS), console)
    run_step = Loop.run_step

    def signalled(loop, step):
        if step == 4:
            os.kill(os.getpid(), number)
        return run_step(loop, step)

    monkeypatch.setattr(Loop, "run_step", signalled)
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match="stopped after step 5 of 9") as stopped:
        train.run(settings(**OPTIONS), console)
    assert stopped.value.exit_code == 128 + number
    assert signal.getsignal(number) is before
    monkeypatch.setattr(Loop, "run_step", run_step)
    train.run(settings(**OPTIONS), console)
    assert_same(results(tmp_path / "run"), results(tmp_path / "whole"))


def test_a_finished_run_is_left_as_it_is(settings, console, tmp_path, monkeypatch):
    train.run(settings(), console)
    before = {file: file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file()}
    monkeypatch.setattr(Loop, "run_step", None)
    train.run(settings(save_steps=2), console)
    assert {file: file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file()} == before


def test_a_resume_with_other_options_or_paths_is_refused_and_names_them(settings, console):
    train.run(settings(), console)
    with pytest.raises(ConfigError, match=r"--learning-rate .*--lora-r \(4 -> 8\)"):
        train.run(settings(lora_r=8, learning_rate=1e-3), console)
    with pytest.raises(ConfigError, match="input files"):
        train.run(settings(path_rows(7)), console)
    train.run(settings(logging_steps=2, save_steps=7, micro_batch_tokens=99), console)


def test_a_run_that_ended_before_anything_was_saved_is_begun_again_with_other_options(settings, console, tmp_path):
    with pytest.raises(ConfigError, match="lora-target-modules"):
        train.run(settings(lora_target_modules=["nothing_like_this"]), console)
    train.run(settings(max_steps=1), console)
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["steps"] == 1


def test_no_resume_sets_the_old_run_aside(settings, console, tmp_path):
    train.run(settings(), console)
    train.run(settings(seed=1, resume=False), console)
    assert (tmp_path / "run.old-1" / "manifest.json").is_file()
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["seed"] == 1


def test_a_folder_that_is_no_run_folder_is_not_touched(settings, console, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="no run folder"):
        train.run(settings(), console)
    assert [entry.name for entry in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_what_a_save_left_unfinished_goes_with_the_next_one(settings, console, tmp_path):
    torn = tmp_path / "run" / "checkpoints" / ".step-99.tmp"
    train.run(settings(max_steps=1), console)
    torn.mkdir()
    (torn / "weights.safetensors").write_bytes(b"half")
    checkpoint.save(torn.parent, tensors={}, moments={}, state={"step": 2}, keep=2)
    assert not torn.exists()


def test_older_checkpoints_go_only_after_the_new_one_is_whole(settings, console, tmp_path, monkeypatch):
    folder = tmp_path / "run" / "checkpoints"
    train.run(settings(**OPTIONS, save_total_limit=2), console)
    assert [step for step, _ in checkpoint.checkpoints(folder)] == [8, 9]

    def full_disk(tensors, file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "_save_tensors", full_disk)
    with pytest.raises(StorageError, match="No space left"):
        checkpoint.save(folder, tensors={}, moments={}, state={"step": 10}, keep=1)
    assert sorted(entry.name for entry in folder.iterdir()) == ["run.json", "step-8", "step-9"]


def cut_short(folder):
    file = folder / "optimizer.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def lose_a_file(folder):
    (folder / "weights.safetensors").unlink()


def write_half_a_state(folder):
    (folder / "state.json").write_text('{"step": 8}')


def lose_the_hashes(folder):
    (folder / "hashes.json").unlink()


def flip_a_weight(folder):
    flip(folder / "weights.safetensors", -1)


def flip(file, at, bit=0):
    data = bytearray(file.read_bytes())
    data[at] ^= 1 << bit
    file.write_bytes(data)


@pytest.mark.parametrize("damage", [cut_short, lose_a_file, write_half_a_state, lose_the_hashes, flip_a_weight])
def test_a_damaged_checkpoint_is_told_of_and_the_one_before_it_is_used(
    settings, console, capsys, tmp_path, results, damage
):
    train.run(settings(output=str(tmp_path / "whole"), **OPTIONS), console)
    assert run_in_child(settings(**OPTIONS), killed_at, 8) == -signal.SIGKILL
    folder = tmp_path / "run" / "checkpoints"
    damage(folder / "step-8")
    config = settings(**{**OPTIONS, "save_steps": 7, "save_total_limit": 1})
    assert run_in_child(config, killed_at, 7) == -signal.SIGKILL
    assert [step for step, _ in checkpoint.checkpoints(folder)] == [7, 8]  # the damaged one pushed nothing out
    train.run(config, Console())
    said = capsys.readouterr().err
    assert "step-8: cannot be read" in said
    assert "step-7 is used" in said
    assert_same(results(tmp_path / "run"), results(tmp_path / "whole"))


def test_where_no_checkpoint_can_be_read_the_run_stops_and_says_what_starts_over(settings, console, tmp_path):
    options = {**OPTIONS, "save_steps": 7}
    assert run_in_child(settings(**options), killed_at, 8) == -signal.SIGKILL
    cut_short(tmp_path / "run" / "checkpoints" / "step-7")
    with pytest.raises(DataError, match=r"step-7: cannot be read .*--no-resume starts over") as stopped:
        train.run(settings(**options), console)
    assert stopped.value.exit_code == 4


@pytest.mark.parametrize("name", [*checkpoint.FILES, "hashes.json"])
def test_a_bit_flipped_anywhere_in_a_checkpoint_is_noticed(tmp_path, name):
    tensors = {"a": torch.arange(40.0), "b": torch.ones(3, 3)}
    state = {"step": 3, "num_tokens": 21, "tally": {}, "log_sizes": {"metrics.jsonl": 40}}
    folder = checkpoint.save(tmp_path, tensors=tensors, moments=tensors, state=state, keep=1)
    assert torch.equal(checkpoint.load(folder)[0]["a"], tensors["a"])
    size = (folder / name).stat().st_size
    for at in range(0, size, max(1, size // 40)):
        flip(folder / name, at, bit=at % 8)
        with pytest.raises(DataError, match="step-3: cannot be read"):
            checkpoint.load(folder)
        flip(folder / name, at, bit=at % 8)
    checkpoint.load(folder)


def test_a_checkpoint_of_before_they_had_hashes_is_read(tmp_path):
    state = {"step": 3, "num_tokens": 21, "tally": {}, "log_sizes": {}}
    folder = checkpoint.save(tmp_path, tensors={}, moments={}, state=state, keep=1)
    (folder / "hashes.json").unlink()
    (folder / "state.json").write_text(json.dumps(state))
    assert checkpoint.load(folder)[2] == state


@pytest.fixture
def copied(settings, tiny, tmp_path):
    """Options as those of `settings`, with a student and an encoder in folders of this test."""
    student, encoder = tmp_path / "student", tmp_path / "encoder"
    shutil.copytree(tiny.llama, student)
    shutil.copytree(tiny.encoder, encoder)
    return lambda **more: settings(student=[f"a={student}", f"b={tiny.gemma}"], encoder=str(encoder), **OPTIONS, **more)


@pytest.mark.parametrize(("name", "called"), [("student", "--student a"), ("encoder", "--encoder")])
def test_a_student_or_an_encoder_whose_weights_were_replaced_is_named(copied, console, tmp_path, name, called):
    assert run_in_child(copied(), killed_at, 8) == -signal.SIGKILL
    file = tmp_path / name / "model.safetensors"
    kept = file.read_bytes()
    flip(file, -1)
    with pytest.raises(ConfigError, match=rf"the files of {called} \(model.safetensors\)"):
        train.run(copied(), console)
    file.unlink()
    file.write_bytes(kept)
    os.utime(file, (1, 1))
    (tmp_path / name / "README.md").write_text("Another text.")
    train.run(copied(), console)
    models = json.loads((tmp_path / "run" / "manifest.json").read_text())["models"]
    assert {entry["model"] for entry in models} == {"--student a", "--student b", "--encoder"}


def test_a_replaced_encoder_that_nobody_asks_is_no_other_run(copied, console, tmp_path):
    assert run_in_child(copied(objective="sft"), killed_at, 8) == -signal.SIGKILL
    flip(tmp_path / "encoder" / "model.safetensors", -1)
    train.run(copied(objective="sft"), console)


def test_a_run_of_before_models_were_known_by_their_files_goes_on(copied, console, tmp_path):
    assert run_in_child(copied(), killed_at, 8) == -signal.SIGKILL
    file = tmp_path / "run" / "checkpoints" / "run.json"
    before = {name: value for name, value in json.loads(file.read_text()).items() if name not in ("models", "sha256")}
    file.write_text(json.dumps(before))
    flip(tmp_path / "student" / "model.safetensors", -1)
    train.run(copied(), console)


def without(file, *names):
    """Rewrite a run.json as a qrd would have written it that did not know these options."""
    fields = {name: value for name, value in json.loads(file.read_text()).items() if name not in (*names, "sha256")}
    file.write_text(json.dumps(fields))


def test_a_run_of_before_an_option_came_had_its_default(settings, console, tmp_path):
    file = tmp_path / "run" / "checkpoints" / "run.json"
    assert run_in_child(settings(**OPTIONS), killed_at, 8) == -signal.SIGKILL
    without(file, "freeze", "route_by", "weight_decay", "gumbel_final_temperature")
    given = settings(**OPTIONS, weight_decay=0.25)
    with pytest.raises(ConfigError, match=rf"changed: --weight-decay \({settings().weight_decay} -> 0.25\)\. "):
        train.run(given, console)
    train.run(settings(**OPTIONS), console)
    assert (tmp_path / "run" / "manifest.json").is_file()


def test_a_file_in_the_place_of_the_run_folder_is_told_of_and_left(settings, console, tmp_path):
    (tmp_path / "taken").write_text("mine")
    for output in ("taken", "taken/run"):
        for resume in (True, False):
            with pytest.raises(ConfigError, match="taken: is a file, and a folder is wanted there; give another -o"):
                train.run(settings(output=str(tmp_path / output), resume=resume), console)
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_bit_flipped_in_what_a_run_is_stops_it_and_is_named(settings, console, tmp_path):
    assert run_in_child(settings(**OPTIONS), killed_at, 8) == -signal.SIGKILL
    file = tmp_path / "run" / "checkpoints" / "run.json"
    size = file.stat().st_size
    for at in range(0, size - 1, max(1, size // 40)):
        flip(file, at)
        with pytest.raises((DataError, ConfigError), match=r"run.json: is damaged|holds another run") as stopped:
            train.run(settings(**OPTIONS), console)
        assert stopped.value.exit_code in (2, 4)
        flip(file, at)
    train.run(settings(**OPTIONS), console)


def test_a_log_that_was_taken_away_is_begun_again_without_empty_bytes(settings, console, tmp_path):
    assert run_in_child(settings(**OPTIONS), killed_at, 8) == -signal.SIGKILL
    (tmp_path / "run" / "metrics.jsonl").unlink()
    train.run(settings(**OPTIONS), console)
    assert [line["step"] for line in read_rows(tmp_path / "run" / "metrics.jsonl")] == [9]


def test_a_disk_that_is_full_when_students_are_saved_is_a_storage_error(settings, console, monkeypatch):
    from safetensors import SafetensorError

    from qrd.training import folder

    def refuse(student, target, weights=None):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(folder, "save_student", refuse)
    with pytest.raises(StorageError, match=r"students/a: cannot be saved: .*No space left"):
        train.run(settings(max_steps=1), console)


def test_a_checkpoint_holds_no_pickle(settings, console, tmp_path):
    train.run(settings(), console)
    kinds = {file.suffix for file in (tmp_path / "run").rglob("*") if file.is_file()}
    assert kinds <= {".safetensors", ".json", ".jsonl", ".toml", ".md", ".jinja"}


def test_two_runs_cannot_write_one_folder(settings, console):
    folder = train.RunFolder(settings())
    with pytest.raises(ConfigError, match="another run is writing"):
        train.run(settings(), console)
    folder.close()
    train.run(settings(max_steps=1), console)


def test_a_second_signal_acts_as_if_nobody_listened():
    def stubborn(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stubborn)
    try:
        with fitting._noted_signals() as received:
            os.kill(os.getpid(), signal.SIGINT)
            assert received == [signal.SIGINT]
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
