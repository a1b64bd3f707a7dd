"""An independent producer and subscriber of the transport that pushes, written from its contract alone: Eventor's wire
(github.com/writepush-labs/eventor), and what ours says beyond it. Standard library only.

    webhook_peer.py PORT FILE    a subscriber as a process of its own: a line of each push is in FILE before it is answered
"""
import asyncio
import base64
import json
import os
import socket
import sys
import threading
import time
from typing import NamedTuple

PATIENCE_S = float(os.environ.get("ESE_PATIENCE_S", "60"))  # the machine may be busy
MOST_HEAD = 65536


# ---- the subscriber -------------------------------------------------------------------------------------------------

class Push(NamedTuple):
    """What came. Names of headers are in small letters; all are in `lines`, as they came."""
    path: str
    headers: dict
    body: bytes
    at: float  # time.monotonic()
    lines: tuple

    def position(self):
        return int(self.headers["x-event-position"])

    def positions(self):
        """Of the events in it, whether it is one or a page of them."""
        if "x-event-count" not in self.headers:
            return [self.position()]
        return [event["position"] for event in json.loads(self.body)]

    def bodies(self):
        if "x-event-count" not in self.headers:
            return [self.body]
        return [base64.b64decode(event["body"], validate=True) for event in json.loads(self.body)]


class Answer(NamedTuple):
    status: int = 200
    wait_s: float = 0
    headers: tuple = ()
    raw: bytes = None  # instead of all that: exactly these bytes, then the end of the connection


OK = Answer()
HELD = Answer(0)  # no answer until Receiver.release


class Connection(asyncio.Protocol):
    """One request after the other, each with a Content-Length or none at all; whatever else is a fault of the sender."""

    def __init__(self, receiver):
        self.receiver, self.transport, self.push = receiver, None, None
        self.kept, self.busy, self.told_to_go_on = b"", False, False

    def connection_made(self, transport):
        self.transport = transport
        self.receiver.connections.add(transport)

    def connection_lost(self, _):
        self.receiver.connections.discard(self.transport)

    def data_received(self, data):
        self.kept += data
        self.go_on()

    def go_on(self):
        while not self.busy:
            head, found, rest = self.kept.partition(b"\r\n\r\n")
            if not found:
                assert len(head) < MOST_HEAD, "a head without an end"
                return
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {}
            for line in lines:
                name, colon, value = line.partition(":")
                assert colon and name == name.strip(), line
                headers[name.lower()] = value.strip()
            if len(headers) != len(lines) or "transfer-encoding" in headers:
                self.receiver.faults.append(("a header twice, or chunks", lines))
            length = int(headers.get("content-length", "0"))
            if "expect" in headers and not self.told_to_go_on:
                self.told_to_go_on = True
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(rest) < length:
                return
            self.kept, self.busy, self.told_to_go_on = rest[length:], True, False
            self.take(first, headers, rest[:length], tuple(lines))

    def take(self, first, headers, body, lines):
        method, path, version = first.split(" ")
        if method != "POST" or version != "HTTP/1.1":
            self.receiver.faults.append(first)
        self.push = Push(path, headers, body, time.monotonic(), lines)
        answer = self.receiver.hear(self.push)
        if answer is HELD:
            self.receiver.held.setdefault(path, []).append(self)
        elif answer.wait_s:
            asyncio.get_running_loop().call_later(answer.wait_s, self.answer, answer)
        else:
            self.answer(answer)

    def answer(self, answer):
        if self.transport.is_closing():
            return
        self.receiver.before_answer(self.push)
        if answer.raw is not None:
            self.transport.write(answer.raw)
            self.transport.close()
            return
        lines = [f"HTTP/1.1 {answer.status} Whatever", *(f"{name}: {value}" for name, value in answer.headers)]
        lines += [] if answer.status in (204, 304) else ["Content-Length: 0"]
        self.transport.write("\r\n".join(lines + ["", ""]).encode())
        self.busy = False
        asyncio.get_running_loop().call_soon(self.go_on)


class Receiver:
    """Serves on one thread, however many connect. decide(push) says the answer, on that thread; before_answer is
    told when it is given, unless nobody waits for it any more. All pushes are kept."""

    def __init__(self, decide=lambda push: OK, port=0, keeps=True, before_answer=lambda push: None):
        self.decide, self.keeps, self.before_answer, self.lock = decide, keeps, before_answer, threading.Condition()
        self.pushes, self.faults, self.held, self.connections = {}, [], {}, set()
        self.socket = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port = self.socket.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda _, context: self.faults.append(context))
        self.server = self.loop.run_until_complete(
            self.loop.create_server(lambda: Connection(self), sock=self.socket, backlog=1024))
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def hear(self, push):
        answer = self.decide(push)
        if self.keeps:
            with self.lock:
                self.pushes.setdefault(push.path, []).append(push)
                self.lock.notify_all()
        return answer

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def of(self, path="/"):
        with self.lock:
            return list(self.pushes.get(path, ()))

    def positions(self, path="/"):
        return [position for push in self.of(path) for position in push.positions()]

    def wait(self, condition, what):
        """Until it is true, looked at whenever something came."""
        deadline = time.monotonic() + PATIENCE_S
        with self.lock:
            while not condition():
                assert self.lock.wait(max(0, deadline - time.monotonic())), what() if callable(what) else what

    def await_pushes(self, count, path="/"):
        self.wait(lambda: len(self.pushes.get(path, ())) >= count,
                  lambda: f"{len(self.of(path))} of {count} pushes came to {path}")
        return self.of(path)

    def await_position(self, position, path="/"):
        """Until that event has come; the positions of all that did, in their order."""
        self.wait(lambda: self.pushes.get(path) and self.pushes[path][-1].position() >= position,
                  lambda: f"{path} has {self.positions(path)[-5:]}, not {position}")
        return self.positions(path)

    def release(self, path="/", answer=OK):
        """What is held there is answered."""
        def now():
            for connection in self.held.pop(path, ()):
                connection.answer(answer)
        self.loop.call_soon_threadsafe(now)

    def close(self):
        async def end():
            self.server.close()
            for transport in list(self.connections):
                transport.abort()
            self.loop.call_soon(self.loop.stop)
        asyncio.run_coroutine_threadsafe(end(), self.loop)
        self.thread.join()
        self.loop.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()
        assert kind or not self.faults, self.faults[:3]


