#!/usr/bin/python3
"""Killed at one step after the other, of a consumer with its sender, and of a mailer: whatever the step, who comes next
goes on so that each decision is made once, and its mail arrives once. A step is a call by which they leave something behind
(tests/support/step_killer.c); each is tried in a world of its own, in which two lives end at it and the third one finds
its own end. Mails go to a real SMTP server. TAP.

    killed_anywhere.py ESE_CONSUMER ESE_MAILER STEP_KILLER EVERY    EVERY: 1 tries all steps, 7 every seventh
"""
import collections
import concurrent.futures
import contextlib
import http.client
import itertools
import json
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

import steady_click
from ese_program import wait_until
from lab_scene import no_process_is_left, run, skip
from smtp_sink import Sink, can_be_had

CONSUMER, MAILER, KILLER = (os.path.abspath(path) for path in sys.argv[1:4])
EVERY = int(sys.argv[4])
LIVES = 2  # that end at the step; then one is left alone
SIDES = 4  # worlds at once: they mostly wait
PATIENCE = 30
MAILS = 4
SESSIONS = 2
SPARE = 40  # steps beyond those that were counted: threads do not always do the same
PLANTED_EVERY = 5
runs = itertools.count(1)  # each world's events have ids of their own
ONCE, ONCE_OR_NOT_AT_ALL = (1,), (0, 1)  # how often a mail may arrive


class Wrong(AssertionError):
    """What a life has left behind is not what must be."""


def check_end(ended, said=""):
    """A life's status: by itself, or by us. What is planted may be told, but is no reason to crash."""
    if ended not in (0, -signal.SIGKILL):
        raise (Wrong if ended > 0 else AssertionError)("ended with %d: %s" % (ended, said))


def environment(step=None, plant="", told=None):
    """Of a life that ends at the step, or by itself and tells how many there were."""
    more = {"LD_PRELOAD": KILLER, "ESE_PLANT": plant}
    more.update({"ESE_STEP": str(step)} if step is not None else {})
    more.update({"ESE_STEPS_TOLD": told} if told else {})
    return dict(os.environ, **more)


def numbers(path, sql):
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True)) as database:
        return database.execute(sql).fetchall()


def kept_of(state):
    """What rules keep of each key, from the log of ese-consumer/kept.h; nothing has left by event time."""
    kept = {}
    for (changes,) in numbers(state, "SELECT changes FROM kept ORDER BY partition, number"):
        while changes:
            rule, key, changes = changes.split(b"\0", 2)
            length = struct.unpack_from("=qH", changes)[1]
            kept[(rule, key)] = changes[10:10 + length].hex().upper()
            changes = changes[10 + length:]
    return {key: state for key, state in kept.items() if state}


def count_waiting(outbox):
    return numbers(outbox, "SELECT count(*) FROM mail WHERE status IN ('queued', 'sending')")[0][0]


# ---- the consumer and its sender -----------------------------------------------------------------------------

# Who pressed, so many ms after the one before. "again": the event before comes once more, "late again": the third last.
PRESSES = [("a", 0), ("b", 5), ("a", 10), ("a", 10), "again", ("b", 20), ("c", 1), ("b", 300), ("b", 2), "late again",
           ("c", 999), ("d", 1), ("d", 1), ("d", 1), ("d", 1), ("d", 1), "again", ("d", 1), ("c", 1300), ("c", 1), ("a", 1),
           ("b", 1500), ("b", 1), ("b", 1)]
BEGAN_MS = int(time.time() * 1000) - 60_000


def presses_of(number):
    """Of a run: the lines of its log, what each event is, and how many of them are repeats."""
    lines, presses, sequences, now_ms = [], [], collections.Counter(), BEGAN_MS
    for press in PRESSES:
        if isinstance(press, str):
            lines.append(lines[-1 if press == "again" else -3])
            continue
        key, now_ms = "10.0.0.1-" + press[0], now_ms + press[1]
        lane = ord(press[0]) % 2
        event = steady_click.make_id(now_ms, lane, number, sequences[lane])
        sequences[lane] += 1
        presses.append((key, now_ms, event))
        lines.append(json.dumps({"type": "CLICK_STREAM_EVENT", "sub_type": "KEY_PRESS_EVENT", "ip": key, "client_ts": now_ms,
                                 "server_ts": now_ms, "data": {}, "id": steady_click.text_of(event)}) + "\n")
    return lines, presses, len(lines) - len(presses)


