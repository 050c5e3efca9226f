"""Errors as one line on the terminal."""

import contextlib
import os
import sys

import typer
from typer.core import TyperGroup

EXIT_BAD_INPUT = 2
EXIT_FAILURE = 1
# typer has taken click into itself in newer versions: its base class has no stable address.
_UsageErrors = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
# What a wrong file, column, name or value raises; anything else is a fault of ours.
_BAD_INPUT = (ValueError, TypeError, OSError, ImportError, LookupError)


class BadInput(Exception):
    """What the user gave cannot be used; the message says why."""


class OneLineErrors(TyperGroup):
    """A command group that answers bad input with one line and exit code 2.

    The global option ``--debug`` lets the traceback through.
    """

    def main(self, args=None, prog_name=None, standalone_mode=True, **extra):
        args = list(sys.argv[1:] if args is None else args)
        debug = "--debug" in args
        args = [arg for arg in args if arg != "--debug"]
        with _exits(debug) if standalone_mode else contextlib.nullcontext():
            # Reports say by which command they were made.
            extra = {"obj": list(args)} | extra
            result = super().main(args=args, prog_name=prog_name, standalone_mode=False, **extra)
            code = result if isinstance(result, int) else 0
            if standalone_mode:
                sys.exit(code)
            return result


@contextlib.contextmanager
def _exits(debug):
    try:
        yield
    except (typer.Abort, KeyboardInterrupt):
        _say("stopped")
        sys.exit(130)
    except _UsageErrors as error:
        _say(error.format_message())
        sys.exit(EXIT_BAD_INPUT)
    except BrokenPipeError:
        # The reader of a pipe (head, less) has gone: nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILURE)
    except (BadInput, *_BAD_INPUT) as error:
        if debug:
            raise
        _say(one_line(error))
        sys.exit(EXIT_BAD_INPUT)
    except Exception as error:
        if debug:
            raise
        _say(f"{type(error).__name__}: {one_line(error)} (--debug shows where)")
        sys.exit(EXIT_FAILURE)


def one_line(error):
    """The message of an exception on one line.

    Parameters
    ----------
    error : Exception
        What was raised.

    Returns
    -------
    line : str
        Its message, with line breaks as spaces.
    """
    if isinstance(error, KeyError) and error.args:
        text = str(error.args[0])
    elif isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = str(error)
    return " ".join(text.split()) or type(error).__name__


def _say(message):
    typer.echo(f"seisclf: {' '.join(message.split())}", err=True)
