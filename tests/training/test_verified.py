"""verify names each file of a run folder that is not as its manifest says."""

import json
import shutil

import pytest

from qrd.config import VerifyConfig
from qrd.console import Console
from qrd.errors import DataError
from qrd.stages.train import run as train
from qrd.stages.verify import run as verify


@pytest.fixture
def run(settings, console, tmp_path):
    train.run(settings(max_steps=1), console)
    return tmp_path / "run"


def verified(run):
    return verify.run(VerifyConfig(input=(str(run),)), Console())


def flip(file, at):
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)


def test_a_bit_flipped_in_any_file_of_a_run_is_found_and_placed(run, capsys):
    assert not verified(run).is_partial
    files = [file for file in run.rglob("*") if file.is_file() and file != run / "manifest.json"]
    assert {"adapter_model.safetensors", "model.safetensors", "config.toml", "metrics.jsonl", "routing.jsonl"} <= {
        file.name for file in files
    }
    for file in files:
        flip(file, file.stat().st_size // 2)
        with pytest.raises(DataError) as found:
            verified(run)
        assert str(found.value).startswith(f"{file}: its SHA-256 is not the ")
        assert found.value.exit_code == 4
        flip(file, file.stat().st_size // 2)
    assert not verified(run).is_partial
    assert "files checked" in capsys.readouterr().err


def test_a_missing_file_and_a_file_in_place_of_a_folder_are_named(run):
    (run / "router" / "config.json").unlink()
    shutil.rmtree(run / "students" / "a")
    (run / "students" / "a").write_text("no folder")
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").mkdir()
    with pytest.raises(DataError) as found:
        verified(run)
    said = str(found.value)
    assert f"{run}/router/config.json: is missing" in said
    assert f"{run}/students/a/adapter_model.safetensors: is missing" in said
    assert f"{run}/metrics.jsonl: is no regular file any more" in said


def test_what_was_put_into_a_run_later_is_told_of_and_is_no_fault(run, capsys):
    (run / "notes.txt").write_text("mine")
    verified(run)
    assert "1 more that its manifest does not know" in capsys.readouterr().err


def test_a_run_of_before_files_had_a_hash_each_is_checked_as_a_whole(run, capsys):
    manifest = run / "manifest.json"
    facts = json.loads(manifest.read_bytes())
    del facts["output"]["files"]
    manifest.write_text(json.dumps(facts))
    verified(run)
    assert "one hash checked" in capsys.readouterr().err
    flip(run / "students" / "b" / "adapter_model.safetensors", -1)
    with pytest.raises(DataError, match="changed, added or taken away"):
        verified(run)


def test_a_run_that_has_not_finished_and_training_paths_that_changed_are_told_as_they_are(run, tmp_path, capsys):
    (tmp_path / "paths.jsonl").write_text("{}\n")
    assert verified(run).is_partial
    assert "paths.jsonl, which it was made of, has changed since" in capsys.readouterr().err
    (run / "manifest.json").unlink()
    with pytest.raises(DataError, match="has not finished"):
        verified(run)
    (run / "config.toml").unlink()
    with pytest.raises(DataError, match="no manifest stands in it"):
        verified(run)
