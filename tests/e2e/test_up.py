#!/usr/bin/python3
"""`./lab up`, status, logs and down over one transport: a lab that stays, says how it stands,
brings back what dies of it, and leaves nothing, however it ends. TAP.

    test_up.py ESE_LAB TRANSPORT NEEDS_BROKER
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from lab_scene import (JARS, a_real_broker_can_be_had, listening, listening_beyond_loopback, no_process_is_left, pids_of,
                       processes_of, run, skip, wait_until, words_of)

LAB, TRANSPORT = os.path.abspath(sys.argv[1]), sys.argv[2]
NEEDS_BROKER = sys.argv[3] == "true"
PATIENCE_S = 120  # a broker that is started again has taken a minute on a busy machine
COUNTERS = ("offered", "acknowledged", "processed", "mails sent")
# a party, and a word of its command
PARTIES = {"client": "/ese-client", "server": "/ese-server", "broker": "kafka.Kafka",
           "consumer": "/ese-consumer", "mailer": "/ese-mailer", "sink": "aiosmtpd"}


class Home:
    """A lab home of a test's own, which borrows only the jars."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="ese-up-")
        if os.path.isdir(JARS):
            os.mkdir(os.path.join(self.path, "kafka"))
            os.symlink(os.path.abspath(JARS), os.path.join(self.path, "kafka", "libs"))

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.lab("down")
        for pid in pids_of(self.path):  # of a test that has failed
            os.kill(pid, signal.SIGKILL)
        assert no_process_is_left(self.path), processes_of(self.path)
        shutil.rmtree(self.path)

    def start(self, *words, transport=TRANSPORT):
        if words[0] == "up":
            words += ("--rate", "100") + (() if transport is None else ("--transport", transport))
        return subprocess.Popen([LAB, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "ESE_LAB_HOME": self.path})

    def lab(self, *words, **more):
        """Exit status, and all that was said."""
        process = self.start(*words, **more)
        said, complained = process.communicate(timeout=PATIENCE_S)
        return process.returncode, said + complained

    def must(self, *words):
        status, said = self.lab(*words)
        assert status == 0, (words, status, said)
        return said

    def counters(self):
        said = self.must("status").replace(",", "")
        return {name: int(re.search(r"^ +%s +(\d+)$" % name, said, re.MULTILINE).group(1))
                for name in COUNTERS}

    def lab_pid(self):
        return int(re.search(r"the lab is up, process (\d+)", self.must("status")).group(1))

    def pid_of(self, party):
        found = [pid for pid in pids_of(self.path)
                 if any(PARTIES[party] in word for word in words_of(pid))]
        return found[0] if found else None

    def parties(self):
        return [party for party in PARTIES if self.pid_of(party)]

    def all_counters_rise(self):
        before = self.counters()
        wait_until(lambda: all(count > before[name] for name, count in self.counters().items()),
                   PATIENCE_S, "every counter rises from %s" % before)

    def nothing_is_left(self, sockets):
        assert no_process_is_left(self.path), processes_of(self.path)
        wait_until(lambda: not sockets.keys() & listening().keys(), 10,
                   "nobody listens on %s" % sockets)
        status, said = self.lab("status")
        assert status == 1 and "no lab is up" in said, (status, said)


def it_stays_and_tells_how_it_stands():
    with Home() as home:
        earlier = os.path.join(home.path, "up", "earlier", "logs")
        os.makedirs(earlier)
        with open(os.path.join(earlier, "client.log"), "w", encoding="ascii") as file:
            file.write("of another lab\n")
        said = home.must("up", "--source", "mixed")
        assert "The lab is up" in said and "transport " + TRANSPORT in said, said
        told = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", said)}
        sockets = listening(pids_of(home.path))
        assert sockets and listening_beyond_loopback(pids_of(home.path)) == []
        assert told and told <= set(sockets.values()), (told, sockets)
        home.all_counters_rise()
        words = words_of(home.pid_of("client")) # which has been started, and only now must have come to its program
        assert "mixed" in words, words
        logs = home.must("logs")
        for party in home.parties():
            assert "/logs/%s.log <==" % party in logs, (party, logs)
        assert "/lab.log <==" in logs and "takes mails on 127.0.0.1" in logs, logs
        assert "of another lab" not in logs, logs
        assert "the lab is down" in home.must("down")
        home.nothing_is_left(sockets)
        assert "acknowledged" in home.must("logs"), "what was said is still to be read"
        assert "no lab is up" in home.must("down"), "what is wanted is so already"


def who_dies_is_started_again():
    with Home() as home:
        home.must("up")
        home.all_counters_rise()
        parties = home.parties()
        assert {"client", "consumer", "mailer", "sink"} <= set(parties), parties
        assert ("broker" in parties) == NEEDS_BROKER, parties
        for party in parties:
            dead = home.pid_of(party)
            os.kill(dead, signal.SIGKILL)
            wait_until(lambda: home.pid_of(party) not in (None, dead), PATIENCE_S,
                       party + " is there again")
            logs = home.must("logs")
            assert "the %s has ended; it is started again" % party in logs, logs
            home.all_counters_rise()


def a_second_one_is_refused():
    with Home() as home:
        home.must("up")
        first, counted = home.lab_pid(), home.counters()
        for other in {TRANSPORT, "file", "http"}:  # known or not, the first is not touched
            status, said = home.lab("up", transport=other)
            refused = "a lab is up already (process %d): './lab down' stops it" % first
            assert (status, refused in said) == (1, True) or \
                (status, "'%s'" % other in said) == (64, True), (status, said)
        assert home.lab_pid() == first
        assert all(count >= counted[name] for name, count in home.counters().items())


