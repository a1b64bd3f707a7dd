"""webhook_original_data.py ESE-SERVER [TEST ...] - a data directory as the original left it (Eventor,
github.com/writepush-labs/eventor), made here by its schemas and in its storage classes, and served by the transport that
pushes: events, subscriptions, positions and counts go on; and what ours has written, the original's own queries read, and
can be added to. TAP."""
import base64
import contextlib
import hashlib
import json
import os
import sqlite3
import sys
import time
import uuid

from ese_program import wait_until
from ese_server import run
from webhook_peer import Receiver, in_order, listed, paused, post, subscribed, told

PROGRAM = os.path.abspath(sys.argv[1])
OPTIONS = ("--transport", "webhook")
CREATED = "2017-06-0{} 12:00:00.123456789 +0000 UTC"
LATER_GO = CREATED + " m=+12.345678901"
BODIES = [b'{"a": 1, "b": "<&>"}', b'{"b": 2, "a": 3}', None, b"[1]", b"\0\xff", b"null", b'{"c": 4}', b"plain"]  # None: was empty
REASON = "HTTP call to {} failed with error code %!s(int=500)"
EMPTY_MD5 = hashlib.md5(b"", usedforsecurity=False).hexdigest()

EVENTS = "CREATE TABLE events (uuid, body text, type text, created)"
SUBSCRIPTIONS = ("CREATE TABLE subscriptions (name, stream, url, httpHeaders, lastReadPosition, isActive, createdAt, updatedAt, "
                 "pauseReason)")
STATISTICS = "CREATE TABLE stream_stats (stream, event_type, stat_value, UNIQUE(stream, event_type))"
VARIANTS = ("CREATE TABLE event_variants (hash, stream, event_type, body, position, uuid, created, UNIQUE(hash))")
# What the original asks of them.
PAGE = "SELECT rowid, uuid, body, type, created FROM events WHERE rowid > ? ORDER BY rowid LIMIT ?"
INSERT = "INSERT INTO events (uuid, body, type, created) VALUES (?, ?, ?, ?)"
ALL = ("SELECT name, stream, url, httpHeaders, lastReadPosition, isActive, createdAt, updatedAt, pauseReason FROM subscriptions")


@contextlib.contextmanager
def database(server, name, journal="WAL"):
    """As the original opens it."""
    connection = sqlite3.connect(server.data / name, isolation_level=None)
    try:
        connection.execute(f"PRAGMA journal_mode={journal}")
        connection.execute("PRAGMA synchronous=OFF")
        yield connection
    finally:
        connection.close()


def kind_of(number):
    return "placed" if number % 2 == 0 else "paid"


def add_events(server, stream, bodies, created=CREATED):
    with database(server, stream + ".db") as events:
        return [(events.execute(INSERT, (str(uuid.uuid4()), body, kind_of(number), created.format(number % 9 + 1)))).lastrowid
                for number, body in enumerate(bodies)]


def make(server, *subscriptions, streams=("orders",)):
    """The server's data anew: as the original would have left it, with these rows of subscriptions."""
    server.stop()
    for path in server.data.iterdir():
        path.unlink()
    for stream in streams:
        with database(server, stream + ".db") as events:
            events.execute(EVENTS)
        add_events(server, stream, BODIES, LATER_GO if stream == "orders" else CREATED)
    with database(server, "_meta.db") as meta:
        meta.execute(SUBSCRIPTIONS)
        meta.executemany("INSERT INTO subscriptions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", subscriptions)
    with database(server, "_itrospect.db", "DELETE") as counts:
        counts.execute(STATISTICS)
        counts.execute(VARIANTS)
        for stream in streams:
            count(counts, stream)
    server.start()


def count(counts, stream):
    """As it is flushed: the total has no type; of each shape there is the newest."""
    half = len(BODIES) // 2
    counts.executemany("INSERT INTO stream_stats VALUES (?, ?, ?)",
                       ((stream, "", len(BODIES)), (stream, "placed", half), (stream, "paid", len(BODIES) - half)))
    for position, body in enumerate(BODIES, 1):
        if body is not None and (body.startswith(b"{") or body == b"null"):
            kind = kind_of(position - 1)
            shape = "".join(sorted(json.loads(body) or ())) + stream + kind
            counts.execute("INSERT OR REPLACE INTO event_variants VALUES (?, ?, ?, ?, ?, ?, ?)",
                           (shape.encode().hex() + EMPTY_MD5, stream, kind, body.decode(), position, str(uuid.uuid4()),
                            LATER_GO.format(1)))


def row(name, url, position=0, active=1, reason=None, stream="orders", headers="", updated=None):
    return (name, stream, url, headers, position, active, CREATED.format(1), updated, reason)


