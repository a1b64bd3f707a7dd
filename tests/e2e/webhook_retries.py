"""webhook_retries.py ESE-SERVER [TEST ...] - what becomes of an event that a subscriber of the transport that pushes does not
take (webhook_peer.py): which answers are none, how often and after which waits it is tried again, when the subscription is
paused and with which reason, what wakes it, what is set aside; and that nobody else waits for it. TAP."""
import base64
import os
import socket
import sys

from ese_program import wait_until
from ese_server import run
from webhook_peer import (HELD, OK, Answer, Receiver, in_order, listed, paused, post, post_all, subscribe, subscribed, told)

PROGRAM = os.path.abspath(sys.argv[1])
OPTIONS = ("--transport", "webhook")
IMPATIENT = (*OPTIONS, "--push-timeout-ms", "300")
PATIENT = (*OPTIONS, "--push-timeout-ms", "600000")
SHORT = {"tries": 0, "first_ms": 20, "most_ms": 40}
TAKEN = (200, 201, 202, 204, 206, 226, 299, 300)
NOT_TAKEN = (301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 408, 409, 410, 413, 422, 429, 500, 501, 502, 503, 504, 599)
BROKEN = {"hung-up": b"", "nonsense": b"nonsense\r\n\r\n", "half": b"HTTP/1.1 20",
          "headless": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
          "short": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"}


def answers_are_taken_for_what_they_are(server):
    """Each once for the first event, then 200. What redirects is not followed."""
    seen = set()

    def first_time(push):
        if push.path in seen or not push.path.startswith("/status/"):
            return OK
        seen.add(push.path)
        where = push.path.rsplit("/", 1)[1]
        if where in BROKEN:
            return Answer(raw=BROKEN[where])
        more = (("Location", "/elsewhere"),) if where.startswith("3") else ()
        return Answer(int(where), headers=more)
    post_all(server, "s", 3)
    with Receiver(first_time) as receiver:
        for where in (*TAKEN, *NOT_TAKEN, *BROKEN):
            subscribed(server, f"on_{where}".replace("-", "_"), "s", receiver.url(f"/status/{where}"), retry=SHORT)
        for where in (*TAKEN, *NOT_TAKEN, *BROKEN):
            positions = receiver.await_position(3, f"/status/{where}")
            assert positions == ([1, 2, 3] if where in TAKEN else [1, 1, 2, 3]), (where, positions)
        assert not receiver.of("/elsewhere"), "a redirect was followed"
        assert all(one["active"] for one in server.get("/subscriptions"))


def who_does_not_answer_in_time_has_not_taken_it(server):
    post_all(server, "s", 2)
    with Receiver(lambda push: HELD) as receiver:
        subscribed(server, "one", "s", receiver.url(), retry=SHORT)
        first, second = receiver.await_pushes(2)[:2]
        assert second.position() == 1 and second.at - first.at >= 0.25, (second.position(), second.at - first.at)
        receiver.decide = lambda push: OK
        receiver.await_position(2)
        assert set(receiver.positions()[:-1]) == {1}, receiver.positions()
        receiver.decide = lambda push: HELD
        subscribed(server, "two", "s", receiver.url("/two"), retry={"tries": 2, "first_ms": 10, "most_ms": 10})
        wait_until(lambda: paused(server, "two"), "it is not paused")
        assert receiver.positions("/two") == [1, 1], receiver.positions("/two")
        assert paused(server, "two").startswith(f"HTTP call to {receiver.url('/two')} failed"), paused(server, "two")


def waits_double(server):
    post_all(server, "s", 2)
    with Receiver(lambda push: Answer(500)) as receiver:
        subscribed(server, "one", "s", receiver.url(), retry={"tries": 10, "first_ms": 40, "most_ms": 160})
        wait_until(lambda: paused(server, "one"), "it is not paused")
        pushes = receiver.of()
        assert [push.position() for push in pushes] == [1] * 10, receiver.positions()
        assert len({push.headers["x-event-uuid"] for push in pushes}) == 1
        waits = [later.at - one.at for one, later in zip(pushes, pushes[1:])]
        assert all(wait >= nominal * 0.98 for wait, nominal in zip(waits, (0.04, 0.08, *[0.16] * 7))), waits
        assert sum(waits) < 10, f"{waits}: they double beyond their bound"  # that would be 20 s
        reason = paused(server, "one")
        assert reason.startswith(f"HTTP call to {receiver.url()} failed with error code") and "500" in reason, reason
        assert server.get("/subscriptions/one")["position"] == 0


def a_taken_event_begins_the_waits_anew(server):
    """Three fail before each is taken: it is never paused after four tries, and never waits longer than for the third."""
    tried = {}

    def fourth_time(push):
        tried[push.position()] = tried.get(push.position(), 0) + 1
        return OK if tried[push.position()] == 4 else Answer(503)
    post_all(server, "s", 6)
    with Receiver(fourth_time) as receiver:
        subscribed(server, "one", "s", receiver.url(), retry={"tries": 4, "first_ms": 30, "most_ms": 100000})
        receiver.wait(lambda: tried.get(6) == 4, "it does not come to the end")
        assert receiver.positions() == [position for position in range(1, 7) for _ in range(4)], receiver.positions()
        ends = [push.at for push in receiver.of()][3::4]
        assert max(later - one for one, later in zip(ends, ends[1:])) < 10, ends  # the sixth's would be minutes
    assert listed(server, "one")["active"] is True


def the_original_s_waits_are_the_default(server):
    post(server, "s")
    with Receiver(lambda push: Answer(500)) as receiver:
        subscribed(server, "one", "s", receiver.url())
        one, later = receiver.await_pushes(2)
        assert 7.8 <= later.at - one.at < 15.8, later.at - one.at
        assert told(server, "DELETE", "/subscriptions/one")[0] == 200


def a_paused_one_is_woken(server):
    """By a resume, and by whoever registers again under its name, stream and URL: from where he asks for, at once."""
    post_all(server, "s", 5)
    refusing = {"tries": 1, "first_ms": 10, "most_ms": 10}
    with Receiver() as receiver:
        receiver.decide = lambda push: Answer(500) if push.position() == 3 else OK
        subscribed(server, "one", "s", receiver.url(), retry=refusing)
        wait_until(lambda: paused(server, "one"), "it is not paused")
        assert receiver.positions() == [1, 2, 3], receiver.positions()
        post(server, "s")
        assert told(server, "POST", "/subscriptions/one/resume") == (200, "Resumed\n")
        wait_until(lambda: paused(server, "one"), "it is not paused again")
        assert receiver.positions() == [1, 2, 3, 3], receiver.positions()
        receiver.decide = lambda push: OK
        subscribed(server, "one", "s", receiver.url(), retry=refusing, position=1)
        assert receiver.await_position(6)[4:] == [2, 3, 4, 5, 6], receiver.positions()
        one = listed(server, "one")
        assert one["active"] is True and one["pause_reason"] == "", one


def one_that_waits_is_woken(server):
    """It would wait for an hour."""
    post_all(server, "s", 2)
    for method, path in (("POST", "/post"), ("PUT", "/put")):
        with Receiver(lambda push: Answer(503)) as receiver:
            waiting = {"tries": 0, "first_ms": 3600000, "most_ms": 3600000}
            name = path[1:]
            subscribed(server, name, "s", receiver.url(path), method, retry=waiting)
            receiver.await_pushes(1, path)
            wait_until(lambda: server.get(f"/subscriptions/{name}")["state"] == "waiting", "it does not wait")
            receiver.decide = lambda push: OK
            subscribed(server, name, "s", receiver.url(path), method, retry=waiting, position=0)
            assert receiver.await_position(2, path) == [1, 1, 2], receiver.positions(path)


def who_is_away_finds_all_when_he_is_back(server):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    subscribed(server, "one", "s", f"http://127.0.0.1:{port}/", retry={"tries": 0, "first_ms": 50, "most_ms": 200})
    subscribed(server, "two", "s", f"http://127.0.0.1:{port}/two", retry={"tries": 3, "first_ms": 20, "most_ms": 20})
    post_all(server, "s", 300)
    wait_until(lambda: paused(server, "two"), "it is not paused")
    assert paused(server, "two").startswith(f"HTTP call to http://127.0.0.1:{port}/two failed"), paused(server, "two")
    with Receiver(port=port) as receiver:
        in_order(receiver.await_position(300), 1, 300)
        assert not receiver.of("/two")
        assert listed(server, "one")["active"] is True
    with Receiver(port=port) as receiver:
        post(server, "s")
        assert receiver.await_position(301)[-1] == 301


def poison_is_set_aside_where_it_was_asked_for(server):
    """By events of one each, and of pages: only the one that is refused is set aside, and the line moves on."""
    for number in range(1, 31):
        post(server, "s", b"poison" if number in (3, 4, 17, 30) else b'{"n": %d}' % number, f"kind.{number}")

    def refuse(push):
        return Answer(422) if b"poison" in push.bodies() else OK
    retry = {"tries": 2, "first_ms": 10, "most_ms": 10}
    with Receiver(refuse) as receiver:
        for batch in (1, 10):
            name, path = f"by_{batch}", f"/{batch}"
            subscribed(server, name, "s", receiver.url(path), poison="aside", retry=retry, batch=batch)
            wait_until(lambda: server.get(f"/subscriptions/{name}")["lag"] == 0, "it does not come to the end")
            letters = server.get(f"/subscriptions/{name}/dead-letters")
            assert [letter["position"] for letter in letters] == [3, 4, 17, 30], letters
            events = {event["position"]: event for event in server.get("/streams/s/0/100")}
            for letter in letters:
                event = events[letter["position"]]
                assert base64.b64decode(letter["body"]) == b"poison", letter
                assert all(letter[member] == event[member] for member in ("uuid", "type", "stream", "created")), letter
                assert "422" in letter["reason"], letter
            taken = [position for push in receiver.of(path) if refuse(push) is OK for position in push.positions()]
            assert taken == [number for number in range(1, 31) if number not in (3, 4, 17, 30)], taken
            if batch == 1:
                assert [position for position in receiver.positions(path) if position in (3, 4, 17, 30)] == [
                    3, 3, 4, 4, 17, 17, 30, 30], receiver.positions(path)
            one = listed(server, name)
            assert one["active"] is True and one["pause_reason"] == "", one
        server.kill()
        server.start()
        assert [letter["position"] for letter in server.get("/subscriptions/by_1/dead-letters")] == [3, 4, 17, 30]
        post(server, "s", b"{}")
        assert receiver.await_position(31, "/1")[-1] == 31


def poison_stops_the_line_where_nothing_else_was_asked_for(server):
    for number in range(1, 11):
        post(server, "s", b"poison" if number == 4 else b"{}")
    with Receiver(lambda push: Answer(500) if b"poison" in push.bodies() else OK) as receiver:
        for name, members in (("one", {}), ("two", {"poison": "stop", "batch": 4})):
            subscribed(server, name, "s", receiver.url(f"/{name}"), retry={"tries": 3, "first_ms": 5, "most_ms": 5}, **members)
            wait_until(lambda: paused(server, name), "it is not paused")
            one = server.get(f"/subscriptions/{name}")
            assert one["position"] == 3, one  # in front of it, also where it came in a page
            assert max(receiver.positions(f"/{name}")) <= 4
            assert server.get(f"/subscriptions/{name}/dead-letters") == []
        assert receiver.positions("/one") == [1, 2, 3, 4, 4, 4], receiver.positions("/one")


def nobody_waits_for_who_hangs(server):
    """Of 30 subscribers ten hang, ten refuse, and ten take what comes, while no time-out is over."""
    def decide(push):
        return HELD if push.path.startswith("/hang") else Answer(500) if push.path.startswith("/no") else OK
    with Receiver(decide) as receiver:
        for number in range(10):
            for kind in ("hang", "no", "yes"):
                subscribed(server, f"{kind}{number}", "s", receiver.url(f"/{kind}{number}"), retry=SHORT)
        post_all(server, "s", 200)
        for number in range(10):
            in_order(receiver.await_position(200, f"/yes{number}"), 1, 200)
            assert receiver.positions(f"/hang{number}") == [1], receiver.positions(f"/hang{number}")
            assert set(receiver.positions(f"/no{number}")) == {1}
        assert told(server, "DELETE", "/subscriptions/hang0")[0] == 200


TESTS = ((answers_are_taken_for_what_they_are, OPTIONS), (who_does_not_answer_in_time_has_not_taken_it, IMPATIENT),
         (waits_double, OPTIONS), (a_taken_event_begins_the_waits_anew, OPTIONS), (the_original_s_waits_are_the_default, OPTIONS),
         (a_paused_one_is_woken, OPTIONS), (one_that_waits_is_woken, OPTIONS), (who_is_away_finds_all_when_he_is_back, OPTIONS),
         (poison_is_set_aside_where_it_was_asked_for, OPTIONS), (poison_stops_the_line_where_nothing_else_was_asked_for, OPTIONS),
         (nobody_waits_for_who_hangs, PATIENT))

if __name__ == "__main__":
    sys.exit(run(PROGRAM, [test for test in TESTS if test[0].__name__ in (sys.argv[2:] or test[0].__name__)]))
