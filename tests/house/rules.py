#!/usr/bin/python3
"""rules.py CHECK_RULES BUILD - proves tools/check-rules.py: what is planted in its list must be seen. TAP."""
import subprocess
import sys
import tempfile

CHECK, BUILD = sys.argv[1:]
RULE = "in orchestration/lab/ledger.c\n\nlost events are counted\nby judgement {case}\n- {old}\n+ {new}\n"
COUNTS, CASE = "ledger->lost += entry->is_lost;", "an_event_dropped_by_the_store_is_lost"
# Of a program that tries all its cases, whichever is asked for.
OTHERS = "in orchestration/lab/preset.c\n\na run has its rate\nby preset {case}\n- {old}\n+ {new}\n"
GIVEN, OTHER, NOT_ITS = '{"rate", "420"}', '{"rate", "421"}', "each_name_is_a_run"
ITS = "what_is_given_beside_it_has_the_last_word"

# what is planted, the case that is named, what is there, what instead; exit status, a word of what is said; in what
CASES = [
    ("a rule that is off and missed", CASE, COUNTS, "", 0, "ok 1 - orchestration/lab/ledger.c: lost events are counted"),
    ("one that nobody misses", CASE, COUNTS, COUNTS, 1, f"without it, judgement {CASE} passes"),
    ("a text that is gone", CASE, "ledger->gone++;", "", 1, "this text is there 0 times in orchestration/lab/ledger.c"),
    ("one that is there twice", CASE, "ledger->redelivered += entry->handings", "", 1, "this text is there 2 times"),
    ("a case there is none of", "no_such_case", COUNTS, "", 1, "has no case no_such_case"),
    ("no case", "", COUNTS, "", 1, "no test and case are named"),
    ("what does not compile", CASE, COUNTS, "ledger->lost += ;", 1, "it does not compile"),
    ("one that its case misses, beside others", ITS, GIVEN, OTHER, 0, "ok 1 - orchestration/lab/preset.c", OTHERS),
    ("one that another case misses", NOT_ITS, GIVEN, OTHER, 1, f"without it, preset {NOT_ITS} passes", OTHERS),
    ("a case there is none of, beside others", "no_such_case", GIVEN, OTHER, 1, "has no case no_such_case", OTHERS),
]

print(f"1..{len(CASES)}")
for number, (name, case, old, new, status, word, *rule) in enumerate(CASES, 1):
    with tempfile.NamedTemporaryFile("w", suffix=".plants", encoding="ascii") as file:
        file.write((rule or [RULE])[0].format(case=case, old=old, new=new))
        file.flush()
        done = subprocess.run([CHECK, "--list", file.name, BUILD], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
    good = done.returncode == status and word in done.stdout
    print(f"{'' if good else 'not '}ok {number} - {name}", flush=True)
    if not good:
        print("# " + f"status {done.returncode}\n{done.stdout}".replace("\n", "\n# "))
