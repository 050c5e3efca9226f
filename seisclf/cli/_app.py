"""Commands and their options. What they do is imported only when they are called."""

from pathlib import Path
from typing import Annotated

import typer

from ._errors import OneLineErrors

app = typer.Typer(
    cls=OneLineErrors,
    name="seisclf",
    no_args_is_help=False,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Classify seismic events: earthquake, quake, rockfall, noise, or your own classes.",
    epilog="DATA is a folder in SeisBench's format: metadata.csv and waveforms.hdf5. "
    "Any command: --debug shows the traceback of an error.",
)

Data = Annotated[
    Path, typer.Argument(metavar="DATA", help="Folder with metadata.csv and waveforms.hdf5.")
]
Window = Annotated[
    tuple[float, float] | None,
    typer.Option(
        metavar="START END",
        help="Cut windows from START to END seconds relative to P (to the event's start where "
        "there is no P), such as -2 13.",
    ),
]
Noise = Annotated[
    bool,
    typer.Option("--noise", help="Add the class noise, cut from before P. Needs --window."),
]
Label = Annotated[
    str | None,
    typer.Option(help="Column that holds the class. Default: source_type or trace_category."),
]
Seed = Annotated[int, typer.Option(help="Fixes everything random.")]
Quick = Annotated[
    bool, typer.Option("--quick", help="Small forests, few epochs: a trial run, not a result.")
]


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
):
    if version:
        from .. import __version__

        typer.echo(f"seisclf {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


@app.command(short_help="Compare, save, reload, scan a real record: in a few minutes.")
def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("report"),
    data: Annotated[
        Path | None,
        typer.Option(help="Real events instead of synthetic ones (SeisBench's format)."),
    ] = None,
    quick: Quick = False,
    seed: Seed = 0,
):
    """Compare estimators, save and reload the best, scan a real record, write a report.

    Without --data nothing is downloaded: events are synthetic, and the record is the one of four
    stations that comes with ObsPy. With --data the comparison runs on your events, in windows
    from 2 s before to 13 s after P, with a noise class, in folds of whole months.
    """
    from ._demo import run_demo

    run_demo(out, data=data, quick=quick, seed=seed, command=context.obj)


@app.command(short_help="Cross-validate estimators on labelled events; writes a report.")
def compare(
    context: typer.Context,
    data: Data,
    estimators: Annotated[
        str,
        typer.Option(help="Names, separated by commas; `seisclf info` lists them."),
    ] = "forest,logistic,chance",
    groups: Annotated[
        str,
        typer.Option(
            help="What stays together: event, day, week, month, year, station, site, "
            "or time (train on the past only)."
        ),
    ] = "event",
    folds: Annotated[
        int, typer.Option(help="Number of folds; stations and sites have one each.")
    ] = 5,
    window: Window = None,
    noise: Noise = False,
    label: Label = None,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("report"),
    jobs: Annotated[int, typer.Option(help="Fits at a time.")] = 1,
    quick: Quick = False,
    seed: Seed = 0,
):
    """Compare estimators on the same folds, without leakage, and write a report with pictures.

    A run that was stopped continues where it was: finished fits are kept in OUT/fits.
    """
    from ._compare import run_compare

    run_compare(
        data, out, estimators=estimators, groups=groups, folds=folds, window=window, noise=noise,
        label=label, jobs=jobs, quick=quick, seed=seed, command=context.obj,
    )  # fmt: skip


@app.command(short_help="Fit one estimator on all labelled events; writes a model.")
def train(
    data: Data,
    estimator: Annotated[str, typer.Option(help="Name; `seisclf info` lists them.")] = "forest",
    out: Annotated[Path, typer.Option(help="File of the model.")] = Path("model.seisclf"),
    window: Window = None,
    noise: Noise = False,
    label: Label = None,
    components: Annotated[
        str | None, typer.Option(help="Train on these components only, such as Z.")
    ] = None,
    quick: Quick = False,
    seed: Seed = 0,
):
    """Fit an estimator on all events of DATA and save it.

    This gives no test score: `seisclf compare` does.
    """
    from ._train import run_train

    run_train(
        data, out, estimator=estimator, window=window, noise=noise, label=label,
        components=components, quick=quick, seed=seed,
    )  # fmt: skip


