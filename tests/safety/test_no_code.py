"""No module of seisclf runs what stands in a file, and none asks ObsPy to guess a format."""

import ast
from functools import cache
from pathlib import Path

import pytest

import seisclf

ROOT = Path(seisclf.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
# Copies in memory, made and read by a process and its own workers; never a file of a user.
MAY_PICKLE = {"utils/estimator_checks.py", "utils/_shared.py", "detection/_scan_workers.py"}
CODE = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "code", "runpy"}
CALLS = {"eval", "exec", "compile", "__import__", "read_pickle", "read_hdf", "unpack_archive"}
OBSPY = {"read", "read_events", "read_inventory"}


def test_there_is_something_to_look_at():
    assert len(MODULES) > 200


@pytest.mark.parametrize("path", [ROOT / "persistence", ROOT / "io", ROOT])
def test_no_pickle_no_eval(path):
    found = [
        f"{file.relative_to(ROOT)}:{line}: {what}"
        for file in sorted(path.rglob("*.py"))
        for line, what in _found_in(file)
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import joblib\njoblib.load(path)",
        "eval(text)",
        "np.load(path, allow_pickle=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "import obspy\nobspy.read(path)",
        "from obspy import read\nread(path, headonly=True)",
        "from obspy import read_events as r\nr(path)",
        "pd.read_pickle(path)",
        "pd.read_csv(path, sep=None, engine='python')",
        "tarfile.open(path).extractall()",
        "etree.parse(path)",
    ],
)
def test_the_search_finds_dangers(source):
    assert list(_dangers(ast.parse(source), ROOT / "io" / "x.py"))


@cache
def _found_in(file):
    return tuple(_dangers(ast.parse(file.read_text(encoding="utf-8")), file))


def _dangers(tree, file):
    name = file.relative_to(ROOT).as_posix()
    kinds = ast.Import | ast.ImportFrom | ast.Call
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    obspys = _names_from_obspy(nodes)
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                if module.partition(".")[0] in CODE and name not in MAY_PICKLE:
                    yield node.lineno, f"import {module}"
            if isinstance(node, ast.ImportFrom) and node.module == "joblib":
                yield from ((node.lineno, "joblib.load") for a in node.names if a.name == "load")
        if isinstance(node, ast.Call):
            what = _danger_of_call(node, obspys)
            if what:
                yield node.lineno, what


def _names_from_obspy(nodes):
    """Names under which a module has ObsPy's functions."""
    return {
        alias.asname or alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module == "obspy"
        for alias in node.names
        if alias.name in OBSPY
    }


def _danger_of_call(node, obspys):
    owner, called = _name(node.func)
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    if called in CALLS and owner in ("", "pd", "pandas", "builtins", "shutil"):
        return f"{called}()"
    if _is(given.get("allow_pickle"), True):
        return "allow_pickle=True"
    if (owner, called) == ("torch", "load") and not _is(given.get("weights_only"), True):
        return "torch.load without weights_only=True"
    if (owner, called) == ("joblib", "load"):
        return "joblib.load"
    if (owner == "obspy" and called in OBSPY) or (not owner and called in obspys):
        # Nothing given is ObsPy's own example.
        with_format = "format" in given or len(node.args) > 1
        return "" if with_format or not (node.args or given) else f"{called}() without format"
    if called == "read_csv" and (
        _is(given.get("engine"), "python") or _is(given.get("sep"), None)
    ):
        return "read_csv that guesses"
    if called == "extractall":
        return called
    if (owner, called) in (("etree", "parse"), ("ElementTree", "parse"), ("minidom", "parse")):
        return "XML not through seisclf.io._xml"
    return ""


def _is(node, value):
    return (
        isinstance(node, ast.Constant)
        and node.value is value
        or (isinstance(node, ast.Constant) and isinstance(value, str) and node.value == value)
    )


def _name(func):
    if isinstance(func, ast.Name):
        return "", func.id
    if isinstance(func, ast.Attribute):
        owner = func.value
        return (owner.id if isinstance(owner, ast.Name) else "?"), func.attr
    return "?", "?"
