"""How much a file may ask for before it is refused."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Limits:
    """Sizes above which a file is refused, so that a hostile or broken one cannot fill the memory.

    The defaults let through every file that a network or a data centre gives out. A file over a
    limit is refused with a message that names the limit; raise it for this call with
    ``limits=Limits(max_samples=10**10)``.

    Parameters
    ----------
    max_file_bytes : int, default=4 GiB
        Waveform file as it lies on disk.
    max_samples : int, default=2**30
        Samples of one file, all traces together, and of one channel after its pieces have been
        put on one grid of samples, gaps included (four months at 100 Hz).
    max_traces : int, default=200,000
        Traces (pieces) of one file.
    max_samples_per_byte : int, default=256
        Samples that a file may claim to hold, for each of its bytes. Compressed miniSEED holds
        less than two; a header that claims more than this lies.
    max_xml_bytes : int, default=512 MiB
        QuakeML, StationXML or SeisComP file.
    max_xml_depth : int, default=100
        Elements inside one another; catalogues need about ten.
    max_table_bytes : int, default=4 GiB
        Table of text (CSV).
    max_table_columns : int, default=10,000
        Its columns.
    max_model_bytes : int, default=4 GiB
        Model file after decompression.
    max_model_json_bytes : int, default=64 MiB
        Its description in JSON.
    max_expansion : int, default=100
        How many times its size on disk a model file or a set of waveforms in HDF5 may grow in
        memory, once it grows beyond 256 MiB.

    Examples
    --------
    >>> from seisclf.io import Limits
    >>> Limits().max_samples
    1073741824
    >>> Limits(max_samples=0)
    Traceback (most recent call last):
        ...
    ValueError: max_samples=0: a limit must be a whole number from 1 on
    """

    max_file_bytes: int = 4 * 2**30
    max_samples: int = 2**30
    max_traces: int = 200_000
    max_samples_per_byte: int = 256
    max_xml_bytes: int = 512 * 2**20
    max_xml_depth: int = 100
    max_table_bytes: int = 4 * 2**30
    max_table_columns: int = 10_000
    max_model_bytes: int = 4 * 2**30
    max_model_json_bytes: int = 64 * 2**20
    max_expansion: int = 100

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"{field.name}={value!r}: a limit must be a whole number from 1 on"
                )

    def check(self, name, value, what):
        """Refuse what is over a limit.

        Parameters
        ----------
        name : str
            Of the limit.
        value : int
            What the file asks for.
        what : str
            Of which file or part, for the message.

        Raises
        ------
        ValueError
            If `value` is larger; says how to raise the limit.
        """
        limit = getattr(self, name)
        if value > limit:
            raise ValueError(
                f"{what}: {int(value)} is over the limit {name}={limit}. If the file is sound, "
                f"raise the limit: limits=seisclf.io.Limits({name}={int(value)})"
            )

    def check_expansion(self, n_bytes, stored, what):
        """Refuse what grows out of all proportion when it is read.

        Parameters
        ----------
        n_bytes : int
            Bytes in memory.
        stored : int
            Bytes on disk.
        what : str
            Of which file or part, for the message.

        Raises
        ------
        ValueError
            If there are more than 256 MiB and more than `max_expansion` times the bytes on disk.
        """
        if n_bytes > _SMALL:
            self.check("max_expansion", -(-n_bytes // max(1, stored)), what)


# What every machine can hold needs no proportion.
_SMALL = 256 * 2**20

DEFAULT_LIMITS = Limits()


def check_limits(limits):
    """`limits`, or the defaults for None.

    Parameters
    ----------
    limits : Limits or None
        As a user gave it.

    Returns
    -------
    limits : Limits
        Never None.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if limits is None:
        return DEFAULT_LIMITS
    if not isinstance(limits, Limits):
        raise TypeError(f"limits must be a seisclf.io.Limits, got {type(limits).__name__}")
    return limits
