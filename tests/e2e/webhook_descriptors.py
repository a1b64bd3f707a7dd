"""webhook_descriptors.py ESE-SERVER [TEST ...] - the server of the transport that pushes, where a process may have few files
and sockets open: it asks for as many as it needs, does not start where it cannot have them, and where there is none left all
the same it neither ends nor blames a subscriber (webhook_peer.py). TAP."""
import os
import resource
import socket
import subprocess
import sys
import tempfile

from ese_program import wait_until
from ese_server import run
from webhook_peer import Producer, Receiver, listed, post, subscribed

PROGRAM = os.path.abspath(sys.argv[1])
OPTIONS = ("--transport", "webhook")
DISK = (*OPTIONS, "--durability", "disk")
SOFT = 1024  # what most shells allow


def a_soft_limit_of_1024_is_no_bound(server):
    """Clients that rest, fewer than --max-connections, and as many streams as may be open."""
    host, port = server.listen.rsplit(":", 1)
    clients = []
    try:
        with Producer(server) as producer:
            producer.post("s", b"{}")
            for _ in range(940):
                clients.append(socket.create_connection((host, int(port)), 20))
            open_files = f"/proc/{server.process.pid}/fd"
            wait_until(lambda: len(os.listdir(open_files)) > 940, "the clients are not let in")
            for number in range(63):
                assert producer.post(f"s{number}", b"{}") == 1
            assert len(os.listdir(open_files)) > SOFT, "that was none too many"
    finally:
        for client in clients:
            client.close()


def a_hard_limit_that_is_too_low_is_told(server):
    del server
    with tempfile.TemporaryDirectory(prefix="ese-test-") as directory:
        refused = subprocess.run([PROGRAM, "--listen", "127.0.0.1:0", *OPTIONS], cwd=directory, capture_output=True, text=True,
                                 check=False, timeout=20,
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (SOFT, SOFT)))
        assert refused.returncode == 69, refused
        for word in (f"may have {SOFT}", "--max-connections (1064)", "--push-connections", "--open-streams", "ulimit -n"):
            assert word in refused.stderr, (word, refused.stderr)


class Kept:
    """Asks on one connection: no other is let in."""

    def __init__(self, server):
        self.connection = server.connect()

    def ask(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body, headers or {})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()

    def attempts(self, name):
        lines = self.ask("GET", "/metrics")[2].splitlines()
        figure = f'ese_webhook_subscription_attempts_total{{subscription="{name}"}} '
        return sum(int(line.removeprefix(figure)) for line in lines if line.startswith(figure))


def without_a_descriptor_it_goes_on(server):
    pid = server.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with Receiver() as first, Receiver() as second:
        subscribed(server, "one", "s", first.url())
        post(server, "s")
        first.await_position(1)
        kept = Kept(server)
        assert kept.ask("GET", "/health")[0] == 200
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, hard))  # which it has
        status, _, text = kept.ask("POST", "/streams/t", b"{}", {"X-Event-Type": "x"})
        assert status == 500 and "Too many open files" in text, (status, text)
        status, _, text = kept.ask("GET", "/health")
        assert status == 503 and "Too many open files" in text, (status, text)
        subscribed(kept, "two", "s", second.url(), retry={"tries": 1, "first_ms": 1, "most_ms": 1})
        wait_until(lambda: kept.attempts("two") >= 2, "it is not tried again")
        assert kept.ask("POST", "/streams/s", b"{}", {"X-Event-Type": "x"})[0] == 200
        first.await_position(2)  # on the connection that it has
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        second.await_position(2)
        assert second.positions() == [1, 2], second.positions()
        assert listed(server, "two")["active"] and listed(server, "one")["active"]
        assert post(server, "t") == 1
        assert server.ask("GET", "/health")[0] == 200
        assert server.stop()[0] == 0


TESTS = ((a_soft_limit_of_1024_is_no_bound, OPTIONS), (a_hard_limit_that_is_too_low_is_told, OPTIONS),
         (without_a_descriptor_it_goes_on, DISK))

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (SOFT, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    sys.exit(run(PROGRAM, [test for test in TESTS if test[0].__name__ in (sys.argv[2:] or test[0].__name__)]))
