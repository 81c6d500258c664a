#!/usr/bin/env python3
"""Measures what definitions cost: load and validate, plan, --changed-since.

  measure.py --binary FILE [--rounds N] [--counts 1000,10000,100000] [--folder FOLDER]

Prints, per number of definitions: wall and CPU seconds (user and system, git included) and peak
memory of the largest process; of each the best round, as anything else is somebody else's work.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

import tree


def run(arguments, folder, environment):
    """Wall seconds, CPU seconds and peak MiB of a program that must succeed."""
    start = time.monotonic()
    with open(os.devnull, "wb") as nowhere, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                 stdout=nowhere, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - start
        if child.returncode != 0:
            errors.seek(0)
            sys.exit(f"{arguments[:3]} failed: {errors.read().decode(errors='replace')[-2000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def best(rounds, *arguments):
    results = [run(*arguments) for _ in range(rounds)]
    return tuple(min(column) for column in zip(*results))


def git(folder, *arguments):
    subprocess.run(["git", "-C", folder, "-c", "user.name=bench", "-c",
                    "user.email=bench@example.com", *arguments], check=True,
                   stdout=subprocess.DEVNULL)


def append(path, text):
    with open(path, "a") as out:
        out.write(text)


def measure(binary, count, folder, rounds):
    files = tree.make_tree(count, folder)
    environment = dict(os.environ, XDG_CACHE_HOME=f"{folder}-cache", SOURCE_DATE_EPOCH="1700000000")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all")
    append(f"{folder}/contexts/0/app.txt", "changed\n")
    append(f"{folder}/images/00000.yaml", "# a comment\n")
    names = [f"base-{f}" for f in range(files)]
    questions = {
        "load, validate": [binary, "validate"],
        "load, plan one": [binary, "plan", "base-0:1.0"],
        "the same, --changed-since": [binary, "plan", "base-0:1.0", "--changed-since", "HEAD"],
    }
    if count <= 20000:  # A build takes at most 50,000 images, a command line so many words.
        questions["load, plan all"] = [binary, "plan", *names, "--build-on-cascade"]
    for question, arguments in questions.items():
        wall, cpu, peak = best(rounds, arguments, folder, environment)
        print(f"{count:11} {files:6}  {question:26} {wall:8.2f} {cpu:8.2f} {peak:9.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--counts", default="1000,10000,100000")
    parser.add_argument("--folder", help="keep the trees here; default: a temporary folder")
    flags = parser.parse_args()
    top = flags.folder or tempfile.mkdtemp(prefix="definitions-")
    print("definitions  files  question                     wall s    cpu s  peak MiB")
    try:
        for count in flags.counts.split(","):
            folder = f"{top}/{count}"
            shutil.rmtree(folder, ignore_errors=True)
            measure(os.path.abspath(flags.binary), int(count), folder, flags.rounds)
    finally:
        if not flags.folder:
            shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
