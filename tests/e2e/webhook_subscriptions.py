"""webhook_subscriptions.py ESE-SERVER [TEST ...] - the routes about subscriptions, of the transport that pushes: what may be
asked for, in which words it is refused, how it is listed, paused, resumed, exchanged and deleted. What is then pushed is in
webhook_delivery.py. TAP."""
import json
import os
import sys

from ese_server import run
from webhook_peer import HELD, JSON, Answer, Receiver, in_order, listed, paused, post, post_all, subscribe, subscribed, told
from ese_program import wait_until

PROGRAM = os.path.abspath(sys.argv[1])
OPTIONS = ("--transport", "webhook")
NOBODY = "http://127.0.0.1:9/"  # where nobody answers
PATIENT = {"tries": 0, "first_ms": 3600000, "most_ms": 3600000}
MEMBERS = ["name", "stream", "url", "position", "headers", "active", "pause_reason", "created", "updated"]
UNKNOWN = (400, "Subscription doesn't exist\n")
TAKEN = (400, "Subscription with this name already exists\n")


def quiet(server, name, stream="s", **members):
    """A subscription to a stream where nothing is."""
    subscribed(server, name, stream, NOBODY, **members)


def it_is_listed_as_it_was_asked_for(server):
    assert server.ask("GET", "/subscriptions")[::2] == (200, "[]")
    headers = {"Authorization": "Bearer <&>", "x-tenant": "7"}
    subscribed(server, "One_1", "orders", NOBODY + "?a=b&c=%20", headers=headers, position=7)
    subscribed(server, "two", "a%20b", NOBODY, headers=None)
    subscribed(server, "three", "orders", NOBODY, headers={})
    status, answered, text = server.ask("GET", "/subscriptions")
    assert status == 200 and answered["Content-Type"].lower() == JSON and not text.endswith("\n"), (status, answered.items())
    assert not set("<>&") & set(text), text
    one, two, three = json.loads(text)
    for subscription in (one, two, three):
        assert list(subscription)[:len(MEMBERS)] == MEMBERS, subscription
        assert subscription["active"] is True and subscription["pause_reason"] == "", subscription
        assert isinstance(subscription["created"], str) and subscription["created"], subscription
        assert isinstance(subscription["updated"], str), subscription
    assert [one[member] for member in MEMBERS[:5]] == ["One_1", "orders", NOBODY + "?a=b&c=%20", 7, headers], one
    assert [two[member] for member in MEMBERS[:5]] == ["two", "a%20b", NOBODY, 0, None], two
    assert [three[member] for member in MEMBERS[:5]] == ["three", "orders", NOBODY, 0, {}], three


def the_body_has_its_say(server):
    body = {"NAME": "from_body", "Stream": "s", "URL": NOBODY, "active": False, "created": "never", "nonsense": [1]}
    assert told(server, "POST", "/subscriptions/from_path", json.dumps(body)) == (200, "Created\n")
    assert listed(server, "from_path") is None
    one = listed(server, "from_body")
    assert one["active"] is True and one["stream"] == "s" and one["created"] != "never", one


def what_cannot_be_is_refused_in_its_order(server):
    """By the first thing that is wrong: JSON, name, stream, url, headers, and whether it is there already."""
    quiet(server, "there")
    path = "/subscriptions/there"
    for body in ("", "{", "[]", '"a"', "7", '{"stream": 1, "url": "' + NOBODY + '"}', '{"stream": "s", "url": "u"} x'):
        status, text = told(server, "POST", path, body)
        assert status == 400 and text.endswith("\n"), (body, status, text)
    good = {"name": "there", "stream": "s", "url": NOBODY, "headers": {}}
    wrong = {"name": ("a-b", "a b", "ä", "a/b", "a.b"), "stream": ("",), "url": ("",), "headers": ({"a": 1},)}
    for member, values in wrong.items():
        for value in values:
            status, alone = told(server, "POST", path, json.dumps({**good, member: value}))
            assert status == 400 and alone.endswith("\n") and alone != TAKEN[1], (member, value, status, alone)
            later = {other: wrong[other][0] for other in list(wrong)[list(wrong).index(member) + 1:]}
            status, text = told(server, "POST", path, json.dumps({**good, member: value, **later}))
            assert (status, text) == (400, alone), (member, value, status, text, alone)
    assert subscribe(server, "there", "another", NOBODY) == TAKEN
    assert subscribe(server, "there", "s", NOBODY + "another") == TAKEN
    assert [one["name"] for one in server.get("/subscriptions")] == ["there"]


