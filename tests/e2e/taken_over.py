#!/usr/bin/python3
"""Over a transport that one consumer reads at a time: one that was stopped (SIGSTOP) while another took its place is
fenced when it goes on, says so, ends with a status of its own, and changes nothing: neither in the state file they share,
nor in the mailer's outbox, nor in anybody's letter-box. Or it stays, where it was told to, and does not take back. TAP.

    taken_over.py ESE_SERVER ESE_CONSUMER ESE_MAILER TRANSPORT [OPTION ...]    options of its consumer
"""
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time

import history
from ese_program import Program, run, wait_until
from lab_scene import skip
from smtp_sink import Sink, can_be_had

SERVER, CONSUMER, MAILER = (os.path.abspath(path) for path in sys.argv[1:4])
TRANSPORT, OPTIONS = sys.argv[4], sys.argv[5:]
SERVES = ("--transport", TRANSPORT, *(("--durability", "memory") if "+" in TRANSPORT else ()))
FENCED = 3
CATCHING = 2
TRIES = 10
SAYS = "partition 0 was taken over by another consumer of this group; over '%s' one consumer of a group reads at a time, " \
    "and the newest does. Stopped" % TRANSPORT


class Scene:
    """A server, a mailer with a real SMTP server behind it, and two consumers, of which one runs."""

    def __init__(self, older=None):
        self.directory = tempfile.mkdtemp(prefix="ese-taken-")
        self.state = os.path.join(self.directory, "state.db")
        self.closing = contextlib.ExitStack()
        self.closing.callback(shutil.rmtree, self.directory)
        self.sink = Sink(self.directory)
        self.closing.callback(self.sink.close)
        self.server = self.run(SERVER, "--listen", "127.0.0.1:0", *SERVES)
        self.mailer = self.run(MAILER, "--listen", "127.0.0.1:0", "--smtp", self.sink.address, "--outbox", "outbox")
        self.outbox = str(self.mailer.directory / "outbox")
        self.older, self.newer = self.consumer("older", older), self.consumer("newer")
        self.older.start()
        self.now_ms = int(time.time() * 1000) - 60_000

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing.close()

    def run(self, program, *options):
        return self.closing.enter_context(Program(program, *options))

    def consumer(self, name, environment=None):
        made = Program(CONSUMER, "--transport", TRANSPORT, "--server", "http://" + self.server.address, *OPTIONS, "--state",
                       self.state, "--member", name, "--mailer", "http://" + self.mailer.address, "--history", "history",
                       "--lateness-ms", "86400000", "--metrics", "127.0.0.1:0", "--json", environment=environment)
        self.closing.callback(made.close)
        return made

    def press(self, *persons):
        """A key press of each, a millisecond after the one before, all at once."""
        presses = [{"event": {"type": "CLICK_STREAM_EVENT", "sub_type": "KEY_PRESS_EVENT"}, "timestamp": self.now_ms + i,
                    "ip": "10.0.0.%s" % person, "data": {}} for i, person in enumerate(persons)]
        self.now_ms += len(presses)
        status = self.server.post("/events", {"events": presses})
        assert status == 201, status

    def ask(self, path, sql):
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True)) as database:
            return database.execute(sql).fetchall()

    def picture(self):
        """All that a fenced one could change."""
        found = []
        for path in (self.state, self.outbox):
            with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True)) as database:
                found.append(list(database.iterdump()))
        return found + [self.sink.arrived()]

    def done(self):
        """How many events are committed, how many decisions wait for an answer, and how far the mails are."""
        return (self.ask(self.state, "SELECT processed FROM position"),
                self.ask(self.state, "SELECT count(*) FROM decision WHERE answered_ms IS NULL"),
                self.ask(self.outbox, "SELECT count(*) FROM mail WHERE status = 'sent'"), self.sink.arrived().total())

    def wait_for(self, events, mails):
        """They are committed, and have arrived; nothing is under way."""
        try:
            wait_until(lambda: self.done() == ([(events,)], [(0,)], [(mails,)], mails), "not done")
        except AssertionError:
            raise AssertionError("waited in vain for %d events and %d mails: %s; %s" % (
                events, mails, self.done(), self.newer.said() or self.older.said()))

    def replace(self, events, mails):
        """By a newer one, that has done it all. The picture of it; then the older one goes on."""
        self.newer.start()
        path = self.newer.directory / "history"
        wait_until(lambda: history.count(path, "at end") > 0, "the newer one does not come to the end")
        self.wait_for(events, mails)
        before = self.picture()
        self.older.signal(signal.SIGCONT)
        return before

    def take_over(self, events, mails):
        """The older one ends."""
        before = self.replace(events, mails)
        status = self.older.process.wait(20)
        said = self.older.said()
        assert status == FENCED and SAYS in said, (status, said)
        assert self.picture() == before, (before, self.picture())
        told = json.loads(said[said.index("{"):said.rindex("}") + 1])
        assert told["fenced"] == 1, told
        path = self.older.directory / "history"
        assert [one.kind for one in history.records(path)].count("fenced") == history.count(path, "fenced") == 1
        self.press("9", "9", "9")  # whose partition it is goes on
        self.wait_for(events + 3, mails + 1)
        assert self.newer.stop() == 0


