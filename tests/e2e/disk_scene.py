"""What tests with a bad disk share: a program whose files lie on one (docs/bad-disks.md), and who posts to it until it
ends."""
import http.client
import json
import pathlib
import shutil
import threading
import time

from ese_program import Program, wait_until

PATIENCE = 30


class OnDisk(Program):
    """A program with its files below `disk`. trouble: by the shim's names, without ESE_DISK_."""

    def __init__(self, shim, path, *options, **trouble):
        super().__init__(path, *options)
        self.shim, self.bare = str(pathlib.Path(shim).resolve()), self.environment
        self.disk, self.told = self.directory / "disk", self.directory / "told"
        self.sign = self.directory / "sign"  # of trouble "@": while this is there
        self.disk.mkdir()
        (self.directory / "stalled").touch()  # nobody stands still (tests/planted/stall.h)
        self.set_trouble(**trouble)

    def set_trouble(self, **trouble):
        """From the next start on."""
        values = {name: f"@{self.sign}" if value == "@" else str(value) for name, value in trouble.items()}
        self.environment = {**self.bare, "LD_PRELOAD": self.shim, "ESE_DISK_ROOT": str(self.disk),
                            "ESE_DISK_TOLD": str(self.told), **{f"ESE_DISK_{name}": value for name, value in values.items()}}

    def syncs(self):
        """(how it ended, of which file), in their order."""
        lines = self.told.read_text().splitlines() if self.told.exists() else []
        return [tuple(line.split(" ", 1)) for line in lines]

    def ends(self):
        """Its exit status."""
        return self.process.wait(timeout=PATIENCE)

    def lives(self):
        return self.process.poll() is None

    def started(self):
        """Whether it serves; with a bad disk it may end instead."""
        try:
            self.start()
            return True
        except AssertionError:
            assert not self.lives(), "it neither serves nor ends"
            return False

    def becomes(self, directory):
        """Its disk is what lies there, from now on."""
        shutil.rmtree(self.disk)
        directory.rename(self.disk)


def event_id(writer, sequence):
    return f"018bcfe5-6800-7{writer:03x}-8000-0001{sequence:08x}"


def event(writer, sequence, padding=0):
    """With an id as a client makes them: its lane is the writer, its sequence counts."""
    data = {"n": sequence, "padding": "x" * padding}
    return {"event": {"type": "CLICK_STREAM_EVENT", "sub_type": "BUTTON_CLICK_EVENT"},
            "timestamp": 1700000000000 + sequence, "ip": f"10.0.0.{writer}", "data": data, "id": event_id(writer, sequence)}


class Writer(threading.Thread):
    """Posts one body after the other until that is refused, or nobody is there. make(i): a body, and what of it is then
    acknowledged."""

    def __init__(self, program, path, success, make, first=0):
        super().__init__(daemon=True)
        self.program, self.path, self.success, self.make, self.next = program, path, success, make, first
        self.acknowledged, self.refusal, self.headers, self.stopping = [], None, {}, False
        self.asked = self.heard = 0.0  # when it did last

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.program.port(), timeout=PATIENCE)
        try:
            while not self.stopping:
                body, names = self.make(self.next)
                self.asked = time.monotonic()
                connection.request("POST", self.path, json.dumps(body), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                self.heard = time.monotonic()
                if answer.status != self.success:
                    self.refusal, self.headers = answer.status, dict(answer.headers)
                    return
                self.acknowledged += names
                self.next += 1
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()


def write_until(writers, is_enough, what):
    for writer in writers:
        writer.start()
    wait_until(is_enough, what, PATIENCE)


def join(writers):
    for writer in writers:
        writer.stopping = True
    for writer in writers:
        writer.join(PATIENCE)
        assert not writer.is_alive(), "it waits for an answer that does not come"


def acknowledged(writers):
    return [name for writer in writers for name in writer.acknowledged]


def events_of(server):
    """The ids in the order of their offsets, page by page."""
    ids, query = [], "after=earliest"
    while True:
        status, body = server.ask(f"/events?{query}&limit=1000")
        assert status == 200, (status, body)
        page = json.loads(body)
        if not page["events"]:
            return ids
        ids += [element["id"] for element in page["events"]]
        query = "after=" + page["next"]
