#!/usr/bin/env python3
"""Layers by Stevedore and by other tools from the same trees, in alternation.

    compare.py --binary LAYER_BENCH [--quick] [--rounds N] [--corpora FOLDER] [--only NAME]
               [--skip TEXT]

Makes three trees once (in FOLDER, default: a folder below /var/tmp), runs every tool on each of
them N times, one after the other, and prints medians. Every tool writes its blob to a file and
computes both digests (of the tar and of the blob), as a layer needs them. Tools that are not
installed are left out.
"""

import argparse
import functools
import json
import os
import shutil
import statistics
import subprocess
import sys

MIB = 1 << 20
# tar as every pipeline starts: reproducible, as far as tar can.
TAR = "tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf - -C {tree} ."
PIPELINE = ("set -o pipefail; " + TAR + " | tee >(sha256sum >{work}/tar.sum) | {filter}"
            " | tee {work}/blob | sha256sum >{work}/blob.sum; wait")
OURS = ("gzip", "gzip:fast", "gzip:small", "zstd", "none")


class Tree:
    """A corpus on disk."""

    def __init__(self, name, path):
        self.name = name
        self.path = path
        self.files = 0
        self.bytes = 0
        for folder, _, names in os.walk(path):
            for name in names:
                self.files += 1
                self.bytes += os.lstat(os.path.join(folder, name)).st_size


def regular_files(roots, largest):
    """Paths of regular files up to `largest` bytes below `roots`, sorted."""
    found = []
    for root in roots:
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                try:
                    status = os.lstat(path)
                except OSError:
                    continue
                if os.path.isfile(path) and not os.path.islink(path) and \
                        0 < status.st_size <= largest:
                    found.append((path, status.st_size))
    found.sort()
    return found


def copy_into(path, target):
    place = target + path
    os.makedirs(os.path.dirname(place), exist_ok=True)
    try:
        shutil.copyfile(path, place)
        return True
    except OSError:
        return False


