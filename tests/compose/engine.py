"""The Docker engine a test talks to: the one that is there, or one of its own (own_engine.py)."""
import contextlib
import ctypes
import os
import pathlib
import shutil
import socket
import subprocess
import sys

from traces import traces

CLONE_NEWNET = 0x40000000


def enter_network(path):
    """This thread, and what it starts from now on, is in the network namespace of that file."""
    with open(path, "rb") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {path}")


def run(*command, check=True, timeout=600, **more):
    """Its standard output. What fails shows the end of what it said."""
    done = subprocess.run([str(word) for word in command], stdin=more.pop("stdin", subprocess.DEVNULL),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False, **more)
    if check and done.returncode != 0:
        said = (done.stdout + done.stderr).decode(errors="replace").splitlines()[-30:]
        raise AssertionError("\n".join([f"{' '.join(map(str, command))}: status {done.returncode}", *said]))
    return done.stdout.decode(errors="replace")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Engine:
    """The one that is there. `environment` is for every docker and docker-compose."""

    own = False

    def __init__(self):
        self.environment = dict(os.environ)

    def answers(self):
        return shutil.which("docker") is not None and self.docker("version", check=False) != "" and \
            "Server" in self.docker("version", check=False)

    def docker(self, *words, **more):
        return run("docker", *words, env=self.environment, **more)

    def has_image(self, name):
        return self.docker("image", "inspect", name, check=False).strip() not in ("", "[]")

    def port(self, _usual):
        return free_port()

    def close(self):
        pass


class OwnEngine(Engine):
    """This process goes into its network: what is published on 127.0.0.1 is published there."""

    own = True

    def __init__(self, directory):
        super().__init__()
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.keeper = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, pathlib.Path(__file__).with_name("own_engine.py"), directory],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        said = self.keeper.stdout.readline().split()
        if len(said) != 3:
            raise AssertionError("the engine did not start; it says why above")
        self.environment["DOCKER_HOST"] = f"unix://{said[0]}"
        self.environment.pop("DOCKER_CONTEXT", None)
        self.directory, self.name = directory, said[2]
        enter_network(f"/proc/{said[1]}/ns/net")

    def port(self, usual):
        return usual  # nobody else is in there

    def close(self):
        """Returns when nothing of it is left, and has looked."""
        enter_network(f"/proc/self/fd/{self.home}")
        os.close(self.home)
        with contextlib.suppress(BrokenPipeError):
            self.keeper.stdin.close()
        status = self.keeper.wait(120)
        self.keeper.stdout.close()
        assert status == 0, f"the engine's keeper ended with {status}"
        assert traces(self.directory, self.name) == [], traces(self.directory, self.name)
