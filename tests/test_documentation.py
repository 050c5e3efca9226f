"""What the documentation shows runs as printed; what is public is documented."""

import inspect
import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

import seisclf

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.rst"))]
PAGES += sorted((ROOT / "docs" / "user_guide").glob("*.rst"))


def python_blocks(page):
    text = page.read_text()
    if page.suffix == ".md":
        return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    pattern = r"\.\. code-block:: python\n(?:   +:.*\n)*\n((?:(?:    +.*|[ \t]*)\n)+)"
    return [textwrap.dedent(block) for block in re.findall(pattern, text)]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if python_blocks(page)], ids=lambda page: page.name
)
def test_code_on_the_page_runs(page, tmp_path, monkeypatch):
    """All blocks of a page, in order, as somebody would paste them."""
    monkeypatch.chdir(tmp_path)
    module = ModuleType("__main__")  # as in a script: worker processes get its classes by value
    monkeypatch.setitem(sys.modules, "__main__", module)
    for block in python_blocks(page):
        exec(compile(block, str(page), "exec"), vars(module))


def public_objects():
    for package in seisclf._SUBPACKAGES:
        module = getattr(seisclf, package)
        for name in getattr(module, "__all__", ()):
            item = getattr(module, name)
            if inspect.isclass(item) or inspect.isfunction(item):
                yield pytest.param(item, id=f"{package}.{name}")


@pytest.mark.parametrize("item", list(public_objects()))
def test_docstring_is_complete(item):
    """numpydoc finds every parameter described, in order, with its type."""
    from numpydoc.validate import validate

    # Style of sentences is left to the writer; what is checked is that nothing is missing.
    missing = {"GL08", "SS01", "PR01", "PR02", "PR03", "PR04", "PR07", "RT01", "RT03", "YD01"}
    path = f"{item.__module__}.{item.__qualname__}"
    found = [error for error in validate(path)["errors"] if error[0] in missing]
    assert not found, "\n".join(f"{code}: {text}" for code, text in found)


@pytest.mark.parametrize("item", list(public_objects()))
def test_public_object_stands_in_the_reference(item):
    reference = (ROOT / "docs" / "api.rst").read_text()
    assert re.search(rf"^\s+{item.__name__}$", reference, flags=re.MULTILINE)
