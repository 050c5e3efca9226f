"""The table in the user guide is the one that the code has."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_table_of_the_user_guide_is_current():
    spec = importlib.util.spec_from_file_location("feature_table", DOCS / "feature_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = module.TARGET.read_text(encoding="utf-8")
    assert written == module.text(), "run python docs/feature_table.py"
