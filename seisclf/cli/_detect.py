"""``seisclf detect``."""

import warnings

from ._errors import BadInput
from ._models import PUBLISHED_STATIONS, load_model
from ._predict import read_waveforms
from ._terminal import console, show_table

FORMATS = {"mseed": "MSEED", "sac": "SAC"}
# RockNet's published scores of association are reached with thresholds of 0.13 to 0.33.
_NETWORK_THRESHOLD = 0.3


def run_detect(
    files, *, model, output, threshold, start, end, stations, recipe, functions, pictures,
    jobs=None, **scan
):  # fmt: skip
    """Scan continuous waveforms and write a catalogue; see ``seisclf detect --help``."""
    if functions is not None and functions not in FORMATS:
        raise BadInput(f"--functions {functions!r} is unknown; one of {', '.join(FORMATS)}")
    if jobs == 0:
        raise BadInput(
            "--jobs 0: give a number of processes, or -1 for as many as there are cores"
        )
    if scan["postprocessing"] is not None:
        scan["postprocessing"] = _postprocessing(scan["postprocessing"])
    classifier, published = load_model(model)
    named = [name.strip() for name in stations.split(",")] if stations else None
    prepare = _recipe(recipe, published)
    if len(files) == 1 and files[0].is_dir() and functions is None:
        span = _time("--start", start), _time("--end", end)
        _scan_archive(
            files[0], classifier, published, named, output, threshold=threshold, span=span,
            prepare="rocknet" if prepare else None, jobs=jobs, scan=scan,
        )  # fmt: skip
        return
    stream = _cut(read_waveforms(files), start, end, cut=not prepare)
    if published and named is None:
        named = _published_stations(stream, classifier)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        if prepare:
            stream = _prepared(stream, start, end, named)
        detector = _detector(classifier, threshold, named, scan)
        detections = detector.detect(stream)
    _tell(caught)
    _show(detections)
    output.mkdir(parents=True, exist_ok=True)
    written = _write(detections, output, functions)
    written += _draw(detections, stream, output, pictures)
    for path in written:
        console.print(str(path), markup=False, soft_wrap=True)


def _scan_archive(
    folder, classifier, published, named, output, *, threshold, span, prepare, jobs, scan
):
    """Scan a folder in tasks, of which none is done twice."""
    from ..io import ArchiveIndex

    index = ArchiveIndex.open_or_build(folder, progress=True, n_jobs=jobs)
    if published and named is None and getattr(classifier, "n_stations_in_", None) is not None:
        codes = {station.split(".")[-1] for station in index.stations}
        named = list(PUBLISHED_STATIONS) if codes & set(PUBLISHED_STATIONS) else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        detector = _detector(classifier, threshold, named, scan)
        try:
            detections = detector.scan(
                index, output=output, start=span[0], end=span[1], n_jobs=jobs, prepare=prepare,
                progress=True,
            )  # fmt: skip
        except (ValueError, RuntimeError) as error:
            raise BadInput(_as_options(str(error))) from error
    _tell(caught)
    _show(detections)
    written = [output / "catalogue.sqlite", *_write(detections, output, None)]
    for path in written:
        console.print(str(path), markup=False, soft_wrap=True)
    pictures = f"seisclf report {_quoted(output)} --waveforms {_quoted(folder)}"
    console.print(f"A page with pictures: {pictures}", markup=False, soft_wrap=True)
    if not detections.complete:
        raise BadInput("the scan is not complete; the same command goes on with it")


def _as_options(words):
    """What a message says of Python in words of the command line."""
    for python, option in (
        ("EventDetector(classifier, resample=True)", "--resample"),
        ("resume=False to scan anew", "remove that folder to scan anew"),
        ("resume=False to throw that scan away", "remove that folder"),
    ):
        words = words.replace(python, option)
    return " ".join(words.split())


def _quoted(path):
    """A path as a shell takes it."""
    import shlex

    return shlex.quote(str(path))


def _tell(caught):
    """Warnings, each once."""
    told = [str(warning.message) for warning in caught if warning.category is UserWarning]
    for words in dict.fromkeys(" ".join(text.split()) for text in told):
        console.print(words, style="yellow", markup=False, soft_wrap=True)


def _recipe(name, published):
    """Whether records are prepared as RockNet's authors do."""
    if name not in ("auto", "rocknet", "none"):
        raise BadInput(f"--recipe {name!r} is unknown; one of auto, rocknet, none")
    return published if name == "auto" else name == "rocknet"


def _postprocessing(name):
    from ..detection import stft_cnn_postprocessing

    if name not in ("paper", "code"):
        raise BadInput(f"--postprocessing {name!r} is unknown; one of paper, code")
    return stft_cnn_postprocessing(name)


def _cut(stream, start, end, *, cut):
    """The stream between two times, which must be times in any case."""
    first, last = _time("--start", start), _time("--end", end)
    if first is not None and last is not None and not first < last:
        raise BadInput(f"--end {end} is not after --start {start}")
    if not cut or (first is None and last is None):
        return stream
    stream = stream.slice(first, last, nearest_sample=False)
    if not stream:
        raise BadInput("no waveforms between --start and --end")
    return stream