def in_hand(path):
    """Events that were handed and are not committed."""
    handed = 0
    for one in history.records(path):
        handed += {"handed": 1, "committed": -one.b}.get(one.kind, 0)
    return handed


def is_caught(scene, tries):
    """Whether it has three presses in hand before it may commit them, and sleeps now. It has just committed another one, and
    so it looks for more before it does anything else; as a rule."""
    scene.press("7-%d" % tries)
    scene.wait_for(4 * tries + 1, tries)
    with contextlib.closing(sqlite3.connect(scene.state, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        scene.press(*["8-%d" % tries] * 3)
        until = time.monotonic() + CATCHING
        while in_hand(scene.older.directory / "history") < 3 and time.monotonic() < until:
            time.sleep(0.01)
        caught = in_hand(scene.older.directory / "history") == 3
        if caught:
            scene.older.signal(signal.SIGSTOP)
        database.execute("ROLLBACK")
        return caught


def with_a_batch_in_hand():
    """Held up before its transaction: within it, it would keep the state file from others. It wakes to commit a decision."""
    with Scene() as scene:
        tries = 0
        while not is_caught(scene, tries):
            tries += 1
            assert tries < TRIES, "it always has something else to write"
            scene.wait_for(4 * tries, tries)
        scene.take_over(4 * tries + 4, tries + 1)


def with_a_mail_asked_for():
    """It wakes to an answer of the mailer that its successor has had."""
    with Scene() as scene:
        scene.press("1", "1")
        scene.wait_for(2, 0)
        scene.mailer.signal(signal.SIGSTOP)
        scene.press("1")
        wait_until(lambda: scene.ask(scene.state, "SELECT count(*) FROM decision") == [(1,)], "no decision is made")
        scene.older.signal(signal.SIGSTOP)
        scene.mailer.signal(signal.SIGCONT)
        scene.take_over(3, 1)


def with_nothing_to_do():
    """Nothing comes any more that it could fail to commit: it finds out by itself."""
    with Scene() as scene:
        scene.press("1", "1", "1")
        scene.wait_for(3, 1)
        scene.older.signal(signal.SIGSTOP)
        scene.take_over(3, 1)


def who_is_told_to_stay_waits():
    """For those who start again whatever has ended: it says what it is there for, and leaves everything to the newer one."""
    with Scene({"ESE_WHEN_FENCED": "stay"}) as scene:  # as the containers are told
        scene.press("1", "1", "1")
        scene.wait_for(3, 1)
        assert scene.older.ask("/health")[0] == 200
        scene.older.signal(signal.SIGSTOP)
        before = scene.replace(3, 1)
        wait_until(lambda: scene.older.ask("/health")[0] == 503, "it is well still")
        assert SAYS in scene.older.ask("/health")[1] and SAYS in scene.older.said(), scene.older.said()
        assert scene.older.ask("/metrics")[0] == 200
        assert scene.picture() == before, (before, scene.picture())
        for mails, person in ((2, "2"), (3, "3")):
            scene.press(person, person, person)
            scene.wait_for(3 * mails, mails)
        assert scene.older.process.poll() is None and scene.newer.stop() == 0
        assert scene.older.stop() == FENCED, scene.older.said()


if __name__ == "__main__":
    if not can_be_had():
        skip("no python3 with the module aiosmtpd")
    sys.exit(run([with_a_batch_in_hand, with_a_mail_asked_for, with_nothing_to_do, who_is_told_to_stay_waits]))
