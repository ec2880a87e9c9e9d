"""What qrd promises about faults, tried: runs the tests of each promise, and writes the table of README and docs.

Usage: python benchmarks/promises.py [--long] [--report FILE]

--long is the form of `make soak`, which takes much longer; --report takes what a run of all tests has written with
pytest's --junitxml in the place of running them.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PAGES, LIST = (ROOT / "README.md", ROOT / "docs" / "reliability.md"), Path(__file__).with_suffix(".toml")
BEGIN, END = "<!-- table: made by benchmarks/promises.py -->\n", "<!-- end of the table -->\n"


class Promise(NamedTuple):
    """Its number, its words, the tests of it, and what those do inside, in the short and the long form."""

    number: int
    words: str
    tests: list[str]
    short: str = ""
    long: str = ""


def promises() -> list[Promise]:
    """Those of promises.toml."""
    return [Promise(**entry) for entry in tomllib.loads(LIST.read_text("utf-8"))["promise"]]


def matches(test: str, words: str) -> bool:
    """Whether a test's id is meant: `file::part of its name`, or a file alone."""
    file, _, name = words.partition("::")
    return file in test and name in test


def ran(files: set[str], *, long: bool) -> dict[str, str]:
    """How each test of these files ends, by `file::name`."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        extra = {"QRD_SOAK": "1", "QRD_FUZZ_ROWS": "100000"} if long else {}
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", f"--junitxml={report}", *sorted(files)]
        subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", **extra}, check=False)
        return ends(report)


def ends(report: Path) -> dict[str, str]:
    """How each test of a report ended."""
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        test = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        kinds = {child.tag for child in case}
        found[test] = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
    return found


def table(found: dict[str, str], *, long: bool) -> str:
    lines = ["| | promise | tests | failed | what they try |", "|--:|---|--:|--:|---|"]
    for promise in promises():
        count = Counter(end for test, end in found.items() if any(matches(test, words) for words in promise.tests))
        number = count["passed"] + count["failed"]
        tried = promise.long or promise.short if long else promise.short
        lines.append(f"| {promise.number} | {promise.words} | {number} | {count['failed']} | {tried} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    words = {words.partition("::")[0] for promise in promises() for words in promise.tests}
    files = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "tests").rglob("test_*.py")
        if any(word in str(file) for word in words)
    }
    found = ends(options.report) if options.report else ran(files, long=options.long)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    form = "make soak" if options.long else "make test"
    today = datetime.date.today().isoformat()
    said = f"The form of `{form}`, {today}, commit {commit}.\n\n{table(found, long=options.long)}"
    for page in PAGES:
        text = re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}{said}{END}", page.read_text("utf-8"), flags=re.DOTALL)
        page.write_text(text, "utf-8")
    print(said)


if __name__ == "__main__":
    main()
