#!/usr/bin/env python3
"""Writes a project of N definitions in N/20 files: wildcards, several parents, templates, contexts.

  tree.py N FOLDER

Twenty definitions of file number F:
  base-F:1.0, base-F:2.0     roots; 2.0 names leaf-F as its child
  tool-F:*                   any version, on base-F:2.0
  lib-F:1.0                  on both bases: two images
  pair-F-x, pair-F-y         on lib-F: two images each
  svc-F-0 .. svc-F-12        rows of four, each on the one before; the first on base-F:2.0
  leaf-F:1.0
Every file has a folder of contexts of its own. The result is the same on every machine.
"""
import os
import sys

BUILDERS = 40


def definition(name, version, parents, context, extra=""):
    lines = [f"  {name}:", f'    "{version}":']
    if parents:
        lines.append(f"      parents: {{{parents}}}")
    lines += [
        "      registry: registry.example.com",
        "      namespace: team/{{ .Name }}" if extra else "      namespace: team",
        "      labels:",
        '        org.example.title: "{{ .Name }}"',
        f'        org.example.version: "{{{{ .Version }}}}"',
        "      vars: {LEVEL: debug, RETRIES: 3}",
    ]
    if extra:
        lines.append(extra)
    lines += context
    return lines


def in_place(folder):
    return [
        "      builder:",
        "        driver: assemble",
        "        options:",
        f"          context: [{{path: {folder}}}]",
        "          layers:",
        "            - {from: ., to: /srv}",
        "          config: {env: {NAME: \"{{ .Name }}\"}}",
    ]


def shared(number):
    return [f"      builder: shared-{number % BUILDERS}"]


def images_file(f):
    folder = f"contexts/{f}"
    composed = '      version: "{{ .Version }}-{{ .Parent.Name }}{{ .Parent.Version }}"'
    lines = ["images:"]
    lines += definition(f"base-{f}", "1.0", "", in_place(folder),
                        "      persistent_vars: {GENERATION: one}")
    body = definition(f"base-{f}", "2.0", "", in_place(folder),
                      f'      children: {{leaf-{f}: ["1.0"]}}')
    lines += body[1:]
    lines += definition(f"tool-{f}", "*", f'base-{f}: ["2.0"]', shared(f),
                        '      version: "{{ .Version }}"')
    lines += definition(f"lib-{f}", "1.0", f'base-{f}: ["1.0", "2.0"]', in_place(folder), composed)
    for name in ("x", "y"):
        lines += definition(f"pair-{f}-{name}", "1.0", f'lib-{f}: ["1.0"]', shared(f + 1), composed)
    for s in range(13):
        parent = f'base-{f}: ["2.0"]' if s % 4 == 0 else f'svc-{f}-{s - 1}: ["1.{s - 1}"]'
        context = shared(f + s) if s % 2 else in_place(folder)
        lines += definition(f"svc-{f}-{s}", f"1.{s}", parent, context,
                            "      tags: [\"{{ .Version }}-stable\"]")
    lines += definition(f"leaf-{f}", "1.0", "", shared(f))
    return "\n".join(lines) + "\n"


def builders_file():
    lines = ["builders:"]
    for number in range(BUILDERS):
        lines += [
            f"  shared-{number}:",
            "    driver: assemble",
            "    options:",
            f"      context: [{{path: shared/{number}}}]",
            "      layers: [{from: ., to: /opt}]",
        ]
    return "\n".join(lines) + "\n"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)


def make_tree(count, folder):
    files = max(1, count // 20)
    write(f"{folder}/stevedore.yaml",
          "images_path: images\nbuilders_path: builders.yaml\n")
    write(f"{folder}/builders.yaml", builders_file())
    for number in range(BUILDERS):
        write(f"{folder}/shared/{number}/tool.sh", f"#!/bin/sh\necho {number}\n")
    for f in range(files):
        write(f"{folder}/images/{f:05}.yaml", images_file(f))
        write(f"{folder}/contexts/{f}/app.txt", f"file of {f}\n")
    return files


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    make_tree(int(sys.argv[1]), sys.argv[2])
