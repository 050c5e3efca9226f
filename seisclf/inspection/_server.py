"""Serve a review page on this computer, and store every decision at once."""

import errno
import hmac
import json
import os
import threading
import webbrowser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from ._decision_store import DecisionStore
from ._page import is_review_page

_ADDRESS = "127.0.0.1"
_MAX_BODY = 2**20
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
_PLACE_OF_TOKEN = b'<meta name="seisclf-server" content="">'


def serve_page(folder, *, port=0, database=None, open_browser=False):
    """Serve a review page to browsers on this computer.

    Decisions go to a SQLite file as they are made, each in a transaction of its own; nothing is
    lost if the page or the server is closed: the page keeps what it could not send, and sends it
    when the server is back.

    Parameters
    ----------
    folder : str or path-like
        Written by :func:`write_page` or ``LabelReview.write_page``.
    port : int, default=0
        0 takes that of the last time if it is free (the browser keeps decisions that wait by
        address), else any.
    database : str or path-like, optional
        SQLite file. Default: ``decisions.sqlite`` in the folder.
    open_browser : bool, default=False
        Whether to open the page.

    Returns
    -------
    server : ReviewServer
        Running in a thread of its own, until :meth:`ReviewServer.close`.

    Raises
    ------
    ValueError
        If the folder is no review page.
    OSError
        If the port is taken by another program.

    Notes
    -----
    The server listens on 127.0.0.1 only. It answers requests that name it by this address or as
    localhost, gives out nothing but the files of the page, and takes decisions only from the
    page itself, which knows a token. Whoever may open connections on this computer can get the
    page and with it the token: on a computer shared with people you do not trust, open
    ``index.html`` as a file instead, and export.
    """
    folder = Path(folder)
    if not is_review_page(folder):
        raise ValueError(
            f"folder={str(folder)!r} is no review page; LabelReview.write_page writes one"
        )
    store = DecisionStore(database or folder / "decisions.sqlite")
    server = ReviewServer(folder, store, port)
    if open_browser:
        webbrowser.open(server.url)
    return server


class ReviewServer:
    """A running server, made by :func:`serve_page`. Usable in a with statement.

    Parameters
    ----------
    folder : pathlib.Path
        The review page.
    store : DecisionStore
        Where decisions go.
    port : int
        As of :func:`serve_page`.

    Attributes
    ----------
    url : str
        Address for the browser.
    database : pathlib.Path
        SQLite file, which :func:`read_decisions` reads.
    """

    def __init__(self, folder, store, port):
        self.database = store.path
        self._http = _listen(port, store)
        self._http.folder, self._http.store = folder.resolve(), store
        self._http.token = store.token()
        number = self._http.server_address[1]
        store.set_setting("port", number)
        self.url = f"http://{_ADDRESS}:{number}/"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    def wait(self):
        """Return when the server has been closed."""
        while self._thread.is_alive():
            self._thread.join(0.5)  # so that Ctrl-C gets through

    def close(self):
        """Stop serving. What was decided is stored already."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def __repr__(self):
        return f"<ReviewServer {self.url}>"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # On Windows this would let two servers listen on one port.
    allow_reuse_address = os.name != "nt"
    folder: Path
    store: DecisionStore
    token: str


def _listen(port, store):
    if not 0 <= port <= 65535:
        raise ValueError(f"port={port}: a port is a number from 0 (any that is free) to 65535")
    last = store.setting("port") if port == 0 else None
    if last is not None:
        try:
            return _Server((_ADDRESS, last), _Handler)
        except OSError:
            pass  # somebody else has it now: any free one will do
    try:
        return _Server((_ADDRESS, port), _Handler)
    except PermissionError as error:
        raise PermissionError(f"port {port} may not be used; take one from 1024 on") from error
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise OSError(
            f"port {port} is taken by another program; take another, or 0 for any that is free"
        ) from error


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version, sys_version = "seisclf", ""
    timeout = 30

    def do_GET(self):
        if not self._comes_from_here():
            return
        parts = urlsplit(self.path)
        if parts.path == "/api/decisions":
            if self._has_token():
                expert = parse_qs(parts.query).get("expert", [None])[0]
                self._answer_json({"decisions": self.server.store.latest(expert)})
            return
        self._send_file(parts.path)

    do_HEAD = do_GET

    def do_POST(self):
        if not self._comes_from_here() or not self._has_token():
            return
        if urlsplit(self.path).path != "/api/decisions":
            return self._refuse(HTTPStatus.NOT_FOUND)
        if self.headers.get_content_type() != "application/json":
            return self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            return self._refuse(HTTPStatus.LENGTH_REQUIRED)
        if not 0 <= length <= _MAX_BODY:
            return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            entries = json.loads(self.rfile.read(length))["decisions"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return self._refuse(HTTPStatus.BAD_REQUEST)
        if not isinstance(entries, list):
            return self._refuse(HTTPStatus.BAD_REQUEST)
        stored, refused = self.server.store.add(entries)
        self._answer_json({"stored": stored, "refused": refused})

    def _comes_from_here(self):
        """Whether the browser was asked for this very address, by a page of ours.

        A foreign name that was made to point to 127.0.0.1 shows in Host; another site that posts
        here shows in Origin and Sec-Fetch-Site.
        """
        port = self.server.server_address[1]
        hosts = {f"{_ADDRESS}:{port}", f"localhost:{port}"}
        host, origin = self.headers.get("Host"), self.headers.get("Origin")
        site = self.headers.get("Sec-Fetch-Site", "none")
        ours = host in hosts and (origin is None or origin == f"http://{host}")
        # A link from elsewhere may open the page, but nothing else.
        opened = self.command == "GET" and self.headers.get("Sec-Fetch-Mode") == "navigate"
        if ours and (site in ("none", "same-origin") or opened):
            return True
        self._refuse(HTTPStatus.FORBIDDEN)
        return False

    def _has_token(self):
        given = self.headers.get("X-Seisclf-Token", "").encode("utf-8", "replace")
        if hmac.compare_digest(given, self.server.token.encode()):
            return True
        self._refuse(HTTPStatus.FORBIDDEN)
        return False

    def _send_file(self, path):
        """One of the page's own files; names with anything unusual are none."""
        parts = [part for part in path.split("/") if part] or ["index.html"]
        plain = all(part.replace(".", "").replace("_", "").isalnum() for part in parts)
        file = self.server.folder.joinpath(*parts) if plain and ".." not in parts else None
        if file is None or file.suffix not in _TYPES or not self._inside(file):
            return self._refuse(HTTPStatus.NOT_FOUND)
        body = file.read_bytes()
        if file.name == "index.html":
            token = self.server.token.encode()
            with_token = _PLACE_OF_TOKEN.replace(b'content=""', b'content="' + token + b'"')
            body = body.replace(_PLACE_OF_TOKEN, with_token)
        self._answer(body, _TYPES[file.suffix])

    def _inside(self, file):
        """Whether a path is a file of the folder also after links have been followed."""
        return file.is_file() and file.resolve().is_relative_to(self.server.folder)

    def _answer_json(self, value):
        self._answer(json.dumps(value).encode(), "application/json")

    def _refuse(self, status):
        self.close_connection = True
        self._answer(f"{status.phrase}\n".encode(), "text/plain; charset=utf-8", status)

    def _answer(self, body, content_type, status=HTTPStatus.OK):
        self.send_response(status)
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format, *args):
        """Say nothing: the terminal belongs to the command."""
