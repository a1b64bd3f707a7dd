"""A walk in containers: one project of docker-compose, under a name of its own."""
import collections
import json
import os
import urllib.request

from engine import run
from images import HERE, TREE
from waiting import wait_for

FILES = (TREE / "docker-compose.yml", HERE / "overlay.yml")
PORTS = {"ESE_HTTP_PORT": 2001, "ESE_KAFKA_SERVER_PORT": 2002, "ESE_MAILER_PORT": 2525, "ESE_MAILPIT_PORT": 8025,
         "ESE_KAFKA_PORT": 29092}


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


class Walk:
    """program: docker-compose, in whichever version. settings: what a person would put before the command."""

    def __init__(self, engine, program="docker-compose", **settings):
        self.engine, self.program = engine, program
        self.ports = {name: engine.port(usual) for name, usual in PORTS.items()}
        self.name = f"ese-test-{os.getpid()}"
        self.settings = {**settings, **{name: str(port) for name, port in self.ports.items()}}

    def compose(self, *words, files=FILES, **more):
        settings = {**self.settings, **more.pop("settings", {})}
        chosen = [word for file in files for word in ("--file", file)]
        return run(self.program, "--project-directory", TREE, "--project-name", self.name, *chosen, *words,
                   env={**self.engine.environment, **settings}, **more)

    # ---- what runs ----

    def containers(self):
        """What the engine says of each, by its service's name."""
        ids = self.engine.docker("ps", "--all", "--quiet", "--filter",
                                 f"label=com.docker.compose.project={self.name}").split()
        told = json.loads(self.engine.docker("inspect", *ids)) if ids else []
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in told}

    @staticmethod
    def state_of(container):
        state = container["State"]
        if state["Status"] == "running" and "Health" in state:
            return state["Health"]["Status"]
        return f"exited {state['ExitCode']}" if state["Status"] == "exited" else state["Status"]

    def states(self):
        return {name: self.state_of(container) for name, container in self.containers().items()}

    def unwell(self):
        """Those that are neither healthy nor, having done what they were for, gone with 0."""
        return {name: state for name, state in self.states().items() if state not in ("healthy", "exited 0")}

    def wait_until_well(self, seconds):
        wait_for(lambda: not self.unwell(), seconds, lambda: f"well: {self.unwell()}\n{self.last_words()}", 0.5)

    def last_words(self):
        return "\n".join(f"{name}:\n" + "".join(f"    {line}\n" for line in self.log(name).splitlines()[-5:])
                         for name in self.unwell())

    def log(self, service):
        container = self.containers()[service]["Id"]
        return run("sh", "-c", 'exec docker logs "$1" 2>&1', "logs", container, env=self.engine.environment)

    # ---- what it does ----

    def health_of(self, port):
        return json.loads(get(self.ports[port], "/health"))

    def mails(self):
        """How many came of each decision, for each transport: {"http": {"0190...": 1}}."""
        page = json.loads(get(self.ports["ESE_MAILPIT_PORT"], "/api/v1/messages?start=0&limit=5000"))
        found = collections.defaultdict(collections.Counter)
        for message in page["messages"]:
            headers = json.loads(get(self.ports["ESE_MAILPIT_PORT"], f"/api/v1/message/{message['ID']}/headers"))
            found[headers["X-Ese-Transport"][0]][headers["X-Ese-Decision"][0]] += 1
        return found

    def wait_for_mails(self, transports, more_than, seconds):
        """Until each of the transports has more mails than `more_than` has (of mails()). The mails."""
        def arrived():
            mails = self.mails()
            return mails if all(len(mails[name]) > len(more_than.get(name, ())) for name in transports) else None
        return wait_for(arrived, seconds, lambda: f"a mail more on each side: {self.mails()}", 0.5)
