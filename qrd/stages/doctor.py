"""doctor: what would work on this machine, and what not.

Reads:   the versions of installed packages, the names of environment variables, the cache folder.
Does:    holds them against what each part of qrd needs; with --deep it imports the libraries too.
Writes:  tables on standard output, since they are what was asked for. No file.
Never:   shows what a variable holds; reaches for the network; imports a library without --deep.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path as File

from qrd import __version__
from qrd.config import DoctorConfig
from qrd.console import Console
from qrd.errors import installing
from qrd.masking import one_line
from qrd.models import embedded
from qrd.models.names import KINDS, TRANSFORMERS
from qrd.models.weights import hush_bitsandbytes
from qrd.stages import Tally

Cells = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A part of qrd, the packages that it needs, and the extra that brings them; none for what qrd itself brings."""

    name: str
    packages: tuple[str, ...]
    extra: str = ""

    @property
    def install(self) -> str:
        """The command that installs them."""
        return installing(self.extra) if self.extra else "pip install qrd"


def _parts_of_models() -> Iterator[Part]:
    """A part for the kinds of models that need the same packages."""
    prefixes: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for prefix, kind in KINDS.items():
        if kind.packages:
            prefixes.setdefault((kind.packages, kind.extra), []).append(f"{prefix}:")
    for (packages, extra), named in prefixes.items():
        yield Part("models behind an API" if named == [":"] else f"{' and '.join(named)} models", packages, extra)


WANTS_ZSTD = sys.version_info < (3, 14)
PARTS = (
    *_parts_of_models(),
    Part("train", TRANSFORMERS, "train"),
    Part("train --finetune qlora", (*TRANSFORMERS, "bitsandbytes"), "qlora"),
    Part("answers that need algebra", ("math-verify",)),
    Part("filter --dedupe", ("datasketch",), "filter"),
    Part("filter --language", ("py3langid",), "filter"),
    Part("data import reasoning-gym:TASK", ("reasoning-gym",), "gym"),
    Part("--hub, and Parquet files", ("datasets",), "hub"),
    # Python itself has zstd from 3.14 on.
    *([Part("files compressed by zstd", ("backports.zstd",), "zstd")] if WANTS_ZSTD else []),
    Part("demo", (*TRANSFORMERS, "gguf"), "demo"),
)
KEY_ENDINGS = ("_API_KEY", "_API_TOKEN", "_ACCESS_KEY_ID")
OTHER_KEYS = ("HF_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_AD_TOKEN")
STOLE_KEYS = ("1.82.7", "1.82.8")  # versions of litellm
ROOM_GB = 2.0  # what the embedded models take once they are converted
# litellm would fetch prices and read a .env file when it is imported.
ALONE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
BROKEN = (ImportError, OSError, RuntimeError, AttributeError, ValueError)  # what a library that does not fit raises


def run(config: DoctorConfig, console: Console) -> Tally:
    """Show the tables; no row is read or written."""
    hush_bitsandbytes()
    os.environ.update({name: value for name, value in ALONE.items() if name not in os.environ})
    page = Console(stream=sys.stdout, quiet=console.quiet)
    names = sorted({name for part in PARTS for name in part.packages})
    found = {name: version_of(name) for name in names}
    broken = {name: why for name in names if found[name] and (why := import_problem(name))} if config.deep else {}
    page.table("Versions", ("", "version"), _versions(found))
    page.table("Devices", ("", ""), [*_machine(), *(_torch_devices(broken) if config.deep else _seen_devices())])
    page.table("Keys", ("variable", "state"), key_variables() or [("none", "")])
    page.table("Embedded models", ("model", "state", "licence"), _embedded())
    page.table(
        "What would not work here", ("what", "why", "what helps"), problems(found, broken) or [("nothing", "", "")]
    )
    return Tally()


def version_of(package: str) -> str | None:
    """The version of an installed package, which is not imported; None where it is missing."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def key_variables() -> list[Cells]:
    """(variable, `set` or `empty`) of each variable that looks like a key by its name."""
    names = [name for name in os.environ if name.endswith(KEY_ENDINGS) or name in OTHER_KEYS]
    return [(name, "set" if os.environ[name].strip() else "empty") for name in sorted(names)]


def problems(found: dict[str, str | None], broken: dict[str, str]) -> list[Cells]:
    """(what, why, what helps) of everything that would not work; `broken` are packages that do not load."""
    return [*_missing_packages(found, broken), *_keys_and_litellm(found), *_missing_models(), *_cache()]


def _missing_packages(found: dict[str, str | None], broken: dict[str, str]) -> Iterator[Cells]:
    for part in PARTS:
        missing = [name for name in part.packages if not found[name]]
        if missing:
            yield part.name, f"{', '.join(missing)} missing", part.install
        for name in part.packages:
            if name in broken:
                yield part.name, f"{name} does not load: {broken[name]}", f"{part.install} --force-reinstall"


def _keys_and_litellm(found: dict[str, str | None]) -> Iterator[Cells]:
    if found["litellm"] in STOLE_KEYS:
        yield "models behind an API", f"litellm {found['litellm']} steals keys", "pip install -U litellm; new keys"
    if not any(state == "set" for _, state in key_variables()):
        yield "models behind a paid API", "no key is set", "export the provider's variable, such as OPENAI_API_KEY"


def _missing_models() -> Iterator[Cells]:
    for name, entry in embedded.MODELS.items():
        if embedded.state_of(name) == "missing":
            yield f"{embedded.PREFIX}{name}", f"{entry.distribution} missing", entry.install


def _cache() -> Iterator[Cells]:
    folder = embedded.cache_folder()
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        yield "embedded models, cached embeddings", f"{folder} cannot be written", "set QRD_CACHE to another folder"
    elif (free := shutil.disk_usage(there).free / 1e9) < ROOM_GB:
        yield (
            "embedded models",
            f"{free:.1f} GB are free at {folder}, {ROOM_GB:g} needed",
            "set QRD_CACHE, or make room",
        )


def _versions(found: dict[str, str | None]) -> list[Cells]:
    ours: list[Cells] = [("qrd", __version__), ("Python", platform.python_version()), ("system", platform.platform())]
    return ours + [(name, version or "missing") for name, version in found.items()]


def _machine() -> Iterator[Cells]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield "CPU cores", str(usable)
    if "SC_PHYS_PAGES" in os.sysconf_names:
        yield "memory", f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB"


def _seen_devices() -> list[Cells]:
    return [("NVIDIA GPU", "seen; --deep asks torch whether it can use it" if _nvidia() else "none seen")]


def _nvidia() -> bool:
    return File("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def _torch_devices(broken: dict[str, str]) -> Sequence[Cells]:
    """What torch can compute on."""
    if version_of("torch") is None or "torch" in broken:
        return _seen_devices()
    import torch

    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    rows = [(f"cuda:{number}", name) for number, name in enumerate(names)] or [("cuda", "torch can use none")]
    return [*rows, ("mps", "yes" if torch.backends.mps.is_available() else "no")]


def _embedded() -> list[Cells]:
    return [(embedded.PREFIX + name, embedded.state_of(name), entry.licence) for name, entry in embedded.MODELS.items()]


def import_problem(package: str) -> str | None:
    """What a package's import raises, on one line; None where it loads."""
    try:
        import_module(package.replace("-", "_"))
    except BROKEN as error:
        return one_line(" ".join(str(error).split()) or type(error).__name__)
    return None