@app.command(short_help="Classify events, or scan continuous waveforms, with a model.")
def predict(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="File written by train, demo or save.")
    ],
    waveforms: Annotated[
        list[Path],
        typer.Argument(
            metavar="WAVEFORMS...",
            help="One DATA folder, or files or folders of continuous waveforms (miniSEED, SAC, "
            "... whatever ObsPy reads).",
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="CSV file. Default: the terminal.")] = None,
    window: Window = None,
    step: Annotated[
        float | None,
        typer.Option(help="Seconds between windows of a scan. Default: a tenth of the window."),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="Probability from which on a scan reports an event.")
    ] = 0.5,
    resample: Annotated[
        bool, typer.Option("--resample", help="Accept waveforms of another sampling rate.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Picture of a scan: waveforms and probabilities.")
    ] = None,
    quakeml: Annotated[Path | None, typer.Option(help="QuakeML file of a scan.")] = None,
):
    """Classify the events of a DATA folder, or find events in continuous waveforms.

    Continuous waveforms are scanned with overlapping windows; every sample is covered, and what
    was not covered (gaps, missing components) is reported.
    """
    from ._predict import run_predict

    run_predict(
        model, waveforms, out=out, window=window, step=step, threshold=threshold,
        resample=resample, plot=plot, quakeml=quakeml,
    )  # fmt: skip


