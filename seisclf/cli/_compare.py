"""``seisclf compare``."""

from seisclf.utils._document import Document

from ._comparison_report import (
    classes_section,
    files_of,
    folds_section,
    result_section,
    score_table,
)
from ._data import describe_events, load_events, splitter
from ._estimators import build_all
from ._provenance import provenance_section
from ._terminal import Steps, console, say, show_table


def run_compare(
    data, out, *, estimators, groups, folds, window, noise, label, jobs, quick, seed, command=()
):
    """Read, compare, save the best, write the report; see ``seisclf compare --help``."""
    from .. import save
    from ..model_selection import compare_estimators

    steps = Steps(3)
    with steps.step("Reading events"):
        bunch = load_events(data, window=window, noise=noise, label=label, tell=say)
        say(describe_events(bunch))
        chosen = build_all(
            estimators, sampling_rate=bunch.sampling_rate, components=bunch.components, seed=seed,
            quick=quick,
        )  # fmt: skip
        cv = splitter(groups, folds, bunch.metadata, seed)
    with steps.step(f"Comparing {', '.join(chosen)}"):
        out.mkdir(parents=True, exist_ok=True)
        comparison = compare_estimators(
            chosen, bunch.data, bunch.target, cv=cv, metadata=bunch.metadata, n_jobs=jobs,
            store=out / "fits", refit="best", random_state=seed,
        )  # fmt: skip
        show_table(score_table(comparison, short=True))
    with steps.step("Writing the report"):
        model = save(comparison.best_estimator_, out / "model.seisclf")
        document = Document(
            out, f"Comparison of {len(chosen)} estimators on {data.name}", describe_events(bunch)
        )
        if quick:
            document.key("This was a trial run (`--quick`): the scores are no result.")
        result_section(document, comparison)
        folds_section(document, comparison)
        classes_section(document, comparison)
        files = files_of(document, comparison)
        files.insert(
            0,
            f"[{model.name}]({model.name}): **{comparison.best_name_}**, fitted on all rows; "
            f"`seisclf.load` reads it, `seisclf predict` uses it",
        )
        provenance_section(document, command=command, seed=seed, times=steps.times, files=files)
        page = document.write()
    console.print(f"\n{comparison.test_score()}\n")
    console.print(f"Report: [bold]{page}[/]   Model: [bold]{model}[/]")
