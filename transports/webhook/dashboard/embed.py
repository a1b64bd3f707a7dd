#!/usr/bin/python3
"""embed.py FILE... OUTPUT - makes one C file of the page's files (transports/webhook/dashboard.h), in that order."""
import os
import sys

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def literal(line):
    plain = {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("?"): "\\?"}
    return "".join(plain.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}")
                   for byte in line.encode("utf-8"))


def main():
    paths, output = sys.argv[1:-1], sys.argv[-1]
    texts, rows = [], []
    for number, path in enumerate(paths):
        with open(path, encoding="utf-8") as file:
            lines = "\n".join(f'    "{literal(line)}"' for line in file.read().splitlines(keepends=True))
        name = os.path.basename(path)
        texts.append(f"/* {name} */\nstatic const char text_{number}[] =\n{lines};\n")
        rows.append(f'    {{"{name}", "{TYPES[os.path.splitext(name)[1]]}; charset=utf-8", '
                    f"text_{number}, sizeof(text_{number}) - 1}},\n")
    with open(output, "w", encoding="ascii") as file:
        file.write('#include "transports/webhook/dashboard.h"\n\n' + "\n".join(texts))
        file.write("\nconst struct ese_webhook_dashboard_file ese_webhook_dashboard_files[] = {\n")
        file.write("".join(rows) + "    {0},\n};\n")


main()
