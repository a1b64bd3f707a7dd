"""webhook_delivery.py ESE-SERVER [TEST ...] - what a subscriber of the transport that pushes is brought (webhook_peer.py): the
headers and the bodies, from where on, in pages, signed; and what becomes of the line when it is paused, resumed, deleted or
made anew while it is live, and when the server stops. What does not succeed is in webhook_retries.py. TAP."""
import base64
import hashlib
import hmac
import json
import os
import random
import re
import sys
import threading
import time

from ese_program import wait_until
from ese_server import run
from webhook_peer import (HELD, OK, Answer, Producer, Receiver, in_order, in_threads, listed, paused, post, post_all, subscribe,
                          subscribed, told)

PROGRAM = os.path.abspath(sys.argv[1])
OPTIONS = ("--transport", "webhook")
SHORT = {"tries": 0, "first_ms": 20, "most_ms": 200}
BODIES = (b'{"n": 1}', b"", b"null", b"not JSON", b"[1]", bytes(range(256)), "Grüße\n".encode(), b"x" * 300000, b"\0")


class Writer:
    """Posts from several threads until it is stopped."""

    def __init__(self, server, stream, threads=2, pause_s=0.0):
        self.server, self.stream, self.pause_s, self.over = server, stream, pause_s, threading.Event()
        self.newest, self.problem, self.lock = 0, None, threading.Lock()
        self.thread = threading.Thread(target=self.write_all, args=(threads,), daemon=True)

    def write_all(self, threads):
        try:
            in_threads([self.write] * threads)
        except Exception as problem:  # told at the end, in the test's thread
            self.problem = problem

    def write(self):
        with Producer(self.server) as producer:
            while not self.over.wait(self.pause_s):
                position = producer.post(self.stream, b"{}")
                with self.lock:
                    self.newest = max(self.newest, position)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        assert self.problem is None, self.problem


def an_event_is_brought_as_it_is(server):
    with Receiver() as receiver:
        subscribed(server, "one", "orders", receiver.url("/in?a=b"), headers={"Authorization": "Bearer x", "X-Tenant": "7"})
        for number, body in enumerate(BODIES):
            post(server, "orders", body, f"kind.{number}")
        pushes = receiver.await_pushes(len(BODIES), "/in?a=b")
        events = server.get("/streams/orders/0/100")
        for number, (push, body, event) in enumerate(zip(pushes, BODIES, events)):
            assert push.body == body, (number, push.body[:80])
            expected = {"content-type": "application/json", "x-event-position": str(number + 1), "x-event-uuid": event["uuid"],
                        "x-event-created": event["created"], "user-agent": "Eventor", "x-event-stream": "orders",
                        "x-event-type": f"kind.{number}", "authorization": "Bearer x", "x-tenant": "7",
                        "content-length": str(len(body))}
            found = {name: push.headers.get(name) for name in expected}
            assert found == expected, (number, found)
            assert push.headers["host"] == f"127.0.0.1:{receiver.port}", push.headers
            assert not [name for name in push.headers if name.startswith("webhook-")], push.headers
            assert "x-event-count" not in push.headers, push.headers


def own_headers_may_take_the_place_of_others(server):
    own = {"Content-Type": "text/plain", "user-agent": "mine", "X-Event-Created": "today", "X-EVENT-STREAM": "mine"}
    with Receiver() as receiver:
        subscribed(server, "one", "s", receiver.url(), headers=own)
        post(server, "s", b"{}")
        (push,) = receiver.await_pushes(1)
        assert {name.lower(): value for name, value in own.items()}.items() <= push.headers.items(), push.headers
        names = [line.partition(":")[0].lower() for line in push.lines]
        assert len(names) == len(set(names)), names


def own_headers_frame_nothing(server):
    with Receiver() as receiver:
        for number, own in enumerate(({"Content-Length": "1"}, {"Transfer-Encoding": "chunked"}, {"Host": "elsewhere"},
                                      {"Connection": "close"})):
            if subscribe(server, f"s{number}", "s", receiver.url(f"/{number}"), headers=own)[0] != 200:
                receiver.pushes[f"/{number}"] = None  # refused is as good
        post(server, "s", b'{"n": 1}')
        for number in range(4):
            if receiver.pushes.get(f"/{number}", ()) is not None:
                (push,) = receiver.await_pushes(1, f"/{number}")
                assert push.body == b'{"n": 1}' and push.headers["host"].startswith("127.0.0.1:"), push


