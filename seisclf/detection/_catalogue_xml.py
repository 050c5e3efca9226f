"""Detections from the QuakeML and SeisComP files that they were written to."""

import json
import warnings
from collections import defaultdict

from ._detections_files import coverage_of
from ._exact_json import decoded, typed_frame
from ._quakeml import COMMENT_VERSION

# Of the table, in this order; other columns follow, and class probabilities go last.
_FIRST = ("class", "onset", "end", "probability", "event_probability", "stations", "coverage")


def read_catalogue_xml(path):
    """Table, picks, settings and coverage of a QuakeML or SeisComP file.

    Parameters
    ----------
    path : pathlib.Path
        File that :meth:`Detections.to_quakeml` or :meth:`Detections.to_seiscomp` wrote.

    Returns
    -------
    parts : dict
        Parameters of Detections.

    Raises
    ------
    ValueError
        If the file is not such a one.
    """
    root = _parse(path)
    kind = _local(root)
    if kind not in ("quakeml", "seiscomp"):
        raise ValueError(f"{path}: neither QuakeML nor SeisComP, but <{kind}>")
    rows, names, foreign, scan = [], [], 0, None
    picks = defaultdict(list)
    for element in root.iter():
        if _local(element) not in ("eventParameters", "event", "pick"):
            continue
        for told in _remarks(element, path):
            if "settings" in told:
                scan = told
            elif _local(element) == "pick":
                picks[told["event"]].append(told)
            else:
                rows.append(told)
                names.append(_name(element))
        if _local(element) == "event" and _name(element) not in names[-1:]:
            foreign += 1
    if not rows and scan is None:
        raise ValueError(
            f"{path}: no event of it was written by seisclf; seisclf.io.read_events reads the "
            f"catalogues of others"
        )
    if foreign:
        warnings.warn(
            f"{path}: {foreign} events without a comment of seisclf are left out", stacklevel=3
        )
    return _parts(rows, names, picks, scan or {})


def _parts(rows, names, picks, scan):
    columns = [name for name, _ in scan.get("columns", ())]
    if not columns:
        others = {k: None for row in rows for k in row if k not in (*_FIRST, "probabilities")}
        probabilities = {f"p_{k}": None for row in rows for k in row.get("probabilities", {})}
        columns = [*_FIRST, *others, *probabilities]
    dtypes = {"onset": "datetime64[ns, UTC]", "end": "datetime64[ns, UTC]", "class": "str"}
    dtypes |= {name: "float64" for name in (*_FIRST[3:5], "coverage")} | {"stations": "str"}
    dtypes |= {name: "float64" for name in columns if name.startswith("p_")}
    if any(not isinstance(row["class"], str) for row in rows):
        dtypes["class"] = "object"
    flat = [
        row
        | {"stations": " ".join(row["stations"])}
        | {f"p_{label}": value for label, value in row["probabilities"].items()}
        for row in rows
    ]
    found = [
        pick | {"detection": number}
        for number, name in enumerate(names)
        for pick in picks.get(name, ())
    ]
    pick_dtypes = {"detection": "int64", "time": "datetime64[ns, UTC]", "probability": "float64"}
    pick_dtypes |= {"station": "str", "phase": "str"} | dict(scan.get("pick_columns", ()))
    return {
        "table": _frame(flat, columns, dtypes | dict(scan.get("columns", ()))),
        "picks": _frame(
            found, [n for n, _ in scan.get("pick_columns", ())] or list(pick_dtypes), pick_dtypes
        ),
        "settings": decoded(scan.get("settings", {})),
    } | coverage_of(scan)


def _frame(dicts, columns, dtypes):
    rows = [[decoded(row.get(name)) for name in columns] for row in dicts]
    return typed_frame(rows, columns, dtypes)


def _remarks(element, path):
    """What comments of seisclf under an element say."""
    for comment in element:
        if _local(comment) != "comment":
            continue
        text = next((child.text for child in comment if _local(child) == "text"), None) or ""
        if not text.lstrip().startswith('{"seisclf"'):
            continue
        try:
            told = json.loads(text)["seisclf"]
            version = told.pop("version")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{path}: a comment of seisclf is damaged: {text[:80]}") from error
        if version > COMMENT_VERSION:
            raise ValueError(
                f"{path}: comments of version {version}, which is newer than this seisclf "
                f"({COMMENT_VERSION}): pip install --upgrade seisclf"
            )
        yield told


def _name(element):
    """The last part of a public id, without what says that it is of an event."""
    return element.get("publicID", "").rpartition("/")[2].removeprefix("seisclf-event-")


def _local(element):
    # Comments and processing instructions have no name.
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _parse(path):
    from lxml import etree

    from seisclf.io._xml import read_xml

    content, _ = read_xml(path)
    try:
        return etree.fromstring(content, etree.XMLParser(resolve_entities=False, huge_tree=True))
    except etree.XMLSyntaxError as error:
        # The door does not look at names, this parser does: prefixes must have been declared.
        raise ValueError(f"{path} is damaged: {error}") from error
