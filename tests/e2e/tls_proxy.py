#!/usr/bin/python3
"""tls_proxy.py TREE BUILD [CLIENT] - TLS in front of a server that asks for a token, by a real HAProxy: every command of
docs/who-may.md as it stands there, in a network of its own, and what a stranger finds; and whom the client (CLIENT, where it
is another one) does not believe. TAP."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

import documents
import network_of_its_own
from ese_program import run, wait_until

TREE, BUILD = (os.path.abspath(path) for path in sys.argv[1:3])
CLIENT = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else "build/ese-client/ese-client"
BEYOND = network_of_its_own.ADDRESS
LASTING = {"ese-server": 2001, "haproxy": 8443}  # what goes on until it is stopped, and where it listens


def haproxy():
    """How it is called; unpacked, unless it is installed. None: it cannot be had."""
    installed = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
    if installed:
        return installed
    home = os.environ.get("ESE_LAB_HOME", os.path.join(TREE, ".lab"))
    fetched = subprocess.run([os.path.join(TREE, "orchestration/haproxy/fetch-haproxy"), os.path.join(home, "haproxy")],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False, timeout=120)
    return fetched.stdout.strip() if fetched.returncode == 0 else None


def is_reached(host, port):
    with contextlib.suppress(OSError):
        socket.create_connection((host, port), 5).close()
        return True
    return False


def say(host, port, text, context=None):
    """What is answered to exactly this, inside of TLS where there is a context; "" where the connection ends."""
    with contextlib.suppress(ConnectionError), socket.create_connection((host, port), 20) as plain, \
            (context.wrap_socket(plain, server_hostname="localhost") if context else contextlib.nullcontext(plain)) as connection:
        connection.sendall(text.encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode("latin-1")
    return ""


class Walk:
    """The document's commands, up to where it is asked for; what lasts is stopped in the end."""

    def __init__(self):
        self.place = tempfile.TemporaryDirectory(prefix="ese-test-")
        self.directory = pathlib.Path(self.place.name)
        (self.directory / "build").symlink_to(BUILD)
        (self.directory / "orchestration").symlink_to(os.path.join(TREE, "orchestration"))
        self.lasting = []

    def do(self, text):
        if text.startswith("haproxy "):
            text = text.replace("haproxy", os.environ["ESE_TEST_HAPROXY"], 1)
        name = next((name for name in LASTING if re.match(rf"(\S*=\S* )?\S*\b{name} ", text)), None)
        if name is None:
            done = subprocess.run(["bash", "-c", text], cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False, timeout=60)
            assert done.returncode == 0, (text, done)
            return done.stdout
        said = open(self.directory / f"said-{name}", "wb")
        self.lasting.append(subprocess.Popen(["bash", "-c", "exec env " + text], cwd=self.directory, stdout=said, stderr=said))
        wait_until(lambda: is_reached("127.0.0.1", LASTING[name]) or self.lasting[-1].poll() is not None, f"{name} is not there")
        assert self.lasting[-1].poll() is None, (self.directory / f"said-{name}").read_text()
        return ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.lasting):
            process.kill()
            process.wait()
        self.place.cleanup()


def what_the_document_shows_works_and_strangers_stay_outside():
    with Walk() as walk:
        shown = documents.commands(TREE, "docs/who-may.md")
        assert len(shown) == 8, shown
        said = [walk.do(command.text) for command in shown]
        assert sum(len(one["event_logs"]) for one in json.loads(said[-1])) == 20, said[-1][:500]
        token = (walk.directory / "token").read_text().strip()
        knock(walk, token)


def knock(walk, token):
    trusting = ssl.create_default_context(cafile=walk.directory / "lab.pem")
    asking = "GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n"
    bringing = asking.format(f"Authorization: Bearer {token}\r\n")
    assert not is_reached(BEYOND, 2001), "the server can be reached past the proxy"
    for host in ("127.0.0.1", BEYOND):
        assert say(host, 8443, bringing, trusting).startswith("HTTP/1.1 200 ")
        for header in ("", "Authorization: Bearer wrong\r\n", "X-Forwarded-For: 127.0.0.1\r\n"):
            answer = say(host, 8443, asking.format(header), trusting)
            assert answer.startswith("HTTP/1.1 401 ") and 'realm="ESE lab"' in answer, answer
        assert " 200 " not in say(host, 8443, bringing), "it speaks without TLS"
    assert say("127.0.0.1", 2001, asking.format("")).startswith("HTTP/1.1 401 ")
    for trusted, server in ((None, "https://localhost:8443"), ("lab.pem", f"https://{BEYOND}:8443")):
        done = subprocess.run([CLIENT, "--transport", "http", "--token-file", "token", "--count", "1", "--retry-deadline-ms", "300",
                               "--server", server], cwd=walk.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, timeout=60, env={**os.environ, **({"SSL_CERT_FILE": trusted} if trusted else {})})
        assert " 0 acknowledged" in done.stdout, (server, done)
    for path in walk.directory.glob("said-*"):
        assert token not in path.read_text(), path


if __name__ == "__main__":
    if not os.environ.get(network_of_its_own.INSIDE):
        called = haproxy()
        if called is None:
            print("1..0 # SKIP HAProxy is not installed, and cannot be fetched")
            sys.exit(0)
        os.environ["ESE_TEST_HAPROXY"] = called
    network_of_its_own.enter()
    sys.exit(run((what_the_document_shows_works_and_strangers_stay_outside,)))