def its_events_are_read_and_added_to(server):
    make(server, streams=("orders", "a%20b"))
    for stream, created in (("orders", LATER_GO), ("a%20b", CREATED)):
        events = server.get(f"/streams/{stream}/0/100")
        with database(server, stream + ".db") as kept:
            rows = kept.execute(PAGE, (0, 100)).fetchall()
        assert [(event["position"], event["uuid"], event["type"], event["created"]) for event in events] == [
            (position, name, kind, when) for position, name, _, kind, when in rows], events
        assert [base64.b64decode(event["body"]) for event in events] == [body or b"" for body in BODIES]
        assert events[2]["created"] == created.format(3), events[2]
        assert server.ask("GET", f"/streams/{stream}/0/1")[1]["X-Event-Newest"] == str(len(BODIES))
        assert post(server, stream, b'{"a": 5}', "placed") == len(BODIES) + 1
        assert post(server, stream, b"") == len(BODIES) + 2
        assert [event["position"] for event in server.get(f"/streams/{stream}/6/100")] == [7, 8, 9, 10]


def its_subscriptions_go_on_where_they_were(server):
    """With what it had noted: as text behind a delivery, as a number before the first; paused, or resumed once."""
    with Receiver() as receiver:
        url = receiver.url
        make(server, row("new", url("/new")), row("half", url("/half"), "4", updated=CREATED.format(2), reason=""),
             row("done", url("/done"), str(len(BODIES)), updated=CREATED.format(2)),
             row("paused", url("/paused"), "2", 0, "API request", updated=CREATED.format(2)),
             row("failed", url("/failed"), 0, 0, REASON.format(url("/failed")), updated=CREATED.format(2)),
             row("headed", url("/headed"), 6, headers='{"X-Tenant": "7"}'), row("nulled", url("/nulled"), 7, headers="null"),
             row("elsewhere", url("/elsewhere"), stream="nothing"))
        for path, first in (("/new", 1), ("/half", 5), ("/headed", 7), ("/nulled", 8)):
            in_order(receiver.await_position(len(BODIES), path), first, len(BODIES))
        assert [push.body for push in receiver.of("/new")] == [body or b"" for body in BODIES]
        assert all(push.headers["x-tenant"] == "7" for push in receiver.of("/headed"))
        assert [push.headers["x-event-created"] for push in receiver.of("/new")][:2] == [LATER_GO.format(1), LATER_GO.format(2)]
        assert paused(server, "paused") == "API request" and paused(server, "failed") == REASON.format(url("/failed"))
        assert listed(server, "paused")["position"] == 2 and listed(server, "failed")["position"] == 0
        assert listed(server, "done")["position"] == len(BODIES) and listed(server, "done")["updated"] == CREATED.format(2)
        assert listed(server, "new")["created"] == CREATED.format(1)
        assert listed(server, "headed")["headers"] == {"X-Tenant": "7"}
        assert not [path for path in ("/paused", "/failed", "/done", "/elsewhere") if receiver.of(path)]
        for name, first in (("paused", 3), ("failed", 1)):
            assert told(server, "POST", f"/subscriptions/{name}/resume") == (200, "Resumed\n")
            in_order(receiver.await_position(len(BODIES), f"/{name}"), first, len(BODIES))
        assert post(server, "orders") == len(BODIES) + 1 and post(server, "nothing") == 1
        for path in ("/new", "/half", "/done", "/paused", "/failed", "/headed", "/nulled"):
            receiver.await_position(len(BODIES) + 1, path)
        receiver.await_position(1, "/elsewhere")
        assert receiver.positions("/done") == [len(BODIES) + 1]


def its_counts_go_on(server):
    make(server)

    def totals():
        return [(one["name"], one["total"], {kind["name"]: kind["total"] for kind in one["event_types"]})
                for one in server.get("/introspect")]
    wait_until(lambda: totals() == [("orders", 8, {"placed": 4, "paid": 4})], "they are not what they were")
    post(server, "orders", b'{"d": 1}', "placed")
    post(server, "orders", b"x", "lost")
    wait_until(lambda: totals() == [("orders", 10, {"placed": 5, "paid": 4, "lost": 1})], "they do not go on")
    variants = server.get("/introspect/orders")["event_variants"]
    shapes = {kind: sorted("".join(sorted(json.loads(one["body"]) or ())) for one in variants[kind]) for kind in ("placed", "paid")}
    assert shapes == {"placed": ["ab", "c", "d"], "paid": ["", "ab"]}, shapes


