"""Which trace is which component: Z N E, Z 1 2, EW NS UD, in any case."""

# For each component, what else it is called, in order of preference.
_ALIASES = {
    "Z": ("Z", "U", "V", "3"),
    "N": ("N", "1", "Y"),
    "E": ("E", "2", "X"),
    "1": ("1", "N", "Y"),
    "2": ("2", "E", "X"),
    "3": ("3", "Z", "U", "V"),
}
_WORDS = {"UD": "U", "NS": "N", "EW": "E", "DU": "U", "SN": "N", "WE": "E"}
_ORIENTED = {("N", "1"), ("E", "2"), ("1", "N"), ("2", "E")}
RATE_TOLERANCE = 1e-4


def component_letter(code):
    """Return the component of a channel code as one capital letter.

    Parameters
    ----------
    code : str
        A SEED channel code such as ``"HHZ"``, a word such as ``"EW"``, or a letter.

    Returns
    -------
    letter : str
        One capital letter or digit; empty if the code is empty.

    Examples
    --------
    >>> from seisclf.io._components import component_letter
    >>> [component_letter(code) for code in ("HHZ", "bh1", "UD", "ew", "")]
    ['Z', '1', 'U', 'E', '']
    """
    code = str(code).strip().upper()
    return _WORDS.get(code, code[-1:])


def check_components(components, name="components"):
    """Check a component order such as ``"ZNE"`` and return it in capitals."""
    if not isinstance(components, str) or not components.strip():
        raise TypeError(
            f"{name} must be a str with one letter per component such as 'ZNE', got {components!r}"
        )
    letters = components.strip().upper()
    if len(set(letters)) < len(letters):
        raise ValueError(f"{name}={components!r} names a component twice")
    return letters


def match_components(codes, wanted):
    """Find the wanted components among channel codes.

    An exact letter goes before another name for it. Nothing is rotated: ``1`` taken for ``N``
    keeps the sensor's own, unknown orientation, which the notes say.

    Parameters
    ----------
    codes : sequence of str
        Channel codes, component words or letters.
    wanted : str
        Component order such as ``"ZNE"``.

    Returns
    -------
    index : list of int
        For each wanted component the position in `codes`, -1 where there is none.
    notes : list of str
        One remark for every component found under a name that may mean another orientation.

    Examples
    --------
    >>> from seisclf.io._components import match_components
    >>> match_components(["BHE", "BHN", "BHZ"], "ZNE")
    ([2, 1, 0], [])
    >>> match_components(["Z", "1"], "ZNE")
    ([0, 1, -1], ['1 stands for N, not rotated'])
    """
    letters = [component_letter(code) for code in codes]
    index, notes = [], []
    for component in wanted:
        found = next((a for a in _ALIASES.get(component, (component,)) if a in letters), None)
        at = -1 if found is None else letters.index(found)
        if at in index:
            at = -1  # one trace cannot be two components
        index.append(at)
        if at >= 0 and (component, found) in _ORIENTED:
            notes.append(f"{found} stands for {component}, not rotated")
    return index, notes


def nominal_rate(rate, tolerance=RATE_TOLERANCE):
    """Snap a rate that a digitizer wrote with its clock's error to the nominal one.

    Parameters
    ----------
    rate : float
        Sampling rate in Hz.
    tolerance : float, default=1e-4
        Largest relative difference that is taken for clock error.

    Returns
    -------
    nominal : float
        The nearest whole rate (below 1 Hz: whole period) if it is that close, else `rate`.

    Examples
    --------
    >>> from seisclf.io._components import nominal_rate
    >>> nominal_rate(99.999992), nominal_rate(0.9999958), nominal_rate(62.5)
    (100.0, 1.0, 62.5)
    """
    if not rate > 0:
        return rate
    whole = float(round(rate)) if rate >= 0.75 else 1.0 / round(1.0 / rate)
    return whole if whole > 0 and abs(rate - whole) <= tolerance * whole else float(rate)
