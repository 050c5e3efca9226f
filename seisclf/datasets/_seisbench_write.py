"""Write sets in SeisBench's format."""

import os
from pathlib import Path

import numpy as np

from ..io._components import check_components
from ._metadata import seisbench_metadata

_BLOCK_ROWS = 1024
_BLOCK_BYTES = 64 << 20


def write_seisbench(
    path,
    data,
    metadata=None,
    *,
    sampling_rate,
    component_order="ZNE",
    target=None,
    n_valid=None,
    blocks=True,
    chunk="",
    measurement="velocity",
    unit="counts",
    instrument_response="not restituted",
    overwrite=False,
):
    """Write labelled waveforms in SeisBench's format, which `seisbench` reads too.

    Parameters
    ----------
    path : str or pathlib.Path
        Folder to write to; made if it is not there.
    data : array-like of shape (n_events, n_components, n_samples), or sequence of arrays
        Waveforms, in memory or lazy (read block by block); a list may hold events of different
        lengths, each of shape (n_components, n_samples). The dtype is kept.
    metadata : DataFrame of n_events rows, optional
        Standard columns (``event_id``, ``station``, ``start_time``, ``p_onset``, …) are written
        under SeisBench's names (``source_id``, ``trace_p_arrival_sample``, …), others as they are.
    sampling_rate : float
        Rate in Hz.
    component_order : str, default="ZNE"
        What the channels are, one letter each.
    target : array-like of shape (n_events,), optional
        Classes, written to the columns ``source_type`` and, unless `metadata` has it,
        ``trace_category``.
    n_valid : array-like of int of shape (n_events,), optional
        Recorded samples of each event; the padding behind them is marked as such. Default: all.
    blocks : bool or int, default=True
        Store many events in one dataset, at most so many (True: 1024, and no more than 64 MB):
        much faster to read than one dataset per event, which False writes. Blocks follow the
        order of rows and do not cross a change of the column ``split``.
    chunk : str, default=""
        Write ``metadata<chunk>.csv`` and ``waveforms<chunk>.hdf5`` and add the name to the file
        ``chunks``.
    measurement, unit, instrument_response : str
        What the numbers are; informal entries of ``data_format``.
    overwrite : bool, default=False
        Replace files that are already there.

    Returns
    -------
    path : pathlib.Path
        The folder.

    Raises
    ------
    FileExistsError
        If the files are there and `overwrite` is false.
    ValueError
        If lengths or shapes do not agree.

    See Also
    --------
    read_seisbench : Read such a set; its example shows both.
    """
    import pandas as pd

    components = check_components(component_order, "component_order")
    if not sampling_rate > 0:
        raise ValueError(f"sampling_rate must be positive, in Hz; got {sampling_rate!r}")
    if chunk and not (chunk.isascii() and chunk.replace("_", "a").isalnum()):
        raise ValueError(f"chunk must consist of ASCII letters, digits and _; got {chunk!r}")
    n_events = len(data)
    metadata = pd.DataFrame(index=range(n_events)) if metadata is None else metadata
    for name, value in (("metadata", metadata), ("target", target), ("n_valid", n_valid)):
        if value is not None and len(value) != n_events:
            raise ValueError(f"{name} has {len(value)} rows, data has {n_events}")
    folder = Path(path)
    csv, hdf5 = folder / f"metadata{chunk}.csv", folder / f"waveforms{chunk}.hdf5"
    if not overwrite and (csv.exists() or hdf5.exists()):
        raise FileExistsError(f"{csv if csv.exists() else hdf5} is there: give overwrite=True")
    folder.mkdir(parents=True, exist_ok=True)

    names = _original_names(metadata)
    data_format = {
        "dimension_order": "CW",
        "component_order": components,
        "sampling_rate": float(sampling_rate),
        "measurement": measurement,
        "unit": unit,
        "instrument_response": instrument_response,
    }
    part = hdf5.with_suffix(".part")
    try:
        trace_names, lengths = _write_waveforms(
            part, data, names, len(components), n_valid, _boundaries(metadata), blocks, data_format
        )
        table = seisbench_metadata(metadata, sampling_rate=sampling_rate, n_samples=lengths)
        _write_table(csv.with_suffix(".part"), table, trace_names, names, components, target)
        # Only complete files take the final names.
        os.replace(part, hdf5)
        os.replace(csv.with_suffix(".part"), csv)
    finally:
        part.unlink(missing_ok=True)
        csv.with_suffix(".part").unlink(missing_ok=True)
    if chunk:
        _register_chunk(folder / "chunks", chunk)
    return folder


