"""Why a classifier says what it says, and which labels deserve a second look."""

from ._agreement import Agreement, label_agreement
from ._correction import Correction, apply_decisions
from ._decisions import read_decisions
from ._forest_contributions import ForestContributions, forest_contributions
from ._forest_display import ForestContributionDisplay
from ._forest_importance import forest_permutation_importance
from ._label_review import LabelReview
from ._lrp import ModuleRelevance, relevance_of
from ._page import write_page
from ._relevance import layerwise_relevance
from ._relevance_display import RelevanceDisplay
from ._relevance_result import Relevance
from ._review_events import ReviewEvent
from ._server import ReviewServer, serve_page

__all__ = [
    "Agreement",
    "Correction",
    "ForestContributionDisplay",
    "ForestContributions",
    "LabelReview",
    "ModuleRelevance",
    "Relevance",
    "RelevanceDisplay",
    "ReviewEvent",
    "ReviewServer",
    "apply_decisions",
    "forest_contributions",
    "forest_permutation_importance",
    "label_agreement",
    "layerwise_relevance",
    "read_decisions",
    "relevance_of",
    "serve_page",
    "write_page",
]
