"""A program of the lab as a process of a test: started on a free port in a directory of its own, asked, stopped."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import resource
import subprocess
import tempfile
import time


def wait_until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Program:
    """Its options are as given; `environment` is added to ours. Where it serves is told by its ready file."""

    def __init__(self, path, *options, environment=None):
        self.path, self.options, self.process, self.address = path, options, None, ""
        self.environment = {**os.environ, **(environment or {})}
        self.place = tempfile.TemporaryDirectory(prefix="ese-test-")
        self.directory = pathlib.Path(self.place.name)

    def start(self):
        ready = self.directory / "ready"
        ready.unlink(missing_ok=True)
        with open(self.directory / "said", "ab") as said:
            self.process = subprocess.Popen(
                [self.path, *self.options, "--ready-file", "ready", "--log-level", "warning"], cwd=self.directory,
                env=self.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                restore_signals=False)  # SIGXFSZ stays ignored: a write beyond a limit is an error
        wait_until(lambda: ready.exists() or self.process.poll() is not None, f"{self.path} does not get ready")
        assert self.process.poll() is None, (self.path, self.process.returncode, self.said())
        self.address = ready.read_text().strip()
        return self

    def said(self):
        said = self.directory / "said"
        return said.read_text() if said.exists() else ""

    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def request(self, method, path, body, headers):
        """Over loopback: status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=20)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ask(self, path, token=None):
        return self.request("GET", path, None, {"Authorization": f"Bearer {token}"} if token else {})

    def post(self, path, noun):
        """The status of posting it as JSON."""
        return self.request("POST", path, json.dumps(noun), {"Content-Type": "application/json"})[0]

    def let_files_grow(self, yes):
        """As long as not, the disk is full to this process."""
        limit = resource.RLIM_INFINITY if yes else 0
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=20)

    def close(self):
        if self.process and self.process.poll() is None:
            self.kill()
        self.place.cleanup()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()


def problem_of(test):
    try:
        test()
        return None
    except Exception as problem:  # the next test begins anew
        return f"{type(problem).__name__}: {problem}"


def run(tests, at_once=1):
    """Tells TAP; the exit status. So many tests run side by side: for those that mostly wait."""
    failed = 0
    print(f"1..{len(tests)}")
    with concurrent.futures.ThreadPoolExecutor(at_once) as threads:
        for number, (test, problem) in enumerate(zip(tests, threads.map(problem_of, tests)), 1):
            if problem is None:
                print(f"ok {number} - {test.__name__}", flush=True)
            else:
                failed = 1
                print(f"not ok {number} - {test.__name__}")
                print("# " + problem.replace("\n", "\n# "), flush=True)
    return failed
