#!/usr/bin/python3
"""Two runs of one seed offer the same events at the same distances from their start, on all sides, and, nothing being
broken, come to the same decisions. TAP.

    same_seed.py ESE_LAB TRANSPORTS
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import count_independently
import history
import steady_click
from lab_scene import JARS, a_real_broker_can_be_had, no_process_is_left, processes_of, run

SEED = 7
START_NS = 1_000_000  # each client knows when to begin by the wall clock, give or take this

Offer = collections.namedtuple("Offer", "lane sequence type sub_type key since_first_ns data")


def since_due(data, client_ts):
    """An order's data tells when it was due; two runs do not begin at one time: here, how long after it was due that is."""
    return data and re.sub(r'"timestamp":(\d+)', lambda told: '"timestamp":%d' % (int(told[1]) - client_ts), data)


class Side:
    """What one transport of a run was offered, and what it decided; data where the store can tell of it."""

    def __init__(self, directory, transport, data):
        directory = os.path.join(directory, transport["name"])
        offered = [one for one in history.records(os.path.join(directory, "client.history")) if one.kind == "offered"]
        self.first_ns = offered[0].time_ns - transport["schedule_ns"]
        self.offers = [Offer(*steady_click.place_of(one.id)[1:], one.type, one.word, one.key,
                             one.time_ns - offered[0].time_ns, since_due(data.get(one.id), one.a)) for one in offered]
        self.has_data = any(one.data is not None for one in self.offers)
        self.decisions = decisions(os.path.join(directory, "state.db"))


def decisions(state):
    """By what is behind them: rule, key, and the places of the events in their lanes."""
    found = []
    for rule, key, events in count_independently.ask(state, "SELECT rule, key, hex(events) FROM decision"):
        events = bytes.fromhex(events)
        found.append((rule, key, *(steady_click.place_of(events[at:at + 16])[1:] for at in range(0, len(events), 16))))
    return sorted(found)


def data_in_sqlite(directory):
    database = os.path.join(directory, "server", "events.db")
    if not os.path.exists(database):
        return {}
    rows = count_independently.ask(database, "SELECT hex(id), hex(data) FROM events")
    return {bytes.fromhex(event): bytes.fromhex(data).decode() for event, data in rows}


def data_in_kafka(directory):
    if not os.path.exists(os.path.join(directory, "broker")):
        return {}
    found = {}
    with count_independently.broker_of(directory, JARS) as port:
        for topic in count_independently.TOPICS:
            for event, value in re.findall(r"ce_id=([0-9a-f-]{36})\S* (\{.*\})$",
                                           count_independently.records_of_topic(port, topic, "%h %s"), re.M):
                found[count_independently.bytes_of(event)] = json.loads(value)["data"]
    return found


def sides_of(directory, ask_broker):
    with open(os.path.join(directory, "results.json")) as file:
        transports = json.load(file)["transports"]
    sides = []
    for one in transports:
        ledger = one["ledger"]
        assert ledger["acknowledged"] == ledger["offered"], "too slow a machine: %s: %s" % (one["name"], ledger)
        place = os.path.join(directory, one["name"])
        sides.append(Side(directory, one, data_in_sqlite(place) or (data_in_kafka(place) if ask_broker else {})))
    return sides


def differences(sides):
    """In words, what any of them was offered or has decided otherwise than the first."""
    found = []
    for number, side in enumerate(sides[1:], 1):
        if len(side.offers) != len(sides[0].offers):
            found.append("side %d was offered %d events, not %d" % (number, len(side.offers), len(sides[0].offers)))
        for one, other in zip(side.offers, sides[0].offers):
            if one[:-1] != other[:-1] or None not in (one.data, other.data) and one.data != other.data:
                found.append("side %d was offered %s, not %s" % (number, one, other))
                break
        if abs(side.first_ns - sides[0].first_ns) > START_NS:
            found.append("side %d began %d ns late" % (number, side.first_ns - sides[0].first_ns))
        if side.decisions != sides[0].decisions:
            found.append("side %d decided otherwise: %s" % (number, set(side.decisions) ^ set(sides[0].decisions)))
    return found


class Runs:
    """The same twice."""

    def __init__(self, lab, transports):
        self.directory = tempfile.mkdtemp(prefix="ese-seed-")
        self.sides = []
        for number in range(2):
            out = os.path.join(self.directory, str(number))
            done = subprocess.run([lab, "compare", "--transports", transports, "--source", "clicks", "--fault", "none",
                                   "--seed", str(SEED), "--rate", "150", "--warmup", "1", "--duration", "3", "--out", out, "--quiet"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=150, check=False)
            assert done.returncode == 0, done.stderr
            self.sides += sides_of(out, False)

    def they_offer_and_decide_the_same(self):
        assert len(self.sides[0].offers) > 300 and len(self.sides[0].decisions) > 10
        assert differences(self.sides) == []
        print("# %d events and %d decisions on each of %d sides" % (
            len(self.sides[0].offers), len(self.sides[0].decisions), len(self.sides)))

    def whatever_is_otherwise_is_seen(self):
        """Each member of an offer, one event fewer, one decision fewer."""
        for member in Offer._fields:
            side, at = self.altered(), 100
            old = getattr(side.offers[at], member)
            new = old + 1 if isinstance(old, int) else "otherwise"
            side.offers[at] = side.offers[at]._replace(**{member: new})
            is_told = member != "data" or self.sides[0].has_data
            assert len(differences([self.sides[0], side])) == (1 if is_told else 0), member
        for name in ("offers", "decisions"):
            side = self.altered()
            getattr(side, name).pop()
            assert len(differences([self.sides[0], side])) == 1, name

    def altered(self):
        side = object.__new__(Side)
        side.__dict__.update(self.sides[0].__dict__)
        side.offers, side.decisions = list(side.offers), list(side.decisions)
        return side

    def nothing_is_left_running(self):
        assert no_process_is_left(self.directory), processes_of(self.directory)


def main():
    names = [name for name in sys.argv[2].split(",") if name != "kafka" or a_real_broker_can_be_had()]
    runs = Runs(os.path.abspath(sys.argv[1]), ",".join(names or ["file"]))
    failed = run([(name, getattr(runs, name)) for name in (
        "they_offer_and_decide_the_same", "whatever_is_otherwise_is_seen", "nothing_is_left_running")])
    shutil.rmtree(runs.directory)
    sys.exit(failed)


if __name__ == "__main__":
    main()