def it_begins_where_it_was_asked_to(server):
    post_all(server, "s", 50)
    with Receiver() as receiver:
        for position in (0, 1, 30, 49, 50, -1):
            subscribed(server, f"from_{position % 100}", "s", receiver.url(f"/{position}"), position=position)
        subscribed(server, "from_nowhere", "s", receiver.url("/default"))
        subscribed(server, "of_nothing", "later", receiver.url("/later"))
        subscribed(server, "of_nothing_newest", "later", receiver.url("/newest"), position=-1)
        post_all(server, "s", 10)
        post_all(server, "later", 5)
        for path, first, last in (("/0", 1, 60), ("/1", 2, 60), ("/30", 31, 60), ("/49", 50, 60), ("/50", 51, 60),
                                  ("/-1", 51, 60), ("/default", 1, 60), ("/later", 1, 5), ("/newest", 1, 5)):
            in_order(receiver.await_position(last, path), first, last)
    assert listed(server, "from_99")["position"] >= 50


def one_is_under_way_at_a_time(server):
    under_way, most = {}, {}

    def slowly(push):
        ended = under_way.get(push.path, 0.0)
        most[push.path] = min(most.get(push.path, 9.0), push.at - ended)
        under_way[push.path] = push.at + 0.004
        return Answer(wait_s=0.004)
    with Receiver(slowly) as receiver:
        for batch in (1, 2, 10):
            subscribed(server, f"by_{batch}", "s", receiver.url(f"/{batch}"), batch=batch)
        with Writer(server, "s", 4) as writer:
            wait_until(lambda: writer.newest > 400, "posts are not answered")
        for batch in (1, 2, 10):
            in_order(receiver.await_position(writer.newest, f"/{batch}"), 1, writer.newest)
        assert min(most.values()) >= -0.001, f"the next came before an answer: {most}"


def pages_are_brought_whole(server):
    bodies = [b"", b"plain", bytes(range(256)), b'{"d": "<&>"}', *(b'{"n": %d}' % number for number in range(2496))]
    with Producer(server) as producer:
        for number, body in enumerate(bodies):
            producer.post("s", body, f"kind.{number % 3}")
    with Receiver() as receiver:
        for batch in (2, 100, 1000):
            subscribed(server, f"by_{batch}", "s", receiver.url(f"/{batch}"), batch=batch, headers={"x-a": "b"})
        events = server.get("/streams/s/0/-1")
        for batch in (2, 100, 1000):
            in_order(receiver.await_position(len(bodies), f"/{batch}"), 1, len(bodies))
            pushes = receiver.of(f"/{batch}")
            assert max(len(push.positions()) for push in pushes) <= batch
            assert len(pushes) <= len(bodies) // batch * 2 + 8, (batch, len(pushes))
            assert [event for push in pushes for event in json.loads(push.body)] == events, batch
            for push in pushes:
                last = json.loads(push.body)[-1]
                assert push.headers["x-event-count"] == str(len(push.positions())), push.headers
                assert push.headers["x-event-position"] == str(last["position"]), push.headers
                assert push.headers["x-event-stream"] == "s" and push.headers["x-a"] == "b", push.headers
                assert push.headers["content-type"].startswith("application/json"), push.headers
                assert push.headers["user-agent"] == "Eventor", push.headers
        post(server, "s", b"alone")
        receiver.await_position(len(bodies) + 1, "/100")
        (alone,) = json.loads(receiver.of("/100")[-1].body)
        assert base64.b64decode(alone["body"]) == b"alone", alone


# ---- signatures: Standard Webhooks 1.0.0, written here a second time ---------------------------------------------------

