"""guard.py WHAT=PROGRAM ... - the raw bytes of whatever a stranger may try, sent to the programs as they are: each is refused
with the right answer or hung up on, the program stays well, and nothing of a refused request was carried out, nor of one that
was hidden in it: what is kept is read back after each. WHAT is server, mailer, consumer, client or watch; or gateway, for which
lab=ESE-LAB keeps a real broker. TAP.
"""
import contextlib
import json
import os
import re
import resource
import socket
import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import kafka_broker
from ese_program import Program, run, wait_until

PATIENCE_S = 30
SILENT = 2000  # twice as many as are let in
SILENCE_S = 10  # after which somebody who speaks is heard among them
PAGE = 1000
GOOD = 0  # among a case's statuses: what the program answers to what it takes
REFUSED, GOES_ON = "the connection ends unless it is taken", "the connection goes on"
ENDS = "the connection ends in any case"


# ---- the cases -----------------------------------------------------------------------------------

class Case(NamedTuple):
    """<line> is a request line that is taken, without its end; <post> that and Host; <body> what is taken behind it, of
    <length> bytes; <rest> all that follows a request line; <over> a body with blanks behind it, one byte beyond what is
    taken. Another request follows."""
    name: str
    text: str
    statuses: tuple
    then: str = REFUSED


def many(count):
    return "".join(f"X-{number}: a\r\n" for number in range(count))


