"""doctor: what it sees, what it keeps to itself, and what it says would not work."""

import os
import subprocess
import sys

import pytest

from qrd.models import embedded
from qrd.stages import doctor

ALL_FOUND = {name: "9.9" for part in doctor.PARTS for name in part.packages}


@pytest.fixture
def healthy(monkeypatch, tmp_path):
    """A machine on which nothing is missing."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("QRD_CACHE", str(tmp_path / "not" / "yet" / "made"))
    monkeypatch.setattr(embedded, "state_of", lambda name: "ready")
    monkeypatch.setattr(doctor, "_nvidia", lambda: True)
    monkeypatch.setattr(doctor, "ROOM_GB", 0.0)
    return monkeypatch


def test_doctor_shows_names_of_keys_and_never_what_they_hold(bench):
    found = bench.run("doctor", OPENAI_API_KEY="sk-canary-value", XAI_API_KEY="", HF_TOKEN="hf-canary-value")
    assert found.code == 0, found.err
    lines = {line.split()[0]: line.split()[-1] for line in found.out.splitlines() if line.strip()}
    assert (lines["OPENAI_API_KEY"], lines["HF_TOKEN"], lines["XAI_API_KEY"]) == ("set", "set", "empty")
    assert "canary" not in found.out + found.err
    assert lines["qrd"] == bench.run("--version").out.split()[1]


def test_doctor_says_which_embedded_models_are_converted(bench):
    found = bench.run("doctor", QRD_CACHE=str(bench.folder / "empty"))
    lines = [line.split() for line in found.out.splitlines() if line.strip().startswith(embedded.PREFIX)]
    states = {
        words[0]: words[1] for words in lines if words[-1] in {m.licence.split()[-1] for m in embedded.MODELS.values()}
    }
    assert set(states) == {embedded.PREFIX + name for name in embedded.MODELS}
    assert states["embedded:smollm2-135m"] in ("installed", "missing"), "its conversion cannot be in an empty cache"


@pytest.mark.parametrize("has_gpu", [True, False])
def test_nothing_is_wrong_on_a_machine_that_has_all(healthy, has_gpu):
    healthy.setattr(doctor, "_nvidia", lambda: has_gpu)  # every part works on a CPU
    assert doctor.problems(ALL_FOUND, {}) == []


@pytest.mark.parametrize("package", sorted(ALL_FOUND))
def test_each_missing_package_names_the_parts_that_need_it_and_what_installs_it(healthy, package):
    told = doctor.problems({**ALL_FOUND, package: None}, {})
    expected = [part for part in doctor.PARTS if package in part.packages]
    assert told == [(part.name, f"{package} missing", part.install) for part in expected]


def test_a_package_that_does_not_load_is_told_with_its_error(healthy):
    ((what, why, _),) = doctor.problems(ALL_FOUND, {"vllm": "libcudart.so.12: cannot open"})
    assert (what, why) == ("vllm: models", "vllm does not load: libcudart.so.12: cannot open")


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8"])
def test_a_litellm_that_stole_keys_is_named(healthy, version):
    assert any("steals keys" in why for _, why, _ in doctor.problems({**ALL_FOUND, "litellm": version}, {}))


def test_without_keys_models_or_a_cache_each_is_told(healthy, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for name, _ in doctor.key_variables():
        healthy.delenv(name)
    healthy.setenv("QRD_CACHE", str(tmp_path / "file"))
    healthy.setattr(embedded, "state_of", lambda name: "missing")
    told = [why for _, why, _ in doctor.problems(ALL_FOUND, {})]
    assert told[0] == "no key is set"
    assert told[1:-1] == [f"{entry.distribution} missing" for entry in embedded.MODELS.values()]
    assert told[-1] == f"{tmp_path / 'file'} cannot be written"


def test_a_full_disk_is_told(healthy):
    healthy.setattr(doctor, "ROOM_GB", 1e9)
    ((_, why, _),) = doctor.problems(ALL_FOUND, {})
    assert "GB are free" in why


def test_a_library_that_breaks_on_import_is_a_finding_and_no_crash(tmp_path, monkeypatch):
    (tmp_path / "broken_library.py").write_text("raise OSError('libcudart.so.12:\\n cannot open')")
    monkeypatch.syspath_prepend(tmp_path)
    assert doctor.import_problem("broken-library") == "libcudart.so.12: cannot open"
    assert doctor.import_problem("json") is None


def test_without_deep_no_heavy_library_is_imported(bench):
    script = (
        "import sys; from qrd.cli import app\n"
        "app(['doctor', '--quiet'], standalone_mode=False)\n"
        "print([name for name in ('torch', 'transformers', 'litellm', 'vllm', 'datasets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=bench.folder, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_deep_reads_no_keys_of_a_folder_reaches_no_network_and_says_nothing_beside_its_tables(bench):
    bench.write(".env", "CANARY_API_KEY=sk-canary\n")
    bench.write(
        "sitecustomize.py",
        "import socket\n"
        "def refused(*words, **options):\n"
        "    open('called', 'a').write(repr(words))\n"
        "    raise OSError('no network')\n"
        "socket.getaddrinfo = socket.socket.connect = refused\n",
    )
    found = bench.run("doctor", "--deep", PYTHONPATH=f"{bench.folder}:{os.environ.get('PYTHONPATH', '')}")
    assert (found.code, found.err) == (0, "")
    assert "CANARY_API_KEY" not in found.out
    assert not (bench.folder / "called").exists()
