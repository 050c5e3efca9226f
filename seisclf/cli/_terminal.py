"""What the user sees while a command works."""

import contextlib
import time

from rich.console import Console
from rich.table import Table

console = Console(highlight=False)


class Steps:
    """Numbered steps with their seconds.

    Parameters
    ----------
    total : int
        Number of steps.

    Attributes
    ----------
    times : dict of str to float
        Seconds of each step that is done.
    """

    def __init__(self, total):
        self.total, self.times = total, {}

    @contextlib.contextmanager
    def step(self, title):
        """Say what begins, and how long it took."""
        begin = time.perf_counter()
        console.print(f"[bold cyan]{len(self.times) + 1}/{self.total}[/] [bold]{title}[/]")
        yield
        self.times[title] = time.perf_counter() - begin
        console.print(f"    [dim]{self.times[title]:.1f} s[/]")


def show_table(frame, title=None):
    """Print a DataFrame as a table.

    Parameters
    ----------
    frame : pandas.DataFrame
        Without its index.
    title : str, optional
        Above it.
    """
    from seisclf.utils._document import cell

    table = Table(title=title, title_justify="left", header_style="bold", box=None, padding=(0, 2))
    for name, column in frame.items():
        table.add_column(str(name), justify="right" if column.dtype.kind in "fiu" else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(_escape(cell(value)) for value in row))
    console.print(table)


def say(words):
    """Print an indented line."""
    console.print(f"    {words}")


def _escape(text):
    from rich.markup import escape

    return escape(text)