def _time(option, text):
    from obspy import UTCDateTime

    if text is None:
        return None
    try:
        return UTCDateTime(text)
    except (ValueError, TypeError) as error:
        raise BadInput(f"{option} {text!r} is no time such as 2020-03-28T13:00:00") from error


def _published_stations(stream, classifier):
    """The stations that published weights know, if the record has any of them."""
    codes = {trace.stats.station for trace in stream}
    of_network = getattr(classifier, "n_stations_in_", None) is not None
    return list(PUBLISHED_STATIONS) if of_network and codes & set(PUBLISHED_STATIONS) else None


def _prepared(stream, start, end, named):
    from ..detection import rocknet_record

    return rocknet_record(
        stream, starttime=_time("--start", start), endtime=_time("--end", end), stations=named
    )


def _detector(classifier, threshold, named, scan):
    from ..detection import EventDetector
    from ..detection._classifier import find_attribute

    scan = {name: value for name, value in scan.items() if value is not None}
    if threshold is not None:
        scan["threshold"] = _threshold(threshold)
    elif find_attribute(classifier, "n_stations_in_") is not None:
        scan["threshold"] = _NETWORK_THRESHOLD
    return EventDetector(classifier, stations=named, progress=True, **scan)


def _threshold(text):
    """A number, or a dict from ``rockfall=0.3,earthquake=0.5``."""
    try:
        if "=" not in text:
            return float(text)
        pairs = [part.split("=") for part in text.split(",")]
        return {label.strip(): float(value) for label, value in pairs}
    except ValueError as error:
        raise BadInput(
            f"--threshold {text!r} is neither a number nor such as rockfall=0.3,earthquake=0.5"
        ) from error


def _show(detections):
    import pandas as pd

    table = detections.to_frame()
    if len(table):
        days = table["onset"].dt.strftime("%Y-%m-%d").unique()
        networks = {name.split(".")[0] for names in table["stations"] for name in names.split()}
        stations = table["stations"]
        if len(networks) == 1:
            stations = stations.str.replace(f"{networks.pop()}.", "", regex=False)
        shown = pd.DataFrame(
            {
                "#": [f"{i + 1:03d}" for i in range(len(table))],  # as in the names of pictures
                "class": table["class"],
                "onset": table["onset"].dt.strftime(
                    "%H:%M:%S.%f" if len(days) == 1 else "%Y-%m-%d %H:%M:%S.%f"
                ).str[:-4],
                "s": (table["end"] - table["onset"]).dt.total_seconds().map("{:.1f}".format),
                "p": table["probability"].map("{:.2f}".format),
                "stations": stations,
            }
        )  # fmt: skip
        on = f" on {days[0]}" if len(days) == 1 else ""
        show_table(shown, f"\nDetections{on}: onset (UTC), duration in seconds, probability")
    report = detections.coverage_report()
    shown = report.drop(columns=["start", "end"], errors="ignore")
    show_table(shown.rename(columns={"windows_without_data": "without data"}), "\nCoverage")
    console.print(f"\n{repr(detections).splitlines()[0]}", markup=False, soft_wrap=True)


def _write(detections, folder, functions):
    from ..utils import safe_name
    from ..utils._cells import to_cells

    written = [
        detections.to_csv(folder / "catalogue.csv"),
        detections.to_quakeml(folder / "catalogue.xml"),
    ]
    if len(detections.picks):
        picks = detections.picks.assign(
            time=detections.picks["time"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        )
        to_cells(picks).to_csv(folder / "picks.csv", index=False, float_format="%.4f")
        written.append(folder / "picks.csv")
    if functions is None:
        return written
    stream = detections.functions.to_stream()
    if functions == "mseed":
        stream.write(str(folder / "functions.mseed"), format="MSEED")
        return [*written, folder / "functions.mseed"]
    (folder / "functions").mkdir(exist_ok=True)
    for trace in stream:
        time = trace.stats.starttime.strftime("%Y%m%dT%H%M%S")
        path = folder / "functions" / f"{safe_name(trace.id)}.{time}.sac"
        trace.write(str(path), format="SAC")
    return [*written, folder / "functions"]


def _draw(detections, stream, folder, pictures):
    from matplotlib import pyplot as plt

    written = []

    def draw(name, **options):
        figure = detections.plot(stream, **options).figure_
        figure.savefig(folder / name, dpi=130)
        plt.close(figure)
        written.append(folder / name)

    draw("overview.png")
    table = detections.to_frame()
    # The clearest ones, if there are too many.
    chosen = sorted(table["probability"].sort_values(ascending=False).index[:pictures])
    for i in chosen:
        draw(f"{i + 1:03d}_{_file_name(table['class'][i])}.png", detection=i)
    if len(table) > len(chosen) > 0:
        console.print(f"Pictures of {len(chosen)} of {len(table)} detections; --pictures N")
    return written


def _file_name(label):
    return "".join(c if c.isalnum() else "-" for c in str(label))
