"""Groups among events that nobody has labelled."""

from ._card_display import ClusterCardDisplay
from ._cards import ClusterCard, cluster_card
from ._deep_cluster import DeepCluster
from ._selection import cluster_stability, gap_statistic

__all__ = [
    "ClusterCard",
    "ClusterCardDisplay",
    "DeepCluster",
    "cluster_card",
    "cluster_stability",
    "gap_statistic",
]