def what_ours_wrote_the_original_reads(server):
    """And adds to: what it wrote while ours was stopped is then brought, too."""
    with Receiver() as receiver:
        make(server, row("old", receiver.url("/old")), row("stopped", receiver.url("/stopped"), active=0, reason="API request"))
        for body in (b'{"n": 1}', b"", b"\0\xff"):
            post(server, "orders", body, "placed")
        post(server, "new", b"{}", "placed")
        subscribed(server, "ours", "new", receiver.url("/ours"), headers={"x-a": "b"}, batch=10)
        subscribed(server, "untouched", "later", receiver.url("/untouched"), position=3)
        assert told(server, "POST", "/subscriptions/stopped/resume") == (200, "Resumed\n")
        in_order(receiver.await_position(11, "/old"), 1, 11)
        in_order(receiver.await_position(11, "/stopped"), 1, 11)
        receiver.await_position(1, "/ours")
        told(server, "POST", "/subscriptions/stopped/pause")
        assert server.stop()[0] == 0
        with database(server, "orders.db") as events:
            rows = events.execute(PAGE, (8, 100)).fetchall()
            kinds = events.execute("SELECT DISTINCT typeof(uuid), typeof(body), typeof(type), typeof(created) FROM events")
            assert sorted(kinds) == [("text", "blob", "text", "text"), ("text", "null", "text", "text")]
            assert [name for _, name, *_ in events.execute("PRAGMA table_info(events)")][:4] == ["uuid", "body", "type", "created"]
        assert [(position, body, kind) for position, _, body, kind, _ in rows] == [
            (9, b'{"n": 1}', "placed"), (10, None, "placed"), (11, b"\0\xff", "placed")], rows
        with database(server, "_meta.db") as meta:
            rows = {row[0]: row[1:] for row in meta.execute(ALL)}
            columns = [name for _, name, *_ in meta.execute("PRAGMA table_info(subscriptions)")]
            assert columns == ["name", "stream", "url", "httpHeaders", "lastReadPosition", "isActive", "createdAt", "updatedAt",
                               "pauseReason"], columns
            kinds = dict(meta.execute("SELECT name, typeof(lastReadPosition) FROM subscriptions"))
        assert sorted(rows) == ["old", "ours", "stopped", "untouched"], rows
        assert [int(rows[name][3]) for name in ("old", "ours", "stopped", "untouched")] == [11, 1, 11, 3], rows
        assert kinds == {"old": "text", "ours": "text", "stopped": "text", "untouched": "integer"}, kinds
        assert [int(rows[name][4]) for name in ("old", "ours", "stopped", "untouched")] == [1, 1, 0, 1], rows
        assert rows["stopped"][7] == "API request" and json.loads(rows["ours"][2]) == {"x-a": "b"}, rows
        assert rows["untouched"][6:] == (None, None), rows["untouched"]
        assert add_events(server, "orders", [b"by the original", None]) == [12, 13]
        assert add_events(server, "new", [b"as well"]) == [2]
        server.start()
        in_order(receiver.await_position(13, "/old"), 1, 13)
        assert [push.body for push in receiver.of("/old")][-2:] == [b"by the original", b""]
        in_order(receiver.await_position(2, "/ours"), 1, 2)
        assert post(server, "orders") == 14


def what_the_original_died_of_ends_nobody(server):
    """Rows whose URL or stream made it die at each start, and a file that a crash left without its table."""
    with Receiver() as receiver:
        bad = [row("bad_url", "http://[::1"), row("no_scheme", "://"), row("blank", "http://a b/"),
               row("lines", receiver.url("/lines") + "\r\nX-A: b"), row("evil", receiver.url("/evil"), stream="../evil"),
               row("deep", receiver.url("/deep"), stream="/no/dir/x"), row("long", receiver.url("/long"), stream="x" * 300),
               row("metal", receiver.url("/metal"), stream="_meta"), row("private", "http://10.0.0.1/"),
               row("garbage", receiver.url("/garbage"), headers='{"a": 1'), row("odd", receiver.url("/odd"), "soon")]
        make(server, *bad, row("good", receiver.url("/good")), row("half_made", receiver.url("/half"), stream="half"))
        server.stop()
        with database(server, "half.db"):
            pass
        (server.data / "empty.db").touch()
        for _ in range(2):
            server.start()
            in_order(receiver.await_position(len(BODIES), "/good"), 1, len(BODIES))
            assert server.ask("GET", "/subscriptions")[0] == 200 and server.ask("GET", "/introspect")[0] == 200
            assert server.stop()[0] == 0
        server.start()
        for stream in ("half", "empty"):
            assert post(server, stream, b"{}") == 1, stream
        assert receiver.await_position(1, "/half") == [1]
        assert not [path for path in ("/lines", "/evil", "/deep", "/long", "/metal") if receiver.of(path)]
        assert not [name for name in os.listdir(server.directory.name) if "evil" in name]
        for name in ("bad_url", "evil", "lines"):
            assert told(server, "DELETE", f"/subscriptions/{name}") == (200, "Deleted\n")
            assert listed(server, name) is None, name
        assert server.process.poll() is None


TESTS = (its_events_are_read_and_added_to, its_subscriptions_go_on_where_they_were, its_counts_go_on,
         what_ours_wrote_the_original_reads, what_the_original_died_of_ends_nobody)

if __name__ == "__main__":
    sys.exit(run(PROGRAM, [(test, OPTIONS) for test in TESTS if test.__name__ in (sys.argv[2:] or test.__name__)]))
