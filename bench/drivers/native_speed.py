#!/usr/bin/env python3
"""How much faster is driver `native` than dockerd's classic builder for a Dockerfile without RUN?

Starts a dockerd of its own, and builds one Dockerfile (a base, files, folders, settings, no RUN) in
turns with the engine's own command line (DOCKER_BUILDKIT=0, --no-cache) and with `stevedore-cli
build --output oci:...` (driver native, each time with an empty cache folder and a new output).
Medians of wall time, and CPU seconds of the command lines themselves. Goal: 5 times faster.

  bench/drivers/native_speed.py [--rounds N] [--files N] [--cli PATH]
"""

import argparse
import os
import shutil
import statistics

from engine import environment, running, timed_with_cpu

DOCKERFILE = """FROM scratch AS base
COPY busybox /bin/busybox
ENV PATH=/bin LANG=C
FROM base AS files
COPY src /out/src
FROM base
LABEL a=b
ENV APP=/app MODE=production
WORKDIR /app
COPY --from=files /out/src ./src
COPY conf/ /etc/app/
COPY --chown=7:8 README LICENSE ./
VOLUME /data
EXPOSE 8080
USER 7:8
HEALTHCHECK CMD ["/bin/busybox", "true"]
ENTRYPOINT ["/bin/busybox"]
CMD ["sh"]
"""

DEFINITION = """images:
  bench:
    "1":
      builder: {driver: native, options: {context: {path: context}}}
"""


def write_project(folder, count):
    """The definition and its context: `count` small files."""
    context = os.path.join(folder, "context")
    os.makedirs(os.path.join(context, "conf"))
    shutil.copy("/bin/busybox", os.path.join(context, "busybox"))
    for i in range(count):
        path = os.path.join(context, "src", "d%02d" % (i % 50))
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, "f%05d.c" % i), "w", encoding="utf-8") as out:
            out.write("int f%d(int x) { return x * %d; }\n" % (i, i) * 60)
    for name in ("conf/a", "conf/b", "README", "LICENSE"):
        with open(os.path.join(context, name), "w", encoding="utf-8") as out:
            out.write(name + "\n")
    with open(os.path.join(context, "Dockerfile"), "w", encoding="utf-8") as out:
        out.write(DOCKERFILE)
    with open(os.path.join(folder, "stevedore.yaml"), "w", encoding="utf-8") as out:
        out.write("images_path: images.yaml\n")
    with open(os.path.join(folder, "images.yaml"), "w", encoding="utf-8") as out:
        out.write(DEFINITION)


def measure(args, folder, socket):
    """Wall and CPU seconds of both, in turns."""
    project = os.path.join(folder, "project")
    os.makedirs(project)
    write_project(project, args.files)
    times = {"docker build (classic)": [], "stevedore-cli build (native)": []}
    for turn in range(args.rounds):
        env = environment(socket)
        times["docker build (classic)"].append(
            timed_with_cpu(["/usr/bin/docker", "build", "--no-cache", "--tag", "bench:1",
                   os.path.join(project, "context")], env=env))
        timed_with_cpu(["/usr/bin/docker", "rmi", "bench:1"], env=env)
        out = os.path.join(folder, "out%d" % turn)
        times["stevedore-cli build (native)"].append(
            timed_with_cpu([args.cli, "build", "bench", "--output", "oci:" + out], cwd=project,
                  env=dict(env, XDG_CACHE_HOME=os.path.join(folder, "cache%d" % turn))))
        shutil.rmtree(out)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--cli", default="bazel-bin/cli/stevedore-cli")
    args = parser.parse_args()
    args.cli = os.path.abspath(args.cli)
    with running() as (folder, socket):
        times = measure(args, folder, socket)
    classic, native = (statistics.median(wall for wall, _ in values) for values in times.values())
    print("| what | median s | times faster | cpu s |\n| --- | ---: | ---: | ---: |")
    for name, values in times.items():
        median = statistics.median(wall for wall, _ in values)
        print("| %s | %.2f | %.1f | %.2f |" % (name, median, classic / median,
                                              statistics.median(cpu for _, cpu in values)))
    print("%.1f times faster (target: 5)" % (classic / native))


if __name__ == "__main__":
    main()
