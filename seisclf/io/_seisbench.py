"""SeisBench's format on disk: ``metadata.csv`` rows and where their waveforms lie."""

import re
import warnings
from pathlib import Path

import numpy as np

from ._components import match_components, nominal_rate
from ._hdf5 import RowTable
from ._hdf5_door import checked_shape, find_group, names_in, open_hdf5, small_value
from ._tables import read_table

# Codes and names stay text: "00" is a location, "NA" a network, 20120701205150 an event.
_TEXT = (
    "trace_name",
    "trace_name_original",
    "trace_channel",
    "trace_component_order",
    "trace_category",
    "trace_start_time",
    "trace_chunk",
    "source_id",
    "source_type",
    "source_origin_time",
    "station_network_code",
    "station_code",
    "station_location_code",
    "station_site",
    "split",
)
_NOTHING = ("", "nan", "NaN", "NAN", "-nan", "null", "NULL", "None", "none", "<NA>", "N/A", "NA")
_CHUNK = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_MOST_CHUNK_BYTES = 2**20
MISSING_COMPONENTS = ("raise", "pad", "copy", "nan")


def open_seisbench(path, *, component_order, missing_components, report, limits=None):
    """Read the metadata of a set and locate its waveforms, reading none.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder with ``metadata*.csv`` and ``waveforms*.hdf5``.
    component_order : str
        Components wanted, such as ``"ZNE"``.
    missing_components : {"raise", "pad", "copy", "nan"}
        What to do about rows that lack one.
    report : Report
        Takes the findings.
    limits : seisclf.io.Limits, optional
        Sizes above which a file is refused.

    Returns
    -------
    metadata : DataFrame
        The rows of all chunks.
    table : RowTable
        Where they lie, with nominal sampling rates.
    """
    import pandas as pd

    parts, files, formats = [], [], []
    for chunk, csv, hdf5 in _chunks(Path(path)):
        part = _read_csv(csv, limits)
        parts.append(part.assign(trace_chunk=chunk) if chunk else part)
        files.append(hdf5)
        formats.append(_read_format(hdf5))
    if any(other != formats[0] for other in formats):
        raise ValueError(f"the chunks of {path} differ in data_format, which the format forbids")
    metadata = pd.concat(parts, ignore_index=True)
    rows = _Locator(files, formats[0], limits).locate([list(part["trace_name"]) for part in parts])
    orders = _component_orders(metadata, formats[0], path)
    layout, layouts = _layouts(
        metadata, orders, rows.pop("channels"), component_order, missing_components, report
    )
    table = RowTable(
        layouts=layouts,
        fills=["nan" if missing_components == "nan" else "pad"] * len(layouts),
        layout=layout,
        rate=_rates(metadata, formats[0], report),
        samples_first=formats[0]["dimension_order"].replace("N", "") == "WC",
        **rows,
    )
    return metadata, table


def _chunks(folder):
    """(name, metadata file, waveform file) of each chunk; the name of a single one is empty."""
    if folder.name == "metadata.csv":
        folder = folder.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder: give one that holds metadata.csv")
    if (folder / "chunks").is_file():
        names = _chunk_names(folder / "chunks")
    else:
        names = sorted(f.stem.removeprefix("metadata") for f in folder.glob("metadata*.csv"))
    if not names:
        raise FileNotFoundError(f"{folder} holds no metadata.csv: not a set in SeisBench format")
    found = []
    for name in names:
        pair = folder / f"metadata{name}.csv", folder / f"waveforms{name}.hdf5"
        for file in pair:
            if not file.is_file():
                raise FileNotFoundError(f"{file} is missing, its counterpart is there")
        found.append((name, *(file.resolve() for file in pair)))
    return found


def _chunk_names(path):
    with open(path, "rb") as file:
        content = file.read(_MOST_CHUNK_BYTES + 1)
    names = content.decode("utf-8", "replace").split()
    odd = [name for name in names if not _CHUNK.fullmatch(name)]
    if odd or len(content) > _MOST_CHUNK_BYTES:
        # A name is put into those of two files, and must not lead to another folder.
        raise ValueError(
            f"{path} must hold names of chunks, of letters, digits, dots, dashes and underscores; "
            f"it has {odd[0][:40] if odd else len(content)!r}"
        )
    return names


def _read_csv(path, limits):
    columns = read_table(path, separator=",", limits=limits, nrows=0).columns
    if "trace_name" not in columns:
        raise ValueError(
            f"{path} has no column trace_name, which the SeisBench format needs; it has "
            f"{list(columns[:8])}"
        )
    return read_table(
        path,
        separator=",",
        limits=limits,
        dtype={name: str for name in _TEXT if name in columns},
        keep_default_na=False,
        na_values={name: [""] if name.endswith("_code") else list(_NOTHING) for name in columns},
        low_memory=False,
    )