@app.command(short_help="Scan continuous waveforms; writes a catalogue and pictures.")
def detect(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES...",
            help="Files or folders of continuous waveforms (miniSEED, SAC, ... whatever ObsPy "
            "reads).",
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            help="File written by train, demo or save; HDF5 file of RockNet's authors; or one of "
            "the names rocknet, rocknet-luhu (networks of four stations), rocknet-station, "
            "rocknet-waveform, whose published weights are downloaded."
        ),
    ],
    output: Annotated[
        Path, typer.Option(help="Folder of catalogue, pictures and functions.")
    ] = Path("detections"),
    threshold: Annotated[
        str | None,
        typer.Option(
            help="Probability from which on there is an event, also by class: "
            "rockfall=0.3,earthquake=0.5. Default: 0.5; 0.3 for occurrence in a network."
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="First time, such as 2020-03-28T12:59:00 (UTC).")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Last time (UTC).")] = None,
    stations: Annotated[
        str | None,
        typer.Option(
            help="Codes, separated by commas; for a network in the order of training. Default: "
            "all; LH01,LH02,LH03,LH04 for published networks if the record has these."
        ),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="Preparation: rocknet (mean removed, causal band-pass 5 to 45 Hz), none, or "
            "auto: rocknet for published weights, else none."
        ),
    ] = "auto",
    step: Annotated[
        float | None,
        typer.Option(
            help="Seconds between windows. Default: a tenth of the window; a twelfth for "
            "functions over time."
        ),
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option(
            help="How overlapping windows are combined: mean, center, max, window (not at all); "
            "for functions over time also median, their default."
        ),
    ] = None,
    postprocessing: Annotated[
        str | None,
        typer.Option(
            help="The published chain for STFT-CNN (threshold, median, Gaussian, highest peak): "
            "paper, or code for the settings of its authors' scripts. Made for --step 1."
        ),
    ] = None,
    persistence: Annotated[
        int | None,
        typer.Option(help="Consecutive windows that must each reach the threshold."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Windows predicted at once.")] = None,
    resample: Annotated[
        bool, typer.Option("--resample", help="Accept waveforms of another sampling rate.")
    ] = False,
    functions: Annotated[
        str | None,
        typer.Option(help="Write the functions over time too: mseed or sac."),
    ] = None,
    pictures: Annotated[
        int, typer.Option(min=0, help="Detections that get a picture of their own.")
    ] = 20,
    jobs: Annotated[
        int | None, typer.Option(help="Processes that scan a folder. Default: one.")
    ] = None,
):
    """Scan continuous waveforms with a model: catalogue.csv, QuakeML, and pictures in OUTPUT.

    A single folder is an archive of any length: it is scanned in parts, results are stored as
    they come, and the same command goes on where it was stopped. There are no pictures then;
    `seisclf report` makes them.

    With networks that answer with functions over time (RockNet), events are told to the sample,
    with P and S at each station. Every sample is covered; what was not (gaps, missing stations
    and components) is reported.
    """
    from ._detect import run_detect

    run_detect(
        files, model=model, output=output, threshold=threshold, start=start, end=end,
        stations=stations, recipe=recipe, functions=functions, pictures=pictures, step=step,
        stack=stack, postprocessing=postprocessing, persistence=persistence,
        batch_size=batch_size, resample=resample, jobs=jobs,
    )  # fmt: skip


@app.command(short_help="Write a page with pictures on a catalogue.")
def report(
    catalogue: Annotated[
        Path,
        typer.Argument(
            metavar="CATALOGUE",
            help="Folder that `seisclf detect` wrote, or a file of detections (.csv, .parquet, "
            ".xml, .sqlite).",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the page.")] = Path("report"),
    waveforms: Annotated[
        Path | None,
        typer.Option(help="Archive (a folder) or file of the record, for pictures of events."),
    ] = None,
    known: Annotated[
        Path | None,
        typer.Option(
            help="Known events to score the detections by: CSV with onset and class, or another "
            "catalogue."
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Seconds between onsets of the same event.")
    ] = 5.0,
    stations: Annotated[
        Path | None,
        typer.Option(
            help="Where stations are, for a map: StationXML, or CSV with station, latitude and "
            "longitude."
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Heading of the page.")] = None,
):
    """Write index.html on a catalogue: when, how many, how sure, what they look like.

    With --waveforms it shows waveforms and spectrograms of the clearest and the least certain
    events of each class, with --known precision and recall. Nothing on the page comes from
    elsewhere; the catalogue is beside it as CSV, Parquet and QuakeML.
    """
    from ._report import run_report

    run_report(
        catalogue, out=out, waveforms=waveforms, known=known, stations=stations,
        tolerance=tolerance, title=title,
    )  # fmt: skip


@app.command(short_help="Find doubtful labels; writes a page on which an expert decides.")
def review(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Folder with metadata.csv and waveforms.hdf5, or a page to serve again.",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL",
            help="Model file or name of an estimator (`seisclf info`); copies of it are trained "
            "on all events but those they judge.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the page.")] = Path("review"),
    serve: Annotated[
        bool,
        typer.Option(
            "--serve", help="Serve the page on this computer and store decisions at once."
        ),
    ] = False,
    port: Annotated[
        int, typer.Option(help="Port of --serve. Default: that of the last time, or any.")
    ] = 0,
    cv: Annotated[int, typer.Option(help="Number of folds; an event stays in one.")] = 5,
    everything: Annotated[
        bool, typer.Option("--all", help="Show all events, not only doubtful ones.")
    ] = False,
    relevance: Annotated[
        bool,
        typer.Option(
            "--relevance/--no-relevance", help="Whether to show what a network looked at."
        ),
    ] = True,
    bandpass: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LOW HIGH", help="Filter (Hz) of the waveforms shown. Default: above 1 Hz."
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Heading of the page.")] = None,
    window: Window = None,
    noise: Noise = False,
    label: Label = None,
    jobs: Annotated[int, typer.Option(help="Folds at a time.")] = 1,
    quick: Quick = False,
    seed: Seed = 0,
):
    """Judge every label by a model that has not seen the event; write a page to decide on.

    The page opens by double click and needs no network; decisions are kept in the browser and
    exported as CSV or JSON. With --serve they go to OUT/decisions.sqlite as they are made. Writing
    a page again keeps its decisions. `seisclf correct` applies them.
    """
    from ._review import run_review

    run_review(
        data, model, out, serve=serve, port=port, cv=cv, everything=everything,
        relevance=relevance, bandpass=bandpass, title=title, window=window, noise=noise,
        label=label, jobs=jobs, quick=quick, seed=seed,
    )  # fmt: skip


@app.command(short_help="Apply an expert's decisions; writes a corrected catalogue.")
def correct(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="PAGE", help="Folder that `seisclf review` wrote, or a DATA folder."
        ),
    ],
    decisions: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DECISIONS...]",
            help="Files that the page exported, of one or several experts. Default: what "
            "`seisclf review --serve` stored.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("corrected"),
    label: Label = None,
    noise: Annotated[str, typer.Option(help="Class that is no event.")] = "noise",
    noise_distance: Annotated[
        float, typer.Option(min=0, help="Seconds from an event within which noise is dropped.")
    ] = 30.0,
):
    """Apply decisions to the catalogue and say who changed what, with scores before and after."""
    from ._correct import run_correct

    run_correct(
        source, decisions, out, label=label, noise=noise, noise_distance=noise_distance,
        command=context.obj,
    )  # fmt: skip


@app.command(short_help="Say what a model or a data folder holds, or list the estimators.")
def info(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[MODEL|DATA]",
            help="Model file or DATA folder; without it, the estimators known by name.",
        ),
    ] = None,
):
    """Say what is in a model file or a data folder, or list the estimators known by name."""
    from ._info import run_info

    run_info(path)
