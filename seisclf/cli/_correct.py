"""``seisclf correct``."""

from seisclf.utils._document import Document

from ._data import is_dataset, load_events
from ._errors import BadInput
from ._provenance import provenance_section
from ._review import CATALOG, PREDICTIONS
from ._terminal import Steps, console, say

# Columns that are names, also where they look like numbers.
_TEXTS = ("event_id", "station", "site", "label")


def run_correct(source, decisions, out, *, label, noise, noise_distance, command=()):
    """Apply decisions to a catalogue and write a report; see ``seisclf correct --help``."""
    from ..inspection import apply_decisions, label_agreement, read_decisions
    from ..utils._cells import to_cells

    steps = Steps(2)
    with steps.step("Applying decisions"):
        catalog, judged = _catalog(source, label)
        made = read_decisions(_files(source, decisions))
        say(f"{len(made)} decisions by {made['expert'].nunique()} experts")
        correction = apply_decisions(
            catalog, made, noise=noise, noise_distance=noise_distance, **judged
        )  # fmt: skip
        say(str(correction))
    with steps.step("Writing the report"):
        out.mkdir(parents=True, exist_ok=True)
        to_cells(correction.catalog).to_csv(out / "catalogue.csv", index=False)
        to_cells(made).to_csv(out / "decisions.csv", index=False)
        summary = "; ".join(str(correction).splitlines())
        document = Document(out, f"Corrected labels of {source.resolve().name}", summary)
        _tables(document, correction)
        if made["expert"].nunique() > 1:
            _agreement(document, label_agreement(made))
        files = [
            "[catalogue.csv](catalogue.csv): the corrected catalogue, with who changed what",
            "[decisions.csv](decisions.csv): the decisions that were applied",
        ]
        provenance_section(document, command=command, seed=0, times=steps.times, files=files)
        page = document.write()
    console.print(f"Catalogue: [bold]{out / 'catalogue.csv'}[/]", soft_wrap=True)
    console.print(f"Report: [bold]{page}[/]", soft_wrap=True)


def _catalog(source, label):
    """Metadata with the column ``label``, and what a review has left of the model's judgement."""
    from ..io._tables import read_table
    from ..utils._cells import from_cells

    if not source.exists():
        raise BadInput(f"no such folder: {source}")
    if is_dataset(source):
        bunch = load_events(source, label=label, tell=say)
        return bunch.metadata.assign(label=bunch.target), {}
    path = source / CATALOG
    if not path.is_file():
        raise BadInput(
            f"{source} is neither a folder that `seisclf review` wrote nor a set in SeisBench's "
            f"format; for a page that was written from Python there is LabelReview.apply_decisions"
        )
    catalog = read_table(path, separator=",", dtype=dict.fromkeys(_TEXTS, str), low_memory=False)
    texts = {"predicted": str, "model": str}
    predictions = read_table(source / PREDICTIONS, separator=",", dtype=texts)
    catalog, predictions = from_cells(catalog), from_cells(predictions)
    judged = {"predicted": predictions["predicted"].to_numpy()}
    if "model" in predictions:
        judged["model"] = predictions["model"].iloc[0]
    if "relevance" in predictions:
        judged["relevance"] = predictions["relevance"].dropna().to_dict()
    return catalog, judged


def _files(source, decisions):
    """Files that were named, else what the server of the page has stored."""
    if decisions:
        return list(decisions)
    stored = source / "decisions.sqlite"
    if not stored.is_file():
        raise BadInput(
            f"no DECISIONS: name the files that the page exported ({stored} is there only after "
            f"`seisclf review --serve`)"
        )
    return [stored]


def _tables(document, correction):
    if correction.before_after is not None:
        document.section("Before and after")
        document.text(
            "Out-of-fold predictions of the model, against the labels before and after the "
            "decisions. The model is the same: what changed is what it is compared with."
        )
        document.table(correction.before_after.rename_axis("class").reset_index())
        for name in ("before", "after"):
            document.heading(f"Confusion {name}: labels in rows, predictions in columns")
            table = getattr(correction, f"confusion_{name}")
            document.table(table.rename_axis("label").rename_axis(None, axis=1).reset_index())
    titles = {
        "changes": "Changed labels", "dropped": "Dropped events", "unresolved": "Unresolved",
        "unmatched": "Decisions that were not applied",
    }  # fmt: skip
    for name, title in titles.items():
        table = getattr(correction, name)
        document.section(title)
        if len(table):
            document.table(table, csv=f"{name}.csv")
        else:
            document.text("None.")


def _agreement(document, agreement):
    document.section("Agreement of experts")
    document.text(f"{agreement}.")
    document.table(agreement.cohen_kappa, caption="Cohen's kappa of each pair.")
    document.table(agreement.by_class, caption="By class.")
