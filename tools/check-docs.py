#!/usr/bin/python3
"""check-docs.py TREE PROGRAM... - holds the documents to what the programs say of themselves.

In every Markdown file of the tree: every "./lab COMMAND" is one that ./lab help lists; every
--option is in the --help of a program, with some transport, or of a command of ese-lab; and no word
stands there that belongs in a notebook. Prints each violation; exit status 1 with any. In a house
that lacks a transport the documents speak of, there is nothing to be told: 77, skipped.
"""
import pathlib
import re
import subprocess
import sys

FORBIDDEN = re.compile(r"\b(TODO|FIXME|XXX|TBD)\b|coming soon|/root/|/home/")
OPTION = re.compile(r"(?<![\w-])--(\[no-\])?([a-z][a-z0-9-]*)")
COMMAND = re.compile(r"\./lab ([a-z]+)")
# Lines that show a command line of one of these speak of its options, not of ours.
FOREIGN = re.compile(r"^\s*[$#]?\s*(apt-get|clang-tidy|curl|docker|docker-compose|git|kcat|meson|mvn|ninja|sqlite3)\s")


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False).stdout


def transports(tree):
    lines = (tree / "transports/transports.list").read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def all_help(tree, programs):
    """What the programs say of their options: with each transport, and of each command."""
    for program in programs:
        said = run(program, "--help")
        yield said
        for command in re.findall(r"^  ([a-z]+) ", said, re.MULTILINE):
            yield run(program, command, "--help")
        if "--transport " in said:
            for transport in transports(tree):
                yield run(program, "--transport", transport, "--help")


def known_options(texts):
    known = set()
    for text in texts:
        for negatable, name in OPTION.findall(text):
            known |= {name, "no-" + name} if negatable else {name}
    return known


def documents(tree):
    for path in sorted(tree.rglob("*.md")):
        top = path.relative_to(tree).parts[0]
        if not top.startswith((".", "build")):
            yield path


def missing_transports(tree):
    """Folders of transports that the documents name and that are not there."""
    for path in documents(tree):
        for folder in re.findall(r"transports/[a-z]+(?=/)", path.read_text(encoding="utf-8")):
            if not (tree / folder).is_dir():
                yield folder


def complaints(line, options, commands):
    if FORBIDDEN.search(line):
        yield f"'{FORBIDDEN.search(line).group(0)}' has no place in a document"
    for command in COMMAND.findall(line):
        if command not in commands:
            yield f"./lab help does not know '{command}'"
    if FOREIGN.match(line):
        return
    for _, option in OPTION.findall(line):
        if option not in options:
            yield f"no program has an option --{option}"


def main():
    tree, programs = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    missing = sorted(set(missing_transports(tree)))
    if missing:
        print(f"skipped: the documents speak of {', '.join(missing)}")
        return 77
    lab_help = run(str(tree / "lab"), "help")
    options = known_options([lab_help, run(str(tree / "tools/run-tests"), "--help"), *all_help(tree, programs)])
    commands = set(COMMAND.findall(lab_help))
    wrong = 0
    for path in documents(tree):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for complaint in complaints(line, options, commands):
                print(f"{path.relative_to(tree)}:{number}: {complaint}")
                wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
