"""Which features are computed, in which columns, and what the columns are called."""

from dataclasses import dataclass
from functools import cached_property

from ._engine import Plan
from ._registry import ADDED_GROUPS

_ROLES = ({"Z", "U"}, {"N", "1"}, {"E", "2"})


@dataclass(frozen=True)
class Layout:
    """Columns for one shape of X.

    Attributes
    ----------
    known : tuple of Feature
        The feature set.
    channels : tuple of str
        Names of the channels.
    stations : tuple of str or None
        Names of the stations, None unless X has four dimensions.
    groups, features : tuple of str or None
        What the user asked for, at most one of the two.
    station_ids, keep_constant : bool
        Whether groups contain features that they leave out by default.
    """

    known: tuple
    channels: tuple
    stations: tuple | None
    groups: tuple | None = None
    features: tuple | None = None
    station_ids: bool = False
    keep_constant: bool = False

    @cached_property
    def chosen(self):
        """Features in the order of the set; refuses those asked for by name that X lacks."""
        if self.features is not None:
            chosen = [feature for feature in self.known if feature.name in self.features]
            self._refuse_unavailable(chosen, "features", "name")
            return chosen
        chosen = [feature for feature in self.known if self._in_groups(feature)]
        if self.groups is not None:
            # Of added groups those of three components come along where there are three.
            mandatory = [feature for feature in chosen if feature.group not in ADDED_GROUPS]
            self._refuse_unavailable(mandatory, "groups", "group")
        return [feature for feature in chosen if self._is_available(feature)]

    def _in_groups(self, feature):
        if feature.constant_for_fixed_window and not self.keep_constant:
            return False
        if feature.is_station_id and not self.station_ids:
            return False
        if self.groups is None:
            return feature.group not in ADDED_GROUPS
        return feature.group in self.groups

    def _is_available(self, feature):
        if feature.needs_network:
            return self.stations is not None and len(self.stations) > 1
        return not feature.needs_3c or self.polarity_order is not None

    def _refuse_unavailable(self, features, parameter, word):
        missing = [feature for feature in features if not self._is_available(feature)]
        if not missing:
            return
        if missing[0].needs_network:
            need = (
                "X of shape (n_events, n_stations, n_components, n_samples) with two stations or "
                "more"
            )
        else:
            need = (
                f"three channels, of which components names Z, N (or 1) and E (or 2); here they "
                f"are {', '.join(self.channels)}"
            )
        names = ", ".join(sorted({getattr(feature, word) for feature in missing}))
        raise ValueError(f"{parameter} asks for {names}, which needs {need}: leave it out")

    @cached_property
    def polarity_order(self):
        """Channels of Z, N and E, or None unless there are just these three."""
        letters = [name.upper() for name in self.channels]
        if len(letters) != 3:
            return None
        order = [i for role in _ROLES for i, letter in enumerate(letters) if letter in role]
        return tuple(order) if sorted(order) == [0, 1, 2] else None

    @cached_property
    def plan(self):
        """What the engine has to do."""
        network = [f for f in self.chosen if f.needs_network]
        station = [f for f in self.chosen if f.needs_3c]
        trace = [f for f in self.chosen if f not in network and f not in station]
        return Plan(
            trace=tuple(feature.name for feature in trace),
            station=tuple(feature.name for feature in station),
            network=tuple(feature.name for feature in network),
            trace_groups=frozenset(feature.group for feature in trace),
            station_groups=frozenset(feature.group for feature in station),
            polarity_order=self.polarity_order,
            network_channel=self.channels.index("Z") if "Z" in self.channels else 0,
        )

    @cached_property
    def columns(self):
        """One dictionary for each column: its name, its place and its feature."""
        places = []
        for station in self.stations or ("",):
            places += [
                (station, channel, name) for channel in self.channels for name in self.plan.trace
            ]
            places += [(station, "", name) for name in self.plan.station]
        places += [("network", "", name) for name in self.plan.network]
        rows = {feature.name: feature for feature in self.known}
        return [
            {"column": "_".join(filter(None, place)), "station": place[0], "channel": place[1]}
            | rows[place[2]].as_row()
            for place in places
        ]


def channel_names(components, n_channels):
    """Letters of the components if there are as many, else numbers."""
    if len(components) == n_channels:
        return tuple(str(name) for name in components)
    return tuple(f"ch{i}" for i in range(n_channels))


def station_names(stations, n_stations):
    """Names of the stations, or numbers; None where X has no stations."""
    if n_stations is None:
        return None
    if stations is None:
        return tuple(f"st{i}" for i in range(n_stations))
    if len(stations) != n_stations:
        raise ValueError(
            f"stations names {len(stations)} stations and X has {n_stations}: give one name per "
            f"station, or stations=None"
        )
    return tuple(stations)
