"""webhook_routes.py ESE-SERVER [TEST ...] - the routes of the transport that pushes, as its contract has them and as somebody
else's producer asks them (webhook_peer.py): what is posted, read back in slices, counted by shape; which names are none; who
may ask from a page; what a repeated post comes to; and that a stop is one. TAP.

The contract: Eventor's routes, texts and shapes (github.com/writepush-labs/eventor), without what was broken in them.
"""
import base64
import contextlib
import datetime
import json
import os
import re
import signal
import sys
import threading
import uuid

from ese_program import wait_until
from ese_server import run
from webhook_peer import HELD, JSON, TEXT, Producer, Receiver, Refused, in_threads, post, subscribed

PROGRAM = os.path.abspath(sys.argv[1])
OPTIONS = ("--transport", "webhook")
NO_TYPE = "Event must have type specified in x-event-type header"  # no end of line behind it
NOT_FOUND, NOT_ALLOWED = '{"message":"Not Found"}', '{"message":"Method Not Allowed"}'
# As Go's time.String() writes it, with or without what later Gos put behind it.
CREATED = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{1,9})? ([+-]\d{4}) ([A-Z]{3,5}|[+-]\d\d)( m=[+-]\d+\.\d+)?")
BODIES = (b"{}", b"", b"null", b"0", b'"text"', b"[1, 2]", b" {}", b'{"n": 1}', b"\0", b"a\0b\r\nc", bytes(range(256)),
          '{"d": "Grüße <b>&</b> \u2028\u2029 \U0001f600"}'.encode(), b"[broken", b"{", b"x" * 60000, b"[" + b"7," * 20000 + b"7]")


def moment(created):
    found = CREATED.fullmatch(created)
    assert found, created
    return datetime.datetime.strptime(f"{found[1]} {found[3]}", "%Y-%m-%d %H:%M:%S %z")


def files(server):
    """All that is in the server's directory, at whatever depth."""
    return sorted(os.path.relpath(os.path.join(place, name), server.directory.name)
                  for place, _, names in os.walk(server.directory.name) for name in names)


def a_post_is_answered_with_its_position_and_uuid(server):
    seen = set()
    for position in range(1, 6):
        status, headers, text = server.ask("POST", "/streams/orders", b'{"n": 1}', {"X-Event-Type": "placed"})
        assert (status, text, headers["Content-Type"].lower()) == (200, "Created\n", TEXT), (status, text, headers)
        assert headers["X-Event-Position"] == str(position), headers
        seen.add(uuid.UUID(headers["X-Event-Uuid"]))
        assert str(uuid.UUID(headers["X-Event-Uuid"])) == headers["X-Event-Uuid"], "not as it is usually written"
    assert len(seen) == 5 and all(one.version == 4 for one in seen), seen
    assert post(server, "others") == 1, "each stream counts by itself"
    assert server.ask("POST", "/streams/orders", b"{}", {"x-EVENT-type": "placed"})[0] == 200


def a_post_without_a_type_is_refused(server):
    for headers in ({}, {"X-Event-Type": ""}, {"Content-Type": "application/json"}):
        status, answered, text = server.ask("POST", "/streams/orders", b"{}", headers)
        assert (status, text) == (400, NO_TYPE), (headers, status, text)
        assert answered["Content-Type"].lower() == TEXT, answered
    assert server.get("/streams/orders/0/10") == []


def what_was_posted_is_read_back(server):
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=2)
    answers = [server.ask("POST", "/streams/all", body, {"X-Event-Type": f"kind.{number}"})
               for number, body in enumerate(BODIES)]
    status, headers, text = server.ask("GET", "/streams/all/0/100")
    assert status == 200 and headers["Content-Type"].lower() == JSON and not text.endswith("\n"), (status, headers)
    assert headers["X-Event-Newest"] == str(len(BODIES)), headers
    assert not set("<>&\u2028\u2029") & set(text), "not escaped as Go does"
    events = json.loads(text)
    assert len(events) == len(BODIES), len(events)
    for number, (event, body, answer) in enumerate(zip(events, BODIES, answers)):
        assert list(event) == ["uuid", "position", "stream", "type", "body", "body_json", "created"], event
        assert event["uuid"] == answer[1]["X-Event-Uuid"] and event["position"] == number + 1, event
        assert (event["stream"], event["type"]) == ("all", f"kind.{number}"), event
        assert base64.b64decode(event["body"], validate=True) == body, (body, event["body"])
        assert event["body_json"] == (body.decode() if body[:1] in (b"{", b"[") else ""), event["body_json"][:80]
        assert before <= moment(event["created"]) <= before + datetime.timedelta(seconds=62), event["created"]


