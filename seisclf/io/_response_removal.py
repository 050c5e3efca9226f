"""Responses come off while an archive is scanned."""

import warnings

from ._epochs import read_inventories, sum_of
from ._response import (
    LOWEST,
    OUTPUTS,
    check_choice,
    check_pre_filt,
    remove_response,
    remove_sensitivity,
)

_WARM_UP = 8.0  # periods of the lowest frequency


class ResponseRemoval:
    """Removes responses while an archive is scanned: ``scan(..., prepare=ResponseRemoval(...))``.

    Called with a stream it returns what :func:`remove_response` returns, without its table; rows
    that are not "removed" are told in a warning, once for each trace and reason.

    Parameters
    ----------
    inventory : obspy.Inventory, path, or list of these
        Responses. Given as files, it pickles to their names.
    output : {"VEL", "DISP", "ACC", "DEF"}, default="VEL"
        See :func:`remove_response`.
    pre_filt : "auto" or tuple of four float, default="auto"
        See :func:`remove_response`. Its lower corners say how much is read beside each chunk.
    water_level : float or None, default=60.0
        See :func:`remove_response`.
    sensitivity_only : bool, default=False
        Divide by the sensitivity only, by :func:`remove_sensitivity`.

    Attributes
    ----------
    warm_up : float
        Seconds at the ends of a stream in which the result depends on where it was cut; a scan
        reads so much more and drops it.

    Examples
    --------
    >>> from obspy import read, read_inventory
    >>> from seisclf.io import ResponseRemoval
    >>> prepare = ResponseRemoval(read_inventory(), output="DISP")
    >>> len(prepare(read())), prepare.warm_up
    (3, 800.0)
    """

    def __init__(
        self,
        inventory,
        *,
        output="VEL",
        pre_filt="auto",
        water_level=60.0,
        sensitivity_only=False,
    ):
        check_choice(output, OUTPUTS, "output")
        check_pre_filt(pre_filt)
        if pre_filt is None and not sensitivity_only:
            raise ValueError(
                "pre_filt=None has no lowest frequency, so the result would depend on where "
                "chunks begin: give 'auto' or four corners in Hz"
            )
        self.inventory, self.output, self.pre_filt = inventory, output, pre_filt
        self.water_level, self.sensitivity_only = water_level, sensitivity_only
        self._read, self._told = None, set()
        self._sum = sum_of(self._inventory())

    @property
    def warm_up(self):
        """Seconds."""
        if self.sensitivity_only:
            return 0.0
        low = LOWEST / 2 if self.pre_filt == "auto" else self.pre_filt[0]
        return _WARM_UP / low

    def __call__(self, stream):
        """Return a Stream in units of motion; what has no response is left out with a warning."""
        if self.sensitivity_only:
            done, outcomes = remove_sensitivity(stream, self._inventory())
        else:
            done, outcomes = remove_response(
                stream,
                self._inventory(),
                output=self.output,
                pre_filt=self.pre_filt,
                water_level=self.water_level,
            )
        for row in outcomes[outcomes["status"] != "removed"].itertuples():
            if (row.trace, row.reason) not in self._told:
                self._told.add((row.trace, row.reason))
                warnings.warn(
                    f"{row.trace} from {row.start} on is left out: {row.status}: {row.reason}",
                    stacklevel=2,
                )
        return done

    def _inventory(self):
        if self._read is None:
            self._read = read_inventories(self.inventory)
        return self._read

    def __getstate__(self):
        return self.__dict__ | {"_read": None, "_told": set()}

    def __repr__(self):
        return (
            f"ResponseRemoval(output={self.output!r}, pre_filt={self.pre_filt!r}, "
            f"water_level={self.water_level!r}, sensitivity_only={self.sensitivity_only!r}, "
            f"inventory {self._sum})"
        )