def addresses_that_are_none_are_refused(server):
    for url in ("http://[::1", "://", "http://a b/", "http://a/\r\nX-A: b", "http://a/\n", "nonsense", "/path", "ftp://127.0.0.1/",
                "file:///etc/passwd", "http://", "http:///x", "http://127.0.0.1:99999/", "http://127.0.0.1:x/", "\0",
                "http://user:password@127.0.0.1/", "gopher://127.0.0.1/", "http://127.0.0.1\\@example.org/"):
        status, text = subscribe(server, "bad", "s", url)
        assert status == 400 and text.endswith("\n") and "password@" not in text, (url, status, text)
    for url in ("http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://192.168.1.1:80/", "http://[fe80::1]/",
                "http://[::ffff:10.0.0.1]/", "http://0.0.0.0/", "http://2130706433/", "http://0x7f.1/", "http://127.1/"):
        status, text = subscribe(server, "bad", "s", url)
        assert status == 400, (url, status, text)
    assert server.get("/subscriptions") == []
    assert server.process.poll() is None


def hostile_streams_are_refused(server):
    for stream in ("../evil", "a/b", "/no/dir/x", "x" * 300, "_meta", "_introspect", "_itrospect", "..", ".", "a\0b", "a\nb"):
        status, text = subscribe(server, "bad", stream, NOBODY)
        assert status == 400, (stream, status, text)
    assert server.get("/subscriptions") == []
    assert not [name for name in os.listdir(server.directory.name) if "evil" in name]


def what_is_ours_has_its_bounds(server):
    for members in ({"batch": 0}, {"batch": 1001}, {"batch": "x"}, {"batch": 1.5}, {"retry": []}, {"retry": {"tries": -1}},
                    {"retry": {"first_ms": -1}}, {"retry": {"tries": "many"}}, {"poison": "maybe"}, {"poison": 1},
                    {"signed": "nobody"}, {"signed": "../secrets"}, {"signed": 7}, {"position": "first"},
                    {"headers": {"a b": "c"}}, {"headers": {"a": "b\r\nc: d"}}, {"headers": {"": "b"}}, {"headers": ["a"]}):
        status, text = subscribe(server, "bad", "s", NOBODY, **members)
        assert status == 400 and text.endswith("\n"), (members, status, text)
    assert server.get("/subscriptions") == []
    for number, members in enumerate(({"batch": 1}, {"batch": 1000}, {"poison": "stop"}, {"poison": "aside"},
                                      {"retry": {"tries": 0}}, {"retry": {"tries": 1, "first_ms": 1, "most_ms": 1}},
                                      {"retry": {}}, {"position": 0}, {"position": -1}, {"position": 10 ** 12})):
        quiet(server, f"good_{number}", **members)


def one_is_told_by_itself(server):
    status, headers, text = server.ask("GET", "/subscriptions/nobody")
    assert status == 404 and headers["Content-Type"].lower() == JSON and list(json.loads(text)) == ["message"], (status, text)
    post_all(server, "s", 10)
    with Receiver(lambda push: HELD) as receiver:
        subscribed(server, "one", "s", receiver.url(), position=4)
        receiver.await_pushes(1)
        one = server.get("/subscriptions/one")
        assert [listed(server, "one")[member] for member in MEMBERS] == [one[member] for member in MEMBERS], one
        assert (one["position"], one["newest"], one["lag"]) == (4, 10, 6), one
        states = {one["state"]}
        receiver.decide = lambda push: Answer()
        receiver.release()
        receiver.await_position(10)
        wait_until(lambda: server.get("/subscriptions/one")["lag"] == 0, "it does not catch up")
        one = server.get("/subscriptions/one")
        assert (one["position"], one["newest"]) == (10, 10), one
        states.add(one["state"])
        assert told(server, "POST", "/subscriptions/one/pause") == (200, "Paused\n")
        states.add(server.get("/subscriptions/one")["state"])
        assert len(states) == 3 and all(isinstance(state, str) for state in states), states
        assert server.get("/subscriptions/one")["state"] == "paused", states
    assert server.get("/subscriptions/one/dead-letters") == []
    assert server.ask("GET", "/subscriptions/nobody/dead-letters")[0] == 404