def a_slice_begins_behind_its_offset(server):
    assert [post(server, "s", b"%d" % number) for number in range(1, 8)] == list(range(1, 8))
    for offset, limit, expected in (("0", "3", [1, 2, 3]), ("3", "3", [4, 5, 6]), ("6", "3", [7]), ("7", "3", []),
                                    ("99", "3", []), ("0", "0", []), ("2", "-1", [3, 4, 5, 6, 7]), ("-5", "2", [1, 2]),
                                    ("x", "2", [1, 2]), ("0", "x", []), ("1.5", "2", [1, 2]), ("0", "7", list(range(1, 8))),
                                    ("5", "1000000", [6, 7]), ("9223372036854775807", "1", []), ("-0", "1", [1])):
        status, headers, text = server.ask("GET", f"/streams/s/{offset}/{limit}")
        assert status == 200, (offset, limit, status, text)
        assert [event["position"] for event in json.loads(text)] == expected, (offset, limit, text)
        assert headers["X-Event-Newest"] == "7", (offset, limit, headers)


def a_stream_that_is_not_there_is_not_made_by_looking(server):
    post(server, "there")
    before = files(server)
    for path in ("/streams/nothing/0/10", "/streams/nothing/0/-1", "/streams/there.db/0/1"):
        assert server.ask("GET", path)[::2] == (200, "[]"), path
    status, _, text = server.ask("GET", "/introspect/nothing")
    assert status == 200 and json.loads(text)["event_variants"] in ({}, None), (status, text)
    assert files(server) == before, files(server)


def names_that_are_none_are_refused(server):
    post(server, "kept")
    outside = files(server)
    for name in ("_meta", "_introspect", "_itrospect", "_META", "_Introspect", "x" * 300):
        assert server.ask("POST", f"/streams/{name}", b"{}", {"X-Event-Type": "t"})[0] == 400, name
        assert server.ask("GET", f"/streams/{name}/0/10")[0] == 400, name
    for name in ("..", ".", "%2e%2e", "..%2Fevil", "%2Fetc%2Fx", "..%5Cevil", "a%00b", "%0d%0aX:%20y"):
        status, _, text = server.ask("POST", f"/streams/{name}", b"{}", {"X-Event-Type": "t"})
        assert status in (400, 404) or (status, text) == (200, "Created\n"), (name, status, text)
    for method, path in (("POST", "/streams/"), ("POST", "/streams"), ("GET", "/streams//0/10"),
                         ("GET", "/streams/kept/0"), ("GET", "/streams/kept/0/1/2"), ("POST", "/subscriptions/"),
                         ("DELETE", "/subscriptions/"), ("GET", "/nothing"), ("POST", "/subscriptions//pause")):
        status, headers, text = server.ask(method, path, b"{}" if method == "POST" else None, {"X-Event-Type": "t"})
        assert (status, text) == (404, NOT_FOUND), (method, path, status, text)
        assert headers["Content-Type"].lower() == JSON, (method, path, headers["Content-Type"])
    new = set(files(server)) - set(outside)
    assert all(re.fullmatch(r"data/[^/]+\.db(-wal|-shm)?", name) for name in new), new
    assert post(server, "kept") == 2


def a_name_stays_as_it_was_written(server):
    for name in ("a%20b", "a.b-c_D", "%C3%A4", "Kept", "kept"):
        assert post(server, name, b"{}") == 1, name
        (event,) = server.get(f"/streams/{name}/0/10")
        assert event["stream"] == name, event
        assert f"data/{name}.db" in files(server), (name, files(server))


def other_methods_are_refused(server):
    for method, path in (("DELETE", "/streams/s"), ("GET", "/streams/s"), ("PUT", "/streams/s"), ("POST", "/subscriptions"),
                         ("POST", "/streams/s/0/10"), ("POST", "/introspect"), ("GET", "/subscriptions/a/pause")):
        status, headers, text = server.ask(method, path, b"{}", {"X-Event-Type": "t"})
        assert (status, text) == (405, NOT_ALLOWED), (method, path, status, text)
        assert headers["Content-Type"].lower() == JSON, (method, path, headers["Content-Type"])


def a_page_from_elsewhere_may_look(server):
    origin = {"Origin": "http://localhost:8080"}
    for more in ({}, origin):
        for method, path, wanted in (("GET", "/streams/s/0/1", 200), ("GET", "/subscriptions", 200), ("GET", "/introspect", 200),
                                     ("POST", "/streams/s", 400), ("GET", "/nothing", 404), ("PUT", "/streams/s", 405),
                                     ("DELETE", "/subscriptions/x", 200), ("POST", "/subscriptions/x/pause", 400)):
            status, headers, _ = server.ask(method, path, None, more)
            assert status == wanted, (method, path, status)
            assert headers["Access-Control-Allow-Origin"] == "*", (method, path, headers.items())
            assert "origin" in headers["Vary"].lower(), (method, path, headers.items())
    for path in ("/streams/s/0/1", "/subscriptions", "/introspect"):
        status, headers, text = server.ask("OPTIONS", path, None, {**origin, "Access-Control-Request-Method": "GET"})
        assert (status, text) == (204, ""), (path, status, text)
        assert headers["Access-Control-Allow-Methods"] == "GET", headers.items()
        assert headers["Access-Control-Allow-Origin"] == "*", headers.items()


