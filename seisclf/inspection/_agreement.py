"""How far experts agree on labels."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score

from ._decisions import check_decisions

_TIE = 1e-9


@dataclass(frozen=True)
class Agreement:
    """Result of :func:`label_agreement`.

    Parameters
    ----------
    cohen_kappa : DataFrame
        One line per pair of experts: ``expert_a``, ``expert_b``, ``n_events`` that both decided,
        ``agreement`` (share with the same label) and Cohen's ``kappa`` (NaN where both use one
        and the same label throughout, or no event is common).
    fleiss_kappa : float
        Over the events with at least two experts; NaN if there are none.
    by_class : DataFrame
        For each label: ``n_votes`` on events with at least two experts, ``agreement`` (how often
        another expert says the same of an event one calls so) and Fleiss' ``kappa`` of the class.
    consensus : DataFrame
        One line per event: ``event_id``, ``row``, ``label`` (the one with the largest total
        confidence, "" in a tie), ``share`` of the confidence it has, ``n_experts``, ``tie``, and
        ``votes`` as text.
    n_experts : int
        Number of experts.
    n_events : int
        Events with at least one vote.
    """

    cohen_kappa: pd.DataFrame
    fleiss_kappa: float
    by_class: pd.DataFrame
    consensus: pd.DataFrame
    n_experts: int
    n_events: int

    def __str__(self):
        """One paragraph for a protocol."""
        ties = int(self.consensus["tie"].sum()) if len(self.consensus) else 0
        return (
            f"{self.n_experts} experts, {self.n_events} events; Fleiss' kappa "
            f"{self.fleiss_kappa:.2f}; {ties} ties"
        )


def label_agreement(decisions):
    """Compare what several experts decided.

    Votes are labels; "drop" counts as one of its own ("(drop)") and "unsure" as none.

    Parameters
    ----------
    decisions : DataFrame, list of dict, path or list of paths
        As :func:`read_decisions` gives or reads them.

    Returns
    -------
    agreement : Agreement
        Kappa of pairs and of all, agreement by class, consensus.

    Raises
    ------
    ValueError
        If decisions cannot be understood.

    Notes
    -----
    Fleiss' kappa is ``(P - P_e) / (1 - P_e)``: ``P`` the mean share of agreeing pairs of experts
    of an event, ``P_e`` the sum of squared shares of the classes among all votes. Events may have
    different numbers of experts, ``n_i >= 2``; ``P`` weights them equally [1]_.

    References
    ----------
    .. [1] J. L. Fleiss (1971). Measuring nominal scale agreement among many raters.
       Psychological Bulletin 76(5), 378-382.
    .. [2] J. Cohen (1960). A coefficient of agreement for nominal scales. Educational and
       Psychological Measurement 20(1), 37-46.

    Examples
    --------
    >>> from seisclf.inspection import label_agreement
    >>> decisions = [
    ...     {"event_id": event, "old_label": "quake", "new_label": label, "expert": expert}
    ...     for expert, labels in {"ada": "qqrrqr", "ben": "qqrrrr"}.items()
    ...     for event, label in zip("abcdef", labels)
    ... ]
    >>> agreement = label_agreement(decisions)
    >>> agreement.cohen_kappa.round(2)
      expert_a expert_b  n_events  agreement  kappa
    0      ada      ben         6       0.83   0.67
    """
    votes = votes_of(check_decisions(decisions))
    table = votes.pivot(index="item", columns="expert", values="vote")
    counts = pd.crosstab(votes["item"], votes["vote"]).to_numpy(dtype=float)
    classes = sorted(votes["vote"].unique())
    return Agreement(
        cohen_kappa=_pairs(table),
        fleiss_kappa=fleiss_kappa(counts),
        by_class=_by_class(counts, classes),
        consensus=consensus_of(votes),
        n_experts=votes["expert"].nunique(),
        n_events=votes["item"].nunique(),
    )


def votes_of(decisions):
    """Decisions that name a label: ``item`` numbers the event, ``vote`` is the label."""
    votes = decisions[decisions["action"] != "unsure"].copy()
    label = np.where(votes["action"] == "keep", votes["old_label"], votes["new_label"])
    votes["vote"] = np.where(votes["action"] == "drop", "(drop)", label)
    row = votes["row"].astype(object).where(votes["row"].notna(), -1)
    # Rows tell the stations of an event apart. Where nobody decided on two of them they are only
    # numbers, which differ from page to page.
    own = votes.assign(row=row).groupby(["event_id", "expert"])["row"].transform("nunique")
    several = own.groupby(votes["event_id"]).transform("max") > 1
    row = row.where(several | (votes["event_id"] == ""), -1)
    keys = pd.Series(list(zip(votes["event_id"], row)), index=votes.index, dtype=object)
    votes["item"] = pd.factorize(keys)[0]
    return votes


def fleiss_kappa(counts):
    """Fleiss' kappa of votes, (n_events, n_classes); events with one vote do not count."""
    counts = np.asarray(counts, dtype=float)
    counts = counts[counts.sum(axis=1) >= 2] if counts.size else counts.reshape(0, 1)
    if not len(counts):
        return float("nan")
    n = counts.sum(axis=1)
    observed = ((counts**2).sum(axis=1) - n) / (n * (n - 1))
    shares = counts.sum(axis=0) / counts.sum()
    expected = (shares**2).sum()
    if expected >= 1:  # one label throughout: chance alone would agree as well
        return float("nan")
    return float((observed.mean() - expected) / (1 - expected))


