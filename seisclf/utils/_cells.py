"""Text from data in tables that people open in spreadsheets, where ``=`` begins a formula."""

import re

# What a spreadsheet would calculate. Of + and - (as in "-12", "--") only what calls a function or
# a program.
_FORMULA = re.compile(r"'*(?:[=@\t\r]|[+-][^(|!]*[(|!])")


def to_cell(value):
    """Text that no spreadsheet takes for a formula: an apostrophe goes before what it would.

    Parameters
    ----------
    value : object
        Anything; only text is changed.

    Returns
    -------
    value : object
        See :func:`from_cell` for the way back.

    Examples
    --------
    >>> from seisclf.utils._cells import from_cell, to_cell
    >>> to_cell('=HYPERLINK("http://example.org")'), to_cell("rockfall"), to_cell("-1.5")
    ('\\'=HYPERLINK("http://example.org")', 'rockfall', '-1.5')
    >>> from_cell(to_cell("=1+1"))
    '=1+1'
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def from_cell(value):
    """Inverse of :func:`to_cell`.

    Parameters
    ----------
    value : object
        Anything; only text is changed.

    Returns
    -------
    value : object
        What was given to :func:`to_cell`.
    """
    marked = isinstance(value, str) and value.startswith("'") and _FORMULA.match(value)
    return value[1:] if marked else value


def to_cells(table):
    """A table whose texts, names of columns too, no spreadsheet takes for formulas.

    Parameters
    ----------
    table : DataFrame
        Left as it is.

    Returns
    -------
    table : DataFrame
        A copy.
    """
    return _changed(table, to_cell)


def from_cells(table):
    """Inverse of :func:`to_cells`.

    Parameters
    ----------
    table : DataFrame
        Left as it is.

    Returns
    -------
    table : DataFrame
        A copy.
    """
    return _changed(table, from_cell)


def _changed(table, change):
    import pandas as pd

    def column(values):
        if values.dtype.kind in "biufcmM":
            return values
        return values.map(change, na_action="ignore")

    columns = [column(table.iloc[:, i]) for i in range(table.shape[1])]
    if not columns:
        return table.copy()
    return pd.concat(columns, axis=1).set_axis([change(name) for name in table.columns], axis=1)
