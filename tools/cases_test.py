#!/usr/bin/python3
"""Shows cases.py what test programs print when all is well, when a case fails, and when a program dies."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import cases  # noqa: E402

GOOD = """[==========] Running 2 test(s).
[ RUN      ] one
[       OK ] one
[ RUN      ] two
noise without a newline[       OK ] two
[==========] 2 test(s) run.
[  PASSED  ] 2 test(s).
"""
MIXED = """[==========] first: Running 4 test(s).
[ RUN      ] good
[       OK ] good
[ RUN      ] bad
[  ERROR   ] --- 0x1 != 0x2
[   LINE   ] --- x_test.c:8: error: Failure!
[  FAILED  ] bad
[ RUN      ] skipped
needs root
[  SKIPPED ] skipped
[ RUN      ] unprepared
Could not run test: Test setup failed
[  ERROR   ] unprepared
[==========] first: 4 test(s) run.
[  PASSED  ] 1 test(s).
[  SKIPPED ] first: 1 test(s), listed below:
[  SKIPPED ] skipped

 1 SKIPPED TEST(S)
[  FAILED  ] first: 1 test(s), listed below:
[  FAILED  ] bad

 2 FAILED TEST(S)
"""
DEAD = """[==========] Running 3 test(s).
[ RUN      ] one
[       OK ] one
[ RUN      ] two
ERROR: AddressSanitizer: heap-buffer-overflow
"""
JUNIT = """<?xml version="1.0"?><testsuites><testsuite name="pytest" tests="3">
<testcase classname="test.net.test_a" name="good"/>
<testcase classname="test.net.test_a" name="bad"><failure message="m">assert 1 == 2</failure>
<system-err>the log</system-err></testcase>
<testcase classname="test.net.test_a" name="away"><skipped message="not root"/></testcase>
</testsuite></testsuites>"""


class Cmocka(unittest.TestCase):
    def outcomes(self, status, output):
        return [(c.name, c.outcome) for c in cases.cmocka("p", status, output)]

    def test_counts_every_case(self):
        self.assertEqual(self.outcomes(0, GOOD), [("p: one", "passed"), ("p: two", "passed")])

    def test_tells_failures_and_skips_apart_with_their_text(self):
        found = cases.cmocka("p", 2, MIXED)
        self.assertEqual([c.outcome for c in found], ["passed", "failed", "skipped", "failed"])
        self.assertIn("0x1 != 0x2", found[1].text)
        self.assertEqual(found[2].text, "needs root")

    def test_counts_groups_of_one_program_together(self):
        self.assertEqual(len(self.outcomes(0, GOOD + GOOD)), 4)

    def test_case_that_ran_when_the_program_died_has_failed(self):
        found = cases.cmocka("p", 1, DEAD)
        self.assertEqual([c.outcome for c in found], ["passed", "failed", "failed"])
        self.assertIn("AddressSanitizer", found[1].text)
        self.assertIn("1 of 3 cases did not run", found[2].text)

    def test_leak_found_at_exit_is_a_failure(self):
        self.assertEqual(self.outcomes(1, GOOD)[-1], ("p", "failed"))

    def test_exit_0_before_all_cases_ran_is_a_failure(self):
        self.assertEqual(self.outcomes(0, DEAD.split("[ RUN      ] two")[0])[-1], ("p", "failed"))

    def test_program_without_cases_counts_as_one(self):
        self.assertEqual(self.outcomes(0, "all is well\n"), [("p", "passed")])
        self.assertEqual(self.outcomes(-11, ""), [("p", "failed")])


class Junit(unittest.TestCase):
    def read(self, status, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.xml"
            path.write_text(text, encoding="utf-8")
            return cases.junit("net", status, path, "what pytest printed")

    def test_counts_every_case(self):
        found = self.read(1, JUNIT)
        self.assertEqual([c.outcome for c in found], ["passed", "failed", "skipped"])
        self.assertEqual(found[1].name, "test/net/test_a::bad")
        self.assertIn("assert 1 == 2", found[1].text)
        self.assertIn("the log", found[1].text)
        self.assertEqual(found[2].text, "not root")

    def test_test_that_fails_twice_counts_once(self):
        again = JUNIT.replace(
            '<testcase classname="test.net.test_a" name="away">',
            '<testcase classname="test.net.test_a" name="bad"><error>tidy</error></testcase>'
            '<testcase classname="test.net.test_a" name="away">',
        )
        found = self.read(1, again)
        self.assertEqual([c.outcome for c in found], ["passed", "failed", "skipped"])
        self.assertIn("assert 1 == 2", found[1].text)
        self.assertIn("tidy", found[1].text)

    def test_run_that_broke_is_a_failure(self):
        self.assertEqual([c.outcome for c in self.read(2, JUNIT)][-1], "failed")
        self.assertEqual([c.outcome for c in self.read(4, "")], ["failed"])
        self.assertEqual([c.outcome for c in self.read(-9, "<testsuites>")], ["failed"])


class Closing(unittest.TestCase):
    def test_line(self):
        some = [cases.Case("a", outcome) for outcome in ("passed", "passed", "failed", "skipped")]
        self.assertEqual(cases.closing_line(some), "2 passed, 1 failed, 1 skipped")


if __name__ == "__main__":
    unittest.main()
