"""What the authors of RockNet have published: weights, an hour of record, scores."""

from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from ..io import ReadReport, read_waveform_file
from ._published import find_published
from ._rocknet_files import BASE_URL, FOLDERS, SHA256

WEIGHTS = {
    "association": "net_fusion_RF_60s",
    "association_luhu": "net_fusion_RF_60s_noINSTANCE",
    "waveform": "wf_RF_60s",
}
SCORES = {
    "fusion": "fusion_RF_60s",
    "waveform": "wf_RF_60s",
    "association": "net_fusion_RF_60s",
    "association_luhu": "net_fusion_RF_60s_noINSTANCE",
}
_COLUMNS = {
    "evid": "event_id",
    "sta": "station",
    "real_type": "y_true",
    "label_type": "y_true",
    "pred_type": "y_pred",
    "eq_prob": "earthquake",
    "eqocc_prob": "earthquake",
    "rf_prob": "rockfall",
    "rfocc_prob": "rockfall",
    "manP": "p_onset",
    "manS": "s_onset",
    "predP": "p_pick",
    "predP_prob": "p_probability",
    "predS": "s_pick",
    "predS_prob": "s_probability",
    "ev_occ_pt": "occurrence",
    "pred_occ_pt": "occurrence_pick",
}
_LUHU = """\
One hour at the Luhu slope, Taiwan
==================================

28 March 2020, 13:00 to 14:00 UTC, with ten minutes on either side: stations LH01 to LH05,
components E N Z, 100 Hz, raw counts. Several rockfalls and earthquakes are in it.

`functions` are the 18 functions over time that the authors of RockNet published for this hour,
from 12:59:00 on: the occurrence of rockfalls and earthquakes in the network LH01 to LH04
(channel occ of the stations RF and EQ), and at each of these stations P, S and the masks of
earthquakes (eqM) and rockfalls (rfM).

Liao, W.-Y. et al. (2023), RockNet, IEEE Transactions on Geoscience and Remote Sensing, 61, 1-12,
doi:10.1109/TGRS.2023.3284008. Repository tso1257771/RockNet (MIT licence, (c) 2022
tso1257771). The complete labelled set: doi:10.5061/dryad.tx95x6b2f.
"""


def fetch_rocknet_weights(name="association", *, data_home=None):
    """Path of the published weights of RockNet; they are downloaded if need be.

    Weights in the folder that ``SEISCLF_DATA`` names are used, else they are downloaded once,
    from the repository of the authors [1]_ at a fixed commit (3.8 MB, MIT licence). The SHA-256
    sum is checked every time.

    Parameters
    ----------
    name : {"association", "association_luhu", "waveform"}, default="association"
        "association" has the association network, trained with INSTANCE data too, and in it the
        single-station network (authors' ``net_fusion_RF_60s``); "association_luhu" the same,
        the association trained on Luhu data only (``net_fusion_RF_60s_noINSTANCE``); "waveform"
        the single-station network without spectrograms (``wf_RF_60s``).
    data_home : str or pathlib.Path, optional
        Folder to look in and to download to, instead of ``SEISCLF_DATA`` and the cache.

    Returns
    -------
    path : pathlib.Path
        The HDF5 file, for ``from_published`` of the estimators.

    Raises
    ------
    ValueError
        If there are no weights of this name, or the file is not the published one.
    OSError
        If the download fails.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12. doi:10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> from seisclf.datasets import fetch_rocknet_weights
    >>> path = fetch_rocknet_weights("waveform")  # doctest: +SKIP
    """
    if name not in WEIGHTS:
        raise ValueError(f"name must be one of {', '.join(WEIGHTS)}; got {name!r}")
    return _find([f"rocknet/{WEIGHTS[name]}/train.hdf5"], data_home)[0]


def load_luhu_hour(data_home=None):
    """Load a real hour with rockfalls and earthquakes, and what RockNet found in it.

    The files (56 MB) are read from the folder that ``SEISCLF_DATA`` names, or are downloaded once
    from the repository of RockNet's authors [1]_ (MIT licence). Their sums are checked.

    Parameters
    ----------
    data_home : str or pathlib.Path, optional
        Folder to look in and to download to, instead of ``SEISCLF_DATA`` and the cache.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With the attributes

        stream : obspy.Stream
            15 traces, stations LH01 to LH05, components Z N E: 28 March 2020, 12:50 to 14:10
            UTC, 100 Hz, raw counts. (RockNet does not use LH05, which is 4 ms late.)
        functions : obspy.Stream
            The 18 published functions over time, 12:59:00.00 to 14:00:59.99 UTC: channels P, S,
            eqM and rfM of LH01 to LH04, channel occ of RF and EQ. (In the files the stations of
            the former are all called EH; here they have their names.)
        metadata : DataFrame
            One row for each trace of `stream`: ``station`` ("NET.STA"), ``component``,
            ``start_time``, ``end_time`` (UTC, of the first and last sample), ``n_samples``.
        start_time, end_time : obspy.UTCDateTime
            The hour without its margins.
        sampling_rate : float
            Hz.
        components : str
            "ZNE".
        DESCR : str
            What it is and where it is from.

    Raises
    ------
    ValueError
        If a file is not the published one.
    OSError
        If the download fails.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12. doi:10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> from seisclf.datasets import load_luhu_hour
    >>> hour = load_luhu_hour()  # doctest: +SKIP
    >>> hour.functions.select(station="RF")[0].data.max()  # doctest: +SKIP
    """
    from obspy import Stream, UTCDateTime

    recorded = [_read(path) for path in _find(_in_folder("luhu/sac_2020.088.13"), data_home)]
    published = []
    for path in _find(_in_folder("luhu/published_2020.088.13"), data_home):
        trace = _read(path)
        station = path.name.partition(".")[0]
        if station != "Luhu":
            trace.stats.station = trace.stats.sac["kstnm"] = station
        published.append(trace)
    recorded.sort(key=lambda trace: (trace.stats.station, "ZNE".index(trace.stats.channel[-1])))
    return Bunch(
        stream=Stream(recorded),
        functions=Stream(published),
        metadata=_trace_table(recorded),
        start_time=UTCDateTime(2020, 3, 28, 13),
        end_time=UTCDateTime(2020, 3, 28, 14),
        sampling_rate=100.0,
        components="ZNE",
        DESCR=_LUHU,
    )


