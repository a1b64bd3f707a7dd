"""A walk in containers: one project of docker-compose, under a name of its own."""
import collections
import contextlib
import json
import os
import subprocess
import time
import urllib.parse
import urllib.request

from engine import run
from images import HERE, TREE
from waiting import wait_for

FILES = (TREE / "docker-compose.yml", HERE / "overlay.yml")
PORTS = {"ESE_HTTP_PORT": 2001, "ESE_KAFKA_SERVER_PORT": 2002, "ESE_KAFKA_ANALYTICS_PORT": 2003,
         "ESE_HTTP_ESE_STORE_PORT": 2004, "ESE_WEBHOOK_PORT": 2006, "ESE_MAILER_PORT": 2525, "ESE_MAILPIT_PORT": 8025,
         "ESE_KAFKA_PORT": 29092, "ESE_HAPROXY_PORT": 8100, "ESE_PROMETHEUS_PORT": 9090}

# Where each side tells how many events it has stored.
STORED = {"http": ("ESE_HTTP_PORT", "ese_store_events_total"),
          "kafka": ("ESE_KAFKA_SERVER_PORT", 'ese_produced_total{outcome="stored"}')}

# What the inbox's stand-in runs: it has a mail as it came in its database.
SEND_AGAIN = """
import smtplib, sqlite3
(mail,) = sqlite3.connect("/data/mailpit.db").execute(
    "SELECT content FROM mails ORDER BY number DESC LIMIT 1").fetchone()
with smtplib.SMTP("127.0.0.1", 1025) as smtp:
    smtp.sendmail("again@ese.org", ["click_updated@ese.org"], mail)
"""


def get(port, path, host="127.0.0.1"):
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def value_of(metrics, name):
    return float(next(line.split()[-1] for line in metrics.splitlines() if line.startswith(f"{name} ")))


class Walk:
    """program: docker-compose, in whichever version. settings: what a person would put before the command."""

    def __init__(self, engine, program="docker-compose", **settings):
        self.engine, self.program = engine, program
        self.ports = {name: engine.port(usual) for name, usual in PORTS.items()}
        self.name = f"ese-test-{os.getpid()}"
        self.settings = {**settings, **{name: str(port) for name, port in self.ports.items()}}

    @staticmethod
    def usual(name):
        return PORTS[name]

    def words(self, *words, files=FILES):
        chosen = [word for file in files for word in ("--file", file)]
        return [self.program, "--project-directory", TREE, "--project-name", self.name, *chosen, *words]

    def environment(self, **settings):
        return {**self.engine.environment, **self.settings, **settings}

    def compose(self, *words, files=FILES, settings=None, **more):
        return run(*self.words(*words, files=files), env=self.environment(**(settings or {})), **more)

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

    def deaths(self, since):
        """With which status whose container ended since that moment (Unix time): {"kafka": 143}."""
        told = self.engine.docker("events", "--since", str(since), "--until", str(time.time()), "--filter", "event=die",
                                  "--filter", f"label=com.docker.compose.project={self.name}", "--format",
                                  "{{json .Actor.Attributes}}")
        one = [json.loads(line) for line in told.splitlines()]
        return {dead["com.docker.compose.service"]: int(dead["exitCode"]) for dead in one}

    def log(self, service):
        container = self.containers()[service]["Id"]
        return run("sh", "-c", 'exec docker logs "$1" 2>&1', "logs", container, env=self.engine.environment)

    @contextlib.contextmanager
    def cable_pulled(self, service):
        """Nobody reaches it meanwhile, nor does it reach anybody."""
        container, network = self.containers()[service]["Id"], f"{self.name}_default"
        self.engine.docker("network", "disconnect", network, container)
        try:
            yield
        finally:
            self.engine.docker("network", "connect", "--alias", service, network, container)

    def address_of(self, service):
        """Inside its network, which the engine's own machine reaches."""
        networks = self.containers()[service]["NetworkSettings"]["Networks"]
        return next(iter(networks.values()))["IPAddress"]

    # ---- what it does ----

    def metric(self, service, port, name):
        return value_of(get(port, "/metrics", self.address_of(service)), name)

    def check(self):
        """What `ese-lab check` ends with, and what it found of each transport. Who has no figures yet is told so by 2."""
        done = subprocess.run(self.words("exec", "-T", "lab", "ese-lab", "check", "--json"), stdin=subprocess.DEVNULL,
                              env=self.environment(), capture_output=True, timeout=120, check=False)
        found = json.loads(done.stdout) if done.stdout else {"transports": [], "said": done.stderr.decode()}
        return done.returncode, {one["name"]: one for one in found["transports"]} or found

    def stored(self):
        """How many events each server has stored in its present life."""
        return {name: int(value_of(get(self.ports[port], "/metrics"), metric))
                for name, (port, metric) in STORED.items()}

    def mails(self):
        """How many came of each decision, for each transport: {"http": {"0190...": 1}}."""
        page = json.loads(get(self.ports["ESE_MAILPIT_PORT"], "/api/v1/messages?start=0&limit=5000"))
        found = collections.defaultdict(collections.Counter)
        for message in page["messages"]:
            headers = json.loads(get(self.ports["ESE_MAILPIT_PORT"], f"/api/v1/message/{message['ID']}/headers"))
            found[headers["X-Ese-Transport"][0]][headers["X-Ese-Decision"][0]] += 1
        return found

    def send_newest_mail_again(self):
        """From within the inbox's container, as the SMTP server is published nowhere."""
        self.compose("exec", "-T", "mailpit", "python3", "-c", SEND_AGAIN)

    def prometheus_finds(self, query):
        """Whether there is a series with a number."""
        asked = urllib.parse.urlencode({"query": query})
        found = json.loads(get(self.ports["ESE_PROMETHEUS_PORT"], f"/api/v1/query?{asked}"))
        return any(one["value"][1] != "NaN" for one in found["data"]["result"])

    def wait_for_mails(self, transports, more_than, seconds):
        """Until each of the transports has more mails than `more_than` has (of mails()). The mails."""
        def arrived():
            mails = self.mails()
            return mails if all(len(mails[name]) > len(more_than.get(name, ())) for name in transports) else None
        return wait_for(arrived, seconds, lambda: f"a mail more on each side: {self.mails()}", 0.5)
