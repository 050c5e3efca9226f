"""The server of the review page: what it gives out, what it refuses, what it never loses."""

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys

import pytest

from seisclf.inspection import read_decisions, serve_page, write_page


@pytest.fixture(scope="module")
def folder(make_review, tmp_path_factory):
    return write_page(make_review(12), tmp_path_factory.mktemp("served") / "page").parent


@pytest.fixture
def server(folder, tmp_path):
    with serve_page(folder, database=tmp_path / "decisions.sqlite") as running:
        yield running


def ask(server, method, path, body=None, **headers):
    """A request as bytes go over the wire; returns status, headers, body."""
    port = int(server.url.rsplit(":", 1)[1].strip("/"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    own = {"Host": f"127.0.0.1:{port}", **{k.replace("_", "-"): v for k, v in headers.items()}}
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    if body is not None:
        own.setdefault("Content-Length", str(len(body)))
    for name, value in own.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def token_of(server):
    page = ask(server, "GET", "/")[2].decode()
    return re.search(r'name="seisclf-server" content="([^"]+)"', page).group(1)


def decision(row=0, **changes):
    made = {
        "event_id": f"ev{row:04d}", "row": row, "old_label": "earthquake",
        "new_label": "rockfall", "confidence": 0.8, "note": "", "expert": "Ana",
        "time": "2026-01-02T03:04:05.678Z", "seconds": 2.5, "action": "change",
    }  # fmt: skip
    return made | changes


def post(server, *decisions, uid="uid-{}-long", **headers):
    entries = [{"uid": uid.format(i), "decision": d} for i, d in enumerate(decisions)]
    headers = {
        "X_Seisclf_Token": token_of(server), "Content_Type": "application/json"
    } | headers  # fmt: skip
    status, _, body = ask(
        server, "POST", "/api/decisions", json.dumps({"decisions": entries}).encode(), **headers
    )
    return status, json.loads(body) if status == 200 else body


def test_gives_out_the_page_and_nothing_else(server, folder, tmp_path):
    for path in ("/", "/index.html", "/page.js", "/js/main.js", "/events/000003.js"):
        status, headers, body = ask(server, "GET", path)
        assert status == 200 and body
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
    (folder.parent / "secret.js").write_text("secret")
    (folder / "decisions.sqlite").write_bytes(b"x")
    (folder / "link.js").symlink_to(folder.parent / "secret.js")
    refused = [
        "/../secret.js", "/..%2fsecret.js", "/%2e%2e/secret.js", "/js/../../secret.js",
        "//etc/passwd", "/....//secret.js", "/..\\secret.js", "/link.js", "/decisions.sqlite",
        "/review.json", "/js", "/events/", "/api/other", f"/{folder.parent}/secret.js",
        "/index.html/../../secret.js",
    ]  # fmt: skip
    for path in refused:
        status, _, body = ask(server, "GET", path)
        assert status == 404 and b"secret" not in body, path


def test_listens_on_this_computer_only(server):
    port = int(server.url.rsplit(":", 1)[1].strip("/"))
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
    for address in others - {"127.0.0.1", "127.0.1.1", "::1"}:
        with pytest.raises(OSError):
            socket.create_connection((address, port), timeout=1).close()
    assert server._http.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"X_Seisclf_Token": "guess"},
        {"X_Seisclf_Token": "\xe9"},
    ],
)
def test_strangers_are_refused(server, headers):
    status, _ = post(server, decision(), **headers)
    assert status == 403
    assert not len(read_decisions(server.database))


def test_strangers_cannot_read(server):
    assert ask(server, "GET", "/api/decisions")[0] == 403
    assert ask(server, "GET", "/", Host="evil.example")[0] == 403
    assert ask(server, "GET", "/page.js", Sec_Fetch_Site="cross-site")[0] == 403
    assert ask(server, "OPTIONS", "/api/decisions")[0] == 501


def test_decisions_are_stored_and_every_one_is_kept(server):
    first = decision(3, note='"; DROP TABLE decisions; --', expert="Ana <b>")
    later = first | {"new_label": "noise", "time": "2026-01-02T03:05:00.000Z"}
    assert post(server, first)[1] == {"stored": ["uid-0-long"], "refused": {}}
    assert post(server, first)[0] == 200  # sent twice, stored once
    assert post(server, later, decision(4), uid="next-{}-long")[0] == 200
    table = read_decisions(server.database).sort_values("row", ignore_index=True)
    assert table["new_label"].tolist() == ["noise", "rockfall"]
    assert table["note"][0] == first["note"] and table["expert"][0] == "Ana <b>"
    taken_back = decision(4, action="undo", time="2026-01-02T03:06:00.000Z")
    post(server, taken_back, uid="undo-{}-long")
    assert read_decisions(server.database)["row"].tolist() == [3]
    assert len(read_decisions(server.database, history=True)) >= 3
    database = sqlite3.connect(server.database)
    assert database.execute("SELECT count(*) FROM decisions").fetchone() == (4,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "delete"}, {"row": -1}, {"row": "1"}, {"row": True}, {"confidence": 2},
        {"confidence": "x"}, {"note": "x" * 5000}, {"expert": None}, {"seconds": -1},
        {"old_label": {"a": 1}}, {"confidence": float("nan")},
    ],
)  # fmt: skip
def test_what_is_no_decision_is_refused_and_the_rest_stored(server, changes):
    status, answer = post(server, decision(1) | changes, decision(2))
    assert status == 200
    assert list(answer["refused"]) == ["uid-0-long"] and answer["stored"] == ["uid-1-long"]


