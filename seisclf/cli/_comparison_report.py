"""The parts of a report that show a comparison."""

import numpy as np
import pandas as pd

METRIC_WORDS = {
    "f1_macro": "macro F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
}


def result_section(document, comparison):
    """Scores with spread and interval, and which of them is the test score."""
    document.section("Result")
    document.key(f"**{comparison.test_score()}**")
    metric = comparison.metrics_[0]
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
        csv="folds.csv",
    )
    document.figure(
        plan.plot().figure_, "folds", "Rows that are trained on and tested on in each fold."
    )


def classes_section(document, comparison):
    """Confusion by event and per-class report of each estimator."""
    document.section("Classes")
    best = comparison.best_name_
    names = [best, *(name for name in _names(comparison) if name != best)]
    for name in names:
        document.heading(f"{name} (best)" if name == best else name)
        document.figure(
            comparison.plot_confusion(name).figure_,
            f"confusion_{_file_name(name)}",
            f"Confusion of {name}, counted by event from out-of-fold predictions: true classes "
            f"down, predicted classes across, percent of the true class.",
        )
        document.table(
            comparison.report(name).rename_axis("class").reset_index(),
            csv=f"classes_{_file_name(name)}.csv",
        )


def files_of(document, comparison):
    """Write the tables that the page only points to.

    Returns
    -------
    lines : list of str
        One for each file, for the list at the end of the report.
    """
    comparison.per_fold_.to_csv(document.folder / "scores.csv", index=False)
    comparison.predictions_.to_csv(document.folder / "predictions.csv", index=False)
    return [
        "[scores.csv](scores.csv): every score and time of every fold",
        "[predictions.csv](predictions.csv): every out-of-fold prediction with probabilities",
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
    table["fit (s)"] = np.round(summary["fit_time", "mean"].to_numpy(), 2)
    table["predict (s)"] = np.round(summary["score_time", "mean"].to_numpy(), 2)
    return table


def _names(comparison):
    return list(pd.unique(comparison.per_fold_["estimator"]))


def _file_name(name):
    return "".join(c if c.isalnum() else "_" for c in str(name)).lower()