def make_system(target, limit):
    """Programs, libraries, data, text: every n-th file of /usr, about `limit` bytes."""
    files = regular_files(["/usr/bin", "/usr/lib", "/usr/share", "/usr/include"], 64 * MIB)
    step = max(1, sum(size for _, size in files) // limit)
    taken = 0
    for path, size in files[::step]:
        if taken + size <= limit and copy_into(path, target):
            taken += size


def make_small(target, count):
    """`count` small files: those of /usr up to 16 KiB, once more under another name if too few."""
    files = regular_files(["/usr/share", "/usr/lib", "/usr/include"], 16 * 1024)
    step = max(1, len(files) // count)
    chosen = files[::step]
    taken = 0
    for turn in range(1000):
        for path, _ in chosen:
            if taken == count:
                return
            taken += copy_into(path, "%s/%d" % (target, turn))


def make_noise(target, files, size):
    """Files that nothing makes smaller: a key stream."""
    os.makedirs(target)
    for number in range(files):
        with open("%s/noise%d" % (target, number), "wb") as out:
            zeros = subprocess.Popen(["head", "-c", str(size), "/dev/zero"],
                                     stdout=subprocess.PIPE)
            subprocess.run(["openssl", "enc", "-aes-128-ctr", "-nosalt", "-K", "%032x" % number,
                            "-iv", "0" * 32], stdin=zeros.stdout, stdout=out, check=True)
            zeros.wait()


def make_many(target, count):
    """For memory and listing: `count` files of a few bytes in folders of 500."""
    for number in range(count):
        if number % 500 == 0:
            os.makedirs("%s/folder%d" % (target, number // 500))
        with open("%s/folder%d/file_with_a_name_of_usual_length_%d" %
                  (target, number // 500, number), "w", encoding="ascii") as out:
            out.write(str(number))


def corpora(folder, quick):
    """Makes what is missing and returns the trees."""
    makers = {
        "system": lambda path: make_system(path, (48 if quick else 400) * MIB),
        "small": lambda path: make_small(path, 3000 if quick else 50000),
        "noise": lambda path: make_noise(path, 2 if quick else 8, (8 if quick else 32) * MIB),
        "many": lambda path: make_many(path, 5000 if quick else 100000),
    }
    trees = []
    for name, maker in makers.items():
        path = os.path.join(folder, name)
        if not os.path.isdir(path):
            print("making the tree `%s` in %s" % (name, folder), file=sys.stderr)
            shutil.rmtree(path + ".part", ignore_errors=True)
            maker(path + ".part")
            os.rename(path + ".part", path)
        trees.append(Tree(name, path))
    return trees


def clean(work):
    for name in ("blob", "layout", "store"):
        path = os.path.join(work, name)
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.exists(path):
            os.unlink(path)


def run_json(arguments):
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace")[-400:])
    return json.loads(done.stdout.splitlines()[-1])


def measure(binary, command, work):
    """Runs a bash command: wall and CPU seconds, MiB of its largest process."""
    clean(work)
    return run_json([binary, "run", "(" + command + ") >/dev/null"])


def ours(binary, codec, threads):
    def run(tree, work):
        clean(work)
        return run_json([binary, tree.path, codec, str(threads), work + "/blob"])
    return run


def pipeline(binary, compressor):
    def run(tree, work):
        command = PIPELINE.format(tree=tree.path, work=work, filter=compressor)
        result = measure(binary, command, work)
        result["size"] = os.path.getsize(os.path.join(work, "blob"))
        return result
    return run


def largest_blob(layout):
    folder = os.path.join(layout, "blobs", "sha256")
    return max(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))


def umoci(binary, tree, work):
    result = measure(
        binary, "umoci init --layout {0}/layout && umoci new --image {0}/layout:a && "
        "umoci insert --rootless --image {0}/layout:a {1} /".format(work, tree.path), work)
    result["size"] = largest_blob(os.path.join(work, "layout"))
    return result


def buildah(binary, tree, work):
    store = "--root %s/store/root --runroot %s/store/run --storage-driver vfs" % (work, work)
    result = measure(
        binary, "set -e; mkdir -p {0}/store; "
        "printf 'FROM scratch\\nCOPY . /\\n' >{0}/store/Dockerfile; "
        "buildah {2} bud --isolation chroot --timestamp 0 -q -t bench -f {0}/store/Dockerfile {1}; "
        "buildah {2} push -q bench oci:{0}/layout:a".format(work, tree.path, store), work)
    result["size"] = largest_blob(os.path.join(work, "layout"))
    return result


def contestants(binary, cores, slow):
    """(name, runner), in the order of each round."""
    rows = []
    for codec in OURS:
        rows.append(("stevedore %s" % codec, ours(binary, codec, cores)))
    rows.append(("stevedore gzip, 1 thread", ours(binary, "gzip", 1)))
    rows.append(("stevedore zstd, 1 thread", ours(binary, "zstd", 1)))
    for program, command in (("gzip", "gzip -6n"), ("pigz", "pigz -6n -p %d" % cores),
                             ("igzip", "igzip -1 -c -T %d" % cores),
                             ("zstd", "zstd -q -3 -T%d -c" % cores), ("cat", "cat")):
        if shutil.which(program):
            rows.append(("tar | %s" % command, pipeline(binary, command)))
    if shutil.which("umoci"):
        rows.append(("umoci insert", functools.partial(umoci, binary)))
    if slow and shutil.which("buildah"):
        rows.append(("buildah bud + push", functools.partial(buildah, binary)))
    return rows


def run_tree(tree, rows, rounds, work):
    """Median of every contestant on one tree."""
    samples = {}
    failed = set()
    for number in range(rounds):
        for name, runner in rows:
            if name in failed or (number > 0 and name.startswith("buildah")):
                continue  # One run of minutes says enough.
            print("%s: round %d of %d: %s" % (tree.name, number + 1, rounds, name),
                  file=sys.stderr)
            try:
                samples.setdefault(name, []).append(runner(tree, work))
            except RuntimeError as error:
                failed.add(name)
                print("%s left out: %s" % (name, error), file=sys.stderr)
    results = {}
    for name, _ in rows:
        if name in failed:
            continue
        runs = samples[name]
        results[name] = {key: statistics.median(run[key] for run in runs)
                         for key in ("wall", "cpu", "rss_mib", "size")}
        digests = {run["digest"] for run in runs if "digest" in run}
        if len(digests) > 1:
            raise RuntimeError("%s made different blobs of one tree" % name)
    return results


def print_table(tree, results):
    print("\n### %s: %d files, %.0f MB\n" % (tree.name, tree.files, tree.bytes / 1e6))
    print("| tool | wall s | MB/s | cpu s | peak RSS MiB | blob MB | size vs gzip -6 |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    reference = results.get("tar | gzip -6n", {}).get("size")
    for name, row in results.items():
        against = "%+.1f %%" % (100.0 * (row["size"] / reference - 1)) if reference else "-"
        print("| %s | %.2f | %.0f | %.2f | %.0f | %.1f | %s |" % (
            name, row["wall"], tree.bytes / 1e6 / row["wall"], row["cpu"], row["rss_mib"],
            row["size"] / 1e6, against))


# What we are to reach: tree, ours, peer, figure, at least.
TARGETS = (
    ("small", "gzip", "umoci insert", "wall", 3.0),
    ("small", "gzip", "buildah bud + push", "wall", 70.0),
    ("small", "gzip:fast", "umoci insert", "wall", 6.0),
    ("system", "gzip", "umoci insert", "wall", 1.8),
    ("system", "gzip:fast", "umoci insert", "wall", 3.5),
    ("system", "gzip", "buildah bud + push", "wall", 20.0),
    ("system", "gzip:small", "tar | pigz", "wall", 2.2),
    ("system", "gzip:small", "umoci insert", "wall", 1.25),
    ("system", "zstd", "tar | zstd", "wall", 2.3),
    ("system", "none", "tar | cat", "wall", 1.5),
    ("small", "none", "tar | cat", "wall", 1.5),
    ("noise", "gzip", "umoci insert", "wall", 2.0),
)


def print_targets(results, many):
    print("\n### Targets\n")
    print("| tree | ours | against | ratio (wall) | target | ratio (cpu) | our size |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: |")
    for tree, codec, peer, figure, target in TARGETS:
        mine = results[tree].get("stevedore " + codec)
        peers = [row for name, row in results[tree].items() if name.startswith(peer)]
        if mine is None or not peers:
            continue
        ratio = peers[0][figure] / mine[figure]
        print("| %s | %s | %s | %.2f%s | %.2f | %.2f | %+.1f %% |" % (
            tree, codec, peer, ratio, "" if ratio >= target else " (missed)", target,
            peers[0]["cpu"] / mine["cpu"], 100.0 * (mine["size"] / peers[0]["size"] - 1)))
    print("\nA tree of %d files: listing %.2f s (target 0.5 for 106k entries), peak memory of a "
          "gzip layer %.0f MiB (target 64)." % (many["entries"], many["walk"], many["rss_mib"]))


def measure_many(binary, tree, cores):
    walks, layers = [], []
    for _ in range(3):
        walks.append(run_json([binary, tree.path, "walk", str(cores), "-"]))
        layers.append(run_json([binary, tree.path, "gzip", str(cores), "-"]))
    return {"entries": layers[0]["entries"],
            "walk": statistics.median(run["walk"] for run in walks),
            "rss_mib": max(run["rss_mib"] for run in layers)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--quick", action="store_true", help="small trees, one round, no buildah")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--corpora", help="folder for the trees; kept")
    parser.add_argument("--only", help="one tree")
    parser.add_argument("--skip", action="append", default=[], metavar="TEXT",
                        help="leave out tools whose name has TEXT in it; may be repeated")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 3)
    folder = options.corpora or "/var/tmp/stevedore-bench-%d%s" % (
        os.getuid(), "-quick" if options.quick else "")
    os.makedirs(folder, exist_ok=True)
    work = os.path.join(folder, "work")
    os.makedirs(work, exist_ok=True)
    cores = os.cpu_count() or 1
    trees = corpora(folder, options.quick)
    print("%d cores, load before the start %.1f, %d round(s)" % (cores, os.getloadavg()[0], rounds))
    results = {}
    rows = [row for row in contestants(options.binary, cores, not options.quick)
            if not any(text in row[0] for text in options.skip)]
    for tree in trees[:3]:
        if options.only and tree.name != options.only:
            continue
        # Hot caches for everybody.
        subprocess.run(TAR.format(tree=tree.path) + " | cat >/dev/null", shell=True, check=True)
        results[tree.name] = run_tree(tree, rows, rounds, work)
        print_table(tree, results[tree.name])
    if not options.only:
        print_targets(results, measure_many(options.binary, trees[3], cores))
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