def _read_format(path):
    with open_hdf5(path) as file:
        group = find_group(file, "data_format")
        values = {key: _plain(small_value(group, key)) for key in names_in(group)}
    if "dimension_order" not in values:
        warnings.warn(
            f"{path} has no data_format/dimension_order; CW (channels, samples) is assumed",
            UserWarning,
            stacklevel=4,
        )
        values["dimension_order"] = "CW"
    if str(values["dimension_order"]).removeprefix("N") not in ("CW", "WC", "W"):
        raise ValueError(
            f"{path}: data_format/dimension_order is {values['dimension_order']!r}; 'CW', 'WC' or "
            f"'W' can be read"
        )
    return values


def _plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray):
        return tuple(_plain(v) for v in value.tolist())
    return value.item() if isinstance(value, np.generic) else value


class _Locator:
    """Turns trace names into entries of datasets and spans of samples."""

    def __init__(self, files, data_format, limits):
        self.files, self.limits = files, limits
        self.samples_first = data_format["dimension_order"].replace("N", "") == "WC"

    def locate(self, names_per_file):
        """Columns of a `RowTable`, and for each row the raw channels that it selects."""
        self.names, self.known = [], {}
        rows, channels, absent = [], [], []
        for number, (path, names) in enumerate(zip(self.files, names_per_file, strict=True)):
            with open_hdf5(path) as file:
                self.known.clear()  # names repeat between chunks, shapes do not
                for name in names:
                    block, _, location = str(name).partition("$")
                    dataset, shape = self._dataset(file, block)
                    if shape is None:
                        absent.append(f"{block} in {path.name}")
                        continue
                    entry, picked, span = _parse(location, shape, self.samples_first, name)
                    rows.append((number, dataset, entry, *span))
                    channels.append(picked)
        if absent:
            raise ValueError(
                f"{len(absent)} rows name waveforms that the file does not hold: "
                f"{', '.join(absent[:3])}{', …' if len(absent) > 3 else ''}"
            )
        columns = np.array(rows, dtype=np.int64).reshape(-1, 6).T
        keys = ("file", "dataset", "entry", "start", "stop", "step")
        return {
            "paths": [str(f) for f in self.files],
            "names": self.names,
            "channels": channels,
            **dict(zip(keys, columns, strict=True)),
        }

    def _dataset(self, file, block):
        if block not in self.known:
            shape = checked_shape(file, f"data/{block}", self.limits)
            self.known[block] = len(self.names), shape
            self.names.append(f"data/{block}")
        return self.known[block]


def _parse(location, shape, samples_first, name):
    """(entry, raw channels, (start, stop, step)) of the text after ``$``."""
    keys = [_key(part, name) for part in location.split(",")] if location else []
    blocked = len(shape) == 3 or (len(shape) == 2 and bool(keys) and isinstance(keys[0], int))
    if len(keys) > len(shape) or len(shape) > 3 or not shape:
        raise ValueError(f"trace_name {name!r} does not fit a dataset of shape {shape}")
    keys += [slice(None)] * (len(shape) - len(keys))
    entry = -1
    if blocked:
        if isinstance(keys[0], int) and not -shape[0] <= keys[0] < shape[0]:
            raise ValueError(f"trace_name {name!r}: the block has {shape[0]} entries only")
        picked = range(shape[0])[keys[0]]
        entry = picked if isinstance(picked, int) else _single(picked, name)
        keys, shape = keys[1:], shape[1:]
    if len(shape) == 2 and samples_first:
        keys, shape = keys[::-1], shape[::-1]
    channels = range(shape[0])[keys[0]] if len(shape) == 2 else range(1)
    channels = (channels,) if isinstance(channels, int) else tuple(channels)
    span = range(shape[-1])[keys[-1]]
    if isinstance(span, int) or span.step < 1:
        raise ValueError(f"trace_name {name!r}: the samples must be a rising slice")
    return entry, channels, (span.start, max(span.start, span.stop), span.step)


def _key(part, name):
    bounds = [bound.strip() for bound in part.split(":")]
    try:
        if len(bounds) == 1:
            return int(bounds[0])
        return slice(*(int(bound) if bound else None for bound in bounds))
    except (ValueError, TypeError):
        raise ValueError(
            f"trace_name {name!r} ends in {part!r}, which is neither an integer nor a slice"
        ) from None


