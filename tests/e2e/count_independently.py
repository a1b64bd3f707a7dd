#!/usr/bin/python3
"""Counts a finished comparison again, with nothing of the lab's: mails in the Maildir by Python's own parser,
the HTTP store by the sqlite3 tool, the topics by kcat on a broker started again on the run's data.

    count_independently.py RUN_DIRECTORY KAFKA_JARS

Prints one line a transport; exits with 1 where a count differs from results.json.
"""
import email.parser
import json
import os
import re
import socket
import subprocess
import sys
import time


def mails(directory):
    """How many mails arrived, and how many decisions they are about."""
    found, decisions = 0, set()
    for box in ("new", "cur"):
        folder = os.path.join(directory, "maildir", box)
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), "rb") as file:
                head = email.parser.BytesHeaderParser().parse(file)
            found += 1
            decisions.add(head["X-ESE-Decision"])
    return found, len(decisions)


def stored_in_sqlite(directory):
    database = os.path.join(directory, "server", "events.db")
    if not os.path.exists(database):
        return None
    query = "SELECT count(*), count(DISTINCT id) FROM events"
    line = subprocess.run(["sqlite3", "-separator", " ", database, query], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return tuple(int(number) for number in line.split())


def wait_for_port(port, broker):
    until = time.monotonic() + 60
    while time.monotonic() < until and broker.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the broker does not listen on %d" % port)


def ids_of_topic(port, topic):
    """The ce_id of every record, by kcat; tried again until the restarted broker leads its partitions."""
    command = ["kcat", "-C", "-b", "127.0.0.1:%d" % port, "-t", topic, "-o", "beginning", "-e", "-q",
               "-f", "%h\n"]
    until = time.monotonic() + 60
    while True:
        result = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if result.returncode == 0:
            return re.findall(r"ce_id=([0-9a-f-]{36})", result.stdout)
        if time.monotonic() > until:
            sys.exit("kcat on %s: %s" % (topic, result.stderr.strip()))
        time.sleep(0.5)


def stored_in_kafka(directory, jars):
    properties = os.path.join(directory, "broker", "server.properties")
    if not os.path.exists(properties):
        return None
    with open(properties) as file:
        port = int(re.search(r"^advertised\.listeners=\w+://127\.0\.0\.1:(\d+)", file.read(), re.M)[1])
    broker = subprocess.Popen(["java", "-Xmx384m", "-cp", os.path.join(jars, "*"), "kafka.Kafka", properties],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env=dict(os.environ, LOG_DIR=directory), cwd=directory)
    try:
        wait_for_port(port, broker)
        ids = ids_of_topic(port, "click-events") + ids_of_topic(port, "order-events")
    finally:
        broker.terminate()
        broker.wait(60)
    return len(ids), len(set(ids))


def differences(transport, directory, jars):
    ledger, post = transport["ledger"], transport["mails"]
    arrived, decisions = mails(directory)
    stored = stored_in_sqlite(directory) or stored_in_kafka(directory, jars)
    counted = [("mails arrived", arrived, post["arrived"]),
               ("mails doubled", arrived - decisions, post["doubled"])]
    if stored is not None:
        kept = ledger["acknowledged"] - ledger["lost"] + ledger["unknown_stored"] + ledger["phantom"]
        counted += [("events stored", stored[1], kept), ("stored twice", stored[0] - stored[1],
                                                         ledger["stored_twice"])]
    print(transport["name"] + ": " + ", ".join("%s %d" % (what, mine) for what, mine, _ in counted))
    return ["%s: %s: counted %d, results.json says %d" % (transport["name"], what, mine, theirs)
            for what, mine, theirs in counted if mine != theirs]


def main():
    directory, jars = sys.argv[1:3]
    with open(os.path.join(directory, "results.json")) as file:
        results = json.load(file)
    wrong = []
    for transport in results["transports"]:
        label = re.sub(r"[^A-Za-z0-9.+-]", "_", transport["name"])
        wrong += differences(transport, os.path.join(directory, label), jars)
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


main()
