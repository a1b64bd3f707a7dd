"""What an engine of one's own could leave on the machine."""
import os
import pathlib
import subprocess

CONTROL_GROUPS = "/sys/fs/cgroup"


def words_of(pid):
    try:
        return pathlib.Path("/proc", pid, "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def lines_with(text, sign):
    return [line for line in text.splitlines() if sign in line]


def told(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout


def directories_called(name, top):
    """All below `top`, while others come and go there: one that has just gone is passed over (glob would raise)."""
    return [pathlib.Path(path, name) for path, inside, _ in os.walk(top) if name in inside]


def control_groups(name):
    return directories_called(name, CONTROL_GROUPS)


def traces(directory, name):
    """Processes, mounts, devices, firewall rules, control groups and files of the engine in that directory, which calls
    what it has outside `name`; [] when there are none."""
    processes = [words_of(path.name) for path in pathlib.Path("/proc").glob("[0-9]*")]
    return [*(words for words in processes if f"{directory}/" in words),
            *lines_with(pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8"), str(directory)),
            *lines_with(told("ip", "link", "show"), name),
            *lines_with(told("iptables-save"), name),
            *map(str, control_groups(name)),
            *[str(directory)] * pathlib.Path(directory).exists()]