def load_rocknet_scores(data_home=None):
    """Load the scores that RockNet's authors published for each event of their test set.

    From these come the macro-F1 values of their Table I [1]_, see
    :func:`seisclf.metrics.threshold_predictions`. The files (0.6 MB) are read from the folder that
    ``SEISCLF_DATA`` names, or are downloaded once. Their sums are checked.

    Parameters
    ----------
    data_home : str or pathlib.Path, optional
        Folder to look in and to download to, instead of ``SEISCLF_DATA`` and the cache.

    Returns
    -------
    scores : :class:`~sklearn.utils.Bunch`
        A DataFrame for each model, ``fusion`` and ``waveform`` (2779 records of single
        stations), ``association`` and ``association_luhu`` (997 events of the network), and
        ``DESCR``. Columns: ``event_id``, ``station`` (single stations), ``kind`` (earthquake,
        rockfall, car or engineering), ``y_true`` and ``y_pred`` (earthquake, rockfall or
        noise), the probabilities ``earthquake`` and ``rockfall``, two decimals; of single
        stations' earthquakes ``p_onset``, ``s_onset``, ``p_pick``, ``s_pick`` (s after the
        first sample) and ``p_probability``, ``s_probability``; of events of the network
        ``occurrence`` and ``occurrence_pick`` (s). NaN where there is no value.

    Raises
    ------
    ValueError
        If a file is not the published one.
    OSError
        If the download fails.

    Notes
    -----
    Event names repeat among the noise windows of the network: in the files they have lost the
    number of their window.

    References
    ----------
    .. [1] Liao, W.-Y. et al. (2023). RockNet: Rockfall and Earthquake Detection and Association
       via Multitask Learning and Transfer Learning. IEEE Transactions on Geoscience and Remote
       Sensing, 61, 1-12. doi:10.1109/TGRS.2023.3284008

    Examples
    --------
    >>> from seisclf.datasets import load_rocknet_scores
    >>> scores = load_rocknet_scores()  # doctest: +SKIP
    >>> scores.association["y_true"].value_counts()  # doctest: +SKIP
    """
    import pandas as pd

    tables = {}
    for model, folder in SCORES.items():
        paths = _find(_in_folder(f"rocknet/published_scores/{folder}"), data_home)
        parts = [_score_table(path, single="SingSta" in path.name) for path in paths]
        tables[model] = pd.concat(parts, ignore_index=True)
    return Bunch(
        **tables, DESCR="Scores of RockNet on the Luhu test set, as its authors published them."
    )


def _score_table(path, *, single):
    """One file of scores, with our names and units."""
    import pandas as pd

    table = pd.read_csv(path, skipinitialspace=True).rename(columns=_COLUMNS)
    table = table[[name for name in table if name in _COLUMNS.values()]].copy()
    kind = path.stem.partition("_pred_")[2].removeprefix("nz_")
    table["y_true"] = kind if kind in ("earthquake", "rockfall") else "noise"
    table.insert(list(table).index("y_true"), "kind", kind)
    table["y_pred"] = table["y_pred"].str.strip()
    known = {"earthquake", "rockfall", "noise"}
    if not set(table["y_pred"]) <= known:
        raise ValueError(f"{path} has classes {sorted(set(table['y_pred']) - known)}")
    if single:
        if "station" not in table:
            table.insert(1, "station", table["event_id"].str.extract(r"_(LH\d\d)", expand=False))
        return table.replace(-999.0, np.nan)
    seconds = table[["occurrence", "occurrence_pick"]] / 100.0
    # Of noise the true time is a left-over of another event, and -1 means none.
    nowhere = (table["y_true"] == "noise").to_numpy()[:, np.newaxis] | (seconds < 0).to_numpy()
    table[["occurrence", "occurrence_pick"]] = seconds.mask(nowhere)
    return table


def _find(names, data_home):
    return find_published(
        names, base_url=BASE_URL, folders=FOLDERS, sha256=SHA256, data_home=data_home
    )


def _in_folder(folder):
    return [name for name in SHA256 if name.rpartition("/")[0] == folder]


def _read(path: Path):
    report = ReadReport()
    stream = read_waveform_file(path, report=report)
    if not len(stream):
        raise ValueError(f"{path} cannot be read: {report.files['reason'][0]}")
    return stream[0]


def _trace_table(traces):
    import pandas as pd

    return pd.DataFrame(
        {
            "station": [f"{t.stats.network}.{t.stats.station}" for t in traces],
            "component": [t.stats.channel[-1] for t in traces],
            "start_time": pd.to_datetime([t.stats.starttime.datetime for t in traces], utc=True),
            "end_time": pd.to_datetime([t.stats.endtime.datetime for t in traces], utc=True),
            "n_samples": [t.stats.npts for t in traces],
        }
    )
