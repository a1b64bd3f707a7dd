"""server_life.py ESE-SERVER - what an ese-server keeps when it is killed, stopped, or asked for too much."""
import http.client
import json
import os
import pathlib
import re
import shlex
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import documents
from ese_server import run

OS = ("--transport", "http")
DISK = (*OS, "--durability", "disk")
MEMORY = (*OS, "--durability", "memory")
WRITERS = 8
PROGRAM = os.path.abspath(sys.argv[1])
TREE = pathlib.Path(__file__).resolve().parents[2]


def event(writer, sequence):
    """With an id as a client makes them: its lane is the writer, its sequence counts."""
    return {"event": {"type": "CLICK_STREAM_EVENT", "sub_type": "BUTTON_CLICK_EVENT"},
            "timestamp": 1700000000000 + sequence, "ip": f"10.0.0.{writer}", "data": {"n": sequence},
            "id": f"018bcfe5-6800-7{writer:03x}-8000-0001{sequence:08x}"}


class Writer(threading.Thread):
    """Posts one event after the other, until the server is gone. answered: what was acknowledged."""

    def __init__(self, server, number):
        super().__init__()
        self.number, self.answered, self.connection = number, [], server.connect()

    def run(self):
        try:
            while True:
                self.connection.request("POST", "/event", json.dumps(event(self.number, len(self.answered))))
                answer = self.connection.getresponse()
                body = answer.read().decode()
                assert answer.status == 201, body
                self.answered.append(body)
        except (OSError, http.client.HTTPException):
            self.connection.close()


def read_all(server):
    """The ids in the order of their offsets, page by page."""
    ids, query = [], "after=earliest"
    while True:
        page = server.get(f"/events?{query}&limit=1000")
        if not page["events"]:
            return ids
        ids += [element["id"] for element in page["events"]]
        query = "after=" + page["next"]


