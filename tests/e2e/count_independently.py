#!/usr/bin/python3
"""Counts a finished comparison again, with nothing of the lab's: mails in the Maildir by Python's own parser, databases by
the sqlite3 tool, the topics by kcat on a broker started again on the run's data, histories by their described format, and
what had to come of it by a rule of its own.

    count_independently.py RUN_DIRECTORY KAFKA_JARS

Prints one line a transport; exits with 1 where a count differs from results.json.
"""
import collections
import contextlib
import email.parser
import json
import os
import re
import socket
import subprocess
import sys
import time

import history
import steady_click
import stuck_order

TOPICS = ("click-events", "order-events")
FATES = ("acknowledged", "refused", "unknown", "not sent")
LOSSES = ("clash", "expiry", "death", "other")
MAIL_WORDS = ("expected", "arrived", "matched", "altered", "lost", "doubled", "unexpected", "unknown", "unknown_arrived",
              "doubtful_chains", "touched_chains")
WINDOW = 1024  # events of a lane that the consumer's state tells apart
Stored = collections.namedtuple("Stored", "event partition offset server_ts")


def bytes_of(text):
    """Of a UUID."""
    return bytes.fromhex(text.replace("-", ""))


def ask(database, query):
    """Rows of texts."""
    found = subprocess.run(["sqlite3", "-separator", " ", database, query], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    return [line.split() for line in found.splitlines()]


# ---- what the client offered ---------------------------------------------------------------------------------

class Offered:
    """One event, and what the client was told of it."""

    def __init__(self, record):
        self.event, self.key, self.client_ts, self.due_ns = record.id, record.key, record.a, record.time_ns
        self.word = record.word
        self.was_sent, self.outcome, self.told_ns = False, None, None

    def fate(self):
        return self.outcome or ("unknown" if self.was_sent else "not sent")

    def given_up_ms(self):
        return self.client_ts + (self.told_ns - self.due_ns) // 1_000_000 if self.told_ns else None


def offered_by_client(directory):
    """By id, in the order they were offered."""
    events = {}
    for record in history.records(os.path.join(directory, "client.history")):
        if record.kind == "offered":
            events[record.id] = Offered(record)
        elif record.kind == "sent":
            events[record.id].was_sent = True
        else:
            events[record.id].outcome, events[record.id].told_ns = record.kind, record.time_ns
    return events


# ---- what was stored -----------------------------------------------------------------------------------------

def stored_in_sqlite(directory):
    database = os.path.join(directory, "server", "events.db")
    if not os.path.exists(database):
        return None
    return [Stored(bytes.fromhex(event), 0, int(offset), int(server_ts)) for event, offset, server_ts in
            ask(database, "SELECT hex(id), offset, server_ts FROM events ORDER BY offset")]


def stored_in_file(directory):
    path = os.path.join(directory, "server", "events.ndjson")
    if not os.path.exists(path):
        return None
    found, offset = [], 0
    with open(path, "rb") as file:
        for line in file:
            event = json.loads(line)
            found.append(Stored(bytes_of(event["id"]), 0, offset, event["server_ts"]))
            offset += len(line)
    return found


def wait_for_port(port, broker):
    until = time.monotonic() + 60
    while time.monotonic() < until and broker.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the broker does not listen on %d" % port)


def records_of_topic(port, topic, form):
    """By kcat, in its words for a form; tried again until the restarted broker leads its partitions."""
    command = ["kcat", "-C", "-b", "127.0.0.1:%d" % port, "-t", topic, "-o", "beginning", "-e", "-q", "-f", form + "\n"]
    until = time.monotonic() + 60
    while True:
        result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if result.returncode == 0:
            return result.stdout
        if time.monotonic() > until:
            raise RuntimeError("kcat on %s: %s" % (topic, result.stderr.strip()))
        time.sleep(0.5)


@contextlib.contextmanager
def broker_of(directory, jars):
    """Started again on what it has; its port."""
    properties = os.path.join(directory, "broker", "server.properties")
    with open(properties) as file:
        port = int(re.search(r"^advertised\.listeners=\w+://127\.0\.0\.1:(\d+)", file.read(), re.M)[1])
    classes = os.path.join(os.path.abspath(jars), "*")
    broker = subprocess.Popen(["java", "-Xmx384m", "-cp", classes, "kafka.Kafka", properties],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=dict(os.environ, LOG_DIR=directory), cwd=directory)
    try:
        wait_for_port(port, broker)
        yield port
    finally:
        broker.terminate()
        broker.wait(60)


def stored_in_kafka(directory, jars):
    if not os.path.exists(os.path.join(directory, "broker")):
        return None
    stored = []
    with broker_of(directory, jars) as port:
        for number, topic in enumerate(TOPICS):
            found = re.findall(r"^(\d+) (\d+) (\d+) .*?ce_id=([0-9a-f-]{36})", records_of_topic(port, topic, "%p %o %T %h"),
                               re.M)
            stored += [Stored(bytes_of(event), number << 16 | int(partition), int(offset), int(time_ms))
                       for partition, offset, time_ms, event in found]
    return stored


def dead_letters(directory):
    """Events that nobody could process. A comparison replays none."""
    rows = ask(os.path.join(directory, "state.db"), "SELECT hex(id) FROM dead_letter WHERE id IS NOT NULL")
    return {bytes.fromhex(row[0]) for row in rows}


# ---- what became of it ---------------------------------------------------------------------------------------

class Places:
    """Of a store that keeps places: what lies before the consumer's position was processed."""

    def __init__(self, stored, directory):
        self.copies = collections.Counter(one.event for one in stored)
        self.first = {}
        for one in stored:
            self.first.setdefault(one.event, one)
        rows = ask(os.path.join(directory, "state.db"), "SELECT partition, next FROM position WHERE next IS NOT NULL")
        self.next = {int(partition): int(offset) for partition, offset in rows}

    def has(self, event):
        return event in self.first

    was_seen = has

    def seen(self):
        return self.first

    def was_processed(self, event):
        place = self.first.get(event)
        return place is not None and place.offset < self.next.get(place.partition, 0)

    def server_ts(self, event):
        return self.first[event].server_ts

    def is_before(self, one, other):
        one, other = self.first[one], self.first[other]
        return one.partition == other.partition and one.offset < other.offset

    def loss(self, event):
        return "other"

    def counts(self, offered):
        """Seen from a key's last acknowledged event back, each must lie before all that were offered later."""
        reordered, foremost = 0, {}
        for one in reversed([one for one in offered.values() if one.fate() == "acknowledged" and self.has(one.event)]):
            if one.key in foremost and not self.is_before(one.event, foremost[one.key]):
                reordered += 1
            else:
                foremost[one.key] = one.event
        return {"ledger.stored_twice": self.copies.total() - len(self.copies), "ledger.reordered": reordered}


class Hashes:
    """Of the lesson's store, which died: one ip and millisecond has one place, as long as the store lives."""

    def __init__(self, offered, directory):
        self.kept, self.by_clash, self.life, held = {}, set(), 0, {}
        for record in history.records(os.path.join(directory, "server.history")):
            if record.kind == "begun empty":
                self.life, held = self.life + 1, {}
            if record.kind != "kept":
                continue
            place = offered[record.id].key, offered[record.id].client_ts
            if held.get(place, record.id) != record.id:
                self.by_clash.add(held[place])
            held[place] = record.id
            self.by_clash.discard(record.id)
            self.kept[record.id] = self.life, record.a
        self.held, self.dead = set(held.values()), dead_letters(directory)
        self.had = {}
        for run, lane, highest, window in ask(os.path.join(directory, "state.db"),
                                              "SELECT run, lane, highest, hex(window) FROM repeats"):
            self.had[int(run), int(lane)] = int(highest), bytes.fromhex(window)

    def has(self, event):
        return event in self.held

    def was_seen(self, event):
        return self.has(event) or self.was_processed(event)

    def seen(self):
        return [event for event in self.kept if self.was_seen(event)]

    def was_processed(self, event):
        run, lane, sequence = steady_click.place_of(event)
        highest, window = self.had.get((run, lane), (-1, b""))
        assert highest - sequence < WINDOW, "the state no longer tells whether it had an event"
        bit = sequence % WINDOW
        return event in self.dead or sequence <= highest and window[bit // 8] >> bit % 8 & 1 == 1

    def server_ts(self, event):
        return self.kept[event][1]

    def is_before(self, one, other):
        return self.server_ts(one) <= self.server_ts(other)

    def loss(self, event):
        if event in self.by_clash:
            return "clash"
        return "death" if event in self.kept and self.kept[event][0] < self.life else "other"

    def counts(self, _):
        return {}


# ---- mails ---------------------------------------------------------------------------------------------------

def decision_of(head):
    """None where it names none, or more than one."""
    named = [re.fullmatch(r"[0-9a-f-]{36}", value.strip(), re.IGNORECASE) for value in head.get_all("X-ESE-Decision", [])]
    return bytes_of(named[0][0]) if len(named) == 1 and named[0] else None


def mails(directory):
    """How often one of each decision arrived; and, as None, of those that name none."""
    found = collections.Counter()
    for box in ("new", "cur"):
        folder = os.path.join(directory, "maildir", box)
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), "rb") as file:
                head = email.parser.BytesHeaderParser().parse(file)
            found[decision_of(head)] += 1
    return found


