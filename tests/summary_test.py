#!/usr/bin/env python3
"""Runs real CTest projects through summary.py: what failed, what couldn't start and what skipped must be counted as such."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent


def summary(tests, broken=()):
    """Runs a CTest file with these lines; returns the exit status and what summary.py printed."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "CTestTestfile.cmake").write_text(tests)
        results = pathlib.Path(folder, "results")
        results.mkdir()
        subprocess.run(["ctest", "--test-dir", folder, "--output-junit", str(results / "part.xml")],
                       capture_output=True, check=False)
        done = subprocess.run([sys.executable, str(HERE / "summary.py"), str(results), *broken],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()


class Summary(unittest.TestCase):
    def test_all_pass(self):
        self.assertEqual(summary("add_test(a true)\nadd_test(b true)\n"), (0, ["2 passed, 0 failed"]))

    def test_a_failure_is_named(self):
        status, lines = summary("add_test(a true)\nadd_test(b false)\n")
        self.assertEqual((status, lines), (1, ["failed   part: b (fail)", "1 passed, 1 failed"]))

    def test_what_cannot_start_has_failed(self):
        status, lines = summary("add_test(a true)\nadd_test(b /nonexistent/program)\n")
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed"))

    def test_a_timeout_has_failed(self):
        status, lines = summary("add_test(a true)\nadd_test(b sleep 5)\nset_tests_properties(b PROPERTIES TIMEOUT 1)\n")
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed"))

    def test_a_skip_gives_its_reason(self):
        status, lines = summary("add_test(a true)\nadd_test(b sh -c \"echo 'skipped: no such kernel'; exit 77\")\n"
                                "set_tests_properties(b PROPERTIES SKIP_RETURN_CODE 77)\n")
        self.assertEqual((status, lines), (0, ["skipped  part: b (no such kernel)", "1 passed, 0 failed, 1 skipped"]))

    def test_a_googletest_skip_gives_its_reason(self):
        script = "printf 'x_test.cc:9: Skipped\\\\nneeds root\\\\n\\\\n[  SKIPPED ] A.b\\\\n'"
        status, lines = summary(f"add_test(a true)\nadd_test(b sh -c \"{script}\")\n"
                                "set_tests_properties(b PROPERTIES SKIP_REGULAR_EXPRESSION \"\\\\[  SKIPPED \\\\]\")\n")
        self.assertEqual((status, lines), (0, ["skipped  part: b (needs root)", "1 passed, 0 failed, 1 skipped"]))

    def test_a_broken_part_is_a_failure(self):
        status, lines = summary("add_test(a true)\n", ["build of preset asan"])
        self.assertEqual((status, lines[-1]), (1, "1 passed, 1 failed"))

    def test_nothing_at_all_is_a_failure(self):
        status, lines = summary("\n")
        self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed"))


if __name__ == "__main__":
    unittest.main()