class ConsumerWorld:
    """A log, and a state file that was never opened."""

    def __init__(self, directory, mailer):
        self.number, self.mailer = next(runs), mailer
        self.directory = os.path.join(directory, "consumer-%d" % self.number)
        os.makedirs(os.path.join(self.directory, "log"))
        self.state = os.path.join(self.directory, "state.db")
        self.lines, self.presses, self.repeats = presses_of(self.number)
        with open(os.path.join(self.directory, "log", "events.ndjson"), "w") as log:
            log.writelines(self.lines)

    def live(self, life_environment):
        """Whether it came to its end. Its decisions have then been answered."""
        with open(os.path.join(self.directory, "said"), "ab") as said:
            ended = subprocess.run([CONSUMER, "--transport", "file:data=log", "--state", self.state, "--history", "history",
                                    "--max-batch", "5", "--lateness-ms", "86400000", "--mailer", self.mailer.url(),
                                    "--until-end", "--quiet"], cwd=self.directory, env=life_environment,
                                   stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=PATIENCE).returncode
        check_end(ended, self.said())
        return ended == 0

    def said(self):
        with open(os.path.join(self.directory, "said")) as file:
            return file.read()

    def wanted(self):
        return sorted(decision for chain in steady_click.chains(self.presses) for decision in steady_click.decisions(chain))

    def kept(self):
        """All that the state file knows, with no word of which world it is."""
        tables = ("SELECT partition, next, processed, repeats, late, beyond_window FROM position",
                  "SELECT lane, highest, hex(window) FROM repeats ORDER BY lane", "SELECT * FROM named",
                  "SELECT counter, value FROM account ORDER BY counter")
        mine = "%08X" % (2 << 30 | self.number)
        rows = [numbers(self.state, sql) for sql in tables] + [sorted(kept_of(self.state).items())]
        return [repr(row).replace(mine, "a run") for row in rows]

    def check(self, reference):
        decided = numbers(self.state, "SELECT id, answered_ms IS NOT NULL AND refused_ms IS NULL FROM decision ORDER BY id")
        assert [row[0] for row in decided] == self.wanted(), (len(decided), len(self.wanted()))
        assert all(row[1] for row in decided), decided
        position = numbers(self.state, "SELECT next, processed, repeats, late + beyond_window FROM position")
        size = sum(len(line) for line in self.lines)
        assert position == [(size, len(self.presses), self.repeats, 0)], (position, size)
        assert reference is None or self.kept() == reference, (self.kept(), reference)

    def picture(self):
        return self.kept()

    def mails(self):
        """By their text: how often each may have arrived."""
        return {steady_click.text_of(decision): ONCE for decision in self.wanted()}

    def close(self):
        shutil.rmtree(self.directory)


# ---- the mailer ----------------------------------------------------------------------------------------------

