#!/usr/bin/python3
"""fuzz.py SECONDS PLACE TARGET ... - gives each target made-up bytes for so long, as many at a time as there are processors,
beginning with its corpus: libFuzzer, by clang, with address and undefined behaviour looked at. What it makes stays in PLACE,
what it finds in PLACE/found. TAP; skipped without clang.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
LOOKED_AT = "address,undefined"
COMPILE = ["-g", "-O1", "-D_GNU_SOURCE", '-DESE_VERSION="fuzzed"', '-DESE_LIBRARIES="lib"', "-include", "ese-core/banned.h", "-I.",
           f"-fsanitize={LOOKED_AT}", "-fno-sanitize-recover=all"]
SOURCES = ("ese-core/*.c", "ese-mailer/mail*.c", "ese-mailer/message.c", "ese-server/retention.c", "transports/*/cursor.c",
           "transports/kafka/partition.c", "transports/kafka/record.c",
           *(f"transports/webhook/{name}.c" for name in ("address", "targets", "url")),
           "tests/fuzz/headers.c", "orchestration/kafka/port.c", "orchestration/proxy/*.c",
           *(f"orchestration/lab/{name}.c" for name in (
               "anomalies", "artifacts", "book", "book_fates", "book_read", "book_records", "book_skips",
               "book_turns", "closed_loop", "comparison_options", "decided", "deed", "ending", "expectation",
               "expectation_check", "explain", "explain_text", "explain_words", "fault", "figures", "foreign",
               "foreign_import", "foreign_judge", "foreign_names", "foreign_places", "group_options",
               "judgement", "lag", "latency_logs", "ledger", "ledger_members", "mail_fates", "mail_ledger",
               "mail_pile", "mail_stories", "mails", "missed", "network", "number_table", "oracle",
               "oracle_clicks", "oracle_orders", "outbox_file", "party", "presses", "process", "program",
               "rates", "readiness", "recovery", "role", "run_directory", "scenario", "scenario_check",
               "scenario_steps", "share", "state_file", "stories", "story", "story_deeds", "text_lines",
               "timing", "trouble", "unknown_mails", "verdict", "whereabouts")))  # linked as far as a target needs them
LIBRARIES = ("jansson", "libcurl", "libmicrohttpd", "sqlite3", "libcrypto", "zlib")
ALSO = {"scenario": "orchestration/scenarios"}  # what a target begins with, beside its corpus
LONGEST = {"foreign": 16384, "history": 16384}  # bytes; others:
LONGEST_ELSE = 4096
PROCESSORS = len(os.sched_getaffinity(0))


def run(words):
    """What it says. Raises RuntimeError where it fails."""
    done = subprocess.run(words, cwd=TREE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout}")
    return done.stdout


def compile_source(place, source):
    """Its object. A target's own function is called by libFuzzer, which is linked with it."""
    made = os.path.join(place, source.replace("/", "+") + ".o")
    run(["clang", *COMPILE, "-fsanitize=fuzzer-no-link", "-c", source, "-o", made])
    return made


def build(place, targets, threads):
    """Each target's program in that directory."""
    sources = sorted(path for pattern in SOURCES for path in glob.glob(pattern, root_dir=TREE))
    archive = os.path.join(place, "house.a")
    objects = list(threads.map(lambda source: compile_source(place, source), sources))
    if os.path.exists(archive):
        os.unlink(archive)
    run(["ar", "rcs", archive, *objects])
    libraries = run(["pkg-config", "--cflags", "--libs", *LIBRARIES]).split()
    list(threads.map(lambda target: run(
        ["clang", *COMPILE, "-fsanitize=fuzzer", f"tests/fuzz/fuzz_{target}.c", archive, "-o",
         os.path.join(place, target), *libraries, "-lm", "-pthread"]), targets))


def fuzz(place, target, seconds):
    """What came of it: how many inputs were tried."""
    grown, found = os.path.join(place, "grown", target), os.path.join(place, "found")
    os.makedirs(grown, exist_ok=True)
    said = run([os.path.join(place, target), f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=1024",
                f"-max_len={LONGEST.get(target, LONGEST_ELSE)}", "-print_final_stats=1",
                f"-artifact_prefix={found}/{target}-", grown, os.path.join(HERE, "corpus", target),
                *([os.path.join(TREE, ALSO[target])] if target in ALSO else [])])
    return re.search(r"number_of_executed_units: *(\d+)", said).group(1)


def main():
    seconds, place, targets = int(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
    if shutil.which("clang") is None:
        print("1..0 # SKIP no clang: apt-get install clang libclang-rt-dev")
        return 0
    print(f"1..{len(targets)}", flush=True)
    os.makedirs(os.path.join(place, "found"), exist_ok=True)
    failed = 0
    with ThreadPoolExecutor(PROCESSORS) as threads:
        build(place, targets, threads)
        tried = [(target, threads.submit(fuzz, place, target, seconds)) for target in targets]
        for number, (target, result) in enumerate(tried, 1):
            problem = result.exception()
            failed |= problem is not None
            if problem is None:
                print(f"ok {number} - {target}: {result.result()} inputs in {seconds} s", flush=True)
            else:
                print(f"not ok {number} - {target}: its input is in {place}/found; mended, it goes to tests/fuzz/corpus")
                print("# " + str(problem)[-6000:].replace("\n", "\n# "), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