def is_doubtful(chain, offered, store):
    """An unknown event was stored out of its place, or after it had been given up: who knows what had to come?"""
    events = [event for event in chain[1] if store.has(event)]
    for event in events:
        one = offered[event]
        if one.fate() != "unknown":
            continue
        late = one.given_up_ms() is not None and store.server_ts(event) > one.given_up_ms()
        at = events.index(event)
        if late or not all(store.is_before(other, event) for other in events[:at]) or \
                not all(store.is_before(event, other) for other in events[at + 1:]):
            return True
    return False


def count_mails(offered, store, directory):
    """The ledger's words, by chain: first what has the right id, then what came in its place. And who missed one, and
    whether all that a chain of theirs gave."""
    dead = dead_letters(directory)
    seen = [one for one in offered.values() if one.event not in dead and
            (one.fate() == "acknowledged" or one.fate() == "unknown" and store.was_seen(one.event))]
    chains = steady_click.chains((one.key, one.client_ts, one.event) for one in seen if one.word == "KEY_PRESS_EVENT")
    windows = stuck_order.chains((one.key, one.client_ts, one.event, one.word) for one in seen
                                 if one.word in stuck_order.WORDS)
    expected = [set(steady_click.decisions(chain)) for chain in chains]
    expected += [set(stuck_order.decisions(window)) for window in windows]
    chains += windows
    chain_of = {event: number for number, chain in enumerate(chains) for event in chain[1]}
    chain_of_mail = {mail: number for number, wanted in enumerate(expected) for mail in wanted}
    ours = set(chain_of_mail)
    for decision, events in ask(os.path.join(directory, "state.db"), "SELECT hex(id), hex(events) FROM decision"):
        first = bytes.fromhex(events)[:16]
        ours.add(bytes.fromhex(decision))
        if first in chain_of:
            chain_of_mail.setdefault(bytes.fromhex(decision), chain_of[first])
    unknown = ours & {bytes_of(row[0]) for row in ask(os.path.join(directory, "outbox.db"),
                                                      "SELECT id FROM mail WHERE status IN ('unknown', 'sending')")}
    arrived, count, missed = mails(directory), collections.Counter(), {}
    strays = arrived.pop(None, 0)
    count["arrived"], count["doubled"] = arrived.total() + strays, arrived.total() - len(arrived)
    count["unexpected"] = strays + sum(mail not in chain_of_mail for mail in arrived)
    came, adrift = collections.defaultdict(set), collections.Counter()
    for mail in arrived:
        came[chain_of_mail.get(mail)].add(mail)
    for mail in unknown.difference(arrived):
        adrift[chain_of_mail.get(mail)] += 1
    count.update(unknown_arrived=len(unknown.intersection(arrived)), unknown=adrift.total(), expected=adrift[None])
    for number, (chain, wanted) in enumerate(zip(chains, expected)):
        matched, surplus = len(came[number] & wanted), len(came[number] - wanted)
        # A lost event touches its chain; so does one out of order, which "reordered" would tell of.
        count["touched_chains"] += any(offered[event].fate() == "acknowledged" and not store.was_processed(event)
                                       for event in chain[1])
        if is_doubtful(chain, offered, store):
            count["doubtful_chains"] += 1
            count.update(expected=matched + surplus + adrift[number], matched=matched + surplus)
            continue
        # A mail adrift may be any that is wanting. Only what it cannot be may have been replaced, or is lost.
        wanting = max(len(wanted) - matched - adrift[number], 0)
        altered = min(wanting, surplus)
        lost, further = wanting - altered, surplus - altered
        count.update({"expected": max(len(wanted), matched + adrift[number]), "matched": matched, "altered": altered,
                      "lost": lost, "doubled" if wanted else "unexpected": further})
        if lost > 0:
            missed[chain[0]] = missed.get(chain[0], False) or lost == len(wanted)
    return count, missed