class MailerLife:
    """One ese-mailer, which may die at any moment."""

    def __init__(self, directory, sink, *options, life_environment=None):
        self.ready = os.path.join(directory, "ready")
        self.address = ""
        if os.path.exists(self.ready):
            os.unlink(self.ready)
        with open(os.path.join(directory, "said"), "ab") as said:
            self.process = subprocess.Popen([MAILER, "--listen", "127.0.0.1:0", "--smtp", sink.address, "--outbox", "outbox",
                                             "--history", "history", "--sessions", str(SESSIONS), "--retry-first-ms", "20",
                                             "--retry-most-ms", "100", "--ready-file", "ready", *options],
                                            cwd=directory, env=life_environment, stdin=subprocess.DEVNULL, stdout=said,
                                            stderr=said)
        self.wait_for(lambda: os.path.exists(self.ready))
        if self.lives():
            with open(self.ready) as file:
                self.address = file.read().strip()

    def url(self):
        return "http://" + self.address

    def lives(self):
        return self.process.poll() is None

    def wait_for(self, condition):
        """Whether it came to that before the end."""
        until = time.monotonic() + PATIENCE
        while not condition():
            if not self.lives():
                return False
            if time.monotonic() > until:
                self.process.kill()
                raise AssertionError("it neither comes to that nor dies")
            time.sleep(0.002)
        return True

    def accepts(self, mail):
        """Whether it has answered for it; without an answer nobody knows."""
        connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        try:
            connection.request("POST", "/mail", json.dumps(mail), {"Content-Type": "application/json"})
            return connection.getresponse().status == 202
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self):
        """Whether it came to its end by itself."""
        self.process.terminate()
        return self.process.wait(PATIENCE) == 0


class MailerWorld:
    """Mails that nobody was asked for yet, and an outbox that was never opened."""

    def __init__(self, directory, sink, *options):
        self.number, self.sink, self.options, self.deaths = next(runs), sink, options, 0
        self.directory = os.path.join(directory, "mailer-%d" % self.number)
        os.makedirs(self.directory)
        self.outbox = os.path.join(self.directory, "outbox")
        self.ids = [steady_click.text_of(steady_click.make_id(BEGAN_MS, 0, self.number, i)) for i in range(MAILS)]
        self.to_ask = self.ids[:2] + self.ids[1:]  # one of them twice

    def ask_all(self, mailer):
        """As the sender does: until each was answered for."""
        while self.to_ask and mailer.lives():
            mail = {"from": "consumer@ese.org", "to": "click_updated@ese.org", "subject": "[10.0.0.1] | Suspicious",
                    "content": "x", "id": self.to_ask[0]}
            if mailer.accepts(mail):
                del self.to_ask[0]
        return not self.to_ask

    def is_done(self):
        return count_waiting(self.outbox) == 0

    def live(self, life_environment):
        mailer = MailerLife(self.directory, self.sink, *self.options, life_environment=life_environment)
        has_ended = mailer.lives() and self.ask_all(mailer) and mailer.wait_for(self.is_done) and mailer.stop()
        check_end(mailer.process.wait(PATIENCE))
        self.deaths += not has_ended
        return has_ended

    def check(self, _):
        status = dict(numbers(self.outbox, "SELECT id, status FROM mail"))
        assert sorted(status) == sorted(self.ids), status
        assert set(status.values()) <= {"sent", "unknown"}, status
        self.unknown = {mail for mail in self.ids if status[mail] == "unknown"}
        assert len(self.unknown) <= self.deaths * SESSIONS, (status, self.deaths)
        assert not (self.unknown and "resend" in self.options), status
        counted = dict(numbers(self.outbox, "SELECT counter, value FROM account"))
        assert counted.get("mails_sent", 0) == MAILS - len(self.unknown), (counted, status)

    def picture(self):
        return None

    def mails(self):
        """What is sent came once; what is unknown came once or not at all; what was sent again perhaps twice."""
        if "resend" in self.options:
            return {mail: range(1, 2 + self.deaths) for mail in self.ids}
        return {mail: ONCE_OR_NOT_AT_ALL if mail in self.unknown else ONCE for mail in self.ids}

    def close(self):
        shutil.rmtree(self.directory)


# ---- step after step -----------------------------------------------------------------------------------------

