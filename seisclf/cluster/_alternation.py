"""The two halves of deep clustering inside one training: divide the events, learn the division."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix
from skorch.callbacks import Callback

from ._assignment import assign_clusters, uniform_rows
from ._whitening import learn_whitening, whiten


class Alternation(Callback):
    """Before an epoch, cluster the events anew and begin with a new head.

    The epoch itself, which learns to tell the clusters apart, is the engine's.

    Parameters
    ----------
    events : EventDataset
        All events, in order.
    n_clusters : int
        Groups.
    n_components : int, float or None
        Of `learn_whitening`.
    kmeans : dict
        ``n_init`` and ``algorithm`` of `assign_clusters`.
    uniform : bool
        Whether an epoch draws alike from all clusters, else it shows each event once.
    every : int
        Epochs that learn the same division.
    seed : int
        Fixes divisions and draws.

    Attributes
    ----------
    labels_, centers_, whitening_ : ndarray, ndarray and dict
        The last division.
    """

    def __init__(self, events, n_clusters, *, n_components, kmeans, uniform, every, seed):
        self.events = events
        self.n_clusters = n_clusters
        self.n_components = n_components
        self.kmeans = kmeans
        self.uniform = uniform
        self.every = every
        self.seed = seed
        self.labels_ = None

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        """Set the targets and the events of the epoch."""
        epoch = len(net.history) - 1
        if epoch % self.every == 0:
            for name, value in self.divide(net, epoch).items():
                net.history.record(name, value)
            dataset_train.y = self.labels_
            _renew_head(net)
        if self.uniform:
            rng = np.random.default_rng([self.seed, epoch, 1])
            dataset_train.rows = uniform_rows(self.labels_, len(self.events), rng)

    def divide(self, net, epoch):
        """Cluster the events as the network sees them now.

        Parameters
        ----------
        net : EventNet
            Its encoder is used.
        epoch : int
            Epochs trained; fixes the beginnings of k-means.

        Returns
        -------
        record : dict
            "n_reassigned", empty clusters that were filled; and if there was a division before,
            "changed", part of the events that changed their cluster, clusters of the two
            divisions being paired as well as can be, and "nmi", normalised mutual information.
        """
        features = encoded(net, self.events)
        self.whitening_ = learn_whitening(features, self.n_components)
        before = self.labels_
        self.vectors_ = whiten(features, self.whitening_)
        self.labels_, self.centers_, n_reassigned = assign_clusters(
            self.vectors_,
            self.n_clusters,
            seed=int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0]),
            **self.kmeans,
        )
        record = {"n_reassigned": n_reassigned}
        if before is not None:
            record["changed"] = changed_part(before, self.labels_)
            record["nmi"] = float(normalized_mutual_info_score(before, self.labels_))
        return record

    def release(self):
        """Let go of the events, which a pickle of the net would hold."""
        self.events = self.vectors_ = None


def changed_part(before, after):
    """Part of the events that changed their cluster, whatever the clusters are called.

    Parameters
    ----------
    before, after : ndarray of int of shape (n_events,)
        Two divisions. Their clusters are paired so that as many events as possible stay.

    Returns
    -------
    part : float
        In [0, 1).
    """
    table = contingency_matrix(before, after)
    stayed = table[linear_sum_assignment(table, maximize=True)].sum()
    return float(1 - stayed / len(before))


def encoded(net, events):
    """Vectors of events by the encoder of a net, in its precision."""
    with net.running(net.module_.features):
        return np.concatenate([out.numpy() for out in net.forward_iter(events)])


def _renew_head(net):
    """Clusters of two divisions have nothing in common: what names them begins anew."""
    net.module_.head.reset_parameters()
    for parameter in net.module_.head.parameters():
        net.optimizer_.state.pop(parameter, None)