def events_are_counted_by_their_shape(server):
    assert server.get("/introspect") in ([], None)
    shapes = (b'{"b": 1, "a": 2}', b'{"a": 3, "b": [4]}', b'{"a": 5}', b"null", b"[1]", b"", b"plain")
    for body in shapes:
        post(server, "shop", body, "placed")
    post(server, "shop", b'{"a": "<7>"}', "paid")
    post(server, "other", b"{}", "placed")

    def totals():
        return {one["name"]: (one["total"], {kind["name"]: kind["total"] for kind in one["event_types"]})
                for one in server.get("/introspect")}
    expected = {"shop": (8, {"placed": 7, "paid": 1}), "other": (1, {"placed": 1})}
    wait_until(lambda: totals() == expected, "they are not counted")
    for one in server.get("/introspect"):
        assert list(one) == ["name", "total", "event_types"], one
        assert all(list(kind) == ["name", "total"] for kind in one["event_types"]), one
    told = server.get("/introspect/shop")
    assert list(told) == ["name", "event_variants"] and told["name"] == "shop", told
    assert sorted(told["event_variants"]) == ["paid", "placed"], told
    for variants in told["event_variants"].values():
        assert all(list(one) == ["position", "uuid", "created", "body"] for one in variants), told
    placed = {tuple(sorted(json.loads(one["body"]) or ())): one for one in told["event_variants"]["placed"]}
    assert sorted(placed) == [(), ("a",), ("a", "b")], placed
    events = {event["position"]: event for event in server.get("/streams/shop/0/100")}
    for one in placed.values():
        event = events[one["position"]]
        assert (one["uuid"], one["created"]) == (event["uuid"], event["created"]), (one, event)
        assert one["body"].encode() == base64.b64decode(event["body"]), (one, event)
    post(server, "shop", b'{"b": 8, "a": 9}', "placed")
    samples = lambda: [one["body"] for one in server.get("/introspect/shop")["event_variants"]["placed"]]
    wait_until(lambda: '{"b": 8, "a": 9}' in samples(), "the sample is not replaced")
    assert len(samples()) == 3, samples()


def a_page_shows_it(server):
    """What is asked for is the page, at whatever depth, and what it refers to is there, of this server, and no other's."""
    seen, files = set(), set()
    for path in ("/dashboard", "/dashboard/", "/dashboard/streams/a%20b", "/dashboard/subscriptions", "/dashboard/x/y/z?q=1"):
        status, headers, text = server.ask("GET", path)
        assert status == 200 and headers["Content-Type"].lower() == "text/html; charset=utf-8", (path, status, headers.items())
        policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["script-src"] == policy["connect-src"] == "'self'", policy
        assert headers["X-Content-Type-Options"] == "nosniff", headers.items()
        seen.add(text)
    (page,) = seen
    waiting = set(re.findall(r'(?:src|href)="(/[^"]*)"', page))
    assert waiting and all(path.startswith("/dashboard/build/") for path in waiting), waiting
    while waiting:
        path = waiting.pop()
        files.add(path)
        status, headers, text = server.ask("GET", path)
        kind = "text/css" if path.endswith(".css") else "text/javascript"
        assert status == 200 and headers["Content-Type"].lower() == f"{kind}; charset=utf-8", (path, status, headers.items())
        assert headers["X-Content-Type-Options"] == "nosniff", (path, headers.items())
        found = {f"/dashboard/build/{name}" for name in re.findall(r'^import .* from "\./([^"]+)";', text, re.MULTILINE)}
        waiting |= found - files
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg|x\")", text), path
    assert len(files) > 5, files
    for path in ("/dashboard/build/", "/dashboard/build/nothing.js", "/dashboard/build/page/main.js",
                 "/dashboard/build/..%2f..%2fmeson.build", "/dashboards"):
        assert server.ask("GET", path)[::2] == (404, NOT_FOUND), path
    for method in ("POST", "HEAD", "DELETE"):
        for path in ("/dashboard", "/dashboard/x", "/dashboard/build/main.js"):
            assert server.ask(method, path)[0] == 405, (method, path)


