"""A history as its format is described (ese-core/history.h), read with nothing of the lab's."""
import collections
import struct

HEADER, RECORD, COUNTERS_AT, WORDS_AT, WORD = 4096, 48, 184, 452, 48
KEY = 2
KINDS = {1: "offered", 3: "sent", 4: "acknowledged", 5: "refused", 6: "unknown", 7: "not sent", 8: "handed", 9: "committed",
         10: "given", 13: "fenced", 20: "kept", 21: "overwritten", 22: "expired", 23: "begun empty"}
COUNTERS = {"fenced": 16, "at end": 26}

Record = collections.namedtuple("Record", "kind aux partition time_ns id a b key type word")


def word(data, number):
    at = WORDS_AT + WORD * number
    return data[at:at + WORD].split(b"\0")[0].decode()


def records(path):
    """In the order they were claimed. Of an offer: its key, and the words for its type and sub-type."""
    with open(path, "rb") as file:
        data = file.read()
    for at in range(HEADER, len(data) - RECORD + 1, RECORD):
        kind, aux, partition, time_ns, event, a, b = struct.unpack_from("<HHiq16sqq", data, at)
        if kind not in KINDS:
            continue
        key, kind_of_event, sub_type = "", "", ""
        if kind == 1:
            texts = [data[at + RECORD * i + 2:at + RECORD * (i + 1)] for i in range(1, aux + 1)]
            key = b"".join(texts).split(b"\0")[0].decode()
            kind_of_event, sub_type = word(data, b >> 16), word(data, b & 0xffff)
        yield Record(KINDS[kind], aux, partition, time_ns, event, a, b, key, kind_of_event, sub_type)


def count(path, name):
    """A running counter of the header."""
    with open(path, "rb") as file:
        return struct.unpack_from("<q", file.read(HEADER), COUNTERS_AT + 8 * COUNTERS[name])[0]