# ---- the producer ---------------------------------------------------------------------------------------------------

class Refused(Exception):
    """An answer other than 200."""


class Producer:
    """Posts on one connection, one at a time. Whatever is wrong with the connection is an OSError."""

    def __init__(self, server, timeout=20):
        host, port = server.listen.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, stream, body, kind="something.happened", more=""):
        """The position that the server says; more: header lines."""
        self.socket.sendall(f"POST /streams/{stream} HTTP/1.1\r\nHost: x\r\nX-Event-Type: {kind}\r\n{more}"
                            f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        kept = b""
        while b"\r\n\r\n" not in kept:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("hung up without an answer")
            kept += data
        head, _, rest = kept.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(rest) < int(headers.get("content-length", "0")):
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("hung up within an answer")
            rest += data
        if status.split(" ")[1] != "200" or rest != b"Created\n":
            raise Refused(f"{status} {rest!r}")
        return int(headers["x-event-position"])

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def post_all(server, stream, count, writers=8, body=lambda n: b'{"n": %d}' % n):
    """So many events, by several at once; which position each number got."""
    got, numbers, lock = {}, iter(range(count)), threading.Lock()

    def write():
        with Producer(server) as producer:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                got[number] = producer.post(stream, body(number))
    in_threads([write] * min(writers, count))
    return got


def in_threads(functions):
    """All at once. Who fails is told."""
    problems = []

    def guarded(function):
        try:
            function()
        except Exception as problem:  # told below, in the caller's thread
            problems.append(problem)
    threads = [threading.Thread(target=guarded, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


# ---- routes ---------------------------------------------------------------------------------------------------------

TEXT = "text/plain; charset=utf-8"
JSON = "application/json; charset=utf-8"


def subscribe(server, name, stream, url, method="POST", **members):
    """Status and text of the answer."""
    body = json.dumps({"stream": stream, "url": url, **members})
    status, _, text = server.ask(method, f"/subscriptions/{name}", body, {"Content-Type": "application/json"})
    return status, text


def subscribed(server, name, stream, url, method="POST", **members):
    answer = subscribe(server, name, stream, url, method, **members)
    assert answer == (200, "Created\n"), answer


def told(server, *request, **more):
    """What changes something: its answer, in plain text."""
    status, headers, text = server.ask(*request, **more)
    assert headers["Content-Type"].lower() == TEXT, (request, headers["Content-Type"])
    return status, text


def listed(server, name):
    """A subscription as the list has it; None if it has it not."""
    found = [one for one in server.get("/subscriptions") if one["name"] == name]
    assert len(found) <= 1, found
    return found[0] if found else None


def post(server, stream, body=b"{}", kind="something.happened", **headers):
    """One event on a connection of its own; its position."""
    status, answered, text = server.ask("POST", f"/streams/{stream}", body, {"X-Event-Type": kind, **headers})
    assert (status, text) == (200, "Created\n"), (status, text)
    return int(answered["X-Event-Position"])


def paused(server, name):
    one = listed(server, name)
    return not one["active"] and one["pause_reason"]


# ---- judging --------------------------------------------------------------------------------------------------------

def wrong_order(positions, first, last):
    """What is wrong with these as the positions first..last in order, each once; None: nothing."""
    inversions = sum(one > other for one, other in zip(positions, positions[1:]))
    missing = sorted(set(range(first, last + 1)) - set(positions))
    doubled = len(positions) - len(set(positions))
    foreign = sorted(set(positions) - set(range(first, last + 1)))
    if inversions or missing or doubled or foreign:
        return (f"{len(positions)} came of {first}..{last}: {inversions} inversions, {len(missing)} missing {missing[:5]}, "
                f"{doubled} doubled, {len(foreign)} that never were to come {foreign[:5]}")
    return None


def in_order(positions, first, last):
    problem = wrong_order(positions, first, last)
    assert problem is None, problem


# ---- as a process of its own ----------------------------------------------------------------------------------------

def main(port, path):
    """Whoever reads the file behind a death reads every push that could have been answered. On /slow it takes a while."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def keep(push):
        is_mark = push.path.startswith("/mark/")
        places = "" if is_mark else ",".join(map(str, push.positions()))
        os.write(file, f"{push.path} {time.monotonic()} {places}\n".encode())
    receiver = Receiver(lambda push: Answer(wait_s=0.05) if push.path == "/slow" else OK, port, False, keep)
    print(receiver.port, flush=True)
    receiver.thread.join()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
