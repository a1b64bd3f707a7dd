"""webhook_concurrency.py ESE-SERVER [TEST ...] - many at once before the transport that pushes, in the numbers in which its
original failed: 32 writers and 6,400 events without an inversion at any of three subscribers, 600 subscriptions made while
posts come in and none of them missing or doubling an event, 30,000 events of which a slow subscriber is far behind and
nobody else. TAP.

The subscriber is webhook_peer.py. That its judge sees what is wrong is the first test.
"""
import base64
import json
import os
import random
import sys
import threading
import time

from ese_program import wait_until
from ese_server import run
from webhook_peer import (HELD, OK, Answer, Producer, Receiver, in_order, in_threads, listed, post_all, subscribed,
                          wrong_order)

PROGRAM = os.path.abspath(sys.argv[1])
OPTIONS = ("--transport", "webhook")
WRITERS, EVENTS = 32, 6400
SUBSCRIPTIONS, HANDS = 600, 6
MANY = 30000


def the_judge_sees_what_is_wrong(_):
    assert wrong_order([4, 5, 6], 4, 6) is None
    for positions, word in (([4, 6, 5], "1 inversions"), ([4, 6], "1 missing [5]"), ([4, 5, 5, 6], "1 doubled"),
                            ([4, 5, 6, 4], "1 doubled"), ([4, 5], "1 missing [6]"), ([5, 6], "1 missing [4]"),
                            ([3, 4, 5, 6], "1 that never"), ([4, 5, 6, 7], "1 that never"), ([], "3 missing")):
        assert word in (wrong_order(positions, 4, 6) or ""), (positions, wrong_order(positions, 4, 6))