CASES = (
    Case("two lengths", "<post>Content-Length: 0\r\nContent-Length: <length>\r\n\r\n<body>", (400,)),
    Case("two lengths, the other way round", "<post>Content-Length: <length>\r\nContent-Length: 0\r\n\r\n<body>", (400,)),
    Case("the same length twice", "<post>Content-Length: <length>\r\ncontent-length: <length>\r\n\r\n<body>", (400,)),
    Case("a length with chunked", "<post>Content-Length: <length>\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    Case("chunked with a length", "<post>Transfer-Encoding: chunked\r\nContent-Length: <length>\r\n\r\n<body>", (400,)),
    Case("chunked twice", "<post>Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    Case("a coding that is not chunked", "<post>Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", (400,)),
    Case("chunked that is not quite", "<post>Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", (400,)),
    Case("chunked in HTTP/1.0", "<line-1.0>\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    Case("a chunk's length that is none", "<post>Transfer-Encoding: chunked\r\n\r\nzz\r\n", (400,)),
    Case("a chunk's length with a sign", "<post>Transfer-Encoding: chunked\r\n\r\n-1\r\n", (400,)),
    Case("a chunk's length that overflows", "<post>Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx", (400, 413)),
    Case("a chunk that is longer than it says", "<post>Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", (400,)),
    Case("a length with a plus", "<post>Content-Length: +<length>\r\n\r\n<body>", (400,)),
    Case("a length with a minus", "<post>Content-Length: -<length>\r\n\r\n<body>", (400,)),
    Case("a list of lengths", "<post>Content-Length: <length>, <length>\r\n\r\n<body>", (400,)),
    Case("a length in hexadecimal", "<post>Content-Length: 0x10\r\n\r\n<body>", (400,)),
    Case("a length that is empty", "<post>Content-Length:\r\n\r\n<body>", (400,)),
    Case("a length that overflows", "<post>Content-Length: 18446744073709551617\r\n\r\n<body>", (400, 413)),
    Case("a length that is not ours to store", "<post>Content-Length: 9223372036854775807\r\n\r\n<body>", (413,)),
    Case("a blank before the colon", "<post>Content-Length : <length>\r\n\r\n<body>", (400,)),
    Case("a tab before the colon", "<post>Content-Length\t: <length>\r\n\r\n<body>", (400,)),
    Case("a blank before the first header", "<line>\r\n Host: x\r\nContent-Length: <length>\r\n\r\n<body>", (400,)),
    Case("lines that end in LF", "<line>\nHost: x\nContent-Length: <length>\n\n<body>", (400, GOOD)),
    Case("one line that ends in LF", "<post>X-A: a\nContent-Length: <length>\r\n\r\n<body>", (400, GOOD)),
    Case("an end of headers in LF", "<post>Content-Length: <length>\r\n\n<body>", (400, GOOD)),
    Case("a line that ends in CR", "<post>X-A: a\rContent-Length: <length>\r\n\r\n<body>", (400,)),
    Case("a length that is folded", "<post>Content-Length:\r\n <length>\r\n\r\n<body>", (400, GOOD)),
    Case("a length that goes on folded", "<post>Content-Length: <length>\r\n 1\r\n\r\n<body>", (400,)),
    Case("a length behind a fold", "<post>X-A: a\r\n\tContent-Length: 1\r\nContent-Length: <length>\r\n\r\n<body>", (400, GOOD)),
    Case("a header without a name", "<post>: a\r\nContent-Length: <length>\r\n\r\n<body>", (400,)),
    Case("a header without a colon", "<post>nothing\r\nContent-Length: <length>\r\n\r\n<body>", (400,)),
    Case("a header with a NUL", "<post>X-A: a\0b\r\nContent-Length: <length>\r\n\r\n<body>", (400,)),
    Case("a header's name with a NUL", "<post>Content-Length\0: <length>\r\n\r\n<body>", (400,)),
    Case("%00 in the path", "<method> <path>%00 HTTP/1.1<rest>", (400,), GOES_ON),
    Case("%00 in the query", "<method> <path>?a=%00 HTTP/1.1<rest>", (400,), GOES_ON),
    Case("a NUL in the path", "<method> <path>\0 HTTP/1.1<rest>", (400,)),
    Case("%2e%2e in the path", "<method> /x/%2e%2e<path> HTTP/1.1<rest>", (404,), GOES_ON),
    Case("%2e%2e at its begin", "<method> /%2E%2e<path> HTTP/1.1<rest>", (404,), GOES_ON),
    Case("%2f in the path", "<method> /..%2f<path> HTTP/1.1<rest>", (404,), GOES_ON),
    Case("a control character in the query", "<method> <path>?a=\x01 HTTP/1.1<rest>", (400,), GOES_ON),
    Case("a control character in a redirect", "<method> <path>/?a=\x7f HTTP/1.1<rest>", (400,), GOES_ON),
    Case("a blank in the path", "<method> <path> <path> HTTP/1.1<rest>", (400,), GOES_ON),
    Case("a path of 64 KiB", "<method> <path>?" + "a" * 65536 + " HTTP/1.1\r\nHost: x\r\n\r\n", (414, 431, 413)),
    Case("a redirect that is too long", "<method> <path>/?" + "a" * 9000 + " HTTP/1.1\r\nHost: x\r\n\r\n", (414,), GOES_ON),
    Case("300 headers", "<post>" + many(300) + "Content-Length: <length>\r\n\r\n<body>", (431,)),
    Case("a header of 64 KiB", "<post>X-A: " + "a" * 65536 + "\r\nContent-Length: <length>\r\n\r\n<body>", (431, 413)),
    Case("a header's name of 64 KiB", "<post>" + "a" * 65536 + ": a\r\nContent-Length: <length>\r\n\r\n<body>", (431, 413)),
    Case("a body one byte over the limit", "<post>Content-Length: <over-length>\r\n\r\n<over>", (413,), GOES_ON),
    Case("a chunk one byte over the limit", "<post>Transfer-Encoding: chunked\r\n\r\n<over-hex>\r\n<over>\r\n0\r\n\r\n", (413,), ENDS),
    Case("chunked", "<post>Transfer-Encoding: chunked\r\n\r\n<hex>;a=b\r\n<body>\r\n0\r\nX-A: a\r\n\r\n", (GOOD,), ENDS),
    Case("chunks that end in LF", "<post>Transfer-Encoding: chunked\r\n\r\n<hex>;a=b\n<body>\n0\n\n", (400, GOOD), ENDS),
    Case("a chunk's extension with a CR", "<post>Transfer-Encoding: chunked\r\n\r\n<hex>;a\rb\r\n<body>\r\n0\r\n\r\n", (400, GOOD), ENDS),
    Case("a chunk's extension of 64 KiB", "<post>Transfer-Encoding: chunked\r\n\r\n<hex>;" + "a" * 65536, (400, 413)),
    Case("a trailer without a name", "<post>Transfer-Encoding: chunked\r\n\r\n<hex>\r\n<body>\r\n0\r\nX-A: a\r\n:", (400, GOOD), ENDS),
    Case("a trailer that is a NUL", "<post>Transfer-Encoding: chunked\r\n\r\n<hex>\r\n<body>\r\n0\r\nX-A: a\r\n\0\r\n", (400, GOOD), ENDS),
    Case("a trailer that is folded", "<post>Transfer-Encoding: chunked\r\n\r\n<hex>\r\n<body>\r\n0\r\nX-A: a\r\n b\r\n\r\n", (400, GOOD), ENDS),
    Case("an expectation", "<post>Expect: 100-continue\r\nContent-Length: <length>\r\n\r\n<body>", (GOOD,), GOES_ON),
    Case("HEAD", "HEAD <path> HTTP/1.1\r\nHost: x\r\n\r\n", (404,), GOES_ON),
    Case("a method that nobody knows", "BREW <path> HTTP/1.1<rest>", (404,), GOES_ON),
    Case("a method in small letters", "<small> <path> HTTP/1.1<rest>", (404,), GOES_ON),
    Case("a method that is another's", "PUT <path> HTTP/1.1<rest>", (404,), GOES_ON),
    Case("CONNECT", "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", (404,), GOES_ON),
    Case("no Host", "<line>\r\nContent-Length: <length>\r\n\r\n<body>", (400,)),
    Case("two Hosts", "<post>Host: y\r\nContent-Length: <length>\r\n\r\n<body>", (400,)),
    Case("a version that is none", "<method> <path> HTTP/x.1\r\nHost: x\r\nContent-Length: <length>\r\n\r\n<body>", (400, 505)),
    Case("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 404, 505)),
    Case("TLS", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", (400,)),
)


# ---- who is asked --------------------------------------------------------------------------------

class Subject:
    """A program that runs. One request is taken by it, and what was carried out of that can be read back."""
    method, path, good, limit, deadline_s = "GET", "/metrics", 200, 1 << 20, 10

    def __init__(self, *command, where="metrics"):
        self.program = Program(*command, f"--{where}", "127.0.0.1:0")
        self.asked, self.one_at_a_time = 0, threading.Lock()  # tests that read back what was carried out

    def body(self, mark):
        return json.dumps({"mark": mark})

    def carried_out(self):
        """Marks; here, where nothing is kept, as many of none as were counted."""
        text = self.program.ask("/metrics")[1]
        found = re.search(r'^ese_http_requests_total\{route="/metrics",method="GET",status="200"\} (\d+)', text, re.MULTILINE)
        self.asked += 1
        return [""] * (int(found.group(1)) - self.asked + 1 if found else 0)

    def expected(self, marks):
        return [""] * len(marks)

    def fill(self, text, mark):
        """A case's text as bytes."""
        body, line = self.body(mark), f"{self.method} {self.path} HTTP/1."
        over = body + " " * (self.limit + 1 - len(body)) if "<over" in text else ""
        for name, value in (("rest", "\r\nHost: x\r\nContent-Length: <length>\r\n\r\n<body>"),
                            ("post", line + "1\r\nHost: x\r\n"), ("line", line + "1"), ("line-1.0", line + "0"),
                            ("method", self.method), ("small", self.method.lower()), ("path", self.path), ("body", body),
                            ("length", str(len(body))), ("hex", f"{len(body):x}"), ("over", over),
                            ("over-length", str(len(over))), ("over-hex", f"{len(over):x}")):
            text = text.replace(f"<{name}>", value)
        return text.encode("latin-1")

    def request(self, mark, last=False):
        close = "Connection: close\r\n" if last else ""
        return self.fill(f"<post>{close}Content-Length: <length>\r\n\r\n<body>", mark)

    def is_well(self):
        status, said = self.program.ask("/health")
        assert status == 200, (status, said)
        assert self.program.process.poll() is None, self.program.said()


class Server(Subject):
    method, path, good, limit, deadline_s = "POST", "/event", 201, 4096, 2

    def __init__(self, program, *options):
        super().__init__(program, *options, "--max-body-bytes", str(self.limit), "--request-deadline-ms",
                         str(self.deadline_s * 1000), where="listen")
        self.after, self.seen = "earliest", []

    def body(self, mark):
        return json.dumps({"event": {"type": "CLICK_STREAM_EVENT", "sub_type": "KEY_PRESS_EVENT"},
                           "timestamp": 1793500000000, "ip": "10.0.0.1", "data": {"mark": mark}})

    def carried_out(self):
        while True:
            status, text = self.program.ask(f"/events?after={self.after}&limit={PAGE}")
            assert status == 200, (status, text)
            page = json.loads(text)
            self.seen += [event["data"]["mark"] for event in page["events"]]
            self.after = page["next"]
            if len(page["events"]) < PAGE:
                return list(self.seen)

    def expected(self, marks):
        return marks


class Mailer(Subject):
    method, path, good, limit = "POST", "/mail", 202, 512 * 1024

    def __init__(self, program):
        super().__init__(program, "--smtp", "127.0.0.1:1", "--outbox", "outbox.db", where="listen")

    def body(self, mark):
        return json.dumps({"from": "a@ese.org", "to": "click_updated@ese.org", "subject": mark, "content": "c"})

    def carried_out(self):
        with contextlib.closing(sqlite3.connect(self.program.directory / "outbox.db", timeout=20)) as database:
            return [subject for subject, in database.execute("SELECT subject FROM mail ORDER BY seq")]

    def expected(self, marks):
        return marks


# ---- a connection --------------------------------------------------------------------------------

class Raw:
    """Sends bytes, and reads answers. Whoever is hung up on while sending has sent what was wanted."""

    def __init__(self, subject):
        self.socket = socket.create_connection(("127.0.0.1", subject.program.port()), PATIENCE_S)
        self.stream = self.socket.makefile("rb")

    def send(self, text):
        try:
            self.socket.sendall(text)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def answer(self, has_body=True):
        """The status, interim ones included; None where the connection ended instead."""
        try:
            line = self.stream.readline()
            if not line:
                return None
            status, headers = int(re.fullmatch(rb"HTTP/1\.1 (\d{3}) .*\r\n", line).group(1)), {}
            while (line := self.stream.readline()) != b"\r\n":
                name, value = line.decode("latin-1").split(":", 1)
                headers[name.lower()] = value.strip()
            if has_body and status >= 200 and "chunked" in headers.get("transfer-encoding", ""):
                while (size := int(self.stream.readline(), 16)) > 0:
                    self.stream.read(size + 2)
                self.stream.readline()
            elif has_body:
                self.stream.read(int(headers.get("content-length", 0)))
            return status
        except ConnectionResetError:
            return None

    def rest(self):
        """The statuses of whatever comes until the end. libmicrohttpd 0.9.75 sends the head of its own answers twice."""
        with contextlib.suppress(ConnectionResetError):
            return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self.stream.read())]
        return []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()


# ---- raw bytes -----------------------------------------------------------------------------------

def play(subject, parts, wait_for_first=False):
    """Sends them, [(bytes, statuses, then, mark)], on one connection until that ends; the marks of what was taken, by the
    answers."""
    taken = []
    with Raw(subject) as raw, contextlib.ExitStack() as at_the_end:
        at_the_end.callback(raw.rest)
        if not wait_for_first:
            raw.send(b"".join(part[0] for part in parts))
        for number, (text, statuses, then, mark) in enumerate(parts):
            if wait_for_first and number == 0:
                raw.send(text)
            elif wait_for_first and number == 1:
                raw.send(b"".join(part[0] for part in parts[1:]))
            while (status := raw.answer(not text.startswith(b"HEAD "))) in (100, 102):
                pass
            wanted = [each or subject.good for each in statuses]
            assert status in wanted or (status is None and then == REFUSED), f"answered {status}, not {wanted}, at part {number}"
            if status == subject.good:
                taken.append(mark)
            if status is None or then == ENDS or (then == REFUSED and status != subject.good):
                break
        others = [other for other in raw.rest() if other != status or status == subject.good]
        assert not others, f"answered {others} to what stood behind it"
    return taken


def try_case(subject, number, case):
    """By itself; and twice behind a good request, in one go and once that was answered. The marks of what was taken."""
    taken = []
    for behind in (None, "at once", "later"):
        def part(role, text=None, last=False, behind=behind):
            mark = f"{number} {behind} {role}"
            if text is None:
                return subject.request(mark, last), (GOOD,), GOES_ON, mark
            return subject.fill(text, mark), case.statuses, case.then, mark
        parts = [part("first", case.text), part("hidden", last=True)]
        if behind is not None:
            parts = [part("good"), part("second", case.text), *parts]
        taken += play(subject, parts, behind == "later")
    return taken


def raw_bytes(subject):
    wrong, before = [], len(subject.carried_out())
    for number, case in enumerate(CASES):
        try:
            taken = try_case(subject, number, case)
            subject.is_well()
            kept = subject.carried_out()[before:]
            before += len(kept)
            assert kept == subject.expected(taken), f"carried out was {kept}, answered {taken}"
        except Exception as problem:  # the next case is another
            wrong.append(f"{case.name}: {type(problem).__name__}: {problem}")
            before = len(subject.carried_out())
    assert not wrong, "\n".join(wrong)


# ---- those who take their time -------------------------------------------------------------------

SLOW = (("a request line by bytes", "<line>"), ("a header by bytes", "<post>X-A: a"),
        ("a body by bytes", "<post>Content-Length: 1000\r\n\r\n<body>"),
        ("chunks by bytes", "<post>Transfer-Encoding: chunked\r\n\r\n1000\r\n"))


def drip(subject, before, behind_a_good_one, stops):
    """A byte a second, or none. Seconds until the connection ended."""
    with Raw(subject) as raw:
        if behind_a_good_one:
            raw.send(subject.fill("GET /health HTTP/1.1\r\nHost: x\r\n\r\n", ""))
            assert raw.answer() == 200
        began = time.monotonic()
        raw.send(subject.fill(before, "slow"))
        raw.socket.settimeout(1)
        while time.monotonic() < began + PATIENCE_S:
            try:
                raw.socket.recv(1, socket.MSG_PEEK)
                break
            except TimeoutError:
                if not stops:
                    raw.send(b"a")
            except ConnectionResetError:
                break
        took, status = time.monotonic() - began, raw.answer()
        assert status in (408, None) and raw.answer() is None, f"answered {status}"
    return took


def slow_clients(subject):
    before = [text for _, text in SLOW for _ in range(4)]
    with ThreadPoolExecutor(len(before)) as threads:
        times = threads.map(lambda each: drip(subject, each[1], each[0] % 2 == 1, each[0] % 4 > 1), enumerate(before))
        for number, took in enumerate(times):
            assert subject.deadline_s - 1 < took < subject.deadline_s + 5, (SLOW[number // 4][0], took)
    subject.is_well()


def a_body_that_never_ends(subject):
    """In chunks; it is read no further than sixteen times what is taken."""
    with Raw(subject) as raw:
        raw.send(subject.fill("<post>Transfer-Encoding: chunked\r\n\r\n", ""))
        sent, piece = 0, b"10000\r\n" + b" " * 65536 + b"\r\n"
        while raw.send(piece):
            sent += len(piece)
            assert sent < 17 * subject.limit + (32 << 20), "it takes all of it"
        assert raw.answer() in (None, 413)
    subject.is_well()


def a_body_that_is_waited_for(subject):
    """Whoever expects to be told is told before it comes: to send it, or that it is too long."""
    with Raw(subject) as raw:
        whole = subject.fill("<post>Expect: 100-continue\r\nConnection: close\r\nContent-Length: <length>\r\n\r\n<body>", "expected")
        head, body = whole.split(b"\r\n\r\n")
        raw.send(head + b"\r\n\r\n")
        assert raw.answer() == 100
        raw.send(body)
        assert raw.answer() == subject.good
    with Raw(subject) as raw:
        raw.send(subject.fill("<post>Expect: 100-continue\r\nContent-Length: 999999999999\r\n\r\n", ""))
        assert raw.answer() == 413 and raw.answer() is None
    subject.is_well()


def pipelined_requests(subject):
    """Each is answered, in turn, and carried out once."""
    marks = [f"pipelined {number}" for number in range(100)]
    before = len(subject.carried_out())
    with Raw(subject) as raw:
        raw.send(b"".join(subject.request(mark, mark == marks[-1]) for mark in marks))
        assert [raw.answer() for _ in marks] == [subject.good] * len(marks)
        assert raw.answer() is None
    assert subject.carried_out()[before:] == subject.expected(marks)
    subject.is_well()


# ---- those who say nothing -----------------------------------------------------------------------

one_crowd = threading.Lock()  # there are only so many descriptors


def silent_connections(subject):
    """As long as they are there, somebody who speaks is heard."""
    with one_crowd, contextlib.ExitStack() as crowd:
        for _ in range(SILENT):
            one = crowd.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", subject.program.port()))
        began = time.monotonic()
        subject.is_well()
        took = time.monotonic() - began
        assert took < SILENCE_S, f"heard after {took:.1f} s"
    subject.is_well()


# ---- all of it -----------------------------------------------------------------------------------

def subjects(programs, stack):
    """What runs, by what it is."""
    monitors = {"consumer": ("--transport", "file"), "client": ("--transport", "file", "--quiet"),
                "watch": ("watch", "--transports", "file")}
    for what, program in programs.items():
        if what == "gateway":
            broker = stack.enter_context(kafka_broker.Broker(programs["lab"]))
            subject = Server(program, "--transport", "kafka", *broker.fresh_topics())
        elif what == "server":
            subject = Server(program, "--transport", "http")
        elif what == "mailer":
            subject = Mailer(program)
        elif what in monitors:
            subject = Subject(program, *monitors[what])
        else:
            continue
        stack.enter_context(subject.program)
        wait_until(lambda subject=subject: subject.program.ask("/health")[0] == 200, f"{what} is not well")
        yield what, subject


def bind(test, what, subject):
    def bound():
        with subject.one_at_a_time if test in ALONE else contextlib.nullcontext():
            test(subject)
    bound.__name__ = f"{test.__name__} of {what}"
    return bound


ALONE = (raw_bytes, a_body_that_never_ends, a_body_that_is_waited_for, pipelined_requests, silent_connections)


def main():
    programs = dict(word.split("=", 1) for word in sys.argv[1:])
    if "gateway" in programs and not kafka_broker.can_be_had():
        print("1..0 # SKIP no broker to be had")
        return 0
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.ExitStack() as stack:
        asked = list(subjects({what: os.path.abspath(path) for what, path in programs.items()}, stack))
        tests = [bind(test, what, subject) for test in (slow_clients, *ALONE) for what, subject in asked]
        return run(tests, at_once=len(tests))


if __name__ == "__main__":
    sys.exit(main())
