"""An ese-server of a test's own: started on a free port with fresh data, killed, started again, stopped."""
import http.client
import json
import pathlib
import resource
import signal
import subprocess
import tempfile
import time


class Server:
    def __init__(self, program, *options, keeps_files=True):
        self.program, self.options = program, options
        self.directory = tempfile.TemporaryDirectory(prefix="ese-test-")
        self.data = pathlib.Path(self.directory.name, "data")
        self.own = ("--data", self.data) if keeps_files else ()
        self.listen = "127.0.0.1:0"
        self.process = None

    def start(self, most_bytes=resource.RLIM_INFINITY):
        """Serves when it returns; a second time on the port of the first. No file grows beyond most_bytes."""
        ready = pathlib.Path(self.directory.name, "ready")
        ready.unlink(missing_ok=True)
        deadline = time.monotonic() + 20
        self.launch(ready, most_bytes)
        while not ready.exists():
            if self.process.poll() is not None:
                # Meanwhile the port may be somebody's own end of a connection, for a while.
                again = not self.listen.endswith(":0") and time.monotonic() < deadline
                assert again, f"ese-server ended with {self.process.returncode}"
                time.sleep(0.1)
                self.launch(ready, most_bytes)
            assert time.monotonic() < deadline, "ese-server does not get ready"
            time.sleep(0.01)
        self.listen = ready.read_text().strip()
        return self

    def launch(self, ready, most_bytes):
        self.process = subprocess.Popen(
            [self.program, "--listen", self.listen, *self.own, "--ready-file", ready,
             "--log-level", "warning", *self.options],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
            restore_signals=False)  # a write beyond is an error then, no signal

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """As a service manager stops it. Returns exit status and seconds."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20), time.monotonic() - began

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        self.directory.cleanup()

    def connect(self):
        host, port = self.listen.rsplit(":", 1)
        return http.client.HTTPConnection(host, int(port), timeout=20)

    def ask(self, method, path, body=None, headers=None):
        """One request on a connection of its own: status, headers, body as text."""
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def get(self, path):
        status, _, body = self.ask("GET", path)
        assert status == 200, (path, status, body)
        return json.loads(body)


class Skipped(Exception):
    """A test that needs what is not there."""


def await_ready(server, is_ready):
    deadline = time.monotonic() + 20
    while not is_ready(server):
        assert time.monotonic() < deadline, "ese-server does not get ready"
        time.sleep(0.01)


def run(program, tests, is_ready=lambda server: True, **more):
    """Runs each test with a started server of its own, once it is ready, and tells TAP; the exit status."""
    failed = 0
    print(f"1..{len(tests)}")
    for number, (test, options) in enumerate(tests, 1):
        server = Server(program, *options, **more)
        try:
            await_ready(server.start(), is_ready)
            test(server)
            print(f"ok {number} - {test.__name__}", flush=True)
        except Skipped as why:
            print(f"ok {number} # SKIP {test.__name__}: {why}", flush=True)
        except Exception as problem:  # the next test has a server of its own
            failed = 1
            print(f"not ok {number} - {test.__name__}")
            print(f"# {type(problem).__name__}: {problem}".replace("\n", "\n# "), flush=True)
        finally:
            server.close()
    return failed
