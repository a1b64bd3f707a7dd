#!/usr/bin/python3
"""check-docs.py TREE PROGRAM... - holds the documents to what the programs say of themselves.

In every Markdown file of the tree: every "./lab COMMAND" and `ese-lab COMMAND` is one that ./lab help lists; every
--option is in the --help of a program, with some transport, or of a command of ese-lab; and no word
stands there that belongs in a notebook. Every command shown, there (also as the last cell of a table's row) and in the
examples of --help, is run by a test that takes it from the document (tools/documents.py says how), or else is one of ours
that the program itself takes with all its options (--check-options). Prints each violation; exit
status 1 with any. Each promise of SECURITY.md names tests that there are. In a house that lacks a transport the documents speak of, there is nothing to be
told: 77, skipped.
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys

sys.dont_write_bytecode = True
import documents

FORBIDDEN = re.compile(r"\b(TODO|FIXME|XXX|TBD)\b|coming soon|/root/|/home/")
OPTION = re.compile(r"(?<![\w-])--(\[no-\])?([a-z][a-z0-9-]*)")
COMMAND = re.compile(r"(?:\./lab|`ese-lab) ([a-z]+)")
# Lines that show a command line of one of these speak of its options, not of ours.
FOREIGN = re.compile(rf"^\s*[$#]?\s*({'|'.join(sorted(documents.COMMON))})\s")
# So does what stands between backquotes in a line of text, settings before it included.
FOREIGN_SPAN = re.compile(rf"`(?:\w+=\S+ )*(?:{'|'.join(sorted(documents.COMMON))}) [^`]*`")
TAKEN = re.compile(r'documents\.commands\(\w+, "([^"]+)"(?:, "([^"]+)")?\)')


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
        name = os.path.basename(program)
        for command in re.findall(rf"^  (?:{name} )?([a-z][a-z-]*) ", said, re.MULTILINE):  # listed, or in an example
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


def all_documents(tree):
    for path in sorted(tree.rglob("*.md")):
        top = path.relative_to(tree).parts[0]
        if not top.startswith((".", "build")):
            yield path


def missing_transports(tree):
    """Folders of transports that the documents name and that are not there."""
    for path in all_documents(tree):
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
    for _, option in OPTION.findall(FOREIGN_SPAN.sub("", line)):
        if option not in options:
            yield f"no program has an option --{option}"


class Commands:
    """Which commands a test runs, and which the programs take."""

    def __init__(self, tree, programs):
        self.tree, self.runs = tree, {}
        self.environment = {**os.environ, "ESE_SCENARIOS": str(tree / "orchestration/scenarios")}  # as ./lab has it
        self.programs = {os.path.basename(program): program for program in programs}
        for path in sorted((tree / "tests").rglob("*.py")):
            for taken in TAKEN.findall(path.read_text(encoding="utf-8")):
                self.runs[taken] = path.relative_to(tree)

    def test_of(self, document, command):
        return self.runs.get((document, "")) or self.runs.get((document, command.program))

    def words(self, command):
        """What is run instead of it to see whether its options are right; None: it cannot be seen."""
        words = shlex.split(command.text)
        if words[0] == "./lab":
            if words[1:2] == ["test"]:
                return [str(self.tree / "tools/run-tests"), *words[2:]]
            if words[1:2] == ["bench"]:
                return [self.programs.get("ese-bench"), *words[2:]]
            return [self.programs.get("ese-lab"), *words[1:]]
        return [self.programs.get(os.path.basename(words[0])), *words[1:]]

    def problem(self, command):
        """None when its program takes it."""
        if not command.is_ours or re.search(r"[;&|<>(]", command.text):
            return "no test takes this command from here and runs it"
        words = self.words(command)
        if words[0] is None:
            return f"there is no program {command.program}"
        done = subprocess.run([*words, "--check-options"], stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, env=self.environment)
        return done.stderr.strip() or "it is refused" if done.returncode != 0 else None


def examples(programs):
    """(Where it stands, command) of every example in what the programs say of themselves."""
    for name, program in programs.items():
        said = run(program, "--help")
        commands = re.findall(r"^  ([a-z]+) ", said, re.MULTILINE)
        for page in [said, *(run(program, command, "--help") for command in commands)]:
            shown = page.partition("\nExamples:\n")[2]
            for text in re.findall(r"^  (\S.*)$", shown, re.MULTILINE):
                yield f"{name} --help", documents.Command(0, "", text)


def seen_in_tables(tree):
    """(Where it stands, command) of every command that is a row's last cell: by it a reader sees what the row says."""
    for path in all_documents(tree):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            shown = re.search(r"\| `(\./lab [^`]+)` \|$", line)
            if shown:
                yield str(path.relative_to(tree)), documents.Command(number, "", shown.group(1))


def check_commands(tree, programs):
    """Prints what is wrong, and in the end which test runs how many. True with any violation."""
    known, counts, wrong = Commands(tree, programs), {}, False
    shown = [(str(path.relative_to(tree)), command) for path in all_documents(tree)
             for command in documents.commands(tree, path.relative_to(tree))]
    for place, command in [*shown, *seen_in_tables(tree), *examples(known.programs)]:
        test = known.test_of(place, command)
        problem = None if test else known.problem(command)
        if problem:
            print(f"{place}:{command.line}: {command.text}: {problem}")
            wrong = True
        counts[test] = counts.get(test, 0) + 1
    for test, count in sorted(counts.items(), key=str):
        print(f"{test or 'no test, but the options are checked'}: {count} of the commands shown")
    return wrong


def tests_of(tree):
    """The names of all tests, and of some other things that are quoted beside them."""
    names = {path.stem.removeprefix("test_") for path in (tree / "tests").rglob("test_*.c")}
    for path in (tree / "tests").rglob("meson.build"):
        names |= set(re.findall(r"'(\w+)'", path.read_text(encoding="utf-8")))
    return names


def unheld_promises(tree):
    """What is wrong with who holds the promises: the last column of their table."""
    path = tree / "SECURITY.md"
    section, known = "", tests_of(tree)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else (), 1):
        section = line if line.startswith("## ") else section
        cells = line.strip("| ").split("|")
        if section != "## What is promised" or not line.startswith("| ") or cells[-1].strip() == "held by":
            continue
        named = re.findall(r"`(\w+)`", cells[-1])
        for name in sorted(set(named) - known):
            if name.rpartition("_")[0] + "_" in known - {"e2e_"}:  # 'e2e_up_' + what a list has
                continue
            yield f"SECURITY.md:{number}: there is no test {name}"
        if not named:
            yield f"SECURITY.md:{number}: no test is named that holds it"


def main():
    tree, programs = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    missing = sorted(set(missing_transports(tree)))
    if missing:
        print(f"skipped: the documents speak of {', '.join(missing)}")
        return 77
    lab_help = run(str(tree / "lab"), "help")
    options = known_options([lab_help, run(str(tree / "tools/run-tests"), "--help"), *all_help(tree, programs)])
    commands = set(COMMAND.findall(lab_help))
    wrong = check_commands(tree, programs)
    for path in all_documents(tree):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for complaint in complaints(line, options, commands):
                print(f"{path.relative_to(tree)}:{number}: {complaint}")
                wrong = True
    for problem in unheld_promises(tree):
        print(problem)
        wrong = True
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
