#!/usr/bin/env python3
"""House rules that a machine can check. Prints "file:line: error: text"; exit code 1 on errors.

    tools/tidy.py [--root FOLDER] [FILE...]     default: every file that git knows

Warnings (sizes) are printed and do not fail. What each rule is for stands in CONTRIBUTING.md.
"""

import argparse
import collections
import os
import re
import subprocess
import sys

MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 500
MAX_TEST_FILE_LINES = 800

Finding = collections.namedtuple("Finding", "path line level text")

# System headers and the rooms that may use them, as third_party/BUILD.bazel says for linking.
# Bazel cannot see an #include of a system header, so this is where it is kept.
PROGRAMS = ("cli", "coordinator", "registry", "worker")
SYSTEM_HEADERS = (
    ("git2", ("context",)),
    ("hiredis/", ("coordinator",)),
    ("zstd", ("oci",)),
    ("zlib.h", ("oci",)),
    ("lzma.h", ("oci",)),
    ("bzlib.h", ("oci",)),
    ("libdeflate.h", ("oci",)),
    ("isa-l", ("oci",)),
    ("archive.h", ("oci",)),
    ("archive_entry.h", ("oci",)),
    ("openssl/", ("base", "credentials", "http")),
    ("curl/", ("http",)),
    ("boost/", ("http",)),
    ("grpc", PROGRAMS + ("base", "proto")),
    ("google/protobuf/", PROGRAMS + ("base", "proto")),
    ("yaml-cpp/", ("graph", "credentials", "transfer", "registry")),
    ("nlohmann/", ("oci", "graph", "credentials", "transfer", "worker", "cli", "registry")),
    ("CLI/", PROGRAMS),
    ("sqlite3.h", ("registry",)),
)
# These may see everything.
SEE_ALL = ("tests", "bench")
MAY_PRINT = ("bench", "cli", "examples", "tests", "tools")
BANNED_FOLDERS = ("common", "utils", "util", "core", "internal", "helpers", "helper", "misc")

CPP = (".h", ".cc")
# Where a line has 100 columns. Markdown and data are read with other eyes.
TEXT = CPP + (".py", ".sh", ".bzl", ".proto")


def blank_literals(source):
    """The source with comments and literals blanked, line structure kept."""
    out = []
    i, n = 0, len(source)
    while i < n:
        two = source[i:i + 2]
        if two == "//":
            end = source.find("\n", i)
            end = n if end < 0 else end
        elif two == "/*":
            end = source.find("*/", i + 2)
            end = n if end < 0 else end + 2
        elif two == 'R"' and (i == 0 or not (source[i - 1].isalnum() or source[i - 1] == "_")):
            parts = re.match(r'R"([^(\s]*)\(', source[i:])
            close = source.find(")%s\"" % parts.group(1), i) if parts else -1
            end = n if close < 0 else close + len(parts.group(1)) + 2
        elif source[i] == '"' or (source[i] == "'" and not (i and source[i - 1].isalnum())):
            end = i + 1
            while end < n and source[end] not in (source[i], "\n"):
                end += 2 if source[end] == "\\" else 1
            end = min(end + 1, n) if end < n and source[end] == source[i] else min(end, n)
        else:
            out.append(source[i])
            i += 1
            continue
        out.append(re.sub(r"[^\n]", " ", source[i:end]))
        i = end
    return "".join(out)


def blank_directives(code):
    """Preprocessor lines blanked too, continuations included: their braces need not match."""
    return re.sub(r"(?m)^[ \t]*#(?:.*\\\n)*.*$",
                  lambda match: re.sub(r"[^\n]", " ", match.group(0)), code)


def blocks(code):
    """Yields (kind, first line, last line, depth of namespaces only) of every brace block."""
    stack = []
    start = 0  # of the text that leads to the next brace
    line = start_line = 1
    for i, char in enumerate(code):
        if char == "\n":
            line += 1
        if char == "{":
            header = code[start:i]
            blank = len(header) - len(header.lstrip())
            first = start_line + header[:blank].count("\n")
            outside = all(kind == "namespace" for kind, _, _ in stack)
            stack.append((kind_of(header.strip(), stack), first, outside))
        elif char == "}" and stack:
            kind, first, outside = stack.pop()
            yield kind, first, line, outside
        if char in "{};" or (char == ":" and re.search(
                r"\b(public|private|protected)\s*$", code[start:i])):
            # A semicolon within parentheses is a for loop's.
            if char != ";" or code[start:i].count("(") == code[start:i].count(")"):
                start, start_line = i + 1, line


def kind_of(header, stack):
    """namespace, type, function or block."""
    parent = stack[-1][0] if stack else "namespace"
    if re.match(r"(inline\s+)?namespace\b|extern\s*$", header):
        return "namespace"
    head = re.sub(r"^template\s*<.*?>\s*(?=class|struct|enum|union)", "", header, flags=re.S)
    if re.match(r"(typedef\s+)?(enum\s+)?(class|struct|union|enum)\b", head):
        before_base = re.sub(r"ABSL_\w+(\([^)]*\))?|alignas\([^)]*\)|\[\[.*?\]\]", "", head)
        if "(" not in before_base.split(":")[0]:
            return "type"
    if parent in ("namespace", "type") and "(" in header and not re.search(r"=\s*$", header):
        return "function"
    return "block"


def room_of(path):
    return path.split("/")[0] if "/" in path else ""


