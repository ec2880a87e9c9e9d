"""An upload against a server of this machine that speaks what the hub's client asks of it, and notes every request."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub")

KEY = "hf_canarycanarycanarycanarycanary"
PATH = {"id": "q1", "task": "math", "question": "1 + 1?", "answer": "2", "path_id": "p1", "response": "It is 2."}


class Hub(ThreadingHTTPServer):
    """Data sets by name with their visibility, files as committed, and the requests that came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.visibility: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.seen: list[str] = []
        self.refusal: int | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        name = self.path.removeprefix("/api/datasets/").partition("?")[0]
        if self.server.refusal or name not in self.server.visibility:
            self.answer({"error": "Repository not found"}, self.server.refusal or 404)
            return
        private = self.server.visibility[name] == "private"
        self.answer({"id": name, "private": private, "sha": "0" * 40, "tags": [], "siblings": []})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refusal:
            self.answer({"error": f"no {KEY} here"}, self.server.refusal)
        elif self.path == "/api/repos/create":
            self.create(json.loads(body))
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            told = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]
            self.answer({"files": told})
        elif "/commit/" in self.path:
            for line in filter(None, body.split(b"\n")):
                entry = json.loads(line)
                if entry["key"] == "file":
                    self.server.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            name = self.path.removeprefix("/api/datasets/").partition("/commit/")[0]
            place = f"{self.server.address}/datasets/{name}/commit/{'1' * 40}"
            self.answer({"success": True, "commitOid": "1" * 40, "commitUrl": place})
        else:
            self.answer({"errors": [], "warnings": []})  # /api/validate-yaml

    def create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization'] or 'me'}/{asked['name']}"
        url = f"{self.server.address}/datasets/{name}"
        if name in self.server.visibility:
            self.answer({"url": url, "error": "You already created this dataset repo"}, 409)
            return
        private = asked.get("visibility") == "private" or asked.get("private") is True
        self.server.visibility[name] = "private" if private else "public"
        self.answer({"url": url, "name": name, "id": name})

    def answer(self, value: Any, status: int = 200) -> None:
        self.server.seen.append(f"{self.command} {self.path}")
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `seen` is the log."""


@pytest.fixture
def hub():
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def export(hub: Hub, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "paths.jsonl").write_text(json.dumps(PATH) + "\n")
    environment = {
        **os.environ, "HF_ENDPOINT": hub.address, "HF_TOKEN": KEY, "HF_HOME": str(folder / "home"),
        "HF_HUB_OFFLINE": "0", "NO_PROXY": "127.0.0.1", "HF_HUB_DISABLE_TELEMETRY": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "qrd", "data", "export", "paths.jsonl", "--for", "llama-factory", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_a_data_set_is_made_private_and_gets_rows_registry_and_card(hub: Hub, tmp_path: Path) -> None:
    done = export(hub, tmp_path, "--hub", "me/paths")
    assert done.returncode == 0, done.stderr
    assert f"uploaded: {hub.address}/datasets/me/paths" in done.stderr
    assert hub.visibility == {"me/paths": "private"}
    assert sorted(hub.files) == ["README.md", "dataset_info.json", "train.jsonl"]
    assert json.loads(hub.files["train.jsonl"])["path_id"] == "p1"
    assert json.loads(hub.files["dataset_info.json"])["paths"]["file_name"] == "train.jsonl"
    assert b"# `me/paths`" in hub.files["README.md"]
    assert [file.name for file in tmp_path.iterdir() if file.name != "home"] == ["paths.jsonl"]


def test_a_folder_given_stays_and_is_what_was_uploaded(hub: Hub, tmp_path: Path) -> None:
    done = export(hub, tmp_path, "--hub", "me/paths", "--public", "-o", "out/", "--format", "parquet")
    assert done.returncode == 0, done.stderr
    assert hub.visibility == {"me/paths": "public"}
    assert {name: (tmp_path / "out" / name).read_bytes() for name in hub.files} == hub.files
    assert "train.parquet" in hub.files
    assert (tmp_path / "out" / "train.parquet.manifest.json").is_file()


def test_a_data_set_that_is_public_is_not_added_to_unasked(hub: Hub, tmp_path: Path) -> None:
    hub.visibility["me/paths"] = "public"
    done = export(hub, tmp_path, "--hub", "me/paths")
    assert (done.returncode, hub.files) == (2, {})
    assert done.stderr.splitlines()[-1].startswith("qrd: --hub: me/paths is public; say --public")
    assert export(hub, tmp_path, "--hub", "me/paths", "--public").returncode == 0
    assert hub.files


def test_a_refusal_is_one_line_without_the_key(hub: Hub, tmp_path: Path) -> None:
    hub.refusal = 403
    done = export(hub, tmp_path, "--hub", "me/paths")
    assert (done.returncode, hub.files) == (6, {})
    assert done.stderr.splitlines()[-1].startswith("qrd: --hub me/paths: ")
    assert "Traceback" not in done.stderr
    assert KEY not in done.stderr
