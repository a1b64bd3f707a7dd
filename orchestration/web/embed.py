#!/usr/bin/python3
"""embed.py PAGE STYLE MODULE... OUTPUT - makes one C file of the report's page (orchestration/lab/page.h).

Modules are those of JavaScript, as a browser or node would load them one by one. In a page of one file there is nothing
to load them from, so they become one script, in which each is a function that hands out what it exports. Those stand
first that others import. Only two forms are known, each on lines of its own: `import {a, b} from "./other.js";`, and
`export` before a function or a const.
"""
import re
import sys

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([a-z_]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:function|const) (\w+))", re.MULTILINE)


def fail(text):
    sys.exit(f"embed.py: {text}")


def take(path, text, known):
    """The module's text as a part of one script, and what it exports."""
    def imported(match):
        names = {name.strip() for name in match.group(1).split(",")}
        missing = names - known.get(match.group(2), set())
        if missing:
            fail(f"{path}: {', '.join(sorted(missing))} is not exported by {match.group(2)}, or that stands behind it")
        return f"const {{{', '.join(sorted(names))}}} = {called(match.group(2))};\n"

    exports = set(EXPORT.findall(text))
    text = EXPORT.sub("", IMPORT.sub(imported, text))
    left = re.search(r"^(?:import|export)\b.*", text, re.MULTILINE)
    if left:
        fail(f"{path}: '{left.group(0)}' is no form that is known here")
    if "</script" in text.lower():
        fail(f"{path}: '</script' would end the page's script")
    return text, exports


def called(module):
    return "module_" + module.rsplit("/", 1)[-1].removesuffix(".js")


def script(paths):
    known, parts = {}, ['"use strict";\n']
    for path in paths:
        text, exports = take(path, read(path), known)
        known[path.rsplit("/", 1)[-1]] = exports
        parts.append(f"const {called(path)} = (() => {{\n{text}return {{{', '.join(sorted(exports))}}};\n}})();\n")
    return "".join(parts)


def literal(line):
    plain = {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("?"): "\\?"}
    return "".join(plain.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in line.encode("utf-8"))


def text_of(name, text):
    lines = "\n".join(f'    "{literal(line)}"' for line in text.splitlines(keepends=True))
    return f"const char {name}[] =\n{lines};\n"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    page, style, modules, output = sys.argv[1], sys.argv[2], sys.argv[3:-1], sys.argv[-1]
    with open(output, "w", encoding="ascii") as file:
        file.write('#include "orchestration/lab/page.h"\n')
        file.write(text_of("ese_page_html", read(page)))
        file.write(text_of("ese_page_style", read(style)))
        file.write(text_of("ese_page_script", script(modules)))


main()
