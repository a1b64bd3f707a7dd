"""What programs on a bad disk store: how it is written, what they have kept of it, and what must have come of it."""
import contextlib
import json
import sqlite3

import steady_click
from disk_scene import Writer, event, event_id, events_of

BIG = 6000  # bytes of padding: every few hundred of these SQLite takes its log in
OUTBOX, STATE = "mails/outbox", "state/state.db"  # on the disk, each in a directory that is made for it


class Events:
    """Of a server: how it is written to, and what it has kept."""
    full = 507  # and nothing else, where the disk has no room
    refusals = (503, 504, full)

    @staticmethod
    def writer(program, number, first=0):
        return Writer(program, "/event", 201, lambda i: (event(number, i, BIG), [event_id(number, i)]), first)

    @staticmethod
    def kept(program):
        return events_of(program)


class Mails:
    """Likewise, of a mailer. Nobody takes them, and they stay."""
    full = 503
    refusals = (full,)

    @staticmethod
    def writer(program, number, first=0):
        def make(i):
            name = f"mail-{number}-{i}"
            return {"from": "consumer@ese.org", "to": "click_updated@ese.org", "subject": "x", "content": "x" * BIG,
                    "id": name}, [name]
        return Writer(program, "/mail", 202, make, first)

    @staticmethod
    def kept(program):
        with contextlib.closing(sqlite3.connect(f"file:{program.disk}/{OUTBOX}?mode=ro", uri=True)) as outbox:
            return [row[0] for row in outbox.execute("SELECT id FROM mail")]


class Presses:
    """A log, and what a consumer that has read all of it must have decided."""

    def __init__(self, directory):
        (directory / "log").mkdir()
        self.pressed = []
        with open(directory / "log/events.ndjson", "w", encoding="ascii") as log:
            for i in range(4000):
                key, at_ms = f"10.0.0.{i % 7}", 1700000000000 + 7 * i + 2000 * (i // 29)
                made = steady_click.make_id(at_ms, i % 7, 1, i // 7)
                self.pressed.append((key, at_ms, made))
                log.write(json.dumps({"type": "CLICK_STREAM_EVENT", "sub_type": "KEY_PRESS_EVENT", "ip": key,
                                      "client_ts": at_ms, "server_ts": at_ms, "data": {},
                                      "id": steady_click.text_of(made)}) + "\n")
        self.size = (directory / "log/events.ndjson").stat().st_size

    def wanted(self):
        return sorted(decision for chain in steady_click.chains(self.pressed) for decision in steady_click.decisions(chain))


def check_decided(program, presses):
    with contextlib.closing(sqlite3.connect(f"file:{program.disk}/{STATE}?mode=ro", uri=True)) as state:
        decided = [row[0] for row in state.execute("SELECT id FROM decision ORDER BY id")]
        position = state.execute("SELECT next, processed, repeats FROM position").fetchall()
    assert decided == presses.wanted(), (len(decided), len(presses.wanted()))
    assert position == [(presses.size, len(presses.pressed), 0)], position
