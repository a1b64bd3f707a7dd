#!/usr/bin/python3
"""count.py RUN_TESTS - proves how tools/run-tests counts: what failed or broke off must be seen. TAP."""
import importlib.machinery
import importlib.util
import sys

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("run_tests", sys.argv[1])
run_tests = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", loader))
loader.exec_module(run_tests)

# what meson says of a test: result, stdout; and what that is: passed, failed, skipped
CASES = [
    ("all cases passed", "OK", "1..2\nok 1 - a\nok 2 - b\n# ok - tests\n", (2, 0, 0)),
    ("a case failed", "FAIL", "1..2\nok 1 - a\nnot ok 2 - b\n", (1, 1, 0)),
    ("a case was skipped", "OK", "1..2\nok 1 - a\nok 2 - b # SKIP no mandoc\n", (1, 0, 1)),
    ("cmocka's way to skip", "OK", "1..2\nok 1 - a\nnot ok 2 # SKIP b\n", (1, 0, 1)),
    ("all was skipped", "SKIP", "1..0 # SKIP no broker\n", (0, 0, 1)),
    ("it crashed after its cases", "ERROR", "1..2\nok 1 - a\nok 2 - b\n", (2, 1, 0)),
    ("it crashed at once", "ERROR", "", (0, 1, 0)),
    ("it took too long", "TIMEOUT", "1..9\nok 1 - a\n", (1, 1, 0)),
    ("no TAP, passed", "OK", "", (1, 0, 0)),
    ("no TAP, failed", "FAIL", "", (0, 1, 0)),
]

print(f"1..{len(CASES) + 1}")
for number, (name, result, stdout, expected) in enumerate(CASES, 1):
    count = run_tests.count_cases({"name": name, "result": result, "stdout": stdout, "duration": 0.1})
    got = (count.passed, count.failed, count.skipped)
    print(f"{'' if got == expected else 'not '}ok {number} - {name}")
    if got != expected:
        print(f"# expected {expected}, got {got}")

told = "".join(run_tests.count_cases({"name": "a_test", "result": "FAIL", "duration": 0.1, "stderr": "why\n",
                                      "stdout": "ok 1 - a\nnot ok 2 - b\nnot ok 3 # SKIP c\n" + "x\n" * 99}).failures)
seen = "a_test: FAIL" in told and "not ok 2 - b" in told and "why" in told and "not ok 3" not in told
print(f"{'' if seen else 'not '}ok {len(CASES) + 1} - what failed is told with its end")
