"""webhook_kills.py ESE-SERVER ROUNDS [TEST ...] - the server of the transport that pushes, its subscriber, or both, killed
(SIGKILL) that many times while writers post and repeat what was not answered: nothing that was acknowledged is lost or
doubled, each subscription keeps the order, and what is brought twice comes directly behind a death and is what nobody can
have noted as taken. TAP.

Behind the server's death a subscription goes on exactly behind the position that is then in its file; behind the
subscriber's with the push that was not answered.
"""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from typing import NamedTuple

import webhook_peer
from ese_program import wait_until
from ese_server import run
from webhook_peer import OK, PATIENCE_S, Answer, Producer, Receiver, post_all, subscribed

PROGRAM = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2])
OPTIONS = ("--transport", "webhook")
WRITERS = 4
SHORT = {"tries": 0, "first_ms": 10, "most_ms": 50}
PATHS = {"/one": 1, "/pages": 10, "/slow": 1000}  # and events a push
NOTED_S = 1.0  # a position is in the file so long after its answer, on whatever machine


# ---- what happened, and whether it may ------------------------------------------------------------------------------

class Line(NamedTuple):
    """Of the subscriber's file: a push, or a death."""
    path: str
    at: float
    positions: tuple = ()


class Death(NamedTuple):
    """When, whose, and of the server's: which positions its file then had."""
    at: float
    of_server: bool
    of_subscriber: bool
    stored: dict = {}


def lines_of(text):
    for line in text.splitlines():
        path, at, *positions = line.split(" ")
        yield Line(path, float(at), tuple(int(position) for position in "".join(positions).split(",") if position))


def first_behind_a_death(line, death, last, pushed):
    """What is wrong with the first push behind it; last: what came before, of which `pushed` lines."""
    first = line.positions[0]
    if first > last + 1:
        return f"{last + 1} to {first - 1} are missing"
    if death.of_server:
        stored = death.stored[line.path]
        late = [one.positions[-1] for one in pushed if one.at < death.at - NOTED_S and one.positions[-1] > stored]
        if late:
            return f"{late} were taken {NOTED_S} s before a death, which left {stored}"
        return None if first == stored + 1 else f"{first} is not behind the stored {stored}"
    return None if first == last + 1 or first == pushed[-1].positions[0] else f"{first} was answered before {last} came"


def wrong_pushes(lines, path, deaths):
    """What is wrong with the pushes to the path; None: nothing. Deaths stand in the lines, by number."""
    last, death, pushed = 0, None, []
    for line in lines:
        if line.path.startswith("/mark/"):
            death = deaths[int(line.path.rsplit("/", 1)[1])]
            continue
        if line.path != path:
            continue
        first = line.positions[0]
        problem = None
        if death:
            problem = first_behind_a_death(line, death, last, pushed)
        elif first != last + 1:
            problem = f"{first} came behind {last}, and nobody had died"
        if problem or line.positions != tuple(range(first, first + len(line.positions))):
            return problem or f"{line.positions} is no page"
        last, death = line.positions[-1], None
        pushed.append(line)
    return None


def the_judge_sees_what_is_wrong(_):
    def judged(*pushes, of_server=True, stored=2, at=100.0):
        lines = [Line("/mark/0", at) if push == "death" else Line("/p", 99.9, push) for push in pushes]
        return wrong_pushes(lines, "/p", [Death(at, of_server, not of_server, {"/p": stored})])
    assert judged((1,), (2,), (3,)) is None
    assert judged((1,), (2,), (3,), "death", (3,), (4,)) is None
    assert judged((1,), (2,), "death", (3,)) is None
    assert judged((1,), (2,), "death", (2,), of_server=False) is None
    assert judged((1,), (2, 3), "death", (2, 3, 4), of_server=False) is None
    for pushes, more, word in ((((1,), (3,)), {}, "nobody had died"), (((1,), (2,), (2,)), {}, "nobody had died"),
                               (((1,), (2,), "death", (4,)), {}, "missing"), (((1,), (2,), "death", (2,)), {}, "not behind"),
                               (((1,), (2,), (3,), "death", (3,), (3,)), {}, "nobody had died"),
                               (((1,), (2,), (3,), "death", (3,)), {"at": 200.0}, "were taken"),
                               (((1,), (2,), "death", (1,)), {"of_server": False}, "was answered"),
                               (((1, 3),), {}, "no page")):
        assert word in (judged(*pushes, **more) or ""), (pushes, judged(*pushes, **more))


