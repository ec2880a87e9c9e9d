"""What an earlier qrd wrote is read, resumed and verified by this one; `kept/README.md` tells what wrote it."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path as File

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.kit import desk, ledger
from tests.kit.harness import records_by, rows_of

KEPT = File(__file__).parent / "kept"
# Instructions that every processor has, so that training comes to the same bits on most of them.
PLAIN_ARITHMETIC = {"OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}
PREDICTION = ("model", "id", "sample")
STEP_4, STEP_8 = "checkpoints/step-4", "checkpoints/step-8"
# Of the way from there to here: 0.0002 with AVX2; 0.8 where the optimizer has forgotten its moments.
ROUNDING = 0.05
TRAINED = ("router/model.safetensors", *(f"students/{name}/adapter_model.safetensors" for name in "ab"))


@dataclass
class Result:
    """What a child process left behind."""

    code: int
    out: str
    err: str


class Archive:
    """A copy of the earlier files, and this qrd to run among them."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(KEPT, folder, dirs_exist_ok=True)

    def __truediv__(self, name):
        return self.folder / name

    def run(self, *words, proxy=""):
        ours = {name: value for name, value in os.environ.items() if not name.startswith("QRD_")}
        told = {"QRD_CACHE": str(self / "cache"), "OPENAI_API_KEY": "sk-test", "COLUMNS": "160"}
        # The provider has a name that leads nowhere; what serves as proxy answers in its place.
        told |= {"http_proxy": proxy.removesuffix("/v1"), "no_proxy": "", "NO_PROXY": ""}
        done = subprocess.run(
            [sys.executable, "-m", "qrd", *words], cwd=self.folder, env=ours | PLAIN_ARITHMETIC | told,
            capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)

    def again(self, output, **more):
        """The command that wrote `output`, run once more."""
        return self.run(*command_of(output), **more)

    def json(self, name):
        return json.loads((self / name).read_text("utf-8"))

    def rows(self, name):
        return records(self / name)


def command_of(output):
    lines = (KEPT / "README.md").read_text("utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith("qrd ") and line.endswith(f" -o {output}"))
    return shlex.split(line)[1:]


def records(file):
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def contents_of(folder):
    return {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path)


def test_nothing_kept_is_larger_or_of_another_kind_than_it_should_be():
    files = [file for file in KEPT.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 600_000
    for file in files:
        if file.suffix != ".safetensors":
            file.read_text("utf-8")


def test_finished_files_are_sound(archive):
    found = archive.run("verify", "paths.jsonl", "judged.jsonl", "kept.jsonl", "predictions.jsonl")
    assert found.code == 0, found.err
    assert found.err.splitlines() == [
        "paths.jsonl: 30 rows, 2 rejected or failed, 32 of 32 planned keys found",
        "judged.jsonl: 26 rows, 4 rejected or failed, 30 of 30 planned keys found",
        "kept.jsonl: 15 rows, 11 rejected or failed, 26 of 26 planned keys found",
        "predictions.jsonl: 24 rows, 0 rejected or failed, 15 of 15 planned keys found",
    ]


@pytest.mark.parametrize("name", ["paths-half", "judged-half", "predictions-half", "billed-half", "batch-half"])
def test_a_half_finished_file_is_known_for_one(archive, name):
    found = archive.run("verify", f"{name}.jsonl")
    assert found.code == 4
    assert "the run that wrote it has not finished; the same command goes on" in found.err


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("questions", {"question": 8}),
        ("paths", {"path": 30}),
        ("judged", {"judged path": 20, "path": 6}),
        ("judged-half", {"judged path": 3, "path": 6}),
        ("kept", {"judged path": 15}),
        ("rejects", {"rejected path": 11}),
        ("predictions", {"prediction": 24}),
        ("predictions-half", {"prediction": 8}),
    ],
)
def test_every_kind_of_file_can_be_inspected(archive, name, kinds):
    found = archive.run("inspect", f"{name}.jsonl")
    assert found.code == 0, found.err
    for kind, number in kinds.items():
        assert re.search(rf"^ *{kind} +{number} *$", found.out, re.MULTILINE), found.out


def test_a_torn_line_is_told_of_where_nothing_may_be_mended(archive):
    found = archive.run("inspect", "paths-half.jsonl")
    assert found.code == 4
    assert "paths-half.jsonl:11: not JSON" in found.err


def test_a_report_shows_runs_predictions_and_paths(archive):
    found = archive.run("report", "run", "predictions.jsonl", "judged.jsonl", "kept.jsonl", "-o", "report.html")
    assert found.code == 0, found.err
    assert "reads rejects.jsonl too, which the manifests name" in found.err
    assert "report.html: 76 rows, 1 run folder" in found.err
    page = (archive / "report.html").read_text("utf-8")
    for name in ("models/llama", "scripted:second.toml", "ensemble:competence", "sum-2"):
        assert name in page


