"""documents.py - the commands that the documents show, for what checks them and for what runs them.

A command is a line of an indented block, or a line of a fenced one that begins with a program of ours
or of COMMON. What stands behind two spaces explains it.

A test that runs commands of a document takes them from it, by a call that tools/check-docs.py finds:

    documents.commands(TREE, "docs/walkthrough-by-hand.md")           all of them
    documents.commands(TREE, "transports/http/README.md", "sqlite3")  those of that program
"""
import os
import re
from typing import NamedTuple

OURS = re.compile(r"(?:\./lab|(?:build/[\w/-]+/)?ese-(?:client|server|consumer|mailer|lab|bench|crowd|power-cut|proxy))$")
COMMON = {"apt-get", "cat", "cd", "cp", "curl", "docker", "docker-compose", "git", "jq", "kcat", "kill",
          "ls", "meson", "mkdir", "mvn", "ninja", "python3", "rm", "sqlite3", "tail"}


class Command(NamedTuple):
    line: int
    section: str  # the heading above it of level two; "" before the first
    text: str

    @property
    def program(self):
        return self.text.split()[0]

    @property
    def is_ours(self):
        return OURS.match(self.program) is not None


def explained(text):
    """The command without its explanation."""
    return re.split(r"\s{2,}", re.sub(r"^[$#] ", "", text.strip()))[0]


def is_program(word):
    return OURS.match(word) is not None or word in COMMON


def commands_in(text):
    section, fenced, before = "", False, ""
    for number, line in enumerate(text.splitlines(), 1):
        heading = re.match(r"## (.*)", line)
        if line.startswith("```"):
            fenced = not fenced
        elif fenced:
            command = Command(number, section, explained(line) or "-")
            if not line.startswith(" ") and is_program(command.program):
                yield command
        elif heading:
            section = heading.group(1)
        elif re.match(r" {4}\S", line) and (before == "" or before.startswith("    ")):
            yield Command(number, section, explained(line))
        before = line


def commands(tree, document, program=None):
    with open(os.path.join(tree, document), encoding="utf-8") as file:
        found = list(commands_in(file.read()))
    return [command for command in found if program in (None, command.program)]