def _single(picked, name):
    if len(picked) != 1:
        raise ValueError(f"trace_name {name!r} selects {len(picked)} entries of a block, not one")
    return picked[0]


def _component_orders(metadata, data_format, path):
    default = data_format.get("component_order")
    default = "".join(default) if isinstance(default, tuple) else default
    if "trace_component_order" not in metadata:
        orders = np.full(len(metadata), default, dtype=object)
    else:
        column = metadata["trace_component_order"].astype(object)
        orders = column.where(column.notna(), default).to_numpy()
    unknown = np.flatnonzero([order is None for order in orders])
    if len(unknown):
        raise ValueError(
            f"{path}: {len(unknown)} rows have no component order (first: row {unknown[0]}): "
            f"write data_format/component_order or a column trace_component_order, e.g. 'ZNE'"
        )
    return orders


def _layouts(metadata, orders, channels, wanted, missing_components, report):
    """Number of the layout of each row, and the layouts: raw channels of wanted components."""
    number, layouts, notes, lacking, layout = {}, [], [], {}, np.empty(len(orders), np.int64)
    for row, key in enumerate(zip(orders, channels, strict=True)):
        if key not in number:
            order, raw = key
            if len(order) != len(raw):
                raise ValueError(
                    f"row {row} ({metadata['trace_name'][row]}) has {len(raw)} channels, its "
                    f"component order is {order!r}"
                )
            index, remarks = match_components(order, wanted)
            picks = np.array([raw[i] if i >= 0 else -1 for i in index])
            if (picks < 0).any():
                lacking[len(layouts)] = [c for c, p in zip(wanted, picks, strict=True) if p < 0]
                if missing_components == "copy":
                    picks[picks < 0] = picks[picks >= 0][0] if (picks >= 0).any() else raw[0]
            number[key] = len(layouts)
            layouts.append(picks)
            notes.append((order, remarks))
        layout[row] = number[key]
    counts = np.bincount(layout, minlength=len(layouts))
    if lacking and missing_components == "raise":
        which = [
            f"{counts[k]} rows with {notes[k][0]!r} lack {''.join(v)}" for k, v in lacking.items()
        ]
        raise ValueError(
            f"component_order={wanted!r} is not complete: {'; '.join(which)}. Ask for what is "
            f"there, e.g. component_order={notes[0][0]!r}, or give missing_components='pad' "
            f"(zeros), 'nan' or 'copy'"
        )
    done = {"pad": "zeros", "nan": "NaN", "copy": "a copy of the first component"}
    for k, (order, remarks) in enumerate(notes):
        what = f"{counts[k]} rows with components {order}"
        for remark in remarks:
            report.add("all", what, remark, "taken as it is")
        if k in lacking:
            report.add("all", what, f"{''.join(lacking[k])} missing", done[missing_components])
    if not layouts:
        layouts = [np.arange(len(wanted))]
    return layout, layouts


def _rates(metadata, data_format, report):
    """Nominal sampling rate of each row in Hz; the CSV wins over the file's."""
    import pandas as pd

    default = data_format.get("sampling_rate", np.nan)
    rates = pd.Series(np.nan, index=metadata.index, dtype=float)
    if "trace_sampling_rate_hz" in metadata:
        rates = pd.to_numeric(metadata["trace_sampling_rate_hz"], errors="coerce").astype(float)
    if "trace_dt_s" in metadata:
        rates = rates.fillna(1.0 / pd.to_numeric(metadata["trace_dt_s"], errors="coerce"))
    own = rates.notna() & (np.abs(rates - default) > 1e-4 * np.abs(default))
    if own.any():
        report.add(
            "all",
            f"{int(own.sum())} rows",
            f"metadata.csv gives another sampling rate than the file's {default:g} Hz",
            "metadata.csv wins",
        )
    rates = rates.fillna(default).to_numpy(dtype=float, copy=True)
    bad = np.flatnonzero(~((rates > 0) & np.isfinite(rates)))
    if len(bad):
        raise ValueError(
            f"{len(bad)} rows have no sampling rate (first: row {bad[0]}, "
            f"{metadata['trace_name'][bad[0]]}): fill trace_sampling_rate_hz in metadata.csv"
        )
    for rate in np.unique(rates):
        nominal = nominal_rate(rate)
        if nominal != rate:
            rows = rates == rate
            rates[rows] = nominal
            report.add(
                "all", f"{rows.sum()} rows", f"rate {rate!r} Hz", f"taken as {nominal:g} Hz"
            )
    return rates
