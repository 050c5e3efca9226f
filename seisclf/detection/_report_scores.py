"""What a page says of detections beside known events."""

from seisclf.utils._document import literal

from ._report_words import with_interval


def scores_section(document, detections, catalogue, *, tolerance, random_state):
    """Precision, recall and whatever else the known events tell."""
    import pandas as pd

    from seisclf.metrics import catalogue_confusion_matrix, catalogue_scores

    document.section("Scores")
    try:
        scores = catalogue_scores(
            detections, catalogue, tolerance=tolerance,
            random_state=random_state,
        )  # fmt: skip
    except ValueError as error:
        document.key(f"The catalogue could not be compared: {literal(error)}")
        return
    shares, counts = [], []
    for name, row in scores.iterrows():
        counts.append(
            {"class": literal(name)}
            | {key.replace("_", " "): int(row[key]) for key in scores.columns[:4]}
            | {"delay (s)": with_interval(row, "delay")}
        )
        shares.append(
            {"class": literal(name)}
            | {key: with_interval(row, key) for key in ("precision", "recall", "f1")}
            | {"false a day": with_interval(row, "false_per_day")}
        )
    everything = scores.loc["any class"]
    blocks = scores.attrs["blocks"]
    document.key(
        f"**{int(everything['matched'])} of {int(everything['known'])} known events were "
        f"detected**, {int(scores.loc['all', 'matched'])} with the right class; "
        f"{int(everything['detected'] - everything['matched'])} detections are not in the "
        f"catalogue."
    )
    if _of_single_stations(detections):
        document.text(
            "Detections of each station stand for themselves: an event that two of them saw "
            "counts once as detected and once as not in the catalogue. "
            "`detections.associate(...)` joins them into events of the network."
        )
    document.table(
        pd.DataFrame(shares),
        caption=f"A detection is a known event if their onsets are no more than "
        f"{tolerance:g} s apart, one to one. `false a day`: detections that are not in "
        f"the catalogue, which may be real. `macro`: mean over classes; `all`: of the right "
        f"class; `any class`: whatever the class. In brackets: 95 % intervals "
        + (
            f"from {blocks} whole days drawn with replacement."
            if blocks > 1
            else "need more than one day, and this record has one."
        ),
    )
    document.table(
        pd.DataFrame(counts),
        caption="Events while nothing was recorded are not missed but `not recorded`. "
        "`delay`: median of detected minus known onset.",
    )
    confusion = catalogue_confusion_matrix(detections, catalogue, tolerance=tolerance)
    confusion.columns = [literal(name) for name in confusion.columns]
    confusion.index = [literal(name) for name in confusion.index]
    document.table(
        confusion.rename_axis("known as").reset_index(),
        caption="Down: class in the catalogue; across: detected class. Not detected is "
        "`noise` across, not in the catalogue `noise` down.",
    )


def _of_single_stations(detections):
    stations = detections.to_frame()["stations"].astype(str)
    return stations.nunique() > 1 and not stations.str.contains(" ").any()