def test_a_report_shows_a_run_that_has_not_ended(archive):
    found = archive.run("report", "run-half", "-o", "report.html")
    assert found.code == 0, found.err
    assert "report.html: 0 rows, 1 run folder" in found.err


def test_filter_comes_to_the_same_paths(archive):
    found = archive.again("kept.jsonl")
    assert found.code == 0, found.err
    for name in ("kept.jsonl", "rejects.jsonl"):
        assert (archive / name).read_bytes() == (KEPT / name).read_bytes()
    assert archive.json("filter.json")["paths"] == json.loads((KEPT / "filter.json").read_text("utf-8"))["paths"]


def test_labels_of_paths_are_what_judges_are_measured_by(archive):
    words = ("--judge", "scripted:judge.toml", "--max-unscored", "1", "-o", "new.jsonl", "--summary", "labels.json")
    found = archive.run("judge", "paths.jsonl", "--against", "paths.jsonl.marks.jsonl", *words)
    assert found.code == 0, found.err
    assert sum(row["verdict"] is not None for row in archive.rows("new.jsonl")) == 4
    told = archive.json("labels.json")["judges"]["scripted:judge.toml"]
    assert told["pairs"] == [
        {"label": "invalid", "verdict": "valid", "paths": 1},
        {"label": "valid", "verdict": "valid", "paths": 3},
    ]


def comes_to_its_end(archive, output, *, code, key, number, **more):
    """The rows of a half-finished file, once the same command was run again, and then once more."""
    before = rows_of(archive / output)
    done = archive.again(output, **more)
    assert done.code == code, done.err
    whole = (archive / output).read_bytes()
    assert whole.startswith(before)
    found = records_by(archive / output, *key)
    assert len(found) == number
    verified = archive.run("verify", output)
    assert verified.code == 0, verified.err
    assert archive.again(output, **more).code == code
    assert (archive / output).read_bytes() == whole
    return found


def test_generate_resumes(archive):
    before = records_by(KEPT / "paths.jsonl", "path_id")
    found = comes_to_its_end(archive, "paths-half.jsonl", code=3, key=["path_id"], number=30)
    assert found.keys() == before.keys()
    for key, path in before.items():
        # A new row's hash knows the teacher by the content of its file, which the hash of before did not.
        told = {name: value for name, value in path.items() if name != "request_hash"}
        assert found[key] == {**found[key], **told}, "a path may have fields more, and none otherwise"


def test_judge_resumes_with_the_verdicts_that_waited_and_the_first_check_of_canaries(archive):
    waiting = archive.rows("judged-half.jsonl.votes.jsonl")
    found = comes_to_its_end(archive, "judged-half.jsonl", code=0, key=["path_id"], number=30)
    assert found.keys() == records_by(KEPT / "paths.jsonl", "path_id").keys()
    assert len(waiting) == 8
    for vote in waiting:
        assert vote["verdict"] in found[(vote["path_id"],)]["verdicts"]
    assert not (archive / "judged-half.jsonl.votes.jsonl").exists()
    checks = [(row["at"], row["canaries"]) for row in archive.rows("judged-half.jsonl.canaries.jsonl")]
    assert [at for at, _ in checks] == ["start", "start", "middle", "end"]
    # The first check knows its judge by name, those of today by the content of its file too.
    assert len({canaries for _, canaries in checks[1:]}) == 1


def test_a_judge_is_still_measured_by_the_first_check_of_before(archive):
    file = archive / "judged-half.jsonl.canaries.jsonl"
    (first,) = archive.rows(file.name)
    assert (first["right"], first["of"]) == (12, 18)
    file.write_text(json.dumps({**first, "right": 18}) + "\n", "utf-8")
    done = archive.again("judged-half.jsonl")
    assert done.code == 7
    assert "has drifted: 67% of the canaries right at the start, 100% at first" in done.err


def test_judges_that_failed_are_asked_again_and_the_others_are_not(archive):
    before, waiting = rows_of(archive / "judged.jsonl"), archive.rows("judged.jsonl.votes.jsonl")
    failed = {(row["path_id"],) for row in archive.rows("judged.jsonl.failed.jsonl")}
    rules = (archive / "second.toml").read_text("utf-8")
    (archive / "second.toml").write_text(rules[rules.rindex("[[rule]]") :], "utf-8")
    done = archive.again("judged.jsonl")
    assert done.code == 0, done.err
    assert (archive / "judged.jsonl").read_bytes().startswith(before)
    found = records_by(archive / "judged.jsonl", "path_id")
    assert len(found) == 30
    assert len(failed) == 4
    for vote in waiting:
        assert vote["verdict"] in found[(vote["path_id"],)]["verdicts"]
    assert {found[key]["verdict"] for key in failed} == {"valid"}
    assert archive.run("verify", "judged.jsonl").code == 0