class Scene:
    """What goes on while worlds come and go."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="ese-anywhere-")
        self.sink = Sink(self.directory)
        self.mailer = MailerLife(self.directory, self.sink)
        self.lock = threading.Lock()
        self.mails = {}  # of all worlds

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.mailer.stop()
        self.sink.close()
        left = None if no_process_is_left(self.directory) else "a process is left"
        shutil.rmtree(self.directory)
        assert left is None, left

    def note(self, world):
        with self.lock:
            self.mails.update(world.mails())
        world.close()

    def count(self, make):
        """How many steps an undisturbed life has, and what it leaves."""
        world, told = make(self), os.path.join(self.directory, "told")
        assert world.live(environment(told=told))
        world.check(None)
        picture = world.picture()
        self.note(world)
        with open(told) as file:
            return int(file.read()), picture

    def try_step(self, make, step, reference, plant=""):
        """How many lives ended at it."""
        world, deaths = make(self), 0
        while deaths < LIVES and not world.live(environment(step=step, plant=plant)):
            deaths += 1
        assert deaths < LIVES or world.live(environment(plant=plant)), "a life has ended that nobody ended"
        try:
            world.check(reference)
        except AssertionError as problem:
            raise Wrong("ended at step %d: %s" % (step, problem)) from problem
        self.note(world)
        return deaths

    def check_mails(self):
        outbox = os.path.join(self.directory, "outbox")
        wait_until(lambda: count_waiting(outbox) == 0, "mails wait for ever")
        arrived = self.sink.arrived()
        wrong = {mail: arrived[mail] for mail, allowed in self.mails.items() if arrived[mail] not in allowed}
        assert not wrong, ("arrived so often", wrong)
        assert set(arrived) <= set(self.mails), "a mail came that nobody asked for"
        return arrived


def tell_unknown(scene, arrived):
    unknown = [mail for mail, allowed in scene.mails.items() if allowed == ONCE_OR_NOT_AT_ALL]
    if not unknown:
        return ""
    came = sum(arrived[mail] for mail in unknown)
    assert EVERY > 1 or 0 < came < len(unknown), "of a death before the reply nobody knows whether the mail was sent"
    return "; of %d mails nobody knows, and %d of them came" % (len(unknown), came)


def each_step_is_survived(make):
    with Scene() as scene:
        steps, reference = scene.count(make)
        tried = range(random.randrange(EVERY), steps + SPARE, EVERY)
        with concurrent.futures.ThreadPoolExecutor(SIDES) as sides:
            deaths = list(sides.map(lambda step: scene.try_step(make, step, reference), tried))
        arrived = scene.check_mails()
        reached = sum(count > 0 for count in deaths)
        print("# at %d of %d steps %d lives ended%s" % (reached, steps, sum(deaths), tell_unknown(scene, arrived)))
        assert reached >= (steps - SPARE) // EVERY, deaths


def a_planted_fault_is_found(make, plant):
    with Scene() as scene:
        steps, reference = scene.count(make)
        tried = range(steps // 3, steps, PLANTED_EVERY)  # before, it makes its tables
        found = threading.Event()

        def find(step):
            try:
                found.is_set() or scene.try_step(make, step, reference, plant)
            except Wrong as problem:
                found.set()
                print("# of %d, %.150s" % (steps, problem))
        with concurrent.futures.ThreadPoolExecutor(SIDES) as sides:
            list(sides.map(find, tried))
        assert found.is_set(), "none of %d steps shows it" % len(tried)


def a_consumer(scene):
    return ConsumerWorld(scene.directory, scene.mailer)


def a_mailer(scene):
    return MailerWorld(scene.directory, scene.sink)


def a_mailer_that_sends_again(scene):
    return MailerWorld(scene.directory, scene.sink, "--unknown", "resend")


def main():
    if not can_be_had():
        skip("no python3 with the module aiosmtpd")
    sys.exit(run([
        ("a_consumer_may_end_anywhere", lambda: each_step_is_survived(a_consumer)),
        ("a_mailer_may_end_anywhere", lambda: each_step_is_survived(a_mailer)),
        ("a_mailer_that_sends_again_may_end_anywhere", lambda: each_step_is_survived(a_mailer_that_sends_again)),
        ("a_batch_that_is_committed_piecemeal_is_found", lambda: a_planted_fault_is_found(a_consumer, "piecemeal")),
        ("an_answer_before_the_commit_is_found", lambda: a_planted_fault_is_found(a_mailer, "late"))]))


main()
