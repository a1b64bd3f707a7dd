"""A terminal with a shell in it, as a user has one: what is typed, what is seen, and Ctrl-C."""
import os
import pty
import re
import signal
import threading
import time

PROMPT = "walk$ "
SHELL = ["bash", "--norc", "--noprofile", "--noediting", "-i"]


def users_environment():
    """The lab's own variables are what this test was started with, not the user's."""
    return {key: value for key, value in os.environ.items() if not key.startswith("ESE_")}


class Terminal:
    def __init__(self, directory, name):
        self.name, self.seen, self.busy = name, "", False
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe(SHELL[0], SHELL, {**users_environment(), "PS1": PROMPT, "TERM": "dumb",
                                         "HISTFILE": ""})
        threading.Thread(target=self.read, daemon=True).start()
        self.see(re.escape(PROMPT))

    def read(self):
        while True:
            try:
                bytes_read = os.read(self.fd, 65536)
            except OSError:  # EIO: everybody has closed the other side
                return
            if not bytes_read:
                return
            self.seen += bytes_read.decode(errors="replace")

    def see(self, pattern, times=1, seconds=60):
        """Waits until it was shown that many times."""
        deadline = time.monotonic() + seconds
        while len(re.findall(pattern, self.seen)) < times:
            assert time.monotonic() < deadline, "%s never shows '%s' %d times: %s" % (
                self.name, pattern, times, self.seen[-2000:])
            time.sleep(0.01)

    def prompts(self):
        return self.seen.count(PROMPT)

    def type(self, text):
        os.write(self.fd, text.encode())

    def start(self, command):
        """Types it and leaves it running."""
        self.type(command + "\r")
        self.busy = True

    def run(self, command):
        """Types it and waits for the next prompt; what was shown meanwhile, after the command."""
        before, shown = self.prompts(), len(self.seen)
        self.type(command + "\r")
        self.see(re.escape(PROMPT), before + 1)
        return self.seen[shown:].replace(command, "", 1).rsplit(PROMPT, 1)[0]

    def ctrl_c(self):
        """And waits until what ran there has ended."""
        before = self.prompts()
        self.type("\x03")
        self.see(re.escape(PROMPT), before + 1, 20)
        self.busy = False

    def close(self):
        """Whatever is still there ends."""
        for pid in processes_of_session(self.pid):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def processes_of_session(session):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid, encoding="utf-8", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(pid))
    return found