@pytest.mark.parametrize("name", ["paths.jsonl", "judged.jsonl"])
def test_a_finished_file_with_failures_that_fail_again_stays_as_it_is(archive, name):
    assert archive.again(name).code == 3
    assert (archive / name).read_bytes() == (KEPT / name).read_bytes()
    assert archive.run("verify", name).code == 0


def test_calls_that_were_in_flight_at_the_kill_count_at_their_highest_price(archive):
    account = archive.rows(".billed-half.jsonl.account.jsonl")
    settled = {row["paid"] for row in account if "paid" in row}
    lost = [row["usd"] for row in account if "hold" in row and row["hold"] not in settled]
    assert len(lost) == 3
    with ledger.serving(archive / "calls.jsonl") as served:
        found = comes_to_its_end(archive, "billed-half.jsonl", code=0, key=["path_id"], number=16, proxy=served.url)
        assert len(served.calls()) == 16 - 7
    cost_usd = sum(row["usage"]["cost_usd"] for row in found.values()) + sum(lost)
    assert archive.json("billed-half.jsonl.manifest.json")["cost_usd"] == pytest.approx(cost_usd)


def test_a_batch_is_collected_and_not_submitted_again(archive):
    with desk.serving() as served:
        memory = archive.json("desk.json")
        served.batches |= memory["batches"]
        served.files |= {name: content.encode() for name, content in memory["files"].items()}
        found = comes_to_its_end(archive, "batch-half.jsonl", code=0, key=["path_id"], number=16, proxy=served.url)
        assert served.num_creates == 0
    cost_usd = sum(row["usage"]["cost_usd"] for row in found.values())
    assert archive.json("batch-half.jsonl.manifest.json")["cost_usd"] == pytest.approx(cost_usd)
    assert not (archive / "batch-half.jsonl.batches.json").exists()


@pytest.mark.slow
def test_eval_resumes_with_the_students_of_the_run(archive):
    found = comes_to_its_end(archive, "predictions-half.jsonl", code=0, key=PREDICTION, number=24)
    assert found.keys() == records_by(KEPT / "predictions.jsonl", *PREDICTION).keys()


@pytest.mark.slow
def test_a_finished_evaluation_stays_as_it_is_and_knows_what_its_students_were_kept_from(archive):
    done = archive.again("predictions.jsonl")
    assert done.code == 0, done.err
    assert "the training paths were checked against these questions" in done.err
    assert (archive / "predictions.jsonl").read_bytes() == (KEPT / "predictions.jsonl").read_bytes()


@pytest.mark.slow
def test_a_finished_run_folder_stays_as_it_is(archive):
    done = archive.again("run")
    assert done.code == 0, done.err
    assert "run: already finished" in done.err
    assert contents_of(archive / "run") == contents_of(KEPT / "run")


def results(run):
    """What training leaves that does not depend on the time it took."""
    logs = [records(run / name) for name in ("metrics.jsonl", "routing.jsonl")]
    return [{**line, "seconds": None} for log in logs for line in log], [(run / name).read_bytes() for name in TRAINED]


def order_of(run):
    return [(line["epoch"], line["path_id"]) for line in records(run / "routing.jsonl")]


def distance(one, other):
    """How far the weights of two checkpoints are apart, on average."""
    first, second = (load_file(folder / "weights.safetensors") for folder in (one, other))
    assert first.keys() == second.keys()
    return float(np.concatenate([np.abs(first[name] - second[name]).ravel() for name in first]).mean())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The half-finished run brought to its end as `run-half`, and beside it the same run without a break, `whole`."""
    archive = Archive(tmp_path_factory.mktemp("trained"))
    resumed, whole = archive.again("run-half"), archive.run(*command_of("run")[:-1], "whole")
    assert (resumed.code, whole.code) == (0, 0), resumed.err + whole.err
    assert "run-half: resumes after step 4 of 8" in resumed.err
    return archive


@pytest.mark.slow
def test_training_goes_on_behind_the_lines_of_its_checkpoint(trained):
    half, before = trained / "run-half", KEPT / "run-half"
    assert trained.json("run-half/manifest.json")["steps"] == 8
    assert [line["step"] for line in records(half / "metrics.jsonl")] == [3, 6, 8]
    assert order_of(half) == order_of(trained / "whole")
    for name, size in json.loads((before / STEP_4 / "state.json").read_text("utf-8"))["log_sizes"].items():
        assert (half / name).read_bytes()[:size] == (before / name).read_bytes()[:size]


@pytest.mark.slow
def test_training_ends_where_it_would_have_ended_without_a_break(trained):
    half, whole = trained / "run-half", trained / "whole"
    if results(whole) == results(KEPT / "run"):
        assert results(half) == results(whole)
    else:  # this processor rounds otherwise than the one that did the first steps
        moved = distance(whole / STEP_8, KEPT / "run-half" / STEP_4)
        assert distance(half / STEP_8, whole / STEP_8) < ROUNDING * moved