def of_two_at_once_one_is_refused():
    with Home() as home:
        both = [home.start("up"), home.start("up")]
        ended = [(up.communicate(timeout=PATIENCE_S), up.returncode) for up in both]
        assert sorted(status for _, status in ended) == [0, 1], ended
        for (said, complained), status in ended:
            assert "The lab is up" in (said if status == 0 else "") or \
                "a lab is up already" in (complained if status == 1 else ""), ended
        home.all_counters_rise()


def interrupted(how):
    """While it starts: once something of it runs, and before it has said that it is up."""
    with Home() as home:
        for _ in range(20):
            up = home.start("up")
            wait_until(lambda: len(home.parties()) > 0, PATIENCE_S, "something runs")
            sockets = listening(pids_of(home.path))
            up.send_signal(how)
            said, complained = up.communicate(timeout=PATIENCE_S)
            if up.returncode != 0:
                # who is killed for good may have ended between his last words and the lab's hearing that they are said
                assert "The lab is up" not in said or how == signal.SIGKILL, said
                assert "stopped while" in complained or \
                    how not in (signal.SIGINT, signal.SIGTERM), complained
                return home.nothing_is_left(sockets)
            home.must("down")  # it was quicker
        raise AssertionError("never caught while it started")


def whom_nobody_has_announced_does_not_stay():
    """Killed in the last moment: the lab is up, and its starter has yet to say so."""
    with Home() as home:
        up = home.start("up")
        wait_until(lambda: "process" in home.lab("status")[1], PATIENCE_S, "it has begun")
        up.send_signal(signal.SIGSTOP)
        wait_until(lambda: "the lab is up" in home.lab("status")[1], PATIENCE_S, "it is up")
        sockets = listening(pids_of(home.path))
        up.kill()
        said, _ = up.communicate(timeout=PATIENCE_S)
        if "The lab is up" not in said:  # else it was quicker than the stop
            home.nothing_is_left(sockets)


def down_stops_one_that_starts():
    with Home() as home:
        up = home.start("up")
        wait_until(lambda: "process" in home.lab("status")[1], PATIENCE_S, "it has begun")
        assert "the lab is down" in home.must("down")
        up.communicate(timeout=PATIENCE_S)
        home.nothing_is_left({})


def a_crash_leaves_nothing():
    with Home() as home:
        home.must("up")
        sockets = listening(pids_of(home.path))
        os.kill(home.lab_pid(), signal.SIGKILL)
        home.nothing_is_left(sockets)
        assert "no lab is up" in home.must("down")
        home.must("up")  # and nothing stale is in its way
        home.all_counters_rise()


def a_lesson_is_not_the_default():
    with Home() as home:
        status, said = home.lab("up", transport=None)
        assert status == 0 and re.search(r"^  transport [a-z]+$", said, re.MULTILINE), (status, said)
        home.must("down")


def what_cannot_be_is_told_at_once():
    with Home() as home:
        status, said = home.lab("up", transport=TRANSPORT + ":colour=green")
        assert status == 64 and "colour" in said, (status, said)
        status, said = home.lab("up", transport="pigeon")
        assert status == 64 and "pigeon" in said, (status, said)
        status, said = home.lab("status")
        assert status == 1, (status, said)
        if NEEDS_BROKER:
            os.unlink(os.path.join(home.path, "kafka", "libs"))
            status, said = home.lab("up", "--broker", "kafka")
            assert status == 69 and "jars" in said, (status, said)


def who_listens_beyond_loopback_is_seen():
    """The proof of what it_stays_and_tells_how_it_stands looks at: listening_beyond_loopback()."""
    for family, address, is_beyond in ((socket.AF_INET, "127.0.0.1", False), (socket.AF_INET, "0.0.0.0", True),
                                       (socket.AF_INET6, "::1", False), (socket.AF_INET6, "::", True)):
        if family == socket.AF_INET6 and not os.path.exists("/proc/net/if_inet6"):
            continue
        with socket.create_server((address, 0), family=family):
            assert bool(listening_beyond_loopback([os.getpid()])) == is_beyond, address


def it_stays_in_the_terminal():
    with Home() as home:
        lab = home.start("up", "--foreground")
        assert lab.stdout.readline() == "The lab is up:\n"
        sockets = listening(pids_of(home.path))
        lab.send_signal(signal.SIGINT)
        lab.communicate(timeout=PATIENCE_S)
        assert lab.returncode == 0, lab.returncode
        home.nothing_is_left(sockets)


def main():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup the labs would inherit its deafness
    if NEEDS_BROKER and not a_real_broker_can_be_had():
        skip("no Java or no jars of a broker in " + JARS)
    tests = [(test.__name__, test) for test in (
        it_stays_and_tells_how_it_stands, who_dies_is_started_again, a_second_one_is_refused,
        of_two_at_once_one_is_refused, whom_nobody_has_announced_does_not_stay, down_stops_one_that_starts, a_crash_leaves_nothing,
        what_cannot_be_is_told_at_once, it_stays_in_the_terminal, who_listens_beyond_loopback_is_seen)]
    if TRANSPORT == "http":  # the first of those that are compared, but for its lesson
        tests.append((a_lesson_is_not_the_default.__name__, a_lesson_is_not_the_default))
    tests += [("interrupted_by_%s_it_leaves_nothing" % how.name, lambda how=how: interrupted(how))
              for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)]
    sys.exit(run(tests))


main()
