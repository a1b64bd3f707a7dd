#!/usr/bin/python3
"""who_may.py SERVER CONSUMER MAILER CLIENT LAB [TEST ...] - who may come in: every program and every route, by raw requests, as
somebody on another machine would send them. SECURITY.md says what is promised. TAP.

It runs in a network of its own (network_of_its_own.py), whose one machine has an address beyond loopback. A token is in
a file of its own for each program, or in its environment.
"""
import base64
import contextlib
import http.client
import http.server
import itertools
import json
import os
import pathlib
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading

import network_of_its_own
from ese_program import Program, run, wait_until

SERVER, CONSUMER, MAILER, CLIENT, LAB = (os.path.abspath(path) for path in sys.argv[1:6])
BEYOND, NAME = network_of_its_own.ADDRESS, network_of_its_own.NAME
TOKEN = "Sesame-open.0123456789"
BEARER = f"Authorization: Bearer {TOKEN}\r\n"
CLICK = json.dumps({"event": {"type": "CLICK_STREAM_EVENT", "sub_type": "KEY_PRESS_EVENT"}, "timestamp": 1700000000000,
                    "ip": "10.0.0.1", "data": {}})
MAIL = {"from": "consumer@ese.org", "to": "click_updated@ese.org", "subject": "s", "content": "c"}

