"""Record sections per second: ours, ObsPy's section plot, and matplotlib drawn directly."""

import time

import numpy as np

N_EVENTS, N_STATIONS, N_SAMPLES = 64, 6, 3000
SAMPLING_RATE = 100.0
SIZE = (224, 224)
_DPI = 100


def run(quick=False):
    """Draw the same traces at the same size in three ways, on one thread.

    Parameters
    ----------
    quick : bool, default=False
        Fewer pictures and repetitions.

    Returns
    -------
    figures : dict
        ``pictures_per_second`` of ours, of ObsPy (``Stream.plot(type="section")`` on a figure
        that is kept, Agg to an array) and of matplotlib (one ``LineCollection`` on a figure and
        axes that are kept, Agg to an array: the fastest plain way); ``ratio_vs_obspy`` and
        ``ratio_vs_matplotlib``, at best 1 or more; ``correlation_vs_obspy``, of the smoothed
        pictures: all draw the same. Seconds are those of the processor, medians of interleaved
        repetitions. The Streams that ObsPy draws are made outside the time taken.
    """
    import matplotlib

    from seisclf.datasets import make_seismic_events, to_network_events

    backend = matplotlib.get_backend()
    matplotlib.use("Agg")
    events = to_network_events(
        make_seismic_events(
            8 if quick else N_EVENTS,
            n_stations=N_STATIONS,
            n_samples=N_SAMPLES,
            sampling_rate=SAMPLING_RATE,
            random_state=0,
        )
    ).data
    # Without events of noise, which have no source and no offset.
    events = events[np.isfinite(events.offsets).all(axis=1)]
    methods = {
        "seisclf": _ours(events),
        "obspy": _obspy(events),
        "matplotlib": _matplotlib(events),
    }
    few = {"seisclf": len(events), "obspy": 2 if quick else 6, "matplotlib": 4 if quick else 20}
    pictures = {name: draw(2) for name, draw in methods.items()}
    seconds = {name: [] for name in methods}
    for _ in range(2 if quick else 7):
        for name, draw in methods.items():
            start = time.process_time()
            draw(few[name])
            seconds[name].append((time.process_time() - start) / few[name])
    matplotlib.use(backend)
    per_picture = {name: float(np.median(times)) for name, times in seconds.items()}
    ours = per_picture["seisclf"]
    return {
        "shape": [*events.shape],
        "size": list(SIZE),
        "threads": 1,
        "pictures_per_second": round(1 / ours, 1),
        "pictures_per_second_obspy": round(1 / per_picture["obspy"], 2),
        "pictures_per_second_matplotlib": round(1 / per_picture["matplotlib"], 2),
        "ratio_vs_obspy": round(per_picture["obspy"] / ours, 1),
        "ratio_vs_matplotlib": round(per_picture["matplotlib"] / ours, 1),
        "correlation_vs_obspy": _correlation(pictures["seisclf"], pictures["obspy"]),
        "correlation_vs_matplotlib": _correlation(pictures["seisclf"], pictures["matplotlib"]),
    }


def _ours(events):
    from seisclf.preprocessing import RecordSection

    section = RecordSection(sampling_rate=SAMPLING_RATE, size=SIZE, n_threads=1).fit(events)
    return lambda n: section.transform(events[:n])[:, 0]


def _new_figure():
    import matplotlib.pyplot as plt

    return plt.figure(figsize=(SIZE[1] / _DPI, SIZE[0] / _DPI), dpi=_DPI)


def _ink(figure):
    figure.canvas.draw()
    return 1 - np.asarray(figure.canvas.buffer_rgba())[..., 0] / np.float32(255)


def _obspy(events):
    from obspy import Stream, Trace

    def stream(waveforms, offsets):
        traces = []
        for k, (trace, offset) in enumerate(zip(waveforms, offsets, strict=True)):
            header = {"sampling_rate": SAMPLING_RATE, "station": f"S{k}"}
            traces.append(Trace(trace, header=header))
            traces[-1].stats.distance = 1000 * offset
        return Stream(traces)

    waveforms = events.read()[:, :, 0]
    waveforms -= waveforms.mean(axis=-1, keepdims=True)
    streams = [stream(*pair) for pair in zip(waveforms, events.offsets, strict=True)]
    figure = _new_figure()

    def draw(n):
        pictures = []
        for one in streams[:n]:
            figure.clear()
            one.plot(
                type="section", fig=figure, handle=True, show=False, linewidth=72 / _DPI, alpha=1
            )
            axes = figure.axes[0]
            axes.set_position([0, 0, 1, 1])
            axes.set_axis_off()
            for text in [*axes.texts, *figure.texts]:
                text.set_visible(False)
            pictures.append(_ink(figure))
        return np.array(pictures)

    return draw


def _matplotlib(events):
    from matplotlib.collections import LineCollection

    waveforms = events.read()[:, :, 0].astype(np.float64)
    figure = _new_figure()
    axes = figure.add_axes([0, 0, 1, 1])
    axes.set_axis_off()
    lines = LineCollection([], colors="black", linewidths=72 / _DPI)
    axes.add_collection(lines)
    times = np.arange(N_SAMPLES) / SAMPLING_RATE
    axes.set_ylim(0, times[-1])

    def draw(n):
        pictures = []
        for traces, offsets in zip(waveforms[:n], events.offsets[:n], strict=True):
            traces = traces - traces.mean(axis=1, keepdims=True)
            width = np.ptp(offsets) / (1.5 * len(offsets))
            traces *= width / np.abs(traces).max(axis=1, keepdims=True)
            traces += offsets[:, np.newaxis]
            low, high = traces.min(), traces.max()
            axes.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
            lines.set_segments(np.stack([traces, np.broadcast_to(times, traces.shape)], axis=-1))
            pictures.append(_ink(figure))
        return np.array(pictures)

    return draw


def _correlation(one, other):
    from scipy.ndimage import gaussian_filter

    smooth = [gaussian_filter(pictures, (0, 1, 1)).ravel() for pictures in (one, other)]
    return round(float(np.corrcoef(smooth)[0, 1]), 4)