def consensus_of(votes):
    """The label with the largest total confidence for each item; no label in a tie."""
    lines = []
    for _, group in votes.groupby("item", sort=True):
        totals = group.groupby("vote")["confidence"].sum().sort_values(ascending=False)
        best = float(totals.iloc[0])
        tie = bool(len(totals) > 1 and best - float(totals.iloc[1]) <= _TIE)
        total = float(totals.sum())
        lines.append(
            {
                "event_id": group["event_id"].iloc[0],
                "row": group["row"].iloc[0],
                "label": "" if tie else totals.index[0],
                "share": best / total if total > 0 else float("nan"),
                "n_experts": group["expert"].nunique(),
                "tie": tie,
                "votes": ", ".join(
                    f"{expert or '(no name)'}: {vote} ({confidence:.2f})"
                    for expert, vote, confidence in zip(
                        group["expert"], group["vote"], group["confidence"]
                    )
                ),
            }
        )
    names = ["event_id", "row", "label", "share", "n_experts", "tie", "votes"]
    return pd.DataFrame(lines, columns=names)


def _pairs(table):
    lines = []
    for a, b in combinations(table.columns, 2):
        both = table[[a, b]].dropna()
        same = float((both[a] == both[b]).mean()) if len(both) else float("nan")
        several = len(both) and len(np.unique(both.to_numpy(dtype=str))) > 1
        kappa = (
            float(cohen_kappa_score(both[a].to_numpy(dtype=str), both[b].to_numpy(dtype=str)))
            if several
            else float("nan")
        )
        lines.append((a, b, len(both), same, kappa))
    return pd.DataFrame(lines, columns=["expert_a", "expert_b", "n_events", "agreement", "kappa"])


def _by_class(counts, classes):
    names = ["label", "n_votes", "agreement", "kappa"]
    counts = counts[counts.sum(axis=1) >= 2] if counts.size else counts
    if not len(counts):
        return pd.DataFrame(columns=names)
    n = counts.sum(axis=1)
    lines = []
    for k, label in enumerate(classes):
        votes = counts[:, k].sum()
        share = votes / counts.sum()
        # Of the votes for this class, how many of the event's other experts say the same.
        pairs = (counts[:, k] * (counts[:, k] - 1) / (n - 1)).sum()
        agreement = float(pairs / votes) if votes else float("nan")
        kappa = (agreement - share) / (1 - share) if 0 < share < 1 else float("nan")
        lines.append((label, int(votes), agreement, float(kappa)))
    return pd.DataFrame(lines, columns=names)