def _original_names(metadata):
    for column in ("trace_name_original", "trace_name"):
        if column in metadata and metadata[column].is_unique:
            # "$" would be taken for the start of a location.
            return [str(name).replace("$", "_") for name in metadata[column]]
    return [f"trace{i}" for i in range(len(metadata))]


def _boundaries(metadata):
    """Rows at which another split begins."""
    if "split" not in metadata:
        return []
    split = metadata["split"].astype(str).to_numpy()
    return (np.flatnonzero(split[1:] != split[:-1]) + 1).tolist()


def _write_waveforms(path, data, names, n_components, n_valid, boundaries, blocks, data_format):
    """Write the HDF5 file; return the trace names and the recorded samples of each row."""
    import h5py

    trace_names, lengths = [], []
    with h5py.File(path, "w") as file:
        for key, value in data_format.items():
            file.create_dataset(f"data_format/{key}", data=value)
        group = file.create_group("data")
        for number, (first, last) in enumerate(_spans(data, boundaries, blocks)):
            events = _events(data, first, last, n_components)
            size = [event.shape[-1] for event in events]
            if n_valid is not None:
                size = [min(int(n), s) for n, s in zip(n_valid[first:last], size, strict=True)]
            if blocks:
                _write_block(group, f"bucket{number}", events)
                trace_names += [
                    f"bucket{number}${i},:{n_components},:{n}" for i, n in enumerate(size)
                ]
            else:
                for name, event, n in zip(names[first:last], events, size, strict=True):
                    group.create_dataset(name, data=event[:, :n])
                trace_names += names[first:last]
            lengths += size
    return trace_names, np.array(lengths, dtype=np.int64)


def _spans(data, boundaries, blocks):
    """(first, last) rows of each block."""
    most = _BLOCK_ROWS
    if len(data):
        row_bytes = max(1, int(np.asarray(data[0]).nbytes))
        most = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // row_bytes))
    if blocks is not True and blocks:
        most = int(blocks)
    edges = [0, *boundaries, len(data)]
    return [
        (i, min(i + most, end))
        for begin, end in zip(edges[:-1], edges[1:], strict=True)
        for i in range(begin, end, most)
    ]


def _events(data, first, last, n_components):
    """Events of one block: an array (n, c, t), or a list of (c, t) of different lengths."""
    if isinstance(data, list | tuple):
        events = [np.asarray(event) for event in data[first:last]]
        events = [event[np.newaxis] if event.ndim == 1 else event for event in events]
    else:
        events = np.asarray(data[first:last])
        events = events[:, np.newaxis] if events.ndim == 2 else events
    for i, event in enumerate(events):
        if event.ndim != 2 or event.shape[0] != n_components:
            raise ValueError(
                f"event {first + i} has shape {event.shape}; ({n_components} components, "
                f"n_samples) is needed. Network events go in as one row per station: "
                f"X.reshape(-1, *X.shape[-2:])"
            )
    return events


def _write_block(group, name, events):
    if isinstance(events, np.ndarray):
        group.create_dataset(name, data=events)
        return
    longest = max(event.shape[-1] for event in events)
    shape = (len(events), events[0].shape[0], longest)
    block = np.zeros(shape, dtype=np.result_type(*events))
    for row, event in zip(block, events, strict=True):
        row[:, : event.shape[-1]] = event
    group.create_dataset(name, data=block)


def _write_table(path, table, trace_names, names, components, target):
    given = [name for name in table if name in ("trace_name", "trace_name_original")]
    table = table.drop(columns=[*given, *(c for c in ("trace_chunk",) if c in table)])
    table.insert(0, "trace_name", trace_names)
    table["trace_component_order"] = components
    if names != trace_names:
        table["trace_name_original"] = names
    if target is not None:
        table["source_type"] = np.asarray(target).astype(str)
        if "trace_category" not in table:
            table["trace_category"] = table["source_type"]
    table.drop(columns=[c for c in ("n_components",) if c in table]).to_csv(path, index=False)


def _register_chunk(file, chunk):
    names = file.read_text(encoding="ascii").split() if file.is_file() else []
    if chunk not in names:
        file.write_text("".join(f"{name}\n" for name in [*names, chunk]), encoding="ascii")
