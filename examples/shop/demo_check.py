#!/usr/bin/env python3
"""What the demo promises, checked against --metadata-file of its builds and the images pulled back.

    demo_check.py outcome META [--built N] [--reused N] [--built-images ID...]
    demo_check.py same META META          the same digest for every image
    demo_check.py causes META             prints why each image was built; each must have a cause
    demo_check.py references META         prints the main reference of every image
    demo_check.py pulled META LAYOUT      every image is there; every digest and diff id is right
"""

import argparse
import gzip
import hashlib
import json
import os
import subprocess
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def images(meta, *states):
    return {task["image"]: task for task in meta["tasks"] if not states or task["state"] in states}


def built(meta):
    return images(meta, "succeeded", "built")


def expect(right, text):
    print("    %s: %s" % ("checked" if right else "NOT SO", text))
    if not right:
        raise SystemExit(1)


def outcome(options):
    meta = read(options.files[0])
    done, reused = built(meta), images(meta, "reused")
    expect(meta["state"] == "succeeded", "the build succeeded")
    if options.built is not None:
        expect(len(done) == options.built, "%d images were built" % len(done))
    if options.reused is not None:
        expect(len(reused) == options.reused, "%d images were reused" % len(reused))
    if options.built_images is not None:
        expect(sorted(done) == sorted(options.built_images),
               "exactly these were built: " + ", ".join(sorted(done)))
    tags = meta.get("tags", [])
    expect(all((tag["moved"] or tag.get("unchanged")) and not tag.get("error") for tag in tags),
           "%d tags name what was built" % len(tags))


def same(options):
    first, second = ({image: task["digest"] for image, task in images(read(path)).items()}
                     for path in options.files)
    expect(first == second, "%d digests are the same as before" % len(first))


def causes(options):
    done = built(read(options.files[0]))
    for image, task in sorted(done.items()):
        print("    %-16s because of %s" % (image, "; ".join(task.get("causes", []))))
    expect(all(task.get("causes") for task in done.values()), "every image says why")


def references(options):
    for _, task in sorted(images(read(options.files[0])).items()):
        print(task["reference"])


def blob(layout, digest, verified):
    algorithm, _, encoded = digest.partition(":")
    with open(os.path.join(layout, "blobs", algorithm, encoded), "rb") as file:
        data = file.read()
    if hashlib.new(algorithm, data).hexdigest() != encoded:
        raise ValueError("the bytes of %s do not have that digest" % digest)
    verified.add(digest)
    return data


def unpacked(descriptor, data):
    if descriptor["mediaType"].endswith("gzip"):
        return gzip.decompress(data)
    if descriptor["mediaType"].endswith("zstd"):
        return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout
    return data


def pulled(options):
    meta, layout = read(options.files[0]), options.files[1]
    found = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"]
             for entry in read(os.path.join(layout, "index.json"))["manifests"]}
    verified, layers = set(), 0
    for image, task in sorted(images(meta).items()):
        digest = found.get(task["reference"].rsplit("/", 1)[1])
        if digest != task["digest"]:
            expect(False, "%s was pulled as %s, built as %s" % (image, digest, task["digest"]))
        manifest = json.loads(blob(layout, digest, verified))
        config = json.loads(blob(layout, manifest["config"]["digest"], verified))
        diff_ids = config["rootfs"]["diff_ids"]
        if len(diff_ids) != len(manifest["layers"]):
            expect(False, "%s has a diff id for each layer" % image)
        for descriptor, diff_id in zip(manifest["layers"], diff_ids):
            data = blob(layout, descriptor["digest"], verified)
            if len(data) != descriptor["size"]:
                expect(False, "%s: layer %s has its size" % (image, descriptor["digest"]))
            if "sha256:" + hashlib.sha256(unpacked(descriptor, data)).hexdigest() != diff_id:
                expect(False, "%s: layer %s has its diff id" % (image, descriptor["digest"]))
            layers += 1
    expect(True, "%d images, %d layers: %d blobs have the digest that names them, every layer its "
           "diff id" % (len(images(meta)), layers, len(verified)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["outcome", "same", "causes", "references", "pulled"])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--built", type=int)
    parser.add_argument("--reused", type=int)
    parser.add_argument("--built-images", nargs="+")
    options = parser.parse_args()
    globals()[options.what](options)


if __name__ == "__main__":
    try:
        main()
    except (OSError, KeyError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit("demo_check: %s: %s" % (type(error).__name__, error))