# ---- who does it ----------------------------------------------------------------------------------------------------

class Subscriber:
    """webhook_peer.py as a process, on one port for all its lives."""

    def __init__(self, directory):
        self.file, self.port, self.process = pathlib.Path(directory, "pushes"), 0, None
        self.file.touch()
        self.read, self.came = 0, {}

    def start(self):
        self.process = subprocess.Popen([sys.executable, webhook_peer.__file__, str(self.port), self.file],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def mark(self, number):
        """Behind all that was pushed before: by itself, as what is on its way comes first, or where it is dead, for it."""
        if self.process.poll() is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
            with contextlib.closing(connection):
                connection.request("POST", f"/mark/{number}", b"")
                assert connection.getresponse().status == 200
        else:
            with open(self.file, "a", encoding="ascii") as file:
                file.write(f"/mark/{number} {time.monotonic()}\n")

    def lines(self):
        return list(lines_of(self.file.read_text()))

    def newest(self, path):
        """The position that came there last; of the file only what is new is read, as it is looked at often."""
        with open(self.file, "rb") as file:
            file.seek(self.read)
            text = file.read().rpartition(b"\n")[0].decode()
        self.read += len(text) + 1 if text else 0
        for line in lines_of(text):
            self.came[line.path] = line.positions[-1] if line.positions else 0
        return self.came.get(path, 0)


class Writer(threading.Thread):
    """Posts its numbers, one after the other, each until it was answered."""

    def __init__(self, server, number, over):
        super().__init__(daemon=True)
        self.server, self.number, self.over, self.answered, self.problem = server, number, over, [], None

    def run(self):
        try:
            while not self.over.is_set():
                self.post(len(self.answered))
        except Exception as problem:  # told at the end, in the test's thread
            self.problem = problem

    def post(self, count):
        """Posts until the connection ends, from its count-th number on."""
        try:
            with Producer(self.server) as producer:
                while not self.over.wait(0.005):
                    body = b'{"writer": %d, "n": %d}' % (self.number, count)
                    self.answered.append(producer.post("s", body, more=f"Idempotency-Key: {self.number}.{count}\r\n"))
                    count += 1
        except OSError:
            time.sleep(0.005)


def stored_positions(server):
    """In the dead server's file, as anybody would read it: a copy, as looking changes it."""
    with tempfile.TemporaryDirectory(prefix="ese-test-") as place:
        for path in server.data.glob("_meta.db*"):
            shutil.copy(path, place)
        with contextlib.closing(sqlite3.connect(os.path.join(place, "_meta.db"))) as database:
            rows = database.execute("SELECT name, lastReadPosition FROM subscriptions").fetchall()
    return {"/" + name: int(position) for name, position in rows}


def die(server, subscriber, number):
    """In turns the server, the subscriber, and both. Who died is there again when it returns."""
    of_server, of_subscriber = number % 3 != 1, number % 3 != 0
    at = time.monotonic()
    if of_server:
        server.process.send_signal(signal.SIGKILL)
    if of_subscriber:
        subscriber.kill()
    if of_server:
        server.kill()
    subscriber.mark(number)
    death = Death(at, of_server, of_subscriber, stored_positions(server) if of_server else {})
    if of_subscriber:
        subscriber.start()
    if of_server:
        server.start()
    return death


def read_all(server):
    events = []
    while True:
        page = server.get(f"/streams/s/{len(events)}/1000")
        if not page:
            return events
        events += page


def nothing_is_lost_and_the_order_is_kept(server):
    over = threading.Event()
    writers = [Writer(server, number, over) for number in range(WRITERS)]
    subscriber = Subscriber(server.directory.name)
    subscriber.start()
    try:
        for path, batch in PATHS.items():
            subscribed(server, path[1:], "s", f"http://127.0.0.1:{subscriber.port}{path}", batch=batch, retry=SHORT)
        for writer in writers:
            writer.start()
        deaths = []
        for number in range(ROUNDS):
            goals = {path: subscriber.newest(path) + random.randrange(20, 200) for path in PATHS}
            wait_until(lambda: all(subscriber.newest(path) >= goal for path, goal in goals.items()),
                       f"no more comes behind death {number}", PATIENCE_S)
            deaths.append(die(server, subscriber, number))
        wait_until(lambda: all(subscriber.newest(path) > goal for path, goal in goals.items()), "no more comes", PATIENCE_S)
        over.set()
        for writer in writers:
            writer.join()
            assert writer.problem is None, writer.problem
        events = read_all(server)
        came = {path: subscriber.newest(path) for path in PATHS}
        while set(came.values()) != {len(events)}:
            wait_until(lambda: any(subscriber.newest(path) != place for path, place in came.items()),
                       f"{len(events)} events are there, and nothing comes behind {came}", PATIENCE_S)
            came = {path: subscriber.newest(path) for path in PATHS}
        server.stop()
    finally:
        over.set()
        if subscriber.process.poll() is None:
            subscriber.kill()
    assert [event["position"] for event in events] == list(range(1, len(events) + 1)), "a gap in the stream"
    bodies = [json.loads(base64.b64decode(event["body"])) for event in events]
    for writer in writers:
        own = [(body["n"], position) for position, body in enumerate(bodies, 1) if body["writer"] == writer.number]
        wanted = list(enumerate(writer.answered))
        apart = [pair for pair in zip(own, wanted) if pair[0] != pair[1]]
        assert not apart and len(own) >= len(wanted), (f"writer {writer.number}: lost, doubled, or out of its order",
                                                       len(own), len(wanted), apart[:3])
        assert [number for number, _ in own[len(wanted):]] in ([], [len(wanted)]), own[-3:]  # one whose answer was lost
    lines = subscriber.lines()
    for path in PATHS:
        problem = wrong_pushes(lines, path, deaths)
        assert problem is None, (path, problem)
        pushed = [position for line in lines if line.path == path for position in line.positions]
        print(f"# {path}: {len(events)} events, {len(pushed) - len(set(pushed))} repeats behind {len(deaths)} deaths")


def what_is_set_aside_is_so_once(server):
    """While the server dies, an event that is refused is a dead letter once, and what is taken is none."""
    last, poison = 60 * ROUNDS, 12
    post_all(server, "s", last)
    with Receiver(lambda push: OK if push.position() % poison else Answer(422)) as receiver:
        subscribed(server, "one", "s", receiver.url(), poison="aside", retry={"tries": 2, "first_ms": 1, "most_ms": 1})
        for _ in range(ROUNDS):
            receiver.await_pushes(len(receiver.of()) + random.randrange(1, 60))
            server.kill()
            server.start()
        wait_until(lambda: server.get("/subscriptions/one")["lag"] == 0, "it does not come to the end", PATIENCE_S)
        letters = []
        while letters[-1:] != [last]:
            page = server.get(f"/subscriptions/one/dead-letters?after={letters[-1] if letters else 0}")
            assert page, letters[-3:]
            letters += [letter["position"] for letter in page]
        assert letters == list(range(poison, last + 1, poison)), letters
        assert server.get("/subscriptions/one")["dead_letters"] == len(letters)
        assert set(receiver.positions()) == set(range(1, last + 1))
        back = [later for one, later in zip(receiver.positions(), receiver.positions()[1:]) if later < one]
        assert len(back) <= ROUNDS, back


TESTS = (the_judge_sees_what_is_wrong, nothing_is_lost_and_the_order_is_kept, what_is_set_aside_is_so_once)

if __name__ == "__main__":
    sys.exit(run(PROGRAM, [(test, OPTIONS) for test in TESTS if test.__name__ in (sys.argv[3:] or test.__name__)]))
