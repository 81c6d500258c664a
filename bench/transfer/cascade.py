#!/usr/bin/env python3
"""How long does a security patch of a base take to reach a whole family of images?

Starts a docker-registry of its own, builds a base and a tree of images on it with driver
`assemble`, patches the base, and measures, each on the same tree:

  dry run    rebase --cascade --dry-run
  rebase     rebase --cascade: every descendant re-parented, tags moved
  again      the same command when there is nothing left to do
  rebuild    build --build-on-cascade of everything on a base that was patched once more, for
             comparison; its own layers are in our cache, so nothing but documents is made anew

and checks that a build on the patched base comes to the very digests that rebase made.

  bench/transfer/cascade.py [--images N] [--children N] [--cli PATH] [--keep]
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

IMAGE = """  image{number}:
    "1":
      registry: {host}
      namespace: family
      tags: [latest]
{parents}      builder:
        driver: assemble
        options:
          context: [{{path: {context}}}]
          layers: [{{from: ., to: {to}}}]
          config: {{env: {{IMAGE: "{number}"}}}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_registry(folder):
    """An open docker-registry that keeps its blobs in `folder`; process and host."""
    port = free_port()
    config = os.path.join(folder, "registry.yml")
    with open(config, "w", encoding="utf-8") as out:
        out.write("version: 0.1\nlog: {level: warn}\nstorage:\n  filesystem: {rootdirectory: %s}\n"
                  "http: {addr: '127.0.0.1:%d'}\n" % (os.path.join(folder, "blobs"), port))
    log = open(os.path.join(folder, "registry.log"), "w", encoding="utf-8")
    process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
    for _ in range(300):
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/v2/" % port, timeout=5):
                return process, "127.0.0.1:%d" % port
        except OSError:
            time.sleep(0.1)
    sys.exit("docker-registry did not start; see " + log.name)


def write_tree(folder, host, images, children):
    """A base, image0, and `images` descendants, `children` on each."""
    with open(os.path.join(folder, "stevedore.yaml"), "w", encoding="utf-8") as out:
        out.write("images_path: images.yaml\nbuilders_path: images.yaml\n")
    with open(os.path.join(folder, "images.yaml"), "w", encoding="utf-8") as out:
        out.write("images:\n")
        for number in range(images + 1):
            context = "contexts/%d" % number
            os.makedirs(os.path.join(folder, context))
            with open(os.path.join(folder, context, "file"), "w", encoding="utf-8") as file:
                file.write("of image %d\n" % number)
            parent = "" if number == 0 else (
                "      parents: {image%d: [\"1\"]}\n" % ((number - 1) // children))
            out.write(IMAGE.format(number=number, host=host, parents=parent, context=context,
                                   to="/" if number == 0 else "/srv/%d" % number))


def digests(host, images):
    """What every tag names now."""
    found = {}
    for number in range(images + 1):
        request = urllib.request.Request(
            "http://%s/v2/family/image%d/manifests/1" % (host, number), method="HEAD",
            headers={"Accept": "application/vnd.oci.image.manifest.v1+json, "
                               "application/vnd.oci.image.index.v1+json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            found[number] = answer.headers["Docker-Content-Digest"]
    return found


class Bench:
    """One project and its registry."""

    def __init__(self, cli, folder):
        self.cli = cli
        self.project = os.path.join(folder, "project")
        self.environment = dict(os.environ, HOME=folder, XDG_CACHE_HOME=folder + "/cache",
                                DOCKER_CONFIG=folder)

    def run(self, *arguments):
        """Runs the program; seconds, and what it said."""
        started = time.monotonic()
        process = subprocess.Popen([self.cli, *arguments], cwd=self.project, env=self.environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, err = process.communicate()
        seconds = time.monotonic() - started
        if process.returncode != 0:
            sys.exit("%s: exit code %d\n%s%s" % (" ".join(arguments), process.returncode, out, err))
        return seconds, out, err


def patch(bench, text):
    """Another base under the same name."""
    with open(os.path.join(bench.project, "contexts/0/file"), "w", encoding="utf-8") as file:
        file.write(text + "\n")
    bench.run("build", "image0:1", "--push-after-build", "--progress", "quiet")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--children", type=int, default=6)
    parser.add_argument("--cli", default="bazel-bin/cli/stevedore-cli")
    parser.add_argument("--keep", action="store_true", help="leave the registry's folder")
    flags = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="cascade-")
    os.makedirs(os.path.join(folder, "project"))
    registry, host = start_registry(folder)
    bench = Bench(os.path.abspath(flags.cli), folder)
    try:
        write_tree(bench.project, host, flags.images, flags.children)
        everything = ("image0:1", "--build-on-cascade", "--push-after-build", "--progress", "quiet")
        print("build    %6.2f s  of the base and %d images" %
              (bench.run("build", *everything)[0], flags.images))
        before = digests(host, flags.images)
        patch(bench, "patched once")
        seconds, _, err = bench.run("rebase", "--cascade", "image0:1", "--dry-run")
        print("dry run  %6.2f s  %s" % (seconds, err.strip()))
        seconds, out, err = bench.run("rebase", "--cascade", "image0:1", "--output", "json")
        print("rebase   %6.2f s  %s" % (seconds, err.strip()))
        if json.loads(out)["rebased"] != flags.images:
            sys.exit("not all images were rebased:\n" + out)
        seconds, _, err = bench.run("rebase", "--cascade", "image0:1")
        print("again    %6.2f s  %s" % (seconds, err.strip()))
        rebased = digests(host, flags.images)
        bench.run("build", *everything)
        rebuilt = digests(host, flags.images)
        patch(bench, "patched twice")
        print("rebuild  %6.2f s" % bench.run("build", *everything)[0])
        changed = sum(1 for number in before if before[number] != rebased[number])
        different = [number for number in rebased if rebased[number] != rebuilt[number]]
        print("%d of %d tags moved; a rebuild came to other digests for %d images" %
              (changed, flags.images + 1, len(different)))
        return 1 if different else 0
    finally:
        registry.send_signal(signal.SIGTERM)
        registry.wait()
        if flags.keep:
            print("left in " + folder)
        else:
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
