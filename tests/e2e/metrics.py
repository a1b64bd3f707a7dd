"""metrics.py DOCUMENT SERVER CONSUMER MAILER CLIENT LAB TRANSPORT... - docs/metrics.md is what the programs say, no more and
no less: each is started and asked, with the transports named. The comparison is tried on planted faults."""
import os
import pathlib
import re
import sys

from ese_program import Program, run

DOCUMENT = pathlib.Path(sys.argv[1])
SERVER, CONSUMER, MAILER, CLIENT, LAB = (os.path.abspath(path) for path in sys.argv[2:7])
TRANSPORTS = sys.argv[7:]
FREE, NOBODY = "127.0.0.1:0", "127.0.0.1:1"

# What the document's column "where" says, the transport it needs, and how it is started.
EVERYWHERE = (
    ("client", "file", (CLIENT, "--transport", "file", "--quiet", "--metrics", FREE)),
    ("consumer", "file", (CONSUMER, "--transport", "file", "--metrics", FREE)),
    ("lab", "file", (LAB, "watch", "--transports", "file:data=.", "--inbox", f"http://{NOBODY}", "--metrics", FREE)),
    ("mailer", None, (MAILER, "--smtp", NOBODY, "--listen", FREE)),
    ("server/http", "http", (SERVER, "--transport", "http", "--listen", FREE)),
    ("server/http+ese-store", "http+ese-store",
     (SERVER, "--transport", "http+ese-store", "--durability", "memory", "--listen", FREE)),
    ("server/webhook", "webhook", (SERVER, "--transport", "webhook", "--listen", FREE)),
    ("server/kafka", "kafka", (SERVER, "--transport", "kafka", "--bootstrap-servers", NOBODY, "--listen", FREE)))
# What is told of somebody who has to be there first.
BEFORE = {"server/webhook": (
    ("PUT", "/subscriptions/some", '{"stream": "some", "url": "http://127.0.0.1:1/"}', {}),
    ("POST", "/streams/some", "an event", {"X-Event-Type": "any"}))}
HERE = [entry for entry in EVERYWHERE if entry[1] is None or entry[1] in TRANSPORTS]
UNITS = {"seconds": r"_seconds(_total)?$", "bytes": r"_bytes(_total)?$"}  # by Prometheus' naming


class Metric:
    """Type, and of each label the values: a set, empty where they are open."""

    def __init__(self, kind, labels=None, unit=None, where=()):
        self.kind, self.labels, self.unit, self.where = kind, labels or {}, unit, where


def read_labels(text):
    """`outcome`: stored, refused  or  `route`, `method`."""
    labels = {}
    for name, values in re.findall(r"`(\w+)`(?:: ([\w, ]+))?", text):
        labels[name] = set(values.split(", ")) if values else set()
    return labels


def read_document(text):
    """The rows of its table by name."""
    documented = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 6 or not cells[0].startswith("`"):
            continue
        name, kind, labels, unit, where, meaning = cells
        assert name.strip("`") not in documented, f"{name} stands there twice"
        assert unit and meaning, f"{name} has no unit or no meaning"
        places = [place for place, _, _ in EVERYWHERE] if where == "all" else where.split(", ")
        documented[name.strip("`")] = Metric(kind, read_labels(labels), unit, places)
    return documented


def read_exposition(text):
    told = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split()
            told[family] = Metric(kind)
        elif not line.startswith("#"):
            for name, value in re.findall(r'(\w+)="([^"]*)"', line):
                if name != "le":
                    told[family].labels.setdefault(name, set()).add(value)
    return told


def compare_one(name, row, metric):
    if row.kind != metric.kind:
        yield f"{name} is a {metric.kind}, not a {row.kind}"
    if set(row.labels) != set(metric.labels):
        yield f"{name} has the labels {sorted(metric.labels)}, not {sorted(row.labels)}"
    for label, values in row.labels.items():
        if values and values != metric.labels.get(label):
            yield f"{name}: {label} is one of {sorted(metric.labels.get(label, ()))}, not {sorted(values)}"
    for unit, pattern in UNITS.items():
        if (row.unit == unit) != bool(re.search(pattern, name)):
            yield f"{name} is not counted in {row.unit}, by its name"


def complaints(documented, place, told):
    for name, metric in told.items():
        row = documented.get(name)
        if row is None or place not in row.where:
            yield f"{place} tells {name}, of which the document does not know"
        else:
            yield from compare_one(name, row, metric)
    for name, row in documented.items():
        if place in row.where and name not in told:
            yield f"{place} does not tell {name}"


def ask(command, before=()):
    with Program(*command) as program:
        for request in before:
            program.request(*request)
        program.ask("/metrics")  # from then on this request is in it, too
        status, text = program.ask("/metrics")
        assert status == 200, status
        return text


def the_document_is_what_the_programs_say():
    documented = read_document(DOCUMENT.read_text(encoding="utf-8"))
    places = {place for place, _, _ in EVERYWHERE}
    unknown = {where for row in documented.values() for where in row.where} - places
    assert not unknown, f"nobody is {unknown}"
    found = [complaint for place, _, command in HERE
             for complaint in complaints(documented, place, read_exposition(ask(command, BEFORE.get(place, ()))))]
    assert not found, "\n".join(found)


def finds(document, exposition, words):
    found = list(complaints(read_document(document), "mailer", read_exposition(exposition)))
    assert len(found) == 1 and words in found[0], (words, found)


def what_is_planted_is_found():
    row = "| `ese_x_total` | counter | `kind`: a, b | mails | mailer | sent |\n"
    text = "# HELP ese_x_total Sent.\n# TYPE ese_x_total counter\nese_x_total{kind=\"a\"} 0\nese_x_total{kind=\"b\"} 7\n"
    assert not list(complaints(read_document(row), "mailer", read_exposition(text)))
    finds(row, text + "# TYPE ese_planted gauge\nese_planted 1\n", "tells ese_planted, of which")
    finds(row.replace("mailer", "client"), text, "tells ese_x_total, of which")
    finds(row + row.replace("_x_", "_y_"), text, "does not tell ese_y_total")
    finds(row.replace("counter", "gauge"), text, "is a counter, not a gauge")
    finds(row.replace("`kind`: a, b", ""), text, "has the labels ['kind'], not []")
    finds(row.replace("`kind`: a, b", "`kind`: a, c"), text, "is one of ['a', 'b'], not ['a', 'c']")
    finds(row.replace("| mails |", "| seconds |"), text, "is not counted in seconds")
    for broken in (row + row, row.replace("| mails |", "| |"), row.replace("| sent |", "| |")):
        try:
            read_document(broken)
        except AssertionError:
            continue
        raise AssertionError(f"was taken: {broken}")


def a_program_that_tells_more_is_found():
    """A real program, and a document that has forgotten one of its metrics."""
    documented = read_document(DOCUMENT.read_text(encoding="utf-8"))
    del documented["ese_outbox_mails"]
    place, _, command = next(entry for entry in HERE if entry[0] == "mailer")
    found = list(complaints(documented, place, read_exposition(ask(command))))
    assert found == ["mailer tells ese_outbox_mails, of which the document does not know"], found


if __name__ == "__main__":
    sys.exit(run((the_document_is_what_the_programs_say, what_is_planted_is_found, a_program_that_tells_more_is_found)))
