"""What tests of the whole lab share: its processes and ports, where a broker comes from, TAP."""
import os
import re
import shutil
import subprocess
import sys
import time

JARS = os.path.join(os.environ.get("ESE_LAB_HOME", ".lab"), "kafka", "libs")


def a_real_broker_can_be_had():
    return os.path.isdir(JARS) and shutil.which("java") is not None


def own_program(lab, name):
    """Of the same build."""
    return os.path.join(os.path.dirname(lab), "..", "..", name, name)


def lab_with(directory, lab, programs):
    """A copy of the lab in the directory that finds all its programs beside it: these by name, else its own."""
    own = {name: own_program(lab, name) for name in ("ese-client", "ese-server", "ese-consumer", "ese-mailer")}
    own["ese-proxy"] = os.path.join(os.path.dirname(lab), "..", "proxy", "ese-proxy")
    own["ese-crowd"] = os.path.join(os.path.dirname(lab), "..", "crowd", "ese-crowd")
    for name, path in {**own, **programs}.items():
        os.symlink(path, os.path.join(directory, name))
    # by somebody else: what is open for writing here may not be run before all children of other threads have let it go
    subprocess.run(["cp", lab, directory], check=True)
    return os.path.join(directory, os.path.basename(lab))


def wait_until(condition, seconds, what):
    """What the condition came to, once that is true."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "not within %d s: %s" % (seconds, what)
        time.sleep(0.02)


def words_of(pid, what="cmdline"):
    """A living process's command or environment, word by word; nothing of one that has ended."""
    try:
        with open("/proc/%s/%s" % (pid, what), "rb") as file:
            return file.read().decode(errors="replace").split("\0")
    except OSError:
        return []


def pids_of(directory):
    """Living processes whose command or environment names the directory."""
    return [int(pid) for pid in filter(str.isdigit, os.listdir("/proc")) if int(pid) != os.getpid()
            and any(directory in word for word in words_of(pid) + words_of(pid, "environ"))]


def sockets_of(pid):
    """Inodes; of a process that ends meanwhile, none or some."""
    try:
        for fd in os.listdir("/proc/%s/fd" % pid):
            yield os.readlink("/proc/%s/fd/%s" % (pid, fd))[len("socket:["):-1]
    except OSError:
        return


def listening_rows():
    """The kernel's: of each listening TCP socket its fields."""
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(path, encoding="ascii") as file:
            yield from (row for row in map(str.split, file.readlines()[1:]) if row[3] == "0A")


def listening_beyond_loopback(pids):
    """Where these processes can be reached from other machines, as the kernel writes it: 127.*, ::1, and the former as one of
    IPv6, are no such places."""
    held = {inode for pid in pids for inode in sockets_of(pid)}
    ours = re.compile(r"(0{16}FFFF0{4})?[0-9A-F]{6}7F:|0{24}01000000:")
    return [row[1] for row in listening_rows() if row[9] in held and not ours.match(row[1])]


def listening(pids=None):
    """Of all listening TCP sockets, or of those that these processes have open: inode and port."""
    sockets = {row[9]: int(row[1].rsplit(":", 1)[1], 16) for row in listening_rows()}
    if pids is None:
        return sockets
    held = {inode for pid in pids for inode in sockets_of(pid)}
    return {inode: port for inode, port in sockets.items() if inode in held}


def processes_of(directory):
    return [" ".join(words_of(pid)) for pid in pids_of(directory)]


def no_process_is_left(directory):
    until = time.monotonic() + 10
    while processes_of(directory) and time.monotonic() < until:
        time.sleep(0.05)
    return not processes_of(directory)


class Skipped(Exception):
    """What a test looks at cannot be tried here, and why."""


def run(tests):
    """Runs (name, function) one after the other and tells TAP; the exit status."""
    print("1..%d" % len(tests))
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print("ok %d - %s" % (number, name), flush=True)
        except Skipped as why:
            print("ok %d - %s # SKIP %s" % (number, name, why), flush=True)
        except Exception as problem:  # a broken test is a failed one
            failed = 1
            print("not ok %d - %s" % (number, name))
            print("# %r" % problem, flush=True)
    return failed


def skip(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)
