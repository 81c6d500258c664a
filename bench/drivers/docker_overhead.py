#!/usr/bin/env python3
"""What does driver `docker` (or `buildkit`) add to `docker build` of the same Dockerfile?

Starts a dockerd of its own, and builds one Dockerfile (a base, a context of some size, RUN steps
that take a while) in turns with the engine's own command line (DOCKER_BUILDKIT=0, or 1) and with
`stevedore-cli build --output oci:...`, each time without any cache.
Because our result is a complete image outside of the engine, `docker build` followed by `docker
save` is measured too. Medians of wall time, and the CPU seconds of the command lines themselves.
Goal: at most 5 % over `docker build, docker save`.

  bench/drivers/docker_overhead.py [--driver docker|buildkit] [--rounds N] [--context-mb N]
                                   [--run-seconds S] [--cli PATH]
"""

import argparse
import json
import os
import shutil
import statistics

from engine import environment, running, timed, timed_with_cpu

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
      builder: {driver: DRIVER, options: {context: {path: context}, network: none, no_cache: true}}
"""


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


def measure(args, folder, socket):
    """Two tables, wall and CPU: name to list of seconds."""
    project = os.path.join(folder, "project")
    os.makedirs(project)
    write_project(project, args.context_mb, args.run_seconds)
    times = {"docker build": [], "docker build, docker save": [], "stevedore-cli build": []}
    cpu = {name: [] for name in times}
    buildkit = args.driver == "buildkit"
    for turn in range(args.rounds):
        env = environment(socket, buildkit)
        salt = str(turn)
        build, build_cpu = timed_with_cpu(
            ["/usr/bin/docker", "build", "--no-cache", "--network", "none", "--build-arg",
             "SALT=" + salt, "--tag", "bench:1", os.path.join(project, "context")], env=env)
        save, save_cpu = timed_with_cpu(
            ["/usr/bin/docker", "save", "--output", os.path.join(folder, "image.tar"), "bench:1"],
            env=env)
        timed(["/usr/bin/docker", "rmi", "bench:1"], env=env)
        with open(os.path.join(project, "images.yaml"), "w", encoding="utf-8") as out:
            out.write(DEFINITION.replace("SALT_VALUE", salt).replace("DRIVER", args.driver))
        out = os.path.join(folder, "out%d" % turn)
        ours, ours_cpu = timed_with_cpu(
            [args.cli, "build", "bench", "--output", "oci:" + out], cwd=project,
            env=dict(env, XDG_CACHE_HOME=os.path.join(folder, "cache%d" % turn)))
        shutil.rmtree(out)
        for name, wall, own in (("docker build", build, build_cpu),
                                ("docker build, docker save", build + save, build_cpu + save_cpu),
                                ("stevedore-cli build", ours, ours_cpu)):
            times[name].append(wall)
            cpu[name].append(own)
    return times, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--driver", choices=("docker", "buildkit"), default="docker")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--context-mb", type=int, default=20)
    parser.add_argument("--run-seconds", type=float, default=10)
    parser.add_argument("--cli", default="bazel-bin/cli/stevedore-cli")
    args = parser.parse_args()
    args.cli = os.path.abspath(args.cli)
    with running() as (folder, socket):
        times, cpu = measure(args, folder, socket)
    base = statistics.median(times["docker build"])
    print("| driver %s | median s | over docker build | cpu s |" % args.driver)
    print("| --- | ---: | ---: | ---: |")
    for name, values in times.items():
        median = statistics.median(values)
        print("| %s | %.2f | %+.1f %% | %.2f |" % (name, median, 100 * (median / base - 1),
                                                   statistics.median(cpu[name])))
    saved = statistics.median(times["docker build, docker save"])
    over = 100 * (statistics.median(times["stevedore-cli build"]) / saved - 1)
    print("%+.1f %% over docker build, docker save (target: 5 %%)" % over)
    print(json.dumps(times))


if __name__ == "__main__":
    main()
