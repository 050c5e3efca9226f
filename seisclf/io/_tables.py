"""The door for tables of text: one way to read CSV, with limits."""

import csv
import io
import itertools
import re
import warnings
from pathlib import Path

from ._limits import check_limits

_SEPARATORS = ",;\t|"
_BYTES_A_COLUMN = 1000
_MOST_LINES = 10_000  # that the first two rows may take
_QUOTED = re.compile(r'"[^"]*"')


def read_table(path, *, separator=None, limits=None, **options):
    """Read a table with pandas' fast parser.

    Parameters
    ----------
    path : str or pathlib.Path
        File, of UTF-8 text. Never an address.
    separator : str, optional
        Between cells. Default: whichever of comma, semicolon, tab and ``|`` the first line has
        most of; white space if it has none of them.
    limits : Limits, optional
        Default: those of :class:`seisclf.io.Limits`.
    **options
        Further parameters of :func:`pandas.read_csv`.

    Returns
    -------
    table : DataFrame
        With a fresh index.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no table, or over a limit.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from seisclf.io._tables import read_table
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "table.csv"
    >>> _ = path.write_text("time;class\\n2020-01-01;rockfall\\n")
    >>> read_table(path).to_numpy().tolist()
    [['2020-01-01', 'rockfall']]
    """
    import pandas as pd

    path, limits = Path(path), check_limits(limits)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    limits.check("max_table_bytes", path.stat().st_size, f"{path}, bytes")
    separator = _check_head(path, separator, limits)
    with warnings.catch_warnings():
        # A row that is longer than the first line would lose its end.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            # An open file: pandas would take a name for an address, or unpack it by its ending.
            with open(path, "rb") as file:
                table = pd.read_csv(
                    file, sep=separator, engine="c", index_col=False, compression=None,
                    encoding="utf-8-sig", **options,
                )  # fmt: skip
        except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError) as error:
            raise ValueError(
                f"{path} is no table: {' '.join(str(error).split())[:200]}"
            ) from error
        except (ValueError, OverflowError, MemoryError, RecursionError) as error:
            raise ValueError(
                f"{path} cannot be read as a table of UTF-8 text: "
                f"{' '.join(str(error).split())[:200]}"
            ) from error
    return table


def _check_head(path, separator, limits):
    """The separator, after a look at the first two rows only.

    The parser takes its columns from them, and needs minutes for a million.
    """
    with open(path, "rb") as file:
        text = io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline="")
        first = text.readline(_BYTES_A_COLUMN * limits.max_table_columns)
        if separator is None:
            head = _QUOTED.sub("", first)
            separator = max(_SEPARATORS, key=head.count)
            if not head.count(separator):
                separator = r"\s+" if head.split()[1:] else ","
        text.seek(0)
        for width in _widths(text, separator, path, limits):
            limits.check("max_table_columns", width, f"{path}, columns")
    return separator


def _widths(text, separator, path, limits):
    """Numbers of cells of the first two rows that are not empty."""
    lines = _few_lines(text, path, limits)
    if len(separator) > 1:
        yield from itertools.islice((len(line.split()) for line in lines if line.strip()), 2)
        return
    try:
        rows = csv.reader(lines, delimiter=separator)
        yield from itertools.islice((len(row) for row in rows if any(map(str.strip, row))), 2)
    except csv.Error as error:
        raise ValueError(f"{path} is no table: {error}") from error


def _few_lines(text, path, limits):
    left = 2 * _BYTES_A_COLUMN * limits.max_table_columns
    for number in itertools.count():
        line = text.readline(left)
        if not line:
            return
        left -= len(line)
        if left <= 0 or number > _MOST_LINES:
            raise ValueError(f"{path} is no table: its first rows are over all measure")
        yield line
