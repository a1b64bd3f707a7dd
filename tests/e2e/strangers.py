"""strangers.py ESE-LAB - the original's Kafka client, played by kcat, writes to the topics of a run that is under way: its records
are the consumer's, and have their mails, and the run's ledger tells of them beside its own. Skipped without a broker, kcat or an
SMTP server. TAP.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import kafka_broker
from ese_program import run, wait_until
from lab_scene import skip
from smtp_sink import can_be_had

LAB = os.path.abspath(sys.argv[1])
RATE, SECONDS = 40, 8


def kcat(address, *words, given=None):
    done = subprocess.run(["kcat", "-b", address, *words], input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


class Compared:
    """A run over a cluster that is there already, while a stranger writes to its topic."""

    def __init__(self, broker, directory, stranger):
        self.address, self.directory = broker.address, directory
        words = [LAB, "compare", "--transports", "kafka:via=direct", "--bootstrap-servers", self.address, "--source", "clicks",
                 "--rate", str(RATE), "--warmup", "0", "--duration", str(SECONDS), "--fault", "none", "--quiet", "--json",
                 "--out", directory]
        before = self.topics()
        lab = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            wait_until(lambda: self.topics() - before, "no topics are made")
            (self.topic,) = self.topics() - before
            wait_until(lambda: len(self.records()) > 0, "nothing is written")
            stranger(self)
            said, _ = lab.communicate(timeout=120)
        finally:
            lab.kill()
            lab.wait()
        self.status, (self.transport,) = lab.returncode, json.loads(said)["transports"]

    def topics(self):
        """Of clicks; not those of dead letters, which are named so, too."""
        return {name for name in re.findall(r'topic "(\S*click-events)"', kcat(self.address, "-L")) if "dlq." not in name}

    def records(self):
        said = kcat(self.address, "-C", "-t", self.topic, "-o", "beginning", "-e", "-q", "-J")
        return [json.loads(line) for line in said.splitlines()]

    def press(self, ip, apart_ms, partition):
        """Three times, as the original: no key, no header."""
        now = int(time.time() * 1000) - 3 * apart_ms
        presses = [{"sub_type": "KEY_PRESS_EVENT", "ip": ip, "client_timestamp": now + i * apart_ms, "data": "{}"}
                   for i in range(3)]
        kcat(self.address, "-P", "-t", self.topic, "-p", str(partition), given="".join(json.dumps(one) + "\n" for one in presses))

    def mails_to(self, ip):
        place = os.path.join(self.directory, re.sub("[^A-Za-z0-9.+-]", "_", self.transport["name"]))
        found = []
        for folder, _, names in os.walk(os.path.join(place, "maildir")):
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    found += [name] if "[%s]" % ip in file.read() else []
        return found


def they_are_counted_beside_the_run(broker, directory):
    def stranger(compared):
        compared.press("PUBLICIP-3", 300, 1)
        compared.press("PUBLICIP-4", 1500, 2)  # which is no cause for a mail
    compared = Compared(broker, directory, stranger)
    ledger, mails = compared.transport["ledger"], compared.transport["mails"]
    assert compared.status == 0, (compared.status, compared.transport["verdict"])
    assert (ledger["strangers"], ledger["phantom"]) == (6, 0) and ledger["offered"] == ledger["acknowledged"] + ledger["unknown"], ledger
    assert mails["unexpected"] == mails["lost"] == mails["altered"] == 0 and mails["expected"] == mails["arrived"], mails
    assert (len(compared.mails_to("PUBLICIP-3")), len(compared.mails_to("PUBLICIP-4"))) == (1, 0)
    stories = {story["kind"]: story["events"] for story in compared.transport["faults"]}
    assert stories["a stranger's, not of this run"] == 6, stories


def among_the_runs_own_keys_nothing_can_be_told(broker, directory):
    def stranger(compared):
        one = compared.records()[0]
        compared.press(one["key"], 300, one["partition"])
    compared = Compared(broker, directory, stranger)
    assert compared.status == 2 and "strangers have sent" in compared.transport["verdict"]["ledger"]["reason"], \
        (compared.status, compared.transport["verdict"])
    assert compared.transport["ledger"]["strangers"] == 3, compared.transport["ledger"]


TESTS = (they_are_counted_beside_the_run, among_the_runs_own_keys_nothing_can_be_told)


def bind(test, broker):
    def bound():
        with tempfile.TemporaryDirectory(prefix="ese-test-") as directory:
            test(broker, os.path.join(directory, "run"))
    bound.__name__ = test.__name__
    return bound


if __name__ == "__main__":
    if not kafka_broker.can_be_had() or shutil.which("kcat") is None or not can_be_had():
        skip("no broker, no kcat or no SMTP server to be had")
    with kafka_broker.Broker(LAB) as one_broker:
        sys.exit(run([bind(test, one_broker) for test in TESTS]))