@pytest.mark.parametrize(
    "changes", [{"time": "yesterday"}, {"time": "2026-13-45"}, {"new_label": ""}]
)
def test_nothing_is_stored_that_would_make_the_file_unreadable(server, changes):
    answer = post(server, decision(0, **changes), decision(1))[1]
    assert list(answer["refused"]) == ["uid-0-long"]
    assert read_decisions(server.database)["event_id"].tolist() == ["ev0001"]


def test_half_a_character_does_not_stop_the_others(server):
    answer = post(server, decision(0, note="cut \ud83d"), decision(1))[1]
    assert answer["stored"] == ["uid-0-long", "uid-1-long"]
    assert read_decisions(server.database)["note"].tolist() == ["cut ?", ""]


def test_bodies_have_limits(server):
    headers = {"X_Seisclf_Token": token_of(server), "Content_Type": "application/json"}
    send = lambda body, **more: ask(  # noqa: E731
        server, "POST", "/api/decisions", body, **headers | more
    )[0]
    assert send(b"", Content_Length=str(2**31)) == 413
    assert send(b"", Content_Length="-5") == 413
    assert send(b"", Content_Length="many") == 411
    assert send(b"[" * 100_000) == 400
    assert send(b"no json") == send(b"[]") == send(b'{"decisions": 3}') == 400
    assert send(b"{}", Content_Type="text/plain") == 415


def test_wrong_folder_and_busy_port(folder, server, tmp_path):
    with pytest.raises(ValueError, match="no review page"):
        serve_page(tmp_path)
    port = int(server.url.rsplit(":", 1)[1].strip("/"))
    with pytest.raises(OSError, match=f"port {port} is taken"):
        serve_page(folder, port=port, database=tmp_path / "other.sqlite")
    with pytest.raises(ValueError, match="65535"):
        serve_page(folder, port=70000, database=tmp_path / "other.sqlite")


def test_address_and_token_outlive_the_server(folder, tmp_path):
    seen = []
    for _ in range(2):
        with serve_page(folder, database=tmp_path / "d.sqlite") as running:
            seen.append((running.url, token_of(running)))
    assert seen[0] == seen[1]


def served(folder):
    """A server in a process of its own, and its address."""
    code = (
        "import sys, time; from seisclf.inspection import serve_page;"
        "print(serve_page(sys.argv[1]).url, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals of Unix")
def test_nothing_is_lost_when_the_server_is_killed(make_review, open_page, tmp_path):
    folder = write_page(make_review(12), tmp_path / "page").parent
    process, url = served(folder)
    try:
        page = open_page(url)
        for _ in range(3):
            before = page.get_attribute("body", "data-row")
            page.keyboard.press("x")
            page.wait_for_selector(f'body:not([data-row="{before}"])')
        page.wait_for_selector("#saved:has-text('all saved')")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert read_decisions(folder / "decisions.sqlite")["row"].tolist() == [0, 1, 2]
        # The events are gone with the server, apart from those fetched ahead.
        page.keyboard.press("u")
        page.wait_for_selector("#saved:has-text('1 waiting')")
        context = page.context
        page.close()
        server = serve_page(folder)
        assert server.url == url
        page = open_page(url, expert=None, context=context)
        page.wait_for_selector("#saved:has-text('all saved')")
        assert page.inner_text("#progress-words") == "4 of 12 decided"
        table = read_decisions(folder / "decisions.sqlite")
        assert table["action"].tolist() == ["drop"] * 3 + ["unsure"]
        page.keyboard.press("Backspace")
        page.wait_for_selector("#progress-words:has-text('3 of 12')")
        page.wait_for_selector("#saved:has-text('all saved')")
        # Another browser goes on where this one stopped.
        other = open_page(url)
        assert other.inner_text("#progress-words") == "3 of 12 decided"
        stranger = open_page(url, expert="Ben")
        assert stranger.inner_text("#progress-words") == "0 of 12 decided"
        server.close()
    finally:
        process.kill()
        process.wait()