def signature_is_good(push, keys):
    name, seconds = push.headers["webhook-id"], push.headers["webhook-timestamp"]
    assert re.fullmatch(r"[!-~]+", name) and "." not in name, name
    assert abs(int(seconds) - time.time()) < 120, seconds
    given = push.headers["webhook-signature"].split(" ")
    signed = f"{name}.{seconds}.".encode() + push.body
    wanted = ["v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
    return sorted(given) == sorted(wanted)


def large_pages_come_in_several_pushes(server):
    """Bodies that grow sevenfold; and whoever takes no page of several gets every event all the same."""
    for _ in range(12):
        post(server, "s", b'{"x":"' + b"<" * 12000 + b'"}')
    with Receiver() as receiver:
        receiver.decide = lambda push: Answer(413) if push.path == "/one" and len(push.positions()) > 1 else OK
        for path in ("/page", "/one"):
            subscribed(server, path[1:], "s", receiver.url(path), batch=100,
                       retry={"tries": 0, "first_ms": 3600000, "most_ms": 3600000})
        in_order(receiver.await_position(12, "/page"), 1, 12)
        assert all(len(push.body) <= 262144 for push in receiver.of("/page"))
        assert [len(push.positions()) for push in receiver.of("/page")] == [2] * 6
        wait_until(lambda: server.get("/subscriptions/one")["position"] == 12, "it does not come to the end")
        in_order([push.position() for push in receiver.of("/one") if len(push.positions()) == 1], 1, 12)


def pushes_are_signed_where_it_was_asked_for(server):
    place = os.path.join(server.directory.name, "secrets")
    os.mkdir(place, 0o700)
    keys = {"shop": [bytes(range(32))], "changing": [b"n" * 24, b"o" * 40]}
    for name, its_keys in keys.items():
        with open(os.open(os.path.join(place, name), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.writelines(b"whsec_" + base64.b64encode(key) + b"\n" for key in its_keys)
    server.stop()
    server.options = (*OPTIONS, "--secrets", place)
    server.start()
    failed = set()

    def twice(push):
        first = (push.path, push.position()) not in failed
        failed.add((push.path, push.position()))
        return Answer(500) if first and push.path == "/shop" else OK
    with Receiver(twice) as receiver:
        subscribed(server, "shop", "s", receiver.url("/shop"), signed="shop", retry=SHORT)
        subscribed(server, "changing", "s", receiver.url("/changing"), signed="changing")
        subscribed(server, "pages", "s", receiver.url("/pages"), signed="shop", batch=10)
        subscribed(server, "plain", "s", receiver.url("/plain"))
        for number, body in enumerate(BODIES, 1):
            post(server, "s", body)
            for path in ("/shop", "/changing", "/pages", "/plain"):
                receiver.await_position(number, path)
        wait_until(lambda: len(receiver.of("/shop")) == 2 * len(BODIES), "it is not tried again")
        for push in receiver.of("/shop") + receiver.of("/pages"):
            assert signature_is_good(push, keys["shop"]), push.headers
            assert not signature_is_good(push._replace(body=push.body + b" "), keys["shop"])
        for push in receiver.of("/changing"):
            assert signature_is_good(push, keys["changing"]), push.headers
        names = [push.headers["webhook-id"] for push in receiver.of("/shop")]
        assert names[::2] == names[1::2] and len(set(names)) == len(BODIES), names
        assert not [name for push in receiver.of("/plain") for name in push.headers if name.startswith("webhook-")]
        for name in ("../secrets/shop", "/etc/hostname", ".", "..", "a/b", "x" * 300):
            assert subscribe(server, "bad", "s", receiver.url("/bad"), signed=name)[0] == 400, name
        status, text = subscribe(server, "nobody", "s", receiver.url("/bad"), signed="nobody")
        assert status == 400 and "'nobody'" in text and place not in text, (status, text)
        subscribed(server, "late", "s", receiver.url("/late"), signed="changing")
        receiver.await_position(len(BODIES), "/late")
        os.unlink(os.path.join(place, "changing"))
        server.stop()
        server.options = (*OPTIONS, "--secrets", place)
        server.start()
        post(server, "s", b"later")
        wait_until(lambda: paused(server, "late"), "it is not paused")
        assert len(receiver.of("/late")) == len(BODIES), "pushed without its signature"
        assert signature_is_good(receiver.await_pushes(2 * len(BODIES) + 1, "/shop")[-1], keys["shop"])


# ---- while it is live -----------------------------------------------------------------------------------------------

def a_paused_one_gets_nothing(server):
    with Receiver() as receiver, Writer(server, "s", 2, 0.001) as writer:
        subscribed(server, "one", "s", receiver.url())
        for _ in range(10):
            receiver.await_position(writer.newest + 10)
            assert told(server, "POST", "/subscriptions/one/pause") == (200, "Paused\n")
            answered, newest = time.monotonic(), writer.newest
            wait_until(lambda: writer.newest > newest + 20, "posts are not answered")
            late = [push for push in receiver.of() if push.at > answered]
            assert len(late) <= 1, f"{len(late)} pushes behind the answer"  # one may be under way
            assert told(server, "POST", "/subscriptions/one/resume") == (200, "Resumed\n")
        writer.over.set()
        writer.thread.join()
        in_order(receiver.await_position(writer.newest), 1, writer.newest)


def paused_and_resumed_it_repeats_nothing(server):
    """In the midst of catching up, as often as the original was when it brought each event four times; and resumed where it
    is not paused."""
    post_all(server, "s", 400)
    with Receiver(lambda push: Answer(wait_s=0.002)) as receiver:
        subscribed(server, "one", "s", receiver.url())
        for round_ in range(8):
            receiver.await_pushes(20 * round_ + 10)
            assert told(server, "POST", "/subscriptions/one/pause")[0] == 200
            for _ in range(3):
                assert told(server, "POST", "/subscriptions/one/resume")[0] == 200
        in_order(receiver.await_position(400), 1, 400)
        post(server, "s", b"{}")
        in_order(receiver.await_position(401), 1, 401)


def a_deleted_one_gets_nothing_more(server):
    """And who comes in its place, with the same name and URL, gets all from the beginning, each once."""
    tags = [f"life_{life}" for life in range(8)]
    with Receiver(lambda push: Answer(wait_s=random.random() * 0.003)) as receiver, Writer(server, "s", 2, 0.002) as writer:
        wait_until(lambda: writer.newest > 50, "posts are not answered")
        deleted = {}
        for tag in tags:
            before = len(receiver.of())
            subscribed(server, "one", "s", receiver.url(), headers={"x-life": tag})
            receiver.await_pushes(before + random.randrange(1, 60))
            assert told(server, "DELETE", "/subscriptions/one") == (200, "Deleted\n")
            deleted[tag] = time.monotonic()
        newest = writer.newest
        subscribed(server, "one", "s", receiver.url(), headers={"x-life": "last"})
        wait_until(lambda: writer.newest > newest + 50, "posts are not answered")
        writer.over.set()
        writer.thread.join()
        receiver.await_position(writer.newest)
    lives = {}
    for push in receiver.of():
        lives.setdefault(push.headers["x-life"], []).append(push)
    assert sorted(lives) == ["last", *tags], sorted(lives)
    for tag, pushes in lives.items():
        in_order([push.position() for push in pushes], 1, len(pushes))
        late = [push.position() for push in pushes if push.at > deleted.get(tag, float("inf"))]
        assert len(late) <= 1, f"{late} of {tag} came behind the answer to its deletion"  # one may be under way
    assert len(lives["last"]) == writer.newest


def what_is_under_way_at_a_deletion_is_its_last(server):
    post_all(server, "s", 5)
    with Receiver(lambda push: HELD) as receiver:
        subscribed(server, "one", "s", receiver.url(), retry=SHORT)
        receiver.await_pushes(1)
        assert told(server, "DELETE", "/subscriptions/one") == (200, "Deleted\n")
        receiver.decide = lambda push: OK
        subscribed(server, "one", "s", receiver.url("/new"), retry=SHORT)
        receiver.release("/", Answer(500))
        in_order(receiver.await_position(5, "/new"), 1, 5)
        post(server, "s", b"{}")
        in_order(receiver.await_position(6, "/new"), 1, 6)
        assert len(receiver.of()) == 1, receiver.positions()
    one = server.get("/subscriptions/one")
    assert one["active"] is True and one["lag"] <= 1, one


def registered_again_it_goes_on_from_where_it_was_asked_to(server):
    """While it is live, ten times: nothing is left out behind that, and nothing comes from before it."""
    asked = []
    with Receiver() as receiver, Writer(server, "s", 2, 0.001) as writer:
        subscribed(server, "one", "s", receiver.url())
        for turn in range(10):
            receiver.await_pushes(len(receiver.of()) + random.randrange(30, 60))
            receiver.await_position(30)
            asked.append(random.randrange(20))
            subscribed(server, "one", "s", receiver.url(), "POST", position=asked[-1])
            if turn % 2:
                subscribed(server, "one", "s", receiver.url())  # goes on where it is
        receiver.await_pushes(len(receiver.of()) + 60)
        writer.over.set()
        writer.thread.join()
        positions = receiver.await_position(writer.newest)
    jumps = [later for one, later in zip(positions, positions[1:]) if later != one + 1]
    assert jumps == [position + 1 for position in asked], (jumps, asked)


def churn_ends_nobody(server):
    """Subscriptions come and go, by several hands, while posts come in: the original died of it."""
    with Receiver() as receiver, Writer(server, "s") as writer:
        subscribed(server, "stays", "s", receiver.url("/stays"))

        def churn(hand):
            for turn in range(40):
                name = f"n{hand}_{turn % 3}"
                subscribe(server, name, "s", receiver.url(f"/{name}"), position=turn)
                server.ask(*random.choice((("POST", f"/subscriptions/{name}/pause"), ("POST", f"/subscriptions/{name}/resume"),
                                           ("GET", "/subscriptions"), ("DELETE", f"/subscriptions/{name}"))))
                server.ask("DELETE", f"/subscriptions/{name}")
        in_threads([lambda hand=hand: churn(hand) for hand in range(6)])
        writer.over.set()
        writer.thread.join()
        in_order(receiver.await_position(writer.newest, "/stays"), 1, writer.newest)
    assert [one["name"] for one in server.get("/subscriptions")] == ["stays"]


def positions_never_go_back(server):
    seen = []
    with Receiver() as receiver, Writer(server, "s", 8) as writer:
        subscribed(server, "one", "s", receiver.url())
        while writer.newest < 1500:
            seen.append(server.get("/subscriptions/one")["position"])
            brought = len(receiver.of())
            assert seen[-1] <= brought, (seen[-1], brought)
    assert seen == sorted(seen) and seen[-1] > 0, seen


def a_stop_repeats_nothing(server):
    """Stopped in order, everything that was answered is known to have been."""
    with Receiver() as receiver:
        subscribed(server, "one", "s", receiver.url())
        for life in range(1, 4):
            with Writer(server, "s") as writer:
                wait_until(lambda: writer.newest >= life * 200, "posts are not answered")
            receiver.await_pushes(life * 100)
            assert server.stop()[0] == 0
            server.start()
        in_order(receiver.await_position(writer.newest), 1, writer.newest)


TESTS = (an_event_is_brought_as_it_is, own_headers_may_take_the_place_of_others, own_headers_frame_nothing,
         it_begins_where_it_was_asked_to, one_is_under_way_at_a_time, pages_are_brought_whole,
         large_pages_come_in_several_pushes,
         pushes_are_signed_where_it_was_asked_for, a_paused_one_gets_nothing, paused_and_resumed_it_repeats_nothing,
         a_deleted_one_gets_nothing_more, what_is_under_way_at_a_deletion_is_its_last,
         registered_again_it_goes_on_from_where_it_was_asked_to, churn_ends_nobody,
         positions_never_go_back, a_stop_repeats_nothing)

if __name__ == "__main__":
    sys.exit(run(PROGRAM, [(test, OPTIONS) for test in TESTS if test.__name__ in (sys.argv[2:] or test.__name__)]))
