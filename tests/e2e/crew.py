"""crew.py ESE-LAB CONSUMER CLIENT - `ese-consumer --consumers 3`: members that share the work, of which one may die, and which
end with whoever started them. Over a real broker; skipped without one. TAP.
"""
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile

import kafka_broker
from ese_program import run, wait_until
from lab_scene import skip

LAB, CONSUMER, CLIENT = (os.path.abspath(path) for path in sys.argv[1:4])
KAFKA = ("--transport", "kafka", "--via", "direct")
EVENTS, MEMBERS = 600, 3
PATIENCE_S = 60


def is_there(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Crew:
    """Three members over fresh topics, in a directory of their own; each event costs 20 ms, so that one has work for 12 s."""

    def __init__(self, broker, *options, events=EVENTS, told=MEMBERS):
        self.place = tempfile.TemporaryDirectory(prefix="ese-test-")
        self.state = os.path.join(self.place.name, "state.db")
        cluster = broker.fresh_topics()
        if events > 0:
            subprocess.run([CLIENT, *KAFKA, *cluster, "--source", "mixed", "--count", str(events), "--rate", "max", "--quiet"],
                           check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           timeout=PATIENCE_S)
        self.process = subprocess.Popen(
            [CONSUMER, *KAFKA[:2], *cluster, "--group", cluster[3] + "group", "--consumers", str(MEMBERS), "--rule-cost-us", "20000",
             "--state", self.state, "--lateness-ms", "0", "--stuck-after-ms", "0", "-X", "session.timeout.ms=6000", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=open(self.path("said"), "w", encoding="utf-8"), text=True,
            preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))  # as some starters leave it
        self.pids = [self.pid_of(number) for number in range(1, told + 1)]

    def path(self, name):
        return os.path.join(self.place.name, name)

    def said(self):
        with open(self.path("said"), encoding="utf-8") as file:
            return file.read()

    def pid_of(self, number):
        """As it is told."""
        words = f"member {number} is process "
        wait_until(lambda: re.search(words + r"\d+\n", self.said()), f"member {number} is not told: {self.said()}", PATIENCE_S)
        return int(re.search(words + r"(\d+)\n", self.said()).group(1))

    def processed(self):
        try:
            with sqlite3.connect(f"file:{self.state}?mode=ro", uri=True) as database:
                return database.execute("SELECT coalesce(sum(processed), 0) FROM position").fetchone()[0]
        except sqlite3.OperationalError:
            return 0  # it is not there yet

    def end(self):
        try:
            said, _ = self.process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{list(filter(is_there, self.pids))} of {self.pids} do not end: {self.said()}") from None
        return self.process.returncode, said

    def must_be_gone(self):
        wait_until(lambda: not any(map(is_there, self.pids)), f"{self.pids} are not gone", PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in [self.process.pid] * (self.process.poll() is None) + list(filter(is_there, self.pids)):
            os.kill(pid, signal.SIGKILL)
        self.process.communicate()
        self.place.cleanup()


def they_share_the_work(broker):
    with Crew(broker, "--until-end", "--json") as crew:
        status, said = crew.end()
        assert status == 0, (status, crew.said())
        documents = [json.loads(text) for text in re.findall(r"^\{.*?^\}", said, re.MULTILINE | re.DOTALL)]
        assert sorted(document["member"] for document in documents) == ["1", "2", "3"], said
        counted = [document["processed"] for document in documents]
        assert len(counted) == MEMBERS and sum(counted) == EVENTS and min(counted) > 0, (counted, said)


def who_dies_is_told_and_the_others_go_on(broker):
    with Crew(broker, "--quiet") as crew:
        wait_until(lambda: crew.processed() > 0, "nothing is processed", PATIENCE_S)
        os.kill(crew.pids[1], signal.SIGKILL)
        wait_until(lambda: crew.processed() == EVENTS, f"{crew.said()}: of {EVENTS} are processed", PATIENCE_S)
        assert "member 2 was killed by signal 9; what it held goes to the others" in crew.said(), crew.said()
        assert crew.process.poll() is None and is_there(crew.pids[0]) and is_there(crew.pids[2]), crew.said()
        crew.process.terminate()
        status, _ = crew.end()
        assert status == 1 and "1 of 3 members failed; the first was member 2, which was killed by signal 9" in crew.said(), \
            (status, crew.said())
        crew.must_be_gone()


def they_end_when_they_are_asked_to(broker):
    with Crew(broker, "--quiet", events=0) as crew:
        os.kill(crew.pids[2], signal.SIGSTOP)  # this one, too
        crew.process.send_signal(signal.SIGINT)
        assert crew.end()[0] == 0, crew.said()
        crew.must_be_gone()


def while_they_are_started_they_end_as_well(broker):
    for _ in range(10):
        with Crew(broker, "--quiet", events=0, told=1) as crew:
            crew.process.send_signal(signal.SIGINT)
            assert crew.end()[0] == 0, crew.said()
            crew.must_be_gone()


def all_asked_at_once_they_end_as_well(broker):
    """As by whoever keeps services, and asks all processes of one."""
    for _ in range(5):
        with Crew(broker, "--quiet", events=0) as crew:
            for pid in (crew.process.pid, *crew.pids):
                os.kill(pid, signal.SIGTERM)
            assert crew.end()[0] == 0, crew.said()
            crew.must_be_gone()


def they_end_with_who_started_them(broker):
    with Crew(broker, "--quiet", events=0) as crew:
        crew.process.kill()
        crew.must_be_gone()


TESTS = (they_share_the_work, who_dies_is_told_and_the_others_go_on, they_end_when_they_are_asked_to, while_they_are_started_they_end_as_well,
         all_asked_at_once_they_end_as_well,
         they_end_with_who_started_them)

if __name__ == "__main__":
    if not kafka_broker.can_be_had():
        skip("no broker to be had")
    with kafka_broker.Broker(LAB) as one_broker:
        sys.exit(run([kafka_broker.bind(test, one_broker) for test in TESTS]))