# ---- all of it -----------------------------------------------------------------------------------------------

def count(directory, jars):
    """Of one transport: what results.json must say, member by member, and who can have missed a mail."""
    offered = offered_by_client(directory)
    stored = None
    for read in (stored_in_sqlite, stored_in_file, lambda place: stored_in_kafka(place, jars)):
        if stored is None:  # one that is there and empty is a store
            stored = read(directory)
    store = Hashes(offered, directory) if stored is None else Places(stored, directory)
    fates = collections.Counter(one.fate() for one in offered.values())
    acknowledged = [one.event for one in offered.values() if one.fate() == "acknowledged"]
    gone = [event for event in acknowledged if not store.was_processed(event)]
    losses = collections.Counter(store.loss(event) for event in gone)
    post, missed = count_mails(offered, store, directory)
    seen = list(store.seen())
    unheard = [event for event in seen if event not in offered]
    strangers = [event for event in unheard if event[6] >> 4 != 7]  # no client of ours makes such ids
    phantoms = len(unheard) - len(strangers) + sum(event in offered and offered[event].fate() in ("refused", "not sent")
                                                   for event in seen)
    unknown_stored = [one for one in offered.values() if one.fate() == "unknown" and store.was_seen(one.event)]
    counted = {"ledger.offered": len(offered), "ledger.phantom": phantoms, "ledger.lost": len(gone),
               "ledger.dead_letters": len(dead_letters(directory).intersection(acknowledged)),
               "ledger.strangers": len(strangers), "ledger.processed": len(acknowledged) - len(gone),
               "ledger.unknown_stored": len(unknown_stored)}
    counted.update({"ledger." + fate.replace(" ", "_"): fates[fate] for fate in FATES})
    counted.update({"ledger.lost_by." + cause: losses[cause] for cause in LOSSES})
    counted.update({"mails." + word: post[word] for word in MAIL_WORDS})
    counted.update(store.counts(offered))
    return counted, missed


