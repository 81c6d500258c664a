#!/usr/bin/env python3
"""Copies of images between registries by Stevedore and by other tools, in alternation.

    compare.py --cli STEVEDORE_CLI [--rounds N] [--quick] [--skip TOOL]

Makes two images of random layers (5 x 50 MiB, 100 x 1 MiB) and copies each between two
docker-registries of its own: cold (every time to a registry that was never seen), again when
everything is there, and to another repository of the same registry. skopeo and crane are left out
where they are not installed (CRANE names the latter). Prints medians of wall time, the largest
memory and CPU time of the tool, and our ratios beside their targets.
"""

import argparse
import collections
import hashlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

MIB = 1 << 20
Image = collections.namedtuple("Image", "name layers layer_bytes")
IMAGES = (Image("5x50", 5, 50 * MIB), Image("100x1", 100, MIB))
# Row of the list of goals, question, image, least ratio of the fastest peer's time to ours.
TARGETS = {
    ("cold", "5x50"): 1.3,
    ("cold", "100x1"): 1.3,
    ("no-op", "5x50"): 10,
    ("no-op", "100x1"): 50,
    ("mount", "100x1"): 5,
}
MEMORY_TARGET = 64 * MIB


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Registry:
    """A docker-registry in a folder below `root`, gone with close()."""

    def __init__(self, root):
        self.folder = tempfile.mkdtemp(dir=root)
        self.host = f"127.0.0.1:{free_port()}"
        config = os.path.join(self.folder, "config.yml")
        self.log = os.path.join(self.folder, "log")
        with open(config, "w", encoding="utf-8") as out:
            out.write("version: 0.1\nlog: {level: warn}\n"
                      f"storage: {{filesystem: {{rootdirectory: {self.folder}/data}}}}\n"
                      f"http: {{addr: {self.host}}}\n")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=log,
                                            stderr=log, start_new_session=True)
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://{self.host}/v2/", timeout=5).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("docker-registry does not answer")

    def requests(self):
        """Requests that it logged so far."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return sum(" HTTP/1.1\" " in line for line in log)

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def write_layout(image, folder):
    """An image layout with `image` as tag 1; layers are random bytes, as if compressed."""
    blobs = os.path.join(folder, "blobs", "sha256")
    os.makedirs(blobs)

    def put(pieces, media_type):
        digest, size = hashlib.sha256(), 0
        with open(os.path.join(blobs, "new"), "wb") as out:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                out.write(piece)
        os.rename(os.path.join(blobs, "new"), os.path.join(blobs, digest.hexdigest()))
        return {"mediaType": media_type, "digest": f"sha256:{digest.hexdigest()}", "size": size}

    base = "application/vnd.oci.image."
    # In pieces: the memory of a child that was just forked counts as that of its parent.
    layers = [put((os.urandom(MIB) for _ in range(image.layer_bytes // MIB)),
                  base + "layer.v1.tar+gzip") for _ in range(image.layers)]
    config = put([json.dumps({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
    }).encode()], base + "config.v1+json")
    manifest = put([json.dumps({
        "schemaVersion": 2, "mediaType": base + "manifest.v1+json", "config": config,
        "layers": layers}).encode()], base + "manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "1"}
    for name, content in (("index.json", {"schemaVersion": 2, "manifests": [manifest]}),
                          ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            json.dump(content, out)


def tools(arguments):
    """Name of each tool to a function from (source, destination) to its command line."""
    found = {"stevedore": lambda source, to: [arguments.cli, "copy", f"docker://{source}",
                                              f"docker://{to}"]}
    if shutil.which("skopeo"):
        found["skopeo"] = lambda source, to: [
            "skopeo", "copy", "-q", "--insecure-policy", "--src-tls-verify=false",
            "--dest-tls-verify=false", f"docker://{source}", f"docker://{to}"]
    crane = os.environ.get("CRANE") or shutil.which("crane")
    if crane:
        found["crane"] = lambda source, to: [crane, "copy", "--insecure", source, to]
    return {name: tool for name, tool in found.items() if name not in arguments.skip}


Sample = collections.namedtuple("Sample", "wall cpu memory")


def run(command, home):
    """One run in an empty home; its cost."""
    environment = dict(os.environ, HOME=home, XDG_DATA_HOME=home, XDG_CACHE_HOME=home,
                       XDG_CONFIG_HOME=home)
    with open(os.path.join(home, "out"), "wb") as out:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                   cwd=home, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        with open(os.path.join(home, "out"), encoding="utf-8", errors="replace") as out:
            sys.exit(f"{' '.join(command)} failed:\n{out.read()[-2000:]}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


class Bench:
    """All measurements: samples by (question, image, tool)."""

    def __init__(self, arguments, root):
        self.root = root
        self.tools = tools(arguments)
        self.samples = collections.defaultdict(list)
        self.requests = {}
        self.serial = 0
        self.source = Registry(root)
        for image in IMAGES:
            layout = os.path.join(root, image.name)
            write_layout(image, layout)
            seed = f"docker://{self.source.host}/from/{image.name}:1"
            run([arguments.cli, "copy", f"oci:{layout}:1", seed], tempfile.mkdtemp(dir=root))
            shutil.rmtree(layout)

    def copy(self, question, image, tool, destination, keep=True):
        home = tempfile.mkdtemp(dir=self.root)
        sample = run(self.tools[tool](f"{self.source.host}/from/{image.name}:1", destination), home)
        if keep:
            self.samples[question, image.name, tool].append(sample)

    def cold_and_again(self, image, rounds, repeats):
        """Each tool gets a registry that nobody has seen, then copies what is there already."""
        for number in range(rounds):
            for tool in self.tools:
                registry = Registry(self.root)
                destination = f"{registry.host}/to/{image.name}:1"
                self.copy("cold", image, tool, destination)
                if number == 0:
                    before = registry.requests() + self.source.requests()
                    for _ in range(repeats):
                        self.copy("no-op", image, tool, destination)
                    after = registry.requests() + self.source.requests()
                    self.requests["no-op", image.name, tool] = (after - before) / repeats
                registry.close()

    def mount(self, image, rounds):
        """To repositories of the source's registry that are new."""
        for _ in range(rounds):
            for tool in self.tools:
                self.serial += 1
                self.copy("mount", image, tool,
                          f"{self.source.host}/to/{image.name}-{self.serial}:1")

    def report(self):
        print("question  image  tool        wall s   cpu s  RSS MiB  requests")
        wall = {}
        for (question, image, tool), samples in self.samples.items():
            wall[question, image, tool] = statistics.median(s.wall for s in samples)
            requests = self.requests.get((question, image, tool))
            print(f"{question:8}  {image:5}  {tool:9}  {wall[question, image, tool]:7.3f} "
                  f"{statistics.median(s.cpu for s in samples):7.3f}  "
                  f"{max(s.memory for s in samples) / MIB:7.1f}"
                  + (f"  {requests:8.1f}" if requests is not None else ""))
        print()
        for (question, image), target in TARGETS.items():
            ours = wall.get((question, image, "stevedore"))
            for tool in self.tools:
                theirs = wall.get((question, image, tool))
                if tool == "stevedore" or ours is None or theirs is None:
                    continue
                ratio = theirs / ours
                wanted = f"target {target}" if tool == "skopeo" else "no target"
                verdict = "" if tool != "skopeo" else \
                    ", reached" if ratio >= target else ", missed"
                print(f"{question} {image}: {ratio:.1f} x {tool} ({wanted}{verdict})")
        memory = max((s.memory for (_, _, tool), samples in self.samples.items()
                      if tool == "stevedore" for s in samples), default=0)
        print(f"memory: {memory / MIB:.1f} MiB (target {MEMORY_TARGET // MIB}, "
              f"{'reached' if memory <= MEMORY_TARGET else 'missed'})")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cli", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of everything")
    parser.add_argument("--skip", action="append", default=[], help="a tool; may be repeated")
    arguments = parser.parse_args()
    arguments.cli = os.path.abspath(arguments.cli)
    rounds = 1 if arguments.quick else arguments.rounds
    with tempfile.TemporaryDirectory(prefix="stevedore-transfer-", dir="/var/tmp") as root:
        bench = Bench(arguments, root)
        try:
            for image in IMAGES:
                bench.cold_and_again(image, rounds, 2 if arguments.quick else 5)
            bench.mount(IMAGES[1], rounds)
            bench.report()
        finally:
            bench.source.close()


if __name__ == "__main__":
    main()
