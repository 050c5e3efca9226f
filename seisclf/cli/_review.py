"""``seisclf review``."""

import warnings

from ._data import check_dataset, describe_events, load_events
from ._errors import BadInput
from ._estimators import REGISTRY, build
from ._models import load_model
from ._terminal import Steps, console, say, show_table

CATALOG, PREDICTIONS = "catalogue.csv", "predictions.csv"


def run_review(
    data, model, out, *, serve, port, cv, everything, relevance, bandpass, title, window, noise,
    label, jobs, quick, seed,
):  # fmt: skip
    """Judge labels, write the review page, serve it; see ``seisclf review --help``."""
    from ..inspection._page import is_review_page

    if port and not serve:
        raise BadInput("--port is for --serve")
    if model is None:
        if not is_review_page(data):
            check_dataset(data)
            raise BadInput(
                f"no MODEL: give a model file, or one of the names {', '.join(REGISTRY)}"
            )
        if not serve:
            raise BadInput(f"{data} is a review page already: --serve serves it")
        return _serve(data, port)
    _check(model, out, cv)
    steps = Steps(3)
    with steps.step("Reading events"):
        bunch = load_events(data, window=window, noise=noise, label=label, tell=say)
        say(describe_events(bunch))
    with steps.step(f"Judging labels by {cv} folds"):
        review = _judged(_estimator(model, bunch, quick, seed), bunch, cv, jobs, seed)
    with steps.step("Writing the page"):
        title = title or _title(data)
        page = _write(review, model, out, everything, relevance, bandpass, title)
    console.print(f"Page: [bold]{page}[/]", soft_wrap=True)
    if serve:
        _serve(out, port)
    else:
        console.print(
            f"A double click opens it. [bold]seisclf correct[/] {out} DECISIONS applies what was "
            f"decided and exported.",
            soft_wrap=True,
        )


def _check(model, out, cv):
    """What can be known to be wrong before anything is read."""
    from ..inspection._page import is_review_page

    if cv < 2:
        raise BadInput(f"--cv {cv}: at least 2 folds are needed")
    if model not in REGISTRY:
        load_model(model)
    if out.exists() and not is_review_page(out) and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"--out {out} exists and is no review page: give a new or an empty folder")


def _estimator(model, bunch, quick, seed):
    if model in REGISTRY:
        return build(
            model, sampling_rate=bunch.sampling_rate, components=bunch.components, seed=seed,
            quick=quick,
        )  # fmt: skip
    return load_model(model)[0]


def _judged(estimator, bunch, cv, jobs, seed):
    from ..inspection import LabelReview

    review = LabelReview(
        estimator, cv=cv, sampling_rate=bunch.sampling_rate, components=bunch.components,
        n_jobs=jobs, random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        review.fit(bunch.data, bunch.target, metadata=bunch.metadata)
    told = [str(w.message) for w in caught if w.category is UserWarning]
    for words in dict.fromkeys(" ".join(text.split()) for text in told):
        console.print(words, style="yellow", markup=False, soft_wrap=True)
    n_suspects = len(review.suspects_)
    say(f"{n_suspects} of {review.n_events_} labels are doubtful ({review.method_})")
    if n_suspects:
        show_table(review.summary())
    return review


def _write(review, model, out, everything, relevance, bandpass, title):
    from ..inspection import write_page
    from ..utils._cells import to_cells

    which = "all" if everything else "suspects"
    if not everything and not review.suspects_.shape[0]:
        raise BadInput(
            "no label is doubtful, so there is nothing to review; --all shows every event"
        )
    page = write_page(
        review, out, which=which, title=title, relevance=relevance, bandpass=bandpass or "auto"
    )
    table = review.table().sort_values("row")
    for i, name in enumerate(review.classes_):
        table[f"p_{name}"] = review.probabilities_[table["row"].to_numpy(), i]
    table["model"] = model
    shown = table["row"][table["suspect"] | everything]
    if relevance and (words := _relevance(review, shown.to_numpy())):
        table["relevance"] = table["row"].map(words)
    to_cells(table).to_csv(out / PREDICTIONS, index=False, float_format="%.6g")
    catalog = review.metadata_.assign(label=review.labels_)
    to_cells(catalog).to_csv(out / CATALOG, index=False)
    return page


def _relevance(review, rows):
    """By row, in words: where the model found what speaks for its class."""
    from ..inspection._review_events import relevance_shares

    # The page itself says of each event why it has none.
    found, _ = relevance_shares(review, rows, review.predicted_[rows])
    return {row: f"{review.predicted_[row]}: {text}" for row, text in found.items()}


def _title(data):
    return f"Label review of {data.resolve().name}"


def _serve(folder, port):
    from ..inspection import serve_page

    with serve_page(folder, port=port) as server:
        try:
            console.print(f"Serving [bold]{server.url}[/] on this computer only; Ctrl-C ends it.")
            console.print(f"Decisions: {server.database}", soft_wrap=True)
            server.wait()
        except KeyboardInterrupt:
            console.print("Closed. Everything decided is stored.")
