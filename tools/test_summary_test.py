"""The counts of test_summary.py over reports as GoogleTest and Bazel write them."""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import test_summary  # noqa: E402  (the path comes first)

GTEST = """<?xml version="1.0"?><testsuites><testsuite name="A">
<testcase name="Works" status="run" result="completed" classname="A"/>
<testcase name="NeedsRoot" status="run" result="skipped" classname="A">
<skipped message="a_test.cc:7&#x0A;needs root"/></testcase>
%s</testsuite></testsuites>"""
FAILURE = """<testcase name="Breaks" classname="A">
<failure message="a_test.cc:9: 1 != 2"/></testcase>"""
CRASH = """<?xml version="1.0"?><testsuites><testsuite name="b" tests="1" failures="0" errors="1">
<testcase name="b" status="run"><error message="exited with error code 139"></error></testcase>
</testsuite></testsuites>"""


class TestSummaryTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.events = []

    def path(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def target(self, label, xml, status="PASSED"):
        uri = "file://" + self.path(label.strip("/:") + ".xml", xml)
        self.events.append({"id": {"testResult": {"label": label}}, "testResult": {
            "testActionOutput": [{"name": "test.log", "uri": "file:///none"},
                                 {"name": "test.xml", "uri": uri}]}})
        self.summary(label, status)

    def summary(self, label, status):
        self.events.append({"id": {"testSummary": {"label": label}},
                            "testSummary": {"overallStatus": status}})

    def run_summary(self, *arguments):
        events = self.path("events.json", "".join(json.dumps(e) + "\n" for e in self.events))
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = test_summary.main(list(arguments) + [events])
        return code, out.getvalue()

    def test_counts_cases_and_says_why_some_were_skipped(self):
        self.target("//a", GTEST % "")
        code, out = self.run_summary()
        self.assertEqual(code, 0)
        self.assertIn("because: needs root\n    //a A.NeedsRoot\n", out)
        self.assertTrue(out.endswith("\n1 passed, 0 failed\n"), out)

    def test_names_what_failed(self):
        self.target("//a", GTEST % FAILURE, "FAILED")
        self.target("//b", CRASH, "FAILED")
        code, out = self.run_summary()
        self.assertEqual(code, 1)
        self.assertIn("FAILED: //a A.Breaks a_test.cc:9: 1 != 2\n", out)
        self.assertTrue(out.endswith("\n1 passed, 2 failed\n"), out)

    def test_a_target_that_fails_with_every_case_passed_is_a_failure(self):
        self.target("//a", GTEST % "", "TIMEOUT")
        code, out = self.run_summary()
        self.assertEqual(code, 1)
        self.assertIn("FAILED: //a (target) TIMEOUT", out)

    def test_a_target_that_was_not_built_is_a_failure(self):
        self.target("//a", GTEST % "")
        self.events.append({"id": {"targetCompleted": {"label": "//c"}}, "completed": {}})
        code, out = self.run_summary()
        self.assertEqual(code, 1)
        self.assertIn("FAILED: //c (target) FAILED_TO_BUILD", out)

    def test_no_test_at_all_is_a_failure(self):
        self.assertEqual(self.run_summary()[0], 1)

    def test_steps_count_too(self):
        self.target("//a", GTEST % "")
        steps = self.path("steps", "passed\tfuzz //f\nfailed\tmake check\n")
        code, out = self.run_summary("--steps", steps)
        self.assertEqual(code, 1)
        self.assertTrue(out.endswith("\n2 passed, 1 failed\n"), out)

    def test_with_a_label_the_line_is_not_the_plain_one(self):
        self.target("//a", GTEST % "")
        _, out = self.run_summary("--label", "make test")
        self.assertTrue(out.endswith("\nmake test: 1 passed, 0 failed\n"), out)


if __name__ == "__main__":
    unittest.main()
