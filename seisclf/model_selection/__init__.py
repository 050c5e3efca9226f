"""Splits that do not leak, comparison with its statistics, and curves over labels."""

from ._compare import compare_estimators
from ._comparison import Comparison
from ._displays import ComparisonDisplay, EventConfusionDisplay
from ._forward import ForwardInTimeSplit
from ._label_fraction import label_fraction_curve
from ._label_fraction_curve import LabelFractionCurve
from ._label_fraction_display import LabelFractionDisplay
from ._leakage import LeakageError, check_leakage
from ._leave_out import LeaveOneSiteOut, LeaveOneStationOut
from ._plan import FoldPlan, plan_folds
from ._plan_display import FoldPlanDisplay
from ._split import CalendarKFold, EventKFold
from ._statistics import corrected_ttest

__all__ = [
    "CalendarKFold",
    "Comparison",
    "ComparisonDisplay",
    "EventConfusionDisplay",
    "EventKFold",
    "FoldPlan",
    "FoldPlanDisplay",
    "ForwardInTimeSplit",
    "LabelFractionCurve",
    "LabelFractionDisplay",
    "LeakageError",
    "LeaveOneSiteOut",
    "LeaveOneStationOut",
    "check_leakage",
    "compare_estimators",
    "corrected_ttest",
    "label_fraction_curve",
    "plan_folds",
]
