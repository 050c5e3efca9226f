"""Classifiers made of many: forests on features."""

from ._feature_forest import FeatureForestClassifier
from ._importance_display import FeatureImportanceDisplay

__all__ = ["FeatureForestClassifier", "FeatureImportanceDisplay"]
