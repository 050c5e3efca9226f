"""Answers of a data center, refused as soon as they are larger than they may be."""

import copy
import io
import zlib

_CHUNK = 2**20
_ERROR_BYTES = 2**16  # of the text that comes with an error


class AnswerTooLargeError(ValueError):
    """A server sends more than was allowed."""


def bounded_client(client, max_bytes):
    """Return a copy of ObsPy's FDSN client that reads answers up to a limit.

    Parameters
    ----------
    client : object
        With ``get_waveforms``. One that is not ObsPy's is returned as it is.
    max_bytes : int
        Most bytes of an answer, unpacked.

    Returns
    -------
    client : object
        Its methods raise AnswerTooLargeError.
    """
    opener = getattr(client, "_url_opener", None)
    if opener is None:
        return client
    bounded = copy.copy(client)
    bounded._url_opener = _Opener(opener, max_bytes)
    return bounded


class _Opener:
    """Opens addresses as another opener does."""

    def __init__(self, opener, max_bytes):
        self._opener, self._max_bytes = opener, max_bytes

    def __getattr__(self, name):
        return getattr(self._opener, name)

    def open(self, *args, **kwargs):
        from urllib.error import HTTPError

        try:
            return _Answer(self._opener.open(*args, **kwargs), self._max_bytes)
        except HTTPError as error:
            text = io.BytesIO(error.read(_ERROR_BYTES))
            raise HTTPError(error.url, error.code, error.msg, error.headers, text) from None


class _Answer:
    """What ObsPy's client asks of an answer."""

    def __init__(self, answer, max_bytes):
        self._answer, self._max_bytes = answer, max_bytes

    def getcode(self):
        """Status of HTTP."""
        return self._answer.getcode()

    def info(self):
        """No headers: it is unpacked here, where its size is watched."""
        return {}

    def read(self):
        """All of it."""
        packed = self._answer.info().get("Content-Encoding") == "gzip"
        unpack = zlib.decompressobj(31).decompress if packed else None
        parts, left = [], self._max_bytes
        while part := self._answer.read(min(_CHUNK, left + 1)):
            # One byte more than allowed is enough to know.
            part = unpack(part, left + 1) if packed else part
            left -= len(part)
            if left < 0:
                raise AnswerTooLargeError(
                    f"the answer is larger than {self._max_bytes} bytes; ask for less at once, "
                    "or raise the limit: max_file_bytes of recordings, max_xml_bytes of stations"
                )
            parts.append(part)
        return b"".join(parts)
