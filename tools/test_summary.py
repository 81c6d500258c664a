#!/usr/bin/env python3
"""Counts test cases from what Bazel reported, names the skipped and the failed ones.

    tools/test_summary.py [--label TEXT] [--steps FILE] EVENTS.json...

EVENTS.json are files of `bazel test --build_event_json_file`: they name the test.xml of exactly the
targets that ran, cached ones included, and the targets that never got as far. FILE holds lines
"passed<TAB>name" or "failed<TAB>name" for steps that are no Bazel tests. The last line printed is
"N passed, M failed", with "TEXT: " in front if a label is given. Exit code 1 if anything failed
or nothing ran.
"""

import argparse
import collections
import json
import os
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

# The outcome of one test case; `state` is passed, failed or skipped.
Case = collections.namedtuple("Case", "target name state reason")


def cases_of_report(target, path):
    """Test cases of one test.xml; one failed case if it cannot be read."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        return [Case(target, "(report)", "failed", "no test.xml: %s" % error)]
    cases = []
    for element in root.iter("testcase"):
        name = ".".join(filter(None, [element.get("classname"), element.get("name")]))
        failure = element.find("failure")
        if failure is None:
            failure = element.find("error")
        skipped = element.find("skipped")
        if failure is not None:
            cases.append(Case(target, name, "failed", failure.get("message") or ""))
        elif skipped is not None:
            cases.append(Case(target, name, "skipped", skip_reason(skipped)))
        elif element.get("status") == "notrun" or element.get("result") == "suppressed":
            cases.append(Case(target, name, "skipped", "disabled in the source"))
        else:
            cases.append(Case(target, name, "passed", ""))
    return cases


def skip_reason(skipped):
    """GoogleTest's message is "file:line\\nreason"; Bazel's own has none."""
    message = skipped.get("message") or skipped.text or ""
    lines = [line.strip() for line in message.strip().splitlines()]
    if len(lines) > 1 and ":" in lines[0]:
        lines = lines[1:]
    return " ".join(line for line in lines if line) or "no reason given"


def cases_of_events(path):
    """All cases of one Bazel run."""
    reports = collections.defaultdict(set)  # target -> test.xml of its last attempts
    summaries = {}  # target -> overall status
    with open(path, encoding="utf-8") as events:
        for line in events:
            event = json.loads(line)
            identity = event.get("id", {})
            if "testResult" in identity:
                target = identity["testResult"]["label"]
                for output in event.get("testResult", {}).get("testActionOutput", []):
                    if output.get("name") == "test.xml" and "uri" in output:
                        uri = urllib.parse.urlparse(output["uri"])
                        reports[target].add(urllib.parse.unquote(uri.path))
            elif "testSummary" in identity:
                target = identity["testSummary"]["label"]
                summaries[target] = event.get("testSummary", {}).get("overallStatus", "NO_STATUS")
            elif "targetCompleted" in identity and "aborted" in event:
                summaries.setdefault(identity["targetCompleted"]["label"], "FAILED_TO_BUILD")
            elif "targetCompleted" in identity and not event.get("completed", {}).get("success"):
                summaries.setdefault(identity["targetCompleted"]["label"], "FAILED_TO_BUILD")
            elif "pattern" in identity and "aborted" in event:
                summaries["(load)"] = event["aborted"].get("description", "failed to load")
    cases = []
    for target in sorted(set(reports) | set(summaries)):
        found = []
        for report in sorted(reports.get(target, ())):
            found += cases_of_report(target, report)
        status = summaries.get(target, "NO_STATUS")
        # A target can fail with every case passed (a crash at exit, a leak, a time-out).
        if status not in ("PASSED", "FLAKY") and not any(c.state == "failed" for c in found):
            found.append(Case(target, "(target)", "failed", status))
        cases += found
    return cases


def cases_of_steps(path):
    """Cases of a file of "state<TAB>name" lines."""
    cases = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as steps:
            for line in steps:
                state, _, name = line.rstrip("\n").partition("\t")
                cases.append(Case("step", name, "passed" if state == "passed" else "failed", ""))
    return cases


def summarise(cases, out):
    """Prints skipped and failed cases; returns (passed, failed)."""
    skipped = collections.defaultdict(list)
    for case in cases:
        if case.state == "skipped":
            skipped[case.reason].append("%s %s" % (case.target, case.name))
    for reason in sorted(skipped):
        print("skipped (%d), because: %s" % (len(skipped[reason]), reason), file=out)
        for name in skipped[reason]:
            print("    " + name, file=out)
    for case in cases:
        if case.state == "failed":
            reason = " ".join(case.reason.split())[:200]
            print("FAILED: %s %s %s" % (case.target, case.name, reason), file=out)
    passed = sum(case.state == "passed" for case in cases)
    failed = sum(case.state == "failed" for case in cases)
    return passed, failed


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--label", default="")
    parser.add_argument("--steps", action="append", default=[])
    parser.add_argument("events", nargs="*")
    options = parser.parse_args(arguments)
    cases = []
    for path in options.events:
        try:
            cases += cases_of_events(path)
        except (OSError, ValueError) as error:
            cases.append(Case(path, "(events)", "failed", str(error)))
    for path in options.steps:
        cases += cases_of_steps(path)
    passed, failed = summarise(cases, sys.stdout)
    if passed + failed == 0:
        print("FAILED: no test ran")
        failed = 1
    print("%s%d passed, %d failed" % (options.label and options.label + ": ", passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
