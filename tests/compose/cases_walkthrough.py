"""docs/walkthrough.md: what is typed there is typed, and what it shows is held against what comes, figures aside."""
import re
import shlex
import subprocess
import sys

from images import TREE
from waiting import wait_for

sys.path.insert(0, str(TREE / "tools"))
import documents  # noqa: E402 # pylint: disable=wrong-import-position

DOCUMENT = TREE / "docs/walkthrough.md"
SECTION = "The hour"


def shape(line):
    """Without its figures, its colours, and the width of its columns."""
    plain = re.sub(r"\x1b\[\d*m", "", line)
    return re.sub(r"\s+", " ", re.sub(r"-{3,}", "---", re.sub(r"[\d,.]*\d", "0", plain))).strip()


def shown_behind(line):
    """The lines of a block behind the command in that line (from 1), up to the next one."""
    for shown in DOCUMENT.read_text(encoding="utf-8").splitlines()[line:]:
        if shown.startswith(("```", "$ ")):
            return
        if shown.strip() not in ("", "..."):
            yield shape(shown)


def typed(lab, text):
    """The command as it is in this walk: its project's name, its files, its ports."""
    text = text.replace("docker-compose ", shlex.join(map(str, lab.walk.words())) + " ").replace(
        "ese-lab_default", f"{lab.walk.name}_default")
    for name, port in lab.walk.ports.items():
        text = text.replace(f"127.0.0.1:{lab.walk.usual(name)}", f"127.0.0.1:{port}")
    return text


def missing_of(lab, command, shown=None):
    """What is shown (by the document) and does not come."""
    done = subprocess.run(["bash", "-c", typed(lab, command.text)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=lab.walk.environment(), timeout=120, check=False)
    came = {shape(line.replace(lab.walk.name, "ese-lab")) for line in done.stdout.splitlines()}
    missing = [line for line in shown or shown_behind(command.line) if line not in came]
    return missing + [f"status {done.returncode} of {command.text}"] * (done.returncode != 0)


def the_walkthrough_shows_what_comes(lab):
    ran = 0
    for command in documents.commands(TREE, "docs/walkthrough.md"):
        if command.section == SECTION:
            wait_for(lambda command=command: not missing_of(lab, command), 60,
                     lambda command=command: f"{command.text}: {missing_of(lab, command)}", 1)
            ran += 1
    assert ran > 8, ran
    lab.walk.wait_until_well(60)


def the_analytics_server_shows_what_is_shown(lab):
    """In a walk with profile scale."""
    (command,) = [one for one in documents.commands(TREE, "docs/walkthrough.md", "curl") if one.section == "Other settings"]
    wait_for(lambda: not missing_of(lab, command), 60, lambda: f"{command.text}: {missing_of(lab, command)}", 1)


def what_does_not_come_is_told(lab):
    """Else a document could show anything."""
    (command,) = [one for one in documents.commands(TREE, "docs/walkthrough.md", "curl") if one.section == SECTION]
    planted = [line.replace("ok", "unwell") for line in shown_behind(command.line)]
    assert missing_of(lab, command) == []
    assert planted and missing_of(lab, command, planted) == planted