def a_pause_has_its_words(server):
    quiet(server, "one")
    assert told(server, "POST", "/subscriptions/nobody/pause") == UNKNOWN
    assert told(server, "POST", "/subscriptions/nobody/resume") == UNKNOWN
    assert told(server, "POST", "/subscriptions/one/pause") == (200, "Paused\n")
    assert paused(server, "one") == "API request"
    assert listed(server, "one")["updated"] != "", listed(server, "one")
    assert told(server, "POST", "/subscriptions/one/pause") == UNKNOWN
    server.kill()
    server.start()
    assert paused(server, "one") == "API request", "it is forgotten"
    assert told(server, "POST", "/subscriptions/one/resume") == (200, "Resumed\n")
    one = listed(server, "one")
    assert one["active"] is True and one["pause_reason"] == "", one
    assert told(server, "POST", "/subscriptions/one/resume") == (200, "Resumed\n"), "the original's answer to one that is active"
    assert [one["name"] for one in server.get("/subscriptions")] == ["one"], "a ghost"
    assert not [name for name in os.listdir(server.data) if name in (".db", "nobody.db")], os.listdir(server.data)


def a_deletion_has_its_words(server):
    quiet(server, "one")
    quiet(server, "two")
    for name in ("one", "one", "nobody"):
        assert told(server, "DELETE", f"/subscriptions/{name}") == (200, "Deleted\n"), name
    assert [one["name"] for one in server.get("/subscriptions")] == ["two"]
    server.kill()
    server.start()
    assert [one["name"] for one in server.get("/subscriptions")] == ["two"], "it is there again"
    quiet(server, "one", position=3)
    assert listed(server, "one")["position"] == 3


def one_is_put_in_the_place_of_another(server):
    post_all(server, "s", 20)
    with Receiver() as receiver:
        subscribed(server, "one", "s", receiver.url("/a"), "PUT", position=10)
        receiver.await_position(20, "/a")
        subscribed(server, "one", "s", receiver.url("/b"), "PUT", position=15, headers={"x-a": "b"})
        receiver.await_position(20, "/b")
        subscribed(server, "one", "other", receiver.url("/c"), "PUT")
        assert post(server, "other") == 1 and post(server, "s") == 21
        receiver.await_position(1, "/c")
        in_order(receiver.positions("/a"), 11, 20)
        in_order(receiver.positions("/b"), 16, 20)
        assert all(push.headers["x-a"] == "b" for push in receiver.of("/b"))
        assert receiver.positions("/c") == [1] and "x-a" not in receiver.of("/c")[0].headers
    assert len(server.get("/subscriptions")) == 1
    for url, members in (("://", {}), (NOBODY, {"batch": 0}), (NOBODY, {"headers": {"a": 1}})):
        assert subscribe(server, "one", "s", url, "PUT", **members)[0] == 400, (url, members)
    assert listed(server, "one")["stream"] == "other"


def all_of_it_outlives_a_death(server):
    asked = {"headers": {"x-a": "b"}, "batch": 7, "retry": {**PATIENT, "tries": 9}, "poison": "aside", "position": 3}
    quiet(server, "one", **asked)
    wait_until(lambda: listed(server, "one")["state"] == "idle", "it has had no turn")
    before = [server.get("/subscriptions"), server.get("/subscriptions/one")]
    server.kill()
    server.start()
    wait_until(lambda: listed(server, "one")["state"] == "idle", "it has had no turn in its next life")
    assert [server.get("/subscriptions"), server.get("/subscriptions/one")] == before
    post_all(server, "s", 30)
    with Receiver(lambda push: Answer(503)) as receiver:
        subscribed(server, "again", "s", receiver.url(), **asked)
        receiver.await_pushes(1)  # and now it waits for an hour
        server.kill()
        receiver.decide = lambda push: Answer()
        server.start()
        assert receiver.await_position(30) == [*range(4, 11), *range(4, 31)], receiver.positions()
        pushes = receiver.of()
        assert all("x-event-count" in push.headers and len(push.positions()) <= 7 for push in pushes), pushes
        assert all(push.headers["x-a"] == "b" for push in pushes)


TESTS = (it_is_listed_as_it_was_asked_for, the_body_has_its_say, what_cannot_be_is_refused_in_its_order,
         addresses_that_are_none_are_refused, hostile_streams_are_refused, what_is_ours_has_its_bounds, one_is_told_by_itself,
         a_pause_has_its_words, a_deletion_has_its_words, one_is_put_in_the_place_of_another, all_of_it_outlives_a_death)

if __name__ == "__main__":
    sys.exit(run(PROGRAM, [(test, OPTIONS) for test in TESTS if test.__name__ in (sys.argv[2:] or test.__name__)]))
