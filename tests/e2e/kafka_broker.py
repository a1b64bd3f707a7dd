"""A real broker of a test's own, by `ese-lab kafka`; topics under a prefix of their own for whoever wants them."""
import os
import subprocess
import tempfile

JARS = os.path.abspath(os.path.join(os.environ.get("ESE_LAB_HOME", ".lab"), "kafka", "libs"))


def can_be_had():
    return os.path.isdir(JARS) and subprocess.run(["which", "java"], stdout=subprocess.DEVNULL, check=False).returncode == 0


class Broker:
    """Runs between enter and exit; `address` is what --bootstrap-servers takes."""

    def __init__(self, lab):
        self.lab, self.made, self.address = os.path.abspath(lab), 0, ""
        self.home = tempfile.TemporaryDirectory(prefix="ese-test-")
        self.environment = {**os.environ, "ESE_LAB_HOME": self.home.name}

    def command(self, *words):
        done = subprocess.run([self.lab, "kafka", *words], env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout.strip()

    def __enter__(self):
        os.makedirs(os.path.join(self.home.name, "kafka"))
        os.symlink(JARS, os.path.join(self.home.name, "kafka", "libs"))
        self.address = self.command("start", "--port", "0").splitlines()[-1]
        return self

    def __exit__(self, *_):
        self.command("stop")
        self.home.cleanup()

    def fresh_topics(self):
        """Options that name this cluster and topics that nobody else has."""
        self.made += 1
        prefix = f"t{self.made}-"
        self.command("topics", "--bootstrap-servers", self.address, "--topic-prefix", prefix)
        return ("--bootstrap-servers", self.address, "--topic-prefix", prefix)


def bind(test, *what):
    """The test, of these: a function of its name without parameters, as ese_program.run takes it."""
    def bound():
        test(*what)
    bound.__name__ = test.__name__
    return bound
