"""Why a classifier says what it says, and which labels deserve a second look."""

from ._agreement import Agreement, label_agreement
from ._correction import Correction, apply_decisions
from ._decisions import read_decisions
from ._label_review import LabelReview
from ._review_events import ReviewEvent

__all__ = [
    "Agreement",
    "Correction",
    "LabelReview",
    "ReviewEvent",
    "apply_decisions",
    "label_agreement",
    "read_decisions",
]
