"""A place for a station in a stream: which of its channels is which component."""

from dataclasses import dataclass, field

from ..io._components import _ALIASES, _ORIENTED, component_letter

# Channels that are names of one component.
_MOST_NAMES = 8


@dataclass
class Slot:
    """A place for a station, and what has come of it.

    Attributes
    ----------
    station : str
        Its name.
    instrument : str
        Location and band of its channels, ``"LOC.HH"``; others are none of its own.
    ids : list of str
        For each component the preferred of its channels so far; ``""`` before it has come.
    rows : dict of str to list of int
        Component and row of each channel.
    notes : list of str
        What is to be said of it.
    awaited : bool
        Whether missing samples are waited for.
    """

    station: str = ""
    instrument: str = ""
    ids: list = field(default_factory=list)
    rows: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    awaited: bool = True

    @property
    def complete(self):
        """Whether there is something of each component."""
        return bool(self.ids) and all(self.ids)

    def find(self, id, components):
        """Component of a new channel, and how many of its names are preferred to it.

        Both are None if it is no component, or has more names than can be.
        """
        letter = component_letter(id.split(".")[3])
        fitting = [i for i, c in enumerate(components) if letter in (c, *_ALIASES.get(c, ()))]
        if not fitting:
            return None, None
        component = components.index(letter) if letter in components else fitting[0]
        wanted, known = components[component], self._names(component)
        if len(known) >= _MOST_NAMES:
            return None, None
        return component, sum(_rank(wanted, other) < _rank(wanted, id) for other in known)

    def enter(self, id, component, row, components):
        """Let a channel have a row."""
        wanted = components[component]
        self.rows[id] = [component, row]
        self.ids[component] = min(self._names(component), key=lambda one: _rank(wanted, one))
        letter = component_letter(id.split(".")[3])
        if (wanted, letter) in _ORIENTED:
            self.notes.append(f"{letter} stands for {wanted}, not rotated")

    def _names(self, component):
        return [id for id, (own, _) in self.rows.items() if own == component]


def _rank(component, id):
    """What sorts the channels of a component: its own name first, then other ones."""
    letter = component_letter(id.split(".")[3])
    return _ALIASES.get(component, (component,)).index(letter), id