# Of each: what it needs to start, the option that says where it serves, and what it serves.
FIGURES = ("GET /metrics", "GET /health")
SERVING = (
    ((SERVER, "--transport", "http"), "listen", ("GET /", "GET /events", "GET /events?after=", "POST /event", "POST /events",
                                                 *FIGURES)),
    ((SERVER, "--transport", "http+ese-store", "--durability", "memory"), "listen",
     ("GET /", "GET /events", "POST /event", "POST /events", *FIGURES)),
    ((CONSUMER, "--transport", "file"), "metrics", FIGURES),
    ((MAILER, "--smtp", "127.0.0.1:1"), "listen", ("POST /mail", "GET /dead-letters", "GET /unknown", *FIGURES)),
    ((CLIENT, "--transport", "file", "--quiet"), "metrics", FIGURES),
    ((LAB, "watch", "--transports", "file"), "metrics", FIGURES),
)
KAFKA = (SERVER, "--transport", "kafka", "--bootstrap-servers", "127.0.0.1:1")  # it serves before a broker is there
if subprocess.run([*KAFKA, "--check-options"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
    SERVING += ((KAFKA, "listen", SERVING[0][2]),)
STRAY = ("GET /nowhere", "HEAD /metrics", "PUT /event", "DELETE /events", "OPTIONS /mail", "BREW /", "GET /metrics/",
         "POST /event/")


@contextlib.contextmanager
def token_file(content=TOKEN + "\n", mode=0o600):
    with tempfile.TemporaryDirectory(prefix="ese-test-") as directory:
        path = pathlib.Path(directory, "token")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        yield path


def raw(address, line, headers="", body=""):
    """Status, head and body of the answer to exactly this, on a connection of its own."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 20) as connection:
        length = f"Content-Length: {len(body)}\r\n" if body or line.startswith("P") else ""
        connection.sendall(f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}{length}\r\n{body}".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, rest = answer.decode("latin-1").removeprefix("HTTP/1.1 100 Continue\r\n\r\n").partition("\r\n\r\n")
    return int(head.split()[1]), head, rest


def refusal(*command, environment=None):
    """What is said by a program that does not start."""
    with tempfile.TemporaryDirectory(prefix="ese-test-") as directory:
        ready, said = pathlib.Path(directory, "ready"), pathlib.Path(directory, "said")
        with open(said, "wb") as told, subprocess.Popen([*command, "--ready-file", ready], cwd=directory, stdout=told, stderr=told,
                                                        env={**os.environ, **(environment or {})}) as started:
            wait_until(lambda: started.poll() is not None or ready.exists(), f"{command} neither starts nor ends")
            started.kill()
        assert started.returncode == 64, (command, environment, started.returncode, said.read_text())
        return said.read_text()


# ---- before anybody is asked ------------------------------------------------------------------------------------------


def beyond_loopback_nobody_serves_without_a_token():
    for command, where, _ in SERVING:
        for address in (f"{BEYOND}:0", "0.0.0.0:0", "[::]:0", f"{NAME}:0", f"[::ffff:{BEYOND}]:0"):
            said = refusal(*command, f"--{where}", address)
            assert "--token-file" in said and address in said, said
        for environment in ({"ESE_TOKEN_FILE": ""}, {"ESE_TRUSTED_NETWORK": "false"}):
            environment[f"ESE_{where.upper()}"] = f"{BEYOND}:0"
            assert "--token-file" in refusal(*command, environment=environment)


def a_token_that_is_none_starts_nothing():
    bad = (("", 0o600), ("\n" + TOKEN, 0o600), (TOKEN + "\0more\n", 0o600), ("two words\n", 0o600), ("caf\u00e9\n", 0o600),
           ("x" * 257, 0o600), ("x" * 5000, 0o600), (TOKEN, 0o644), (TOKEN, 0o622), (TOKEN, 0o660))
    for (command, where, _), (content, mode) in itertools.product(SERVING, bad):
        if command[0] != SERVER and mode == 0o600 and content:  # one of each kind is enough for the others
            continue
        with token_file(content, mode) as path:
            said = refusal(*command, f"--{where}", f"{BEYOND}:0", "--token-file", path)
            assert str(path) in said and TOKEN not in said, said
    for (command, where, _), value in itertools.product(SERVING, ("", "two words", "x" * 257)):
        said = refusal(*command, f"--{where}", "127.0.0.1:0", environment={"ESE_TOKEN": value})
        assert "ESE_TOKEN" in said and "words" not in said, said
    assert "Is a directory" in refusal(SERVER, "--transport", "http", "--token-file", "/")


def no_command_line_takes_it():
    for command, _, _ in SERVING:
        for words in (("--token", TOKEN), (f"--token={TOKEN}",), (f"--bearer={TOKEN}",), (f"--tokenfile={TOKEN}",)):
            said = refusal(*command, *words)
            assert "unknown option" in said and TOKEN not in said, said
        helped = subprocess.run([*command, "--help"], env={**os.environ, "ESE_TOKEN": TOKEN}, capture_output=True, text=True,
                                check=True, timeout=20).stdout
        taking = re.findall(r"^ {6}--([a-z-]*(?:token|password|secret)[a-z-]*) (\S+)", helped, re.MULTILINE)
        assert taking and all(name.endswith("-file") and value == "FILE" for name, value in taking), taking
        assert TOKEN not in helped
    login = f"http://lab:{TOKEN}@{BEYOND}:1"
    for command in ((CLIENT, "--transport", "http", "--server", login),
                    (CONSUMER, "--transport", "file", "--mailer", login)):
        said = refusal(*command)
        assert "no name and password" in said and TOKEN not in said, said


# ---- who knocks -------------------------------------------------------------------------------------------------------

KEPT_OUT = ("", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n", f"Authorization: {TOKEN}\r\n",
            f"Authorization: Bearer {TOKEN[:-1]}\r\n", f"Authorization: Bearer {TOKEN[:1]}\r\n",
            f"Authorization: Bearer {TOKEN}0\r\n", f"Authorization: Bearer {TOKEN.lower()}\r\n",
            f"Authorization: Bearer {'x' * len(TOKEN)}\r\n", f"Authorization: Bearer {TOKEN} {TOKEN}\r\n",
            f"Authorization: Basic {base64.b64encode((TOKEN + ':' + TOKEN).encode()).decode()}\r\n",
            f"Authorization: Bearer wrong\r\n{BEARER}", f"{BEARER}Authorization: Bearer wrong\r\n", BEARER + BEARER,
            f"Proxy-Authorization: Bearer {TOKEN}\r\n", f"Cookie: access_token={TOKEN}\r\n",
            "X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n")
LET_IN = (BEARER, f"authorization: bearer   {TOKEN}  \r\n")


def knock(address, routes):
    for line, headers in itertools.product((*routes, *STRAY), KEPT_OUT):
        status, head, rest = raw(address, line, headers)
        assert status == 401, (address, line, headers, status)
        assert '\r\nWWW-Authenticate: Bearer realm="ESE lab"' in head, head
        assert TOKEN not in head + rest
    assert raw(address, f"GET /health?access_token={TOKEN}&token={TOKEN}")[0] == 401
    for line, headers in itertools.product(routes, LET_IN):
        assert raw(address, line, headers)[0] not in (401, 403, 404), (address, line, headers)


def everybody_is_asked_on_every_route():
    with token_file() as path:
        for command, where, routes in SERVING:
            with Program(*command, f"--{where}", f"{BEYOND}:0", "--token-file", path) as program:
                knock(program.address, routes)


def loopback_and_a_trusted_network_are_asked_where_there_is_a_token():
    for command, where, routes in SERVING:
        for options in (("127.0.0.1:0",), ("0.0.0.0:0", "--trusted-network")):
            with Program(*command, f"--{where}", *options, environment={"ESE_TOKEN": TOKEN}) as program:
                for host in ("127.0.0.1", BEYOND) if len(options) > 1 else ("127.0.0.1",):
                    address = f"{host}:{program.port()}"
                    assert all(raw(address, line)[0] == 401 for line in routes), address
                    assert raw(address, "GET /health", BEARER)[0] in (200, 503), address


def what_listens_on_loopback_is_not_there_for_others():
    for command, where, _ in SERVING:
        with Program(*command, f"--{where}", "127.0.0.1:0") as program:
            try:
                socket.create_connection((BEYOND, program.port()), 5).close()
            except ConnectionRefusedError:
                continue
            raise AssertionError(f"{command} can be reached at {BEYOND}")


def health_is_asked_with_the_token():
    with token_file() as path:
        for command, where, _ in SERVING:
            with Program(*command, f"--{where}", f"{BEYOND}:0", "--token-file", path) as program:
                for environment, expected in (({}, "401"), ({"ESE_TOKEN": TOKEN + "0"}, "401"), ({"ESE_TOKEN": TOKEN}, "status")):
                    asked = subprocess.run([*command, f"--{where}", program.address, "--health", *(() if environment else
                                            ("--trusted-network",))], env={**os.environ, **environment}, cwd=program.directory,
                                           capture_output=True, text=True, check=False, timeout=20)
                    said = asked.stdout + asked.stderr
                    assert expected in said and TOKEN not in said, (command, environment, said)


def recipients_in(mailer):
    with contextlib.closing(sqlite3.connect(mailer.directory / "ese-mailer.outbox")) as outbox:
        return [row[0] for row in outbox.execute("SELECT recipient FROM mail")]


def events_in(server):
    with contextlib.closing(http.client.HTTPConnection(*server.address.split(":"), timeout=20)) as connection:
        connection.request("GET", "/events", headers={"Authorization": f"Bearer {TOKEN}"})
        return json.loads(connection.getresponse().read())


def nothing_of_a_refused_request_is_stored():
    for command in (SERVING[0][0], SERVING[1][0]):
        with Program(*command, "--listen", f"{BEYOND}:0", environment={"ESE_TOKEN": TOKEN}) as server:
            for line, headers in itertools.product(("POST /event", "POST /events"), KEPT_OUT):
                assert raw(server.address, line, headers, CLICK)[0] == 401
            assert raw(server.address, "POST /event", "Expect: 100-continue\r\n", CLICK)[0] == 401
            assert events_in(server) == [], events_in(server)
            assert raw(server.address, "POST /event", BEARER, CLICK)[0] == 201  # which would have been
            assert len(events_in(server)) == 1, events_in(server)
    with Program(MAILER, "--smtp", "127.0.0.1:1", "--listen", f"{BEYOND}:0", environment={"ESE_TOKEN": TOKEN}) as mailer:
        for headers in KEPT_OUT:
            assert raw(mailer.address, "POST /mail", headers, json.dumps(MAIL))[0] == 401
        assert recipients_in(mailer) == []
        assert raw(mailer.address, "POST /mail", BEARER, json.dumps(MAIL))[0] == 202
        assert recipients_in(mailer) == [MAIL["to"]]


# ---- where the token goes ---------------------------------------------------------------------------------------------


def the_token_is_to_be_seen_nowhere():
    """Not by others on the machine, in what is said and written, nor in a core."""
    def every_file(directory):
        return b"".join(path.read_bytes() for path in pathlib.Path(directory).rglob("*") if path.is_file())

    def let_core():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    let_core()
    with token_file() as path:
        for (command, where, routes), by_file in itertools.product(SERVING, (True, False)):
            options = ("--token-file", path) if by_file else ()
            with Program(*command, f"--{where}", "127.0.0.1:0", *options, "--log-level", "debug",
                         environment={} if by_file else {"ESE_TOKEN": TOKEN}) as program:
                answers = "".join(raw(f"127.0.0.1:{program.port()}", line, BEARER)[2] for line in routes)
                raw(f"127.0.0.1:{program.port()}", routes[0], f"Authorization: Bearer {TOKEN}0\r\n")
                assert TOKEN not in answers
                assert TOKEN.encode() not in pathlib.Path(f"/proc/{program.process.pid}/cmdline").read_bytes()
                program.process.send_signal(signal.SIGABRT)
                _, status = os.waitpid(program.process.pid, 0)
                program.process.returncode = -signal.SIGABRT
                assert os.WIFSIGNALED(status) and not os.WCOREDUMP(status), (command, status)
                assert TOKEN.encode() not in every_file(program.directory), (command, by_file)


class Listener(http.server.BaseHTTPRequestHandler):
    """Notes what it is asked for, and sends whoever asks on to `elsewhere`."""
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.path, self.headers.get_all("Authorization")))
        self.send_response(307)
        self.send_header("Location", self.server.elsewhere + self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_CONNECT = answer

    def handle(self):
        with contextlib.suppress(ConnectionError):  # who is sent elsewhere may be gone
            super().handle()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def listener(host, elsewhere=""):
    with http.server.ThreadingHTTPServer((host, 0), Listener) as server:
        server.seen, server.elsewhere, server.daemon_threads = [], elsewhere, True
        server.url = f"http://{host}:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def the_token_goes_to_the_server_that_was_named_only():
    """Neither where that one sends whoever asks, nor to a proxy of the environment's, nor is another login sent."""
    with listener("127.0.0.1") as other, listener(BEYOND, other.url) as named, token_file() as path, \
            tempfile.TemporaryDirectory(prefix="ese-test-") as home:
        pathlib.Path(home, ".netrc").write_text("default login eve password eve\n")
        proxies = {name: other.url for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")}
        commands = ((CLIENT, "--transport", "http", "--count", "3", "--rate", "100", "--retry-deadline-ms", "500"),
                    (CONSUMER, "--transport", "http", "--until-end"))
        for command, by_file in itertools.product(commands, (True, False)):
            environment = {**os.environ, **proxies, "HOME": home, **({} if by_file else {"ESE_TOKEN": TOKEN})}
            named.seen.clear()
            done = subprocess.run([*command, "--server", named.url, "--quiet", *(("--token-file", path) if by_file else ())],
                                  env=environment, cwd=home, capture_output=True, text=True, check=False, timeout=30)
            assert named.seen and all(brought == [f"Bearer {TOKEN}"] for _, brought in named.seen), (done, named.seen[:3])
            assert TOKEN not in done.stdout + done.stderr, done
        assert other.seen == [], other.seen[:3]


if __name__ == "__main__":
    network_of_its_own.enter()
    TESTS = (beyond_loopback_nobody_serves_without_a_token, a_token_that_is_none_starts_nothing, no_command_line_takes_it,
             everybody_is_asked_on_every_route, loopback_and_a_trusted_network_are_asked_where_there_is_a_token,
             what_listens_on_loopback_is_not_there_for_others, health_is_asked_with_the_token,
             nothing_of_a_refused_request_is_stored, the_token_is_to_be_seen_nowhere,
             the_token_goes_to_the_server_that_was_named_only)
    sys.exit(run([test for test in TESTS if test.__name__ in sys.argv[6:] or len(sys.argv) == 6]))