def check_lines(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        too_long = len(line) > MAX_COLUMNS
        # A URL, digest or include has nowhere to break.
        if too_long and max(map(len, line.split()), default=0) <= 70 and "#include" not in line:
            yield Finding(path, number, "error", "%d columns, %d are allowed" %
                          (len(line), MAX_COLUMNS))
        if line.rstrip(" \t") != line:
            yield Finding(path, number, "error", "blanks at the end of the line")
        # Split so that this file passes its own rule.
        if re.search(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b", line):
            yield Finding(path, number, "error", "finish it now, or write an issue")


BANNED_CODE = (
    (re.compile(r"\bstd::string_view\b"),
     "std::string_view does not convert to absl::string_view in this Abseil; use the latter"),
    (re.compile(r"\babsl::(Mutex|CondVar)\b"),
     "ThreadSanitizer does not see absl::Mutex of this Abseil; use base::Mutex"),
    (re.compile(r"\bstd::(views|ranges::views|source_location)\b"),
     "clang 14 refuses this with libstdc++ 12"),
)
# Messages go to the log or back to the caller.
PRINTING = re.compile(r"\bstd::(cout|cerr)\b|(?<![\w:.>])(std::)?f?printf\s*\(|\bputs\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def check_code(path, code):
    lines = code.splitlines()
    for number, line in enumerate(lines, 1):
        for pattern, text in BANNED_CODE:
            if pattern.search(line):
                yield Finding(path, number, "error", text)
        # Last words before an abort have no logger to go to.
        dying = "abort()" in "".join(lines[number:number + 2])
        may_print = room_of(path) in MAY_PRINT or path.endswith("_main.cc") or dying
        if not may_print and PRINTING.search(line):
            yield Finding(path, number, "error", "only programs print; use base/log.h")


def check_includes(path, text):
    room = room_of(path)
    if room in SEE_ALL:
        return
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        for prefix, rooms in SYSTEM_HEADERS:
            if match.group(2).startswith(prefix) and room not in rooms:
                yield Finding(path, number, "error", "<%s> belongs to %s, not to %s/" %
                              (match.group(2), ", ".join(r + "/" for r in rooms), room))
        if path.endswith(".h") and match.group(2).endswith((".pb.h",)):
            yield Finding(path, number, "warning",
                          "generated headers are slow to parse; forward-declare the messages")


def check_header(path, text, code):
    guard = "STEVEDORE_%s_" % re.sub(r"\W", "_", path).upper()
    if "#ifndef %s\n#define %s\n" % (guard, guard) not in text:
        yield Finding(path, 1, "error", "no header guard %s" % guard)
    lines = text.splitlines()
    for kind, first, _, outside in blocks(code):
        if kind == "type" and outside:
            above = first - 2
            while above >= 0 and re.match(r"\s*(template\b|\[\[|typename\b)", lines[above]):
                above -= 1
            if above < 0 or not re.match(r"\s*(//|\*/|.*\*/\s*$)", lines[above]):
                name = re.search(r"(?:class|struct|enum|union)\b[^{:;]*", lines[first - 1])
                yield Finding(path, first, "error", "no comment above '%s': what does it stand for"
                              ", who may call at once" % (name.group(0).strip() if name else "?"))


def check_sizes(path, text, code):
    count = text.count("\n")
    limit = MAX_TEST_FILE_LINES if path.endswith("_test.cc") else MAX_FILE_LINES
    if count > limit:
        yield Finding(path, 1, "warning", "%d lines, aim below %d: is there a second thing in it?" %
                      (count, limit))
    for kind, first, last, _ in blocks(code):
        if kind == "function" and last - first + 1 > MAX_FUNCTION_LINES:
            yield Finding(path, first, "warning", "function of %d lines, aim below %d" %
                          (last - first + 1, MAX_FUNCTION_LINES))


def check_path(path):
    for folder in path.split("/")[:-1]:
        if folder in BANNED_FOLDERS:
            yield Finding(path, 1, "error",
                          "folder '%s' says nothing; name the room that owns the word" % folder)


def check_file(path, text):
    """All findings of one file; `path` is relative to the root."""
    findings = list(check_path(path))
    if path.endswith(TEXT) or os.path.basename(path) == "Makefile":
        findings += check_lines(path, text)
    if path.endswith(CPP):
        code = blank_literals(text)
        findings += check_code(path, code)
        findings += check_includes(path, text)
        bare = blank_directives(code)
        findings += check_sizes(path, text, bare)
        if path.endswith(".h"):
            findings += check_header(path, text, bare)
    return findings


def files_of(root):
    """What git knows or would add; without git every file outside of hidden and output folders."""
    try:
        listed = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "-co",
             "--exclude-standard"], check=True, capture_output=True).stdout
        return sorted(set(listed.decode().split("\0")) - {""})
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, folders, names in os.walk(root):
            folders[:] = [f for f in folders if not f.startswith((".", "bazel-"))]
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
        return sorted(found)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=os.path.join(os.path.dirname(__file__), ".."))
    parser.add_argument("files", nargs="*")
    options = parser.parse_args(arguments)
    errors = count = 0
    for path in options.files or files_of(options.root):
        full = os.path.join(options.root, path)
        if not path.endswith(TEXT) and os.path.basename(path) != "Makefile":
            text = ""
        elif not os.path.isfile(full):
            continue  # Deleted in the work tree, not in git yet.
        else:
            with open(full, encoding="utf-8", errors="replace") as file:
                text = file.read()
        count += 1
        for finding in sorted(check_file(path, text), key=lambda f: f.line):
            print("%s:%d: %s: %s" % finding)
            errors += finding.level == "error"
    print("tidy: %d files, %d errors" % (count, errors))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
