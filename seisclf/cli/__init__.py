"""The ``seisclf`` command."""

__all__ = ["main"]


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; default: those the program was called with.

    Raises
    ------
    SystemExit
        Always: 0 if all went well, 2 if the input was wrong.
    """
    from ._app import app

    app(args=argv, prog_name="seisclf")