def a_repeated_post_is_one_event(server):
    first = server.ask("POST", "/streams/s", b"one", {"X-Event-Type": "t", "Idempotency-Key": "k-1"})
    assert post(server, "s", b"two") == 2
    for _ in range(2):
        status, headers, text = server.ask("POST", "/streams/s", b"one", {"X-Event-Type": "t", "Idempotency-Key": "k-1"})
        assert (status, text) == (200, "Created\n"), (status, text)
        assert headers["X-Event-Position"] == "1" and headers["X-Event-Uuid"] == first[1]["X-Event-Uuid"], headers.items()
        for body, kind in ((b"ONE", "t"), (b"one", "T"), (b"", "t")):
            answer = server.ask("POST", "/streams/s", body, {"X-Event-Type": kind, "Idempotency-Key": "k-1"})
            assert answer[0] == 422, (body, kind, answer[::2])
        server.kill()
        server.start()
    assert server.ask("POST", "/streams/s", b"one", {"X-Event-Type": "t", "Idempotency-Key": "k-2"})[1][
        "X-Event-Position"] == "3", "another key is another event"
    assert post(server, "other", b"something else", **{"Idempotency-Key": "k-1"}) == 1, "each stream has keys of its own"
    assert [base64.b64decode(event["body"]) for event in server.get("/streams/s/0/10")] == [b"one", b"two", b"one"]


def posts_repeated_at_once_are_one_event(server):
    got = []

    def repeat():
        with Producer(server) as producer:
            for number in range(50):
                got.append((number, producer.post("s", b"%d" % number, more=f"Idempotency-Key: k{number}\r\n")))
    in_threads([repeat] * 8)
    events = server.get("/streams/s/0/1000")
    assert len(events) == 50, len(events)
    where = {int(base64.b64decode(event["body"])): event["position"] for event in events}
    assert set(got) == set(where.items()) and len(got) == 400, set(got) ^ set(where.items())


def many_streams_are_not_many_open_files(server):
    server.stop()
    server.options = (*OPTIONS, "--open-streams", "10")
    server.start()
    names = [f"stream-{number}" for number in range(80)]

    def write(part):
        with Producer(server) as producer:
            for turn in (1, 2):
                for name in part:
                    assert producer.post(name, name.encode()) == turn
    in_threads([lambda part=part: write(names[part::4]) for part in range(4)])
    for name in names:
        assert [base64.b64decode(event["body"]) for event in server.get(f"/streams/{name}/0/9")] == [name.encode()] * 2, name
    opened = set()
    for descriptor in os.listdir(f"/proc/{server.process.pid}/fd"):
        with contextlib.suppress(OSError):
            opened.update(re.findall(r"stream-\d+", os.readlink(f"/proc/{server.process.pid}/fd/{descriptor}")))
    assert opened and len(opened) <= 10 + 2 * 16, len(opened) # who writes; who reads slices, and who looks at shapes


def a_stop_is_an_end(server):
    """With whichever signal, while posts come in and a subscriber does not answer."""
    with Receiver(lambda push: HELD) as receiver:
        subscribed(server, "silent", "s", receiver.url())
        for number in (signal.SIGTERM, signal.SIGINT):
            post(server, "s")
            receiver.await_pushes(1)
            server.process.send_signal(number)
            assert server.process.wait(timeout=20) == 0, server.process.returncode
            server.start()
    ended = threading.Event()
    answered = []

    def write():
        try:
            with Producer(server) as producer:
                while not ended.is_set():
                    answered.append(producer.post("busy", b"{}"))
        except (OSError, Refused):
            pass
    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: len(answered) > 100, "posts are not answered")
    status, seconds = server.stop()
    ended.set()
    writer.join()
    assert status == 0 and seconds < 15, (status, seconds)
    server.start()
    newest = int(server.ask("GET", "/streams/busy/0/0")[1]["X-Event-Newest"])
    assert newest >= answered[-1], (newest, answered[-1])


TESTS = (a_post_is_answered_with_its_position_and_uuid, a_post_without_a_type_is_refused, what_was_posted_is_read_back,
         a_slice_begins_behind_its_offset, a_stream_that_is_not_there_is_not_made_by_looking, names_that_are_none_are_refused,
         a_name_stays_as_it_was_written, other_methods_are_refused, a_page_from_elsewhere_may_look,
         events_are_counted_by_their_shape, a_page_shows_it, a_repeated_post_is_one_event,
         posts_repeated_at_once_are_one_event, many_streams_are_not_many_open_files, a_stop_is_an_end)

if __name__ == "__main__":
    sys.exit(run(PROGRAM, [(test, OPTIONS) for test in TESTS if test.__name__ in (sys.argv[2:] or test.__name__)]))
