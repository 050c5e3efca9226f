"""The parts of the demo's report that only the demo has."""

import numpy as np


def events_section(document, bunch, *, synthetic):
    """What was classified, with a picture of one event of each class."""
    from ._data import describe_events

    document.section("Events")
    document.text(f"{describe_events(bunch)}.")
    if synthetic:
        document.text(
            "They are **synthetic** (`seisclf.datasets.make_seismic_events`): P and S waves with "
            "codas for earthquakes and quakes, trains of impacts for rockfalls, coloured noise "
            "with cars, machines and spikes, at sites with a ground and noise of their own. "
            "Scores on them say that the machinery works; they say little about your slope."
        )
    document.figure(
        _gallery(bunch), "events",
        "One event of each class: vertical component, and its spectrogram in decibels.",
    )  # fmt: skip


def model_section(document, comparison, model, same):
    """How to use the saved model."""
    document.section("Model")
    document.text(
        f"The best estimator, **{comparison.best_name_}**, was fitted on all events, saved to "
        f"[{model.name}]({model.name}) and loaded again. Its probabilities after loading are "
        f"{'equal to the last bit' if same else '**NOT equal**'} to those before. The file holds "
        f"JSON and arrays, no pickled code."
    )
    document.code(
        f"import seisclf\n\nmodel = seisclf.load({model.name!r})\nmodel.predict(X)  "
        f"# X: (n_events, n_channels, n_samples)"
    )


def scan_section(document, scan, *, synthetic):
    """What the model finds in the real record.

    Returns
    -------
    files : list of str
        What was written beside the page.
    """
    document.section("Scan of a real record")
    trained = (
        f"{scan.n_training} more synthetic events of twelve sites"
        if synthetic
        else "the events above"
    )
    classifier = type(scan.detector.classifier).__name__
    document.text(
        f"Four minutes of vertical ground motion at four stations near Unterhaching, Bavaria "
        f"(BW.UH1 to UH4, 27 May 2010), which come with ObsPy. A {classifier} that was trained "
        f"on the vertical component of {trained} looks at windows of "
        f"{scan.detector.window:g} s every {scan.detector.step:g} s. UH4, recorded at 100 Hz, is "
        f"resampled on request, and the coverage report says so."
    )
    document.key(_verdict(scan, synthetic))
    document.table(
        scan.known,
        caption="Known events are those that ObsPy's tutorial finds by a coincidence of STA/LTA "
        "triggers (10 to 20 Hz, at least three stations): local earthquakes.",
    )
    document.figure(
        scan.detections.plot(scan.stream).figure_, "scan",
        "Waveforms with detections (coloured), and class probabilities beneath. Probabilities sum "
        "to one at all times.",
    )  # fmt: skip
    document.heading("Events of the network")
    document.table(
        _readable(scan.events.to_frame()),
        caption="Detections at two stations or more whose onsets lie within 3 s "
        "(`Detections.associate`). `probability` is that of the class, `event_probability` "
        "that of any event.",
    )
    if len(scan.others):
        document.heading("Detections beside the known events")
        document.table(
            _readable(scan.others),
            caption="At one station they are most likely false alarms; at two they may be events "
            "too weak for the coincidence of three.",
        )
    document.heading("Coverage")
    coverage = scan.detections.coverage_report().drop(columns=["start", "end"])
    document.table(
        coverage.rename(columns={"windows_without_data": "windows without data"}),
        caption="`covered` is the share of the record that holds data and was scanned.",
    )
    scan.detections.to_csv(document.folder / "detections.csv")
    scan.events.to_quakeml(document.folder / "events.xml")
    return [
        "[detections.csv](detections.csv): detections at single stations",
        "[events.xml](events.xml): events of the network as QuakeML",
    ]


def _verdict(scan, synthetic):
    found = (scan.known["detected at"] != "not detected").sum()
    hits = sum(
        len(stations.split())
        for stations in scan.known["detected at"]
        if stations != "not detected"
    )
    likeliest = scan.detections.to_frame()["probability"]
    words = (
        f"**{found} of {len(scan.known)} known events are detected**, at {hits} of "
        f"{4 * len(scan.known)} station recordings, with {len(scan.others)} further detections."
    )
    if synthetic:
        words += (
            " That something happened is clear to the model; **what it was is not**: it has "
            "never seen a real event. "
        )
        if len(likeliest):
            words += (
                f"The probability of the class it names has a median of {likeliest.median():.2f}. "
            )
        words += (
            "These events are local earthquakes, whatever the model calls them. To trust a class, "
            "train on labelled events of your own stations."
        )
    return words


def _readable(table):
    table = table.copy()
    for column in ("onset", "end"):
        table[column] = [time.strftime("%H:%M:%S.") + f"{time.microsecond // 100000}"
                         for time in table[column]]  # fmt: skip
    return table


def _gallery(bunch):
    import matplotlib.pyplot as plt

    from ..signal import stft

    classes = np.unique(bunch.target)
    figure, axes = plt.subplots(
        2, len(classes), figsize=(2.9 * len(classes), 4.4), layout="constrained", squeeze=False,
        sharex=True, gridspec_kw={"height_ratios": [1, 1.4]},
    )  # fmt: skip
    rate = bunch.sampling_rate
    channel = bunch.components.index("Z") if "Z" in bunch.components else 0
    for column, name in zip(axes.T, classes, strict=True):
        row = _typical(bunch, name)
        x = np.asarray(bunch.data[int(row)])[channel].astype(float)
        x = x - x.mean()
        column[0].plot(np.arange(len(x)) / rate, x / np.abs(x).max(), color="0.15", linewidth=0.6)
        column[0].set_title(str(name))
        column[0].set_yticks([])
        frequencies, times, z = stft(x, sampling_rate=rate, window_length=0.64, hop=0.08)
        level = 20 * np.log10(np.abs(z) + 1e-12)
        top = level.max()
        column[1].pcolormesh(
            times, frequencies, level, vmin=top - 60, vmax=top, cmap="magma", rasterized=True
        )
        column[1].set_xlabel("time (s)")
    axes[1, 0].set_ylabel("frequency (Hz)")
    return figure


def _typical(bunch, name):
    """An event of a class that is clearly seen: the one whose signal-to-noise ranks 80 %."""
    rows = np.flatnonzero(bunch.target == name)
    if "snr_db" in bunch.metadata:
        snr = bunch.metadata["snr_db"].to_numpy()[rows]
        if np.isfinite(snr).all():
            return rows[np.argsort(snr)[int(0.8 * (len(rows) - 1))]]
    return rows[len(rows) // 2]
