"""A real SMTP server, aiosmtpd in a process of its own, and its Maildir."""
import collections
import mailbox
import os
import socket
import subprocess

from ese_program import wait_until

PYTHON = "/usr/bin/python3"  # the distribution's: another one may not see its modules
RUN = ("import runpy, socket; socket.getfqdn = socket.gethostname; "
       "runpy.run_module('aiosmtpd', run_name='__main__', alter_sys=True)")


def can_be_had():
    return subprocess.run([PYTHON, "-c", "import aiosmtpd"], stderr=subprocess.DEVNULL, check=False).returncode == 0


class Sink:
    def __init__(self, directory):
        self.maildir = os.path.join(directory, "maildir")
        self.held = socket.socket()  # nobody else is given the port before it serves there, and it may join (socket(7))
        self.held.bind(("127.0.0.1", 0))
        self.held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.address = "127.0.0.1:%d" % self.held.getsockname()[1]
        self.process = subprocess.Popen([PYTHON, "-c", RUN, "-n", "-l", self.address, "-c", "aiosmtpd.handlers.Mailbox",
                                         self.maildir])
        wait_until(self.answers, "the SMTP server does not answer")

    def answers(self):
        assert self.process.poll() is None, "the SMTP server has ended"
        try:
            socket.create_connection(self.address.split(":"), 1).close()
            return True
        except OSError:
            return False

    def arrived(self):
        """How often a mail of each decision did."""
        return collections.Counter(mail["X-ESE-Decision"] for mail in mailbox.Maildir(self.maildir, create=False))

    def subjects(self):
        return [mail["Subject"] for mail in mailbox.Maildir(self.maildir, create=False)]

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.held.close()
