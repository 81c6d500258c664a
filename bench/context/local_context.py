#!/usr/bin/env python3
"""What does a large folder cost as a context?

    bench/context/local_context.py STEVEDORE_CLI [--files N] [--gigabytes N]

Plans one image from a folder of FILES files (100,000) again when nothing changed: the digest of the
context comes from what is remembered of each file. Goal: at most 0.5 s over a plan of the same
image from an empty folder. Then builds an image from files of GIGABYTES (5) together and looks at
the program's largest resident set. Goal: at most 128 MiB. The files have holes, so they need no
disk; they are read and hashed all the same.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
GOAL_SECONDS = 0.5
GOAL_MIB = 128
PART_BYTES = 256 << 20
IMAGES = """images:
  web:
    "1":
      registry: registry.test
      platforms: [linux/amd64]
      builder:
        driver: assemble
        options:
          context: [{path: CONTEXT}]
          compression: "gzip:fast"
          layers: [{from: ., to: /srv}]
"""


def run(root, command):
    """Wall seconds, CPU seconds and largest MiB of a command that must succeed."""
    environment = dict(os.environ, HOME=root, XDG_CACHE_HOME=os.path.join(root, "cache"))
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit("%s failed: %s" % (" ".join(command), message.decode()))
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def define(root, context):
    with open(os.path.join(root, "images.yaml"), "w", encoding="ascii") as out:
        out.write(IMAGES.replace("CONTEXT", context))
    with open(os.path.join(root, "stevedore.yaml"), "w", encoding="ascii") as out:
        out.write("images_path: images.yaml\nbuilders_path: images.yaml\n")


def plans(cli, root, context):
    """Medians of wall and CPU seconds of plans after the first, and the first's wall seconds."""
    define(root, context)
    first = run(root, [cli, "plan", "web"])[0]
    # A file that is as young as the memory of it is read again.
    time.sleep(2.5)
    run(root, [cli, "plan", "web"])
    later = [run(root, [cli, "plan", "web"]) for _ in range(ROUNDS)]
    return (first, statistics.median(wall for wall, _, _ in later),
            statistics.median(cpu for _, cpu, _ in later))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cli")
    parser.add_argument("--files", type=int, default=100000)
    parser.add_argument("--gigabytes", type=int, default=5)
    args = parser.parse_args()
    cli = os.path.abspath(args.cli)
    with tempfile.TemporaryDirectory() as root:
        os.mkdir(os.path.join(root, "empty"))
        for i in range(args.files):
            folder = os.path.join(root, "many", "d%03d" % (i // 200))
            if i % 200 == 0:
                os.makedirs(folder)
            with open(os.path.join(folder, "f%06d" % i), "w", encoding="ascii") as out:
                out.write("file %d\n" % i)
        first, many, many_cpu = plans(cli, root, "many")
        _, empty, empty_cpu = plans(cli, root, "empty")
        print("%d files: first plan %.2f s; unchanged %.2f s (cpu %.2f), empty folder %.2f s "
              "(cpu %.2f)" % (args.files, first, many, many_cpu, empty, empty_cpu))
        print("re-digest: %.2f s wall, %.2f s cpu; target %.1f s: %s" % (
            many - empty, many_cpu - empty_cpu, GOAL_SECONDS,
            "reached" if many - empty <= GOAL_SECONDS else "missed"))
        big = os.path.join(root, "big")
        os.mkdir(big)
        for i in range(args.gigabytes * (1 << 30) // PART_BYTES):
            with open(os.path.join(big, "part%03d" % i), "w", encoding="ascii") as out:
                out.write("part %d\n" % i)
                out.truncate(PART_BYTES)
        define(root, "big")
        wall, cpu, mib = run(root, [cli, "build", "web", "--output", "oci:out"])
        print("%d GiB context: %.1f s wall, %.1f s cpu, %.0f MiB resident; target %d MiB: %s" % (
            args.gigabytes, wall, cpu, mib, GOAL_MIB, "reached" if mib <= GOAL_MIB else "missed"))


if __name__ == "__main__":
    main()
