"""Splits that do not leak, and comparison with its statistics."""

from ._forward import ForwardInTimeSplit
from ._leakage import LeakageError, check_leakage
from ._leave_out import LeaveOneSiteOut, LeaveOneStationOut
from ._plan import FoldPlan, plan_folds
from ._plan_display import FoldPlanDisplay
from ._split import CalendarKFold, EventKFold

__all__ = [
    "CalendarKFold",
    "EventKFold",
    "FoldPlan",
    "FoldPlanDisplay",
    "ForwardInTimeSplit",
    "LeakageError",
    "LeaveOneSiteOut",
    "LeaveOneStationOut",
    "check_leakage",
    "plan_folds",
]
