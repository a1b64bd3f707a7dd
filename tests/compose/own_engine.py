#!/usr/bin/python3
"""own_engine.py DIRECTORY - a Docker engine of one's own, as root, for as long as standard input stays open.

Prints "SOCKET PID NAME" once it serves: the socket to ask it by, a process in whose network namespace (and only
there) its containers and published ports can be reached, and what its things outside are called. It ends with its
standard input, also when whoever holds the other end was killed, and takes everything along.

The engine lives in namespaces of its own. Its bridges, firewall rules and mounts are theirs and vanish with them,
and all its processes are killed with the first one. Outside there is one pair of network devices, whose peer is
inside, so that it vanishes too; a few rules that let it out; and the directory. Those are removed at the end.
"""
import contextlib
import ipaddress
import json
import os
import pathlib
import signal
import subprocess
import sys

from traces import control_groups
from waiting import wait_for

READY_SECONDS = 60
STOP_SECONDS = 30


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout


def free_network():
    """Two addresses that nothing on this machine routes yet."""
    routes = [route["dst"] for route in json.loads(run("ip", "-json", "-4", "route", "show", "table", "all"))
              if route["dst"] != "default"]
    taken = [ipaddress.ip_network(route, strict=False) for route in routes]
    for network in ipaddress.ip_network("172.31.240.0/20").subnets(new_prefix=30):
        if not any(network.overlaps(other) for other in taken):
            return network
    raise RuntimeError("no free network below 172.31.240.0/20")


def way_out():
    """The MTU of the device that leads out: a larger packet would be lost without a word."""
    for route in json.loads(run("ip", "-json", "-4", "route", "show", "default")):
        return json.loads(run("ip", "-json", "link", "show", route["dev"]))[0]["mtu"]
    return 1500


class Forwarding:
    """The way from the engine's network to the outside."""

    def __init__(self, device, network):
        ours = ("-m", "comment", "--comment", device)
        self.rules = [("nat", "POSTROUTING", "-s", str(network), *ours, "-j", "MASQUERADE"),
                      ("filter", "FORWARD", "-i", device, *ours, "-j", "ACCEPT"),
                      ("filter", "FORWARD", "-o", device, *ours, "-j", "ACCEPT")]
        self.switch = pathlib.Path("/proc/sys/net/ipv4/ip_forward")

    def open(self, leaving):
        before = self.switch.read_text(encoding="ascii")
        self.switch.write_text("1", encoding="ascii")
        leaving.callback(self.switch.write_text, before, encoding="ascii")
        for table, chain, *rule in self.rules:
            run("iptables", "-w", "-t", table, "-I", chain, *rule)
            leaving.callback(run, "iptables", "-w", "-t", table, "-D", chain, *rule)


class Engine:
    def __init__(self, directory):
        self.directory = directory
        self.name = f"ese{os.getpid()}"
        self.process = None
        self.first = None  # the engine's pid, as it is known out here

    def start(self, leaving):
        mtu, network = way_out(), free_network()
        outside, inside = list(network.hosts())
        self.directory.mkdir(parents=True)
        leaving.callback(run, "rm", "-rf", "--one-file-system", self.directory)
        leaving.callback(self.remove_cgroups)
        self.enter_namespaces(leaving)
        run("ip", "link", "add", self.name, "mtu", str(mtu), "type", "veth",
            "peer", "name", "eth0", "mtu", str(mtu), "netns", str(self.first))
        run("ip", "address", "add", f"{outside}/{network.prefixlen}", "dev", self.name)
        run("ip", "link", "set", self.name, "up")
        Forwarding(self.name, network).open(leaving)
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "address", "add", f"{inside}/{network.prefixlen}", "dev", "eth0")
        self.inside("ip", "link", "set", "eth0", "up")
        self.inside("ip", "route", "add", "default", "via", str(outside))
        self.process.stdin.write(b"go\n")  # the way out is there
        self.process.stdin.close()
        self.wait_until_it_serves()

    def enter_namespaces(self, leaving):
        """A shell waits in them for its network and then becomes the engine."""
        engine = ["dockerd", "--host", f"unix://{self.socket()}", "--data-root", self.directory / "data",
                  "--exec-root", self.directory / "exec", "--pidfile", self.directory / "pid",
                  "--mtu", str(way_out()), "--cgroup-parent", f"/{self.name}",
                  "--exec-opt", "native.cgroupdriver=cgroupfs"]
        with open(self.directory / "log", "wb") as log:
            # pylint: disable-next=consider-using-with
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL",
                 "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                 "sh", "-c", 'read -r go && exec "$@"', "engine", *map(str, engine)],
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
        leaving.callback(self.stop)
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        wait_for(lambda: children.read_text(encoding="ascii").strip(), READY_SECONDS, "unshare")
        self.first = int(children.read_text(encoding="ascii"))

    def inside(self, *command):
        return run("nsenter", f"--net=/proc/{self.first}/ns/net", *command)

    def socket(self):
        return self.directory / "docker.sock"

    def serves(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"dockerd ended:\n{self.last_words()}")
        asked = subprocess.run(["docker", "--host", f"unix://{self.socket()}", "version"],
                               stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return asked.returncode == 0

    def wait_until_it_serves(self):
        wait_for(self.serves, READY_SECONDS, "dockerd")

    def last_words(self):
        text = (self.directory / "log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-20:])

    def stop(self):
        """As a service manager does; with its first process the others of its namespace end anyway."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.first or self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def remove_cgroups(self):
        """Those the containers were in: empty by now, but directories of the machine's, not of a namespace."""
        for controller in control_groups(self.name):
            for path, _, _ in os.walk(controller, topdown=False):
                wait_for(lambda path=path: self.removed(path), 5, path)

    @staticmethod
    def removed(path):
        with contextlib.suppress(OSError):
            os.rmdir(path)
        return not os.path.exists(path)


def stop_asked(*_):
    raise SystemExit(0)


def main():
    directory = pathlib.Path(sys.argv[1])
    for asked in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(asked, stop_asked)
    with contextlib.ExitStack() as leaving:
        engine = Engine(directory)
        engine.start(leaving)
        print(engine.socket(), engine.first, engine.name, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
