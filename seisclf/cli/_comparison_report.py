"""The parts of a report that show a comparison."""

import pandas as pd

from ..utils._cells import to_cells

METRIC_WORDS = {
    "f1_macro": "macro F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
}


def result_section(document, comparison):
    """Scores with spread and interval, and which of them is the test score."""
    document.section("Result")
    metric = comparison.metrics_[0]
    sentence, _, rest = comparison.test_score().partition(". ")
    document.key(f"**{sentence}.** {rest}")
    document.table(
        score_table(comparison),
        caption=f"Mean ± standard deviation over {comparison.plan_.n_splits} folds; the interval "
        f"is a 95 % bootstrap by event of {METRIC_WORDS.get(metric, metric)} over all "
        f"out-of-fold predictions together.",
    )
    document.figure(
        comparison.plot().figure_,
        "scores",
        f"{METRIC_WORDS.get(metric, metric)} in each fold (dots), mean (diamond) and interval "
        f"(line) of each estimator.",
    )
    document.text(
        "The number to quote is the mean of the first column: it comes from rows that were kept "
        "out of training, and no row of a tested event was trained on. Scores of an inner search "
        "or of a validation set inside training are no test scores."
    )
    document.heading("Is the difference more than chance?")
    tests = comparison.ttest()
    document.table(
        tests.rename(
            columns={"p_holm": "p (Holm)", "df": "degrees of freedom", "difference": "a - b"}
        ),
        caption="Corrected resampled t-test (Nadeau and Bengio) of each pair: folds share "
        "training rows, which the correction takes into account. A p below 0.05 after Holm's "
        "correction for the number of pairs is usually called significant; with few folds the "
        "test sees only large differences.",
        csv="ttest.csv",
    )
    for note in comparison.notes_:
        document.text(f"Note: {note}.")


def folds_section(document, comparison):
    """What was trained on and tested on."""
    plan = comparison.plan_
    document.section("Folds")
    document.text(plan._headline())
    document.text(
        "Train and test of a fold share neither an event nor a stretch of record at one station; "
        "otherwise the comparison would have been refused."
    )
    table = plan.table
    table.columns = [f"fold {fold} {part}" for fold, part in table.columns]
    document.table(
        table.rename_axis("class").reset_index(),
        caption="Rows of each class in each fold.",
    )
    document.figure(
        plan.plot().figure_, "folds", "Rows that are trained on and tested on in each fold."
    )


def classes_section(document, comparison):
    """Confusion by event and per-class report of each estimator."""
    document.section("Classes")
    best = comparison.best_name_
    names = [best, *(name for name in _names(comparison) if name != best)]
    reports = {name: comparison.report(name).rename_axis("class") for name in names}
    document.text(
        f"All from out-of-fold predictions, counted by event. Of **{best}**, the best estimator:"
    )
    document.table(reports[best].reset_index())
    document.figure(
        _confusions(comparison, names), "confusion",
        "Confusion by event: true classes down, predicted classes across; number of events and "
        "percent of the true class.",
    )  # fmt: skip
    document.heading("F1 of each class")
    document.table(
        pd.DataFrame({name: report["f1"] for name, report in reports.items()}).reset_index()
    )
    everything = pd.concat(reports, names=["estimator"]).reset_index()
    to_cells(everything).to_csv(document.folder / "classes.csv", index=False)


def _confusions(comparison, names):
    """Confusion matrices side by side, two in a row."""
    import matplotlib.pyplot as plt

    n_classes = len(comparison.classes_)
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    size = (columns * (1.9 + 0.85 * n_classes), rows * (1.4 + 0.75 * n_classes))
    figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    for ax, name in zip(axes.flat, names, strict=False):
        comparison.plot_confusion(name, ax=ax)
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    return figure


def files_of(document, comparison):
    """Write the tables that the page only points to.

    Returns
    -------
    lines : list of str
        One for each file, for the list at the end of the report.
    """
    to_cells(comparison.per_fold_).to_csv(document.folder / "scores.csv", index=False)
    to_cells(comparison.predictions_).to_csv(document.folder / "predictions.csv", index=False)
    return [
        "[scores.csv](scores.csv): every score and time of every fold",
        "[predictions.csv](predictions.csv): every out-of-fold prediction with probabilities",
        "[classes.csv](classes.csv): precision, recall and F1 of each class and estimator",
        "[report.md](report.md): this page as Markdown",
    ]


def score_table(comparison, *, short=False):
    """Summary with intervals, as strings for reading.

    Parameters
    ----------
    comparison : Comparison
        What was compared.
    short : bool, default=False
        First metric only, for narrow terminals.

    Returns
    -------
    table : pandas.DataFrame
        Estimators down, best first.
    """
    summary = comparison.summary()
    intervals = comparison.intervals()
    table = pd.DataFrame({"estimator": summary.index})
    for i, metric in enumerate(comparison.metrics_[: 1 if short else None]):
        mean, std = summary[metric, "mean"], summary[metric, "std"]
        table[METRIC_WORDS.get(metric, metric)] = [
            f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, std, strict=True)
        ]
        if i == 0:
            bounds = intervals.loc[summary.index]
            table["95 % interval"] = [
                f"{low:.3f} to {high:.3f}"
                for low, high in zip(bounds["low"], bounds["high"], strict=True)
            ]
    for column, title in (("fit_time", "fit (s)"), ("score_time", "predict (s)")):
        table[title] = [f"{seconds:.2f}" for seconds in summary[column, "mean"]]
    return table


def _names(comparison):
    return list(pd.unique(comparison.per_fold_["estimator"]))
