"""The limits of the house: no circle of imports, few files in a folder, short functions and files."""

import ast
from pathlib import Path as File

import pytest

ROOT = File(__file__).parent.parent / "qrd"
MOST_FILES, MOST_AT_ROOT, MOST_LINES, MOST_IN_A_FUNCTION = 15, 6, 350, 48
TREES = {file: ast.parse(file.read_bytes()) for file in sorted(ROOT.rglob("*.py"))}


def module_of(file):
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): tree for file, tree in TREES.items()}


def at_once(tree):
    """The statements that run when a module is imported: not those of functions, nor what only a type checker reads."""
    waiting = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        yield node
        of_checker = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        inner = node.orelse if of_checker else ast.iter_child_nodes(node)
        waiting += [child for child in inner if isinstance(child, (ast.stmt, ast.excepthandler))]


def imported(tree):
    """The modules of qrd that a module has read when it is imported."""
    found = set()
    for node in at_once(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in inner}
    return found & set(MODULES)


def circle_in(arrows):
    """A way along the arrows that comes back to where it began; empty where there is none."""
    done = set()

    def search(name, way):
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        found = next(filter(None, (search(other, [*way, name]) for other in sorted(arrows[name]))), [])
        done.add(name)
        return found

    return next(filter(None, (search(name, []) for name in sorted(arrows))), [])


def test_a_circle_is_found_where_there_is_one():
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_import_of_a_module_leads_back_to_it():
    arrows = {name: imported(tree) for name, tree in MODULES.items()}
    assert "qrd.errors" in arrows["qrd.models.names"], "imports are not seen"
    assert circle_in(arrows) == []


@pytest.mark.parametrize("folder", sorted({file.parent for file in TREES}), ids=lambda folder: folder.name)
def test_no_folder_holds_more_files_than_one_looks_through(folder):
    files = [file.name for file in folder.iterdir() if file.is_file()]
    assert len(files) <= (MOST_AT_ROOT if folder == ROOT else MOST_FILES), sorted(files)


def test_no_file_is_long():
    lengths = {module_of(file): len(file.read_bytes().splitlines()) for file in TREES}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_function_is_long():
    found = {}
    for name, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                found[f"{name}:{node.name}"] = node.end_lineno - first + 1
    assert {name: length for name, length in found.items() if length > MOST_IN_A_FUNCTION} == {}