def kill_after(server, wanted):
    writers = [Writer(server, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    deadline = time.monotonic() + 20
    while sum(len(writer.answered) for writer in writers) < wanted:
        assert time.monotonic() < deadline, "the server is too slow"
        time.sleep(0.001)
    server.kill()
    for writer in writers:
        writer.join()
    return writers


def nothing_acknowledged_is_lost(server):
    writers = kill_after(server, 500)
    server.start()
    ids = read_all(server)
    assert len(ids) == len(set(ids)), "stored twice"
    for writer in writers:
        own = [id for id in ids if int(id[15:18], 16) == writer.number]
        expected = [event(writer.number, n)["id"] for n in range(len(own))]
        assert own == expected, "out of order"
        assert len(own) in (len(writer.answered), len(writer.answered) + 1), (len(own), len(writer.answered))
    with sqlite3.connect(server.data / "events.db") as database:
        assert database.execute("SELECT count(*) FROM events").fetchone() == (len(ids),)
    for writer in writers:  # a retry whose first answer came
        body = json.dumps(event(writer.number, 0))
        assert server.ask("POST", "/event", body)[::2] == (201, writer.answered[0])
        body = json.dumps(event(writer.number, len(writer.answered)))  # and one whose answer was lost
        assert server.ask("POST", "/event", body)[0] == 201
    ids = read_all(server)
    assert len(ids) == sum(len(writer.answered) + 1 for writer in writers), "a retry was stored twice"


def names_of_others_outlive_it(server):
    """A foreign id and an Idempotency-Key are known again by who never heard of them: answered as before."""
    plain = {name: value for name, value in event(1, 1).items() if name != "id"}
    requests = (("/event", {**plain, "id": "order 7", "source": "shop"}, {}), ("/event", {**plain, "id": "order 7"}, {}),
                ("/event", plain, {"Idempotency-Key": "one"}),
                ("/events", {"events": [plain, {**plain, "timestamp": 1700000000002}]}, {"Idempotency-Key": "two"}))
    answers = [server.ask("POST", path, json.dumps(body), headers)[::2] for path, body, headers in requests]
    server.kill()
    server.start()
    again = [server.ask("POST", path, json.dumps(body), headers)[::2] for path, body, headers in requests]
    assert [status for status, _ in answers] == [201] * 4, answers
    assert again == answers, (again, answers)
    assert len(read_all(server)) == 5, "a retry was stored twice"


def memory_begins_anew(server):
    kill_after(server, 50)
    cursor = server.start().get("/events?after=latest")["next"]
    assert read_all(server) == []
    server.kill()
    server.start()
    assert server.ask("GET", f"/events?after={cursor}")[0] == 410


def failed_commits(server):
    found = re.search(r"^ese_store_failed_commits_total (\d+)", server.ask("GET", "/metrics")[2], re.MULTILINE)
    return int(found.group(1))


def a_disk_that_is_full_loses_nothing_acknowledged(server):
    """No file may grow beyond 1 MiB: what a quota does. Then the limit goes."""
    server.stop()
    server.start(most_bytes=1 << 20)
    answered = []
    for sequence in range(1000):
        padded = {**event(1, sequence), "data": {"padding": "x" * 10000}}
        status, _, body = server.ask("POST", "/event", json.dumps(padded))
        if status != 201:
            break
        answered.append(json.loads(body)["id"])
    assert status == 507 and len(answered) > 10, (status, len(answered))
    assert server.ask("GET", "/health")[0] == 503
    failed = failed_commits(server)
    deadline = time.monotonic() + 20
    while failed_commits(server) < failed + 2:  # it goes on trying by itself, and is not fooled
        assert time.monotonic() < deadline, "it does not try again"
        time.sleep(0.05)
    assert server.ask("GET", "/health")[0] == 503
    assert read_all(server)[:len(answered)] == answered
    server.stop()
    server.start()
    assert read_all(server)[:len(answered)] == answered
    assert server.ask("POST", "/event", json.dumps(padded))[0] == 201, "the last again, as a client does"
    assert read_all(server) == answered + [padded["id"]]


def a_stop_is_clean_and_quick(server):
    assert server.ask("POST", "/event", json.dumps(event(1, 1)))[0] == 201
    held = server.connect()
    held.request("GET", "/events?after=latest&wait=30000")
    deadline = time.monotonic() + 20
    while "ese_store_held_polls 1\n" not in server.ask("GET", "/metrics")[2]:
        assert time.monotonic() < deadline, "the poll is not held"
    status, seconds = server.stop()
    assert status == 0 and seconds < 2, (status, seconds)
    answer = held.getresponse()
    assert answer.status == 200 and json.loads(answer.read())["events"] == []
    held.close()
    assert not (server.data / "events.db-wal").exists(), "the write-ahead log was not taken in"


def health_says_why_it_fails(server):
    assert server.get("/health") == {"status": "ok"}
    with sqlite3.connect(server.data / "events.db") as database:
        database.execute("ALTER TABLE events RENAME TO hidden")
    assert server.ask("POST", "/event", json.dumps(event(1, 1)))[0] == 503
    status, _, body = server.ask("GET", "/health")
    assert status == 503 and "no such table: events" in json.loads(body)["reason"], body


def a_token_is_asked_for(server):
    with tempfile.TemporaryDirectory(prefix="ese-test-") as directory:
        token = pathlib.Path(directory, "token")
        token.write_text("secret-1\n")
        token.chmod(0o600)
        refused = subprocess.run([PROGRAM, "--transport", "http", "--listen", "0.0.0.0:0", "--data", directory],
                                 capture_output=True, text=True, check=False, timeout=20)
        assert refused.returncode == 64 and "token" in refused.stderr, refused.stderr
        server.stop()
        server.options = (*OS, "--token-file", directory + "/token")
        server.start()
        body = json.dumps(event(1, 1))
        for headers in ({}, {"Authorization": "Bearer secret-2"}, {"Authorization": "secret-1"}):
            assert server.ask("POST", "/event", body, headers)[0] == 401, headers
            assert server.ask("GET", "/events", None, headers)[0] == 401, headers
        headers = {"Authorization": "Bearer secret-1"}
        assert server.ask("POST", "/event", body, headers)[0] == 201
        assert len(json.loads(server.ask("GET", "/events", None, headers)[2])) == 1


def anybody_may_look_into_the_file(server):
    """While it runs, with the command that the transport's document shows."""
    for sequence, writer in enumerate((1, 1, 2)):
        posted = json.dumps(event(writer, sequence))
        assert server.ask("POST", "/event", posted)[0] == 201
    shown = documents.commands(TREE, "transports/http/README.md", "sqlite3")
    assert len(shown) == 1, shown
    words = shlex.split(shown[0].text.replace("ese-data/", str(server.data) + "/"))
    told = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)
    assert told.stdout == "10.0.0.1|2\n10.0.0.2|1\n", (words, told)


def what_is_not_promised_is_refused(server):
    del server
    for options, word in ((("--transport", "http", "--durability", "replicas"), "memory, os, disk"),
                          (("--transport", "http", "--retention", "soon"), "--retention"),
                          (("--transport", "http", "--retention", "0"), "--retention"),
                          (("--transport", "file"), "file"), (("--transport", "pigeon"), "pigeon"), ((), "transport")):
        with tempfile.TemporaryDirectory(prefix="ese-test-") as directory:
            refused = subprocess.run([PROGRAM, "--listen", "127.0.0.1:0", *options], cwd=directory,
                                     capture_output=True, text=True, check=False, timeout=20)
        assert refused.returncode == 64 and word in refused.stderr, (options, refused.returncode, refused.stderr)


TESTS = ((nothing_acknowledged_is_lost, OS), (nothing_acknowledged_is_lost, DISK), (names_of_others_outlive_it, OS),
         (memory_begins_anew, MEMORY),
         (a_disk_that_is_full_loses_nothing_acknowledged, OS), (a_stop_is_clean_and_quick, OS), (health_says_why_it_fails, OS), (a_token_is_asked_for, OS),
         (anybody_may_look_into_the_file, OS), (what_is_not_promised_is_refused, OS))

if __name__ == "__main__":
    sys.exit(run(PROGRAM, TESTS))
