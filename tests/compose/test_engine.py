#!/usr/bin/python3
"""An engine of one's own leaves nothing behind, however it ends. TAP. As root, with ESE_OWN_ENGINE=1 or --own-engine;
without, only how it is looked for."""
import io
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
from unittest import mock

from engine import run
from traces import directories_called, traces
from waiting import wait_for

KEEPER = pathlib.Path(__file__).with_name("own_engine.py")
SWITCH = pathlib.Path("/proc/sys/net/ipv4/ip_forward")


def smallest_image():
    """`sleep` and what it links, as a file system in one tar."""
    linked = [word for word in run("ldd", "/usr/bin/sleep").split() if word.startswith("/")]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in ["/usr/bin/sleep", *linked]:
            tar.add(os.path.realpath(path), arcname=path)
    return packed.getvalue()


class Held:
    """An engine with a container that runs, and somebody who holds the other end of its keeper's input."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="ese-engine-")
        os.rmdir(self.directory)
        self.forwarding = SWITCH.read_text(encoding="ascii")
        # pylint: disable-next=consider-using-with
        self.holder = subprocess.Popen(["sh", "-c", 'sleep 600 | exec "$@"', "holder", sys.executable, KEEPER,
                                        self.directory], stdout=subprocess.PIPE, text=True, start_new_session=True)
        socket, self.first, self.name = self.holder.stdout.readline().split()
        self.docker = ("docker", "--host", f"unix://{socket}")
        with tempfile.NamedTemporaryFile() as image:
            image.write(smallest_image())
            image.flush()
            run(*self.docker, "import", image.name, "smallest")
        run(*self.docker, "run", "--detach", "--stop-signal", "KILL", "--publish", "127.0.0.1:7:7", "smallest",
            "/usr/bin/sleep", "600")

    def traces(self):
        return traces(self.directory, self.name)

    def is_gone(self):
        return not self.traces() and SWITCH.read_text(encoding="ascii") == self.forwarding

    def must_be_gone(self):
        wait_for(self.is_gone, 90, self.traces)
        self.holder.wait()
        self.holder.stdout.close()


def children_of(pid):
    return [int(word) for word in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def while_it_runs_there_is_something():
    """Else none of these would prove anything."""
    held = Held()
    found = "\n".join(held.traces())
    os.killpg(held.holder.pid, signal.SIGTERM)
    for sign in ("dockerd", "containerd-shim", "mtu", "MASQUERADE", "/sys/fs/cgroup"):
        assert sign in found, (sign, found)
    held.must_be_gone()


def whose_holder_is_killed():
    held = Held()
    for child in children_of(held.holder.pid):
        if not children_of(child):  # the one that holds the pipe: sleep
            os.kill(child, signal.SIGKILL)
    held.must_be_gone()


def whose_dockerd_is_killed():
    held = Held()
    os.kill(int(held.first), signal.SIGKILL)
    os.killpg(held.holder.pid, signal.SIGTERM)
    held.must_be_gone()


def what_goes_meanwhile_is_passed_over():
    """Control groups do, as containers end: one that was listed is gone when it is looked into."""
    listed, looked_into = os.scandir, []

    def scandir(path):
        if os.path.basename(path) == "goes":
            os.rmdir(path)
        looked_into.append(os.path.basename(path))
        return listed(path)
    with tempfile.TemporaryDirectory() as top:
        for path in ("goes", "stays/ours/inside", "stays/deeper/ours", "other"):
            os.makedirs(os.path.join(top, path))
        with mock.patch.object(os, "scandir", scandir):
            found = directories_called("ours", top)
        assert "goes" in looked_into and not os.path.exists(os.path.join(top, "goes")), looked_into
        assert sorted(os.path.relpath(path, top) for path in found) == ["stays/deeper/ours", "stays/ours"], found


def main():
    own = ("--own-engine" in sys.argv or os.environ.get("ESE_OWN_ENGINE") == "1") and os.geteuid() == 0
    of_engines = (while_it_runs_there_is_something, whose_holder_is_killed, whose_dockerd_is_killed)
    cases = (what_goes_meanwhile_is_passed_over, *of_engines)
    failed = 0
    print(f"1..{len(cases)}")
    for number, test in enumerate(cases, 1):
        if test in of_engines and not own:
            print(f"ok {number} - {test.__name__} # SKIP starts engines only when told so, by --own-engine, as root")
            continue
        try:
            test()
            print(f"ok {number} - {test.__name__}", flush=True)
        except Exception as problem:  # pylint: disable=broad-except # a broken test is a failed one
            failed = 1
            print(f"not ok {number} - {test.__name__}\n# " + repr(problem).replace("\n", "\n# "), flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