def of_many_writers_all_see_one_order(server):
    """Three subscribers from the beginning, of whom one takes pages; a writer's events come in the order of its posts."""
    with Receiver() as receiver:
        for name, batch in (("one", 1), ("two", 1), ("pages", 50)):
            subscribed(server, name, "s", receiver.url(f"/{name}"), batch=batch)
        got = [[] for _ in range(WRITERS)]

        def write(writer):
            with Producer(server) as producer:
                for number in range(EVENTS // WRITERS):
                    got[writer].append(producer.post("s", b'{"writer": %d, "n": %d}' % (writer, number)))
        in_threads([lambda writer=writer: write(writer) for writer in range(WRITERS)])
        assert sorted(sum(got, [])) == list(range(1, EVENTS + 1)), "positions are not what was answered"
        assert all(own == sorted(own) for own in got)
        for name in ("one", "two", "pages"):
            in_order(receiver.await_position(EVENTS, f"/{name}"), 1, EVENTS)
            bodies = [json.loads(body) for push in receiver.of(f"/{name}") for body in push.bodies()]
            for writer in range(WRITERS):
                own = [body["n"] for body in bodies if body["writer"] == writer]
                assert own == list(range(EVENTS // WRITERS)), (name, writer)
            places = {(body["writer"], body["n"]): place for place, body in enumerate(bodies, 1)}
            assert all(places[writer, number] == position for writer, own in enumerate(got)
                       for number, position in enumerate(own)), "another event than was answered"
        for name in ("one", "two", "pages"):
            wait_until(lambda: listed(server, name)["position"] == EVENTS, "its position is not the last")
    assert [event["position"] for event in server.get("/streams/s/0/-1")] == list(range(1, EVENTS + 1))


class HandOver:
    """Subscriptions are made by several hands; in between writers post, as much as keeps the hand-over busy, no more."""

    def __init__(self, server, receiver):
        self.server, self.receiver = server, receiver
        self.made, self.over, self.newest, self.lock = [], threading.Event(), 0, threading.Lock()

    def write(self):
        """An event each four subscriptions, and at the end one more for all."""
        with Producer(self.server) as producer:
            while not self.over.is_set():
                position = producer.post("s", b"{}")
                with self.lock:
                    self.newest = max(self.newest, position)
                while len(self.made) < self.newest * 4 and not self.over.wait(0.0005):
                    pass

    def make(self, numbers):
        for number in numbers:
            path, batch = f"/{number}", 1 if number % 2 else 20
            asked = -1 if number % 5 == 1 else 0 if number % 5 == 2 else max(0, self.newest - random.randrange(4))
            before = self.newest
            subscribed(self.server, f"n{number}", "s", self.receiver.url(path), position=asked, batch=batch)
            after = self.newest + 2  # one a writer may have been stored and not yet been answered
            self.made.append((number, (asked, asked) if asked >= 0 else (before, after)))


def none_of_600_misses_or_doubles_an_event(server):
    """Those that begin at the newest may begin with any that was posted while they were made."""
    with Receiver() as receiver:
        hand_over = HandOver(server, receiver)
        writers = [threading.Thread(target=hand_over.write, daemon=True) for _ in range(2)]
        for writer in writers:
            writer.start()
        in_threads([lambda hand=hand: hand_over.make(range(hand, SUBSCRIPTIONS, HANDS)) for hand in range(HANDS)])
        hand_over.over.set()
        for writer in writers:
            writer.join()
        with Producer(server) as producer:
            last = producer.post("s", b"the last")
        assert len(hand_over.made) == SUBSCRIPTIONS and last > SUBSCRIPTIONS // 8, (len(hand_over.made), last)
        problems = []
        for number, (least, most) in hand_over.made:
            positions = receiver.await_position(last, f"/{number}")
            began = positions[0] - 1
            problem = wrong_order(positions, positions[0], last)
            if problem or not least <= began <= most:
                problems.append((number, least, most, began, problem))
        assert not problems, (len(problems), problems[:3])
        wait_until(lambda: all(one["position"] == last for one in server.get("/subscriptions")), "a position is not the last")


def one_that_is_far_behind_misses_nothing(server):
    """Half of the events are stored before it answers for the first time; then it is slow. Its neighbour is not."""
    gate = threading.Event()

    def slowly(push):
        if push.path == "/fast":
            return OK
        return Answer(wait_s=0.002) if gate.is_set() else HELD
    with Receiver(slowly) as receiver:
        subscribed(server, "slow", "s", receiver.url("/slow"), batch=20)
        subscribed(server, "single", "s", receiver.url("/single"), position=MANY - 1000)
        subscribed(server, "fast", "s", receiver.url("/fast"), batch=500)
        writer = threading.Thread(target=lambda: post_all(server, "s", MANY, 16), daemon=True)
        writer.start()
        receiver.await_position(MANY // 2, "/fast")
        assert len(receiver.of("/slow")) == 1 and server.get("/subscriptions/slow")["lag"] > 10000
        gate.set()
        receiver.release("/slow")
        writer.join()
        for path, first in (("/fast", 1), ("/slow", 1), ("/single", MANY - 999)):
            if path == "/single":
                receiver.release("/single")
            in_order(receiver.await_position(MANY, path), first, MANY)
        numbers = {json.loads(base64.b64decode(event["body"]))["n"] for push in receiver.of("/slow")
                   for event in json.loads(push.body)}
        assert numbers == set(range(MANY)), len(numbers)


def each_stream_has_its_own_line(server):
    """40 streams of 100 events each and two subscribers each, of which one in ten hangs."""
    with Receiver(lambda push: HELD if push.path.endswith("0/b") else OK) as receiver:
        for number in range(40):
            for side in "ab":
                subscribed(server, f"n{number}_{side}", f"stream-{number}", receiver.url(f"/{number}/{side}"))

        def write(streams):
            with Producer(server) as producer:
                for turn in range(100):
                    for number in streams:
                        assert producer.post(f"stream-{number}", b"%d" % number) == turn + 1
        began = time.monotonic()
        in_threads([lambda part=part: write(range(part, 40, 8)) for part in range(8)])
        for number in range(40):
            in_order(receiver.await_position(100, f"/{number}/a"), 1, 100)
            assert {push.body for push in receiver.of(f"/{number}/a")} == {b"%d" % number}
        assert time.monotonic() - began < 30, "as long as a time-out"
        assert receiver.positions("/10/b") == [1], receiver.positions("/10/b")


TESTS = (the_judge_sees_what_is_wrong, of_many_writers_all_see_one_order, none_of_600_misses_or_doubles_an_event,
         one_that_is_far_behind_misses_nothing, each_stream_has_its_own_line)

if __name__ == "__main__":
    sys.exit(run(PROGRAM, [(test, OPTIONS) for test in TESTS if test.__name__ in (sys.argv[2:] or test.__name__)]))
