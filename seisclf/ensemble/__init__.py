"""Estimators made of many: forests on features, channels that vote."""

from ._channel_display import ChannelVotesDisplay
from ._channel_ensemble import ChannelEnsembleClassifier
from ._feature_forest import FeatureForestClassifier
from ._feature_forest_regressor import FeatureForestRegressor
from ._importance_display import FeatureImportanceDisplay

__all__ = [
    "ChannelEnsembleClassifier",
    "ChannelVotesDisplay",
    "FeatureForestClassifier",
    "FeatureForestRegressor",
    "FeatureImportanceDisplay",
]
