"""Events of the parts of a stream that have become final."""

from copy import copy

from ._classifier import labels_of_functions
from ._detections import Detections
from ._function_picking import pick_network, pick_stations
from ._functions import ProbabilityFunctions
from ._time_functions import FunctionsOverTime


class StreamEvents:
    """From parts of functions over time to detections.

    Parameters
    ----------
    detector : EventDetector
        Says what is an event.
    """

    def __init__(self, detector):
        self.detector = detector
        self._nothing = None

    def final(self, groups):
        """Events of the parts that have become final."""
        queues = [group.take() for group in groups]
        found = []
        # Parts of one station one after another, of several stations together.
        while any(queues):
            found.append(self.pick([queue.pop(0) for queue in queues if queue]))
        return _joined(found) if found else self.pick([])

    def pick(self, parts):
        """Events of parts; tables are made only where there are any, which is seldom."""
        functions = self._functions_of(parts)
        if self._nothing is None:
            self._nothing = self.detector.pick(self._functions_of([]))
        if not parts or self._is_quiet(functions):
            nothing = copy(self._nothing)
            nothing.functions = functions
            return nothing
        return self.detector.pick(functions)

    def _functions_of(self, parts):
        detector = self.detector
        if not detector.gives_functions:
            return ProbabilityFunctions(parts)
        return FunctionsOverTime(
            [function for part in parts for function in part.values()],
            classes=detector.events,
            network=next((part.network for part in parts if part.network), None),
            picked=labels_of_functions(detector.classifier, "picked", ("earthquake",)),
            persistence=detector.persistence or 1,
        )

    def _is_quiet(self, functions):
        detector = self.detector
        if not detector.gives_functions:
            return not any(detector._spans(f) for f in detector._processed(functions).values())
        by_occurrence = functions.network is not None and functions.network.functions
        pick = pick_network if by_occurrence else pick_stations
        return not pick(functions, detector._pick_settings())[0]


def _joined(found):
    """Detections of parts that follow each other, as one."""
    import pandas as pd

    some = [detections for detections in found if len(detections)]
    if len(some) < 2:
        return some[0] if some else found[-1]
    first, tables, picks = 0, [], []
    for detections in some:
        tables.append(detections.to_frame())
        picks.append(detections.picks.assign(detection=detections.picks["detection"] + first))
        first += len(detections)
    return Detections(
        pd.concat(tables, ignore_index=True),
        some[-1].functions,
        settings=some[-1].settings,
        picks=pd.concat(picks, ignore_index=True),
    )
