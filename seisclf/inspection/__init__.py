"""Why a classifier says what it says, and which labels deserve a second look."""

from ._agreement import Agreement, label_agreement
from ._correction import Correction, apply_decisions
from ._decisions import read_decisions
from ._label_review import LabelReview
from ._lrp import ModuleRelevance, relevance_of
from ._page import write_page
from ._relevance import layerwise_relevance
from ._relevance_result import Relevance
from ._review_events import ReviewEvent
from ._server import ReviewServer, serve_page

__all__ = [
    "Agreement",
    "Correction",
    "LabelReview",
    "ModuleRelevance",
    "Relevance",
    "ReviewEvent",
    "ReviewServer",
    "apply_decisions",
    "label_agreement",
    "layerwise_relevance",
    "read_decisions",
    "relevance_of",
    "serve_page",
    "write_page",
]
