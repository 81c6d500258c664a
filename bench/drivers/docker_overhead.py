#!/usr/bin/env python3
"""What does driver `docker` add to `docker build` of the same Dockerfile?

Starts a dockerd of its own, and builds one Dockerfile (a base, a context of some size, RUN steps
that take a while) in turns with the engine's own command line (DOCKER_BUILDKIT=0) and with
`stevedore-cli build --output oci:...`, each time without any cache.
Because our result is a complete image outside of the engine, `docker build` followed by `docker
save` is measured too. Medians.

  bench/drivers/docker_overhead.py [--rounds N] [--context-mb N] [--run-seconds S] [--cli PATH]
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

DOCKERFILE = """FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV PATH=/bin
ARG SALT
COPY data /data
RUN sleep %(seconds)s && find /data -type f | xargs sha256sum > /sums
RUN head -c %(bytes)d /dev/zero | sha256sum > /zeros
"""

DEFINITION = """images:
  bench:
    "1":
      vars: {SALT: SALT_VALUE}
      builder: {driver: docker, options: {context: {path: context}, network: none, no_cache: true}}
"""


def start_engine(folder):
    """dockerd without networks, as the tests have it."""
    with open(os.path.join(folder, "daemon.json"), "w", encoding="utf-8") as config:
        config.write("{}")
    socket = os.path.join(folder, "docker.sock")
    log = open(os.path.join(folder, "log"), "w", encoding="utf-8")
    engine = subprocess.Popen(
        ["/usr/sbin/dockerd", "--bridge=none", "--iptables=false", "--ip-forward=false",
         "--ip-masq=false", "--data-root", os.path.join(folder, "data"), "--exec-root",
         os.path.join(folder, "exec"), "--pidfile", os.path.join(folder, "pid"), "--config-file",
         os.path.join(folder, "daemon.json"), "-H", "unix://" + socket],
        stdout=log, stderr=log, start_new_session=True)
    for _ in range(300):
        if os.path.exists(socket) and subprocess.run(
                ["/usr/bin/docker", "version"], env=environment(socket), capture_output=True,
                check=False).returncode == 0:
            return engine, socket
        time.sleep(0.1)
    sys.exit("dockerd did not start; see " + folder + "/log")


def environment(socket):
    """What both command lines see."""
    return dict(os.environ, DOCKER_HOST="unix://" + socket, DOCKER_BUILDKIT="0",
                DOCKER_API_VERSION="1.41")


def write_project(folder, megabytes, seconds):
    """The definition and its context: `megabytes` of files that do not compress well."""
    context = os.path.join(folder, "context")
    os.makedirs(os.path.join(context, "data"))
    shutil.copy("/bin/busybox", os.path.join(context, "busybox"))
    for i in range(megabytes * 4):
        with open(os.path.join(context, "data", "file%05d" % i), "wb") as out:
            out.write(os.urandom(128 << 10) + b"text " * (26 << 10))
    with open(os.path.join(context, "Dockerfile"), "w", encoding="utf-8") as out:
        out.write(DOCKERFILE % {"seconds": seconds, "bytes": 64 << 20})
    with open(os.path.join(folder, "stevedore.yaml"), "w", encoding="utf-8") as out:
        out.write("images_path: images.yaml\n")


def timed(command, **options):
    """Wall seconds of a command that must succeed."""
    before = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    seconds = time.monotonic() - before
    if result.returncode != 0:
        sys.exit("%s failed:\n%s%s" % (command[0], result.stdout, result.stderr))
    return seconds


def measure(args, folder, socket):
    """One table: name to list of seconds."""
    project = os.path.join(folder, "project")
    os.makedirs(project)
    write_project(project, args.context_mb, args.run_seconds)
    times = {"docker build": [], "docker build, docker save": [], "stevedore-cli build": []}
    for turn in range(args.rounds):
        env = environment(socket)
        salt = str(turn)
        build = timed(["/usr/bin/docker", "build", "--no-cache", "--network", "none", "--build-arg",
                       "SALT=" + salt, "--tag", "bench:1", os.path.join(project, "context")],
                      env=env)
        save = timed(["/usr/bin/docker", "save", "--output", os.path.join(folder, "image.tar"),
                      "bench:1"], env=env)
        timed(["/usr/bin/docker", "rmi", "bench:1"], env=env)
        with open(os.path.join(project, "images.yaml"), "w", encoding="utf-8") as out:
            out.write(DEFINITION.replace("SALT_VALUE", salt))
        out = os.path.join(folder, "out%d" % turn)
        ours = timed([args.cli, "build", "bench", "--output", "oci:" + out], cwd=project,
                     env=dict(env, XDG_CACHE_HOME=os.path.join(folder, "cache%d" % turn)))
        shutil.rmtree(out)
        times["docker build"].append(build)
        times["docker build, docker save"].append(build + save)
        times["stevedore-cli build"].append(ours)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--context-mb", type=int, default=20)
    parser.add_argument("--run-seconds", type=float, default=10)
    parser.add_argument("--cli", default="bazel-bin/cli/stevedore-cli")
    args = parser.parse_args()
    args.cli = os.path.abspath(args.cli)
    if os.geteuid() != 0 or not os.path.exists("/usr/sbin/dockerd"):
        sys.exit("needs root and dockerd (package docker.io)")
    folder = tempfile.mkdtemp(prefix="bench.", dir="/tmp")
    engine, socket = start_engine(folder)
    try:
        times = measure(args, folder, socket)
    finally:
        engine.send_signal(signal.SIGTERM)
        engine.wait()
        shutil.rmtree(folder, ignore_errors=True)
    base = statistics.median(times["docker build"])
    print("| what | median s | over docker build |\n| --- | ---: | ---: |")
    for name, values in times.items():
        median = statistics.median(values)
        print("| %s | %.2f | %+.1f %% |" % (name, median, 100 * (median / base - 1)))
    print(json.dumps(times))


if __name__ == "__main__":
    main()
