#!/usr/bin/python3
"""own_service.py DIRECTORY [lose|reorder] - somebody's own service (here a list in memory), and what has to be written down
so that ./lab check DIRECTORY can judge it (docs/evidence.md)."""
import json
import os
import sys
import time

directory, fault = sys.argv[1], (sys.argv[2:] or [""])[0]
os.makedirs(directory)
with open(os.path.join(directory, "run.json"), "w", encoding="utf-8") as file:
    json.dump({"run": 1, "name": "a list in memory", "rate": 1000,
               "promises": {"delivery": "at_least_once", "ordered_per_key": True}}, file)


def note(who, kind, **members):
    with open(os.path.join(directory, who + ".ndjson"), "a", encoding="utf-8") as history:
        print(json.dumps({"time_ns": time.monotonic_ns(), "kind": kind, **members}), file=history)


service = []
for i in range(200):  # who sends: notes before it acts, and what it is told
    name = f"order-{i}"
    note("client", "offered", id=name, key=f"customer-{i % 7}", client_ts=time.time_ns() // 1000000)
    note("client", "sent", id=name)
    service.append((i, name))
    note("client", "acknowledged", id=name, offset=i)
if fault == "lose":
    del service[100]
if fault == "reorder":
    service[100], service[107] = service[107], service[100]
note("consumer-1", "given", offset=0)
for offset, name in service:  # who reads: notes what it is handed, and how far it has come for good
    note("consumer-1", "handed", id=name, offset=offset)
note("consumer-1", "committed", next=200, events=len(service))
