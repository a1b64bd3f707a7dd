#!/usr/bin/python3
"""plants.py - changes to sources that make a fault of them, listed by their exact text.

    plants.py LIST NAME SOURCE OUT    writes SOURCE with the change of that name to OUT

A list (tests/planted/) has blocks of lines, a blank one between them; # begins a comment.

    in orchestration/lab/ledger.c     the source, for this block and those that follow
    what the change does              its name
    by judgement some_case            the unit test, and its case, that must fail with it
    - text that is there              once in the source, however it is indented; several lines, where
                                      one would not be enough to find it
    + text that is planted            nothing: the other is left out
    - another text, and so on

Whoever changes a source that is listed is told where a text is no longer there.
"""
import re
import sys
from typing import NamedTuple


class Broken(Exception):
    """A list that cannot be read, or does not fit the source."""


class Plant(NamedTuple):
    place: str  # FILE:LINE of the list
    source: str
    name: str
    changes: list  # of (what is there, what is planted)
    by: list  # the test and its case; or nothing

    def find(self, old, text):
        """Where it is in the source's text."""
        lines = [re.escape(line) for line in old.split("\n")]
        found = list(re.finditer(r"\n[ \t]*".join(lines), text))
        if len(found) != 1:
            raise Broken(f"{self.place}: this text is there {len(found)} times in {self.source}, and has to be "
                         f"there once: {old}")
        return found[0].span()

    def apply(self, text):
        for old, new in self.changes:
            start, end = self.find(old, text)
            text = text[:start] + new + text[end:]
        return text


def read(path):
    """All plants of a list."""
    with open(path, encoding="utf-8") as file:
        lines = [(number, line.rstrip()) for number, line in enumerate(file, 1) if not line.startswith("#")]
    plants, source, block = [], None, []
    for number, line in [*lines, (0, "")]:
        if line.startswith("in "):
            source = line[3:].strip()
        elif line:
            block.append((number, line))
        elif block:
            plants.append(make(path, source, block))
            block = []
    return plants


def make(path, source, block):
    """The plant of a block's (number, line)s."""
    place = f"{path}:{block[0][0]}"
    name, changes, by, last = "", [], [], ""
    for _, line in block:
        sign, text = line[:1], line[1:].strip()
        if sign == "-" and last != "-":
            changes.append((text, ""))
        elif sign == "-":
            changes[-1] = (f"{changes[-1][0]}\n{text}", "")
        elif sign == "+" and changes:
            old, new = changes[-1]
            changes[-1] = (old, f"{new}\n{text}" if new else text)
        elif line.startswith("by "):
            by = line.split()[1:]
        elif not name:
            name = line
        else:
            raise Broken(f"{place}: a block has one name")
        last = sign
    if source is None or not name or not changes:
        raise Broken(f"{place}: a block has a name, a text that is there, and a source before it")
    return Plant(place, source, name, changes, by)


def main():
    wanted, name, source, out = sys.argv[1:]
    found = [plant for plant in read(wanted) if plant.name == name]
    if len(found) != 1:
        raise Broken(f"{wanted}: there are {len(found)} plants '{name}'")
    with open(source, encoding="utf-8") as file:
        text = file.read()
    with open(out, "w", encoding="utf-8") as file:
        file.write(f'#line 1 "{source}"\n' + found[0].apply(text))


if __name__ == "__main__":
    try:
        main()
    except Broken as problem:
        sys.exit(f"plants.py: {problem}")