def said(transport, member):
    for name in member.split("."):
        transport = transport[name]
    return transport


def differences(transport, counted, missed):
    """In words; none where all agrees."""
    wrong = ["%s: %s: counted %d, results.json says %d" % (transport["name"], member, number, said(transport, member))
             for member, number in counted.items() if number != said(transport, member)]
    named = [one["person"] for one in transport["never_got_mail"]]
    bare = sum(missed.values())  # who went without any come first
    if len(set(named)) != len(named) or len(named) != min(3, len(missed)) or not set(named) <= missed.keys() or \
            not all(missed[one] for one in named[:bare]):
        wrong.append("%s: never_got_mail: %s are named, of %d who miss one" % (transport["name"], named, len(missed)))
    return wrong


def count_all(directory, jars):
    """Each transport of results.json with what was counted of it, and who missed a mail."""
    with open(os.path.join(directory, "results.json")) as file:
        results = json.load(file)
    for transport in results["transports"]:
        label = re.sub(r"[^A-Za-z0-9.+-]", "_", transport["name"])
        yield (transport, *count(os.path.join(directory, label), jars))


def main():
    wrong = []
    for transport, counted, missed in count_all(*map(os.path.abspath, sys.argv[1:3])):
        print(transport["name"] + ": " + ", ".join("%s %d" % pair for pair in counted.items() if pair[1] != 0))
        wrong += differences(transport, counted, missed)
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
