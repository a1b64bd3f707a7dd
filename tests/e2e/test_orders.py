#!/usr/bin/python3
"""Clicks and orders over several transports at once, with the consumers away while timers should have gone off: each
order that was created and not completed gives one mail, whichever transport it travelled over. Which orders those are
is told by this program's own reading of the one transport whose store is plain text. TAP.

    test_orders.py ESE_LAB PLAIN_TRANSPORT OTHERS...

OTHERS that need a broker are left out where no real one can be had: they are given with a ! in front.
"""
import email.parser
import json
import os
import shutil
import subprocess
import sys
import tempfile

from lab_scene import a_real_broker_can_be_had, no_process_is_left, processes_of, run

LAB, PLAIN = sys.argv[1:3]
OTHERS = [name.lstrip("!") for name in sys.argv[3:] if name[0] != "!" or a_real_broker_can_be_had()]
STUCK_AFTER_MS = 5000
LATENESS_MS = 6000


def compare(directory, seed):
    command = [LAB, "compare", "--transports", ",".join([PLAIN, *OTHERS]), "--source", "mixed", "--seed", str(seed),
               "--rate", "150", "--duration", "9", "--warmup", "1", "--fault", "consumer-down", "--gap", "3",
               "--retry-deadline-ms", str(LATENESS_MS), "--out", directory, "--json", "--quiet"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=150)


def stored(directory):
    """The plain store's events, in its order."""
    with open(os.path.join(directory, PLAIN, "server", "events.ndjson"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def stuck_by_hand(events):
    """The orders that were created and not completed in time: nothing of the lab's."""
    created, completed = {}, {}
    for event in events:
        times = {"ORDER_CREATED": created, "ORDER_COMPLETED": completed}.get(event["sub_type"])
        if times is not None:
            times.setdefault(event["data"]["orderId"], event["client_ts"])
    return sorted(order for order, at in created.items()
                  if completed.get(order, at + STUCK_AFTER_MS + 1) > at + STUCK_AFTER_MS)


def mails_of(directory, name):
    """Path and subject of each."""
    box = os.path.join(directory, name, "maildir", "new")
    for entry in sorted(os.listdir(box)):
        path = os.path.join(box, entry)
        with open(path, "rb") as file:
            yield path, email.parser.BytesHeaderParser().parse(file)["Subject"]


def told_of(directory, name):
    return sorted(subject[1:37] for _, subject in mails_of(directory, name)
                  if subject.endswith("] | Order Not Completed"))


class Orders:
    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="ese-orders-")
        self.run = os.path.join(self.directory, "run")
        self.result = compare(self.run, 5)
        self.results = json.loads(self.result.stdout) if self.result.stdout else {"transports": []}

    def the_ledgers_balance(self):
        assert self.result.returncode == 0, self.result.returncode
        assert self.results["options"]["source"] == "mixed"
        assert len(self.results["transports"]) == 1 + len(OTHERS)
        for one in self.results["transports"]:
            assert one["verdict"]["ledger"]["word"] == "pass", (one["name"], one["verdict"])
            assert one["drained"], one["name"]
            ledger, mails = one["ledger"], one["mails"]
            assert ledger["late"] == 0 and ledger["in_flight"] == 0, (one["name"], ledger)
            assert mails["doubled"] == mails["unexpected"] == mails["unknown"] == 0, (one["name"], mails)

    def the_simulation_is_the_originals(self):
        events = [event for event in stored(self.run) if event["type"] == "ORDER_STATE_UPDATE_EVENT"]
        kinds = [event["sub_type"] for event in events]
        created, completed = kinds.count("ORDER_CREATED"), kinds.count("ORDER_COMPLETED")
        assert created > 100 and 0.3 * created < completed < 0.7 * created, (created, completed)
        assert len(stored(self.run)) > 2 * len(events)  # two clicks an event of an order
        for event in events:
            assert event["data"]["timestamp"] == event["client_ts"] and len(event["data"]) == 2, event

    def each_stuck_order_gives_one_mail_wherever_it_travelled(self):
        """One seed, as many runs as transports: the same orders, each by one mail."""
        stuck = stuck_by_hand(stored(self.run))
        assert len(stuck) > 50, len(stuck)
        for name in [PLAIN, *OTHERS]:
            assert told_of(self.run, name) == stuck, name

    def check_repeats_the_ledger(self):
        again = subprocess.run([LAB, "check", "--json", self.run], stdout=subprocess.PIPE, text=True, timeout=60)
        assert again.returncode == 0 and json.loads(again.stdout)["transports"] == self.results["transports"]

    def planted(self, plant):
        copy = os.path.join(self.directory, "planted")
        shutil.copytree(self.run, copy, ignore=shutil.ignore_patterns("broker"))
        plant(copy)
        checked = subprocess.run([LAB, "check", "--json", copy], stdout=subprocess.PIPE, text=True, timeout=60)
        shutil.rmtree(copy)
        return checked.returncode, json.loads(checked.stdout)["transports"][0]["mails"]

    @staticmethod
    def first_of_an_order(directory):
        return next(path for path, subject in mails_of(directory, PLAIN) if "Order" in subject)

    def a_missing_mail_of_an_order_is_caught(self):
        status, mails = self.planted(lambda copy: os.unlink(self.first_of_an_order(copy)))
        assert status == 1 and mails["lost"] == 1, (status, mails)

    def a_second_mail_of_an_order_is_caught(self):
        def plant(copy):
            shutil.copy(self.first_of_an_order(copy), self.first_of_an_order(copy) + ".again")
        status, mails = self.planted(plant)
        assert status == 1 and mails["doubled"] == 1, (status, mails)

    def nothing_is_left_running(self):
        assert no_process_is_left(self.directory), processes_of(self.directory)

    def close(self):
        shutil.rmtree(self.directory)


def main():
    orders = Orders()
    status = run([
        ("the ledgers balance", orders.the_ledgers_balance),
        ("the simulation is the original's", orders.the_simulation_is_the_originals),
        ("each stuck order gives one mail, wherever it travelled",
         orders.each_stuck_order_gives_one_mail_wherever_it_travelled),
        ("check repeats the ledger", orders.check_repeats_the_ledger),
        ("a missing mail of an order is caught", orders.a_missing_mail_of_an_order_is_caught),
        ("a second mail of an order is caught", orders.a_second_mail_of_an_order_is_caught),
        ("nothing is left running", orders.nothing_is_left_running),
    ])
    orders.close()
    sys.exit(status)


main()
