"""Why a classifier says what it says, and which labels deserve a second look."""

from ._label_review import LabelReview
from ._review_events import ReviewEvent

__all__ = ["LabelReview", "ReviewEvent"]
