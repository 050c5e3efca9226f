"""Groups among events that nobody has labelled."""

from ._deep_cluster import DeepCluster
from ._selection import cluster_stability, gap_statistic

__all__ = ["DeepCluster", "cluster_stability", "gap_statistic"]
