#!/usr/bin/env python3
"""What does a git context cost when the repository is mirrored already?

    bench/context/git_overhead.py STEVEDORE_CLI [FILES]

Plans one image from a repository of FILES files (10,000) behind `git daemon`, with its mirror
there, and the same image from a folder with the same files. The difference is what git adds:
asking the server for the branch, and reading the commit's folders. Goal: at most 200 ms.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 7
GOAL_MS = 200
IMAGES = """images:
  web:
    "1":
      registry: registry.test
      platforms: [linux/amd64]
      builder:
        driver: assemble
        options:
          context: [{context}]
          layers: [{{from: ., to: /srv}}]
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def make_repository(root, count):
    work = os.path.join(root, "repositories", "web")
    for i in range(count):
        folder = os.path.join(work, "d%03d" % (i // 100))
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "f%05d" % i), "w", encoding="ascii") as out:
            out.write("file %d\n" % i * 20)
    git = ["git", "-C", work, "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "init", "-q", "-b", "main", work], check=True)
    subprocess.run(git + ["add", "-A"], check=True)
    subprocess.run(git + ["commit", "-q", "-m", "one"], check=True)
    checkout = os.path.join(root, "checkout")
    subprocess.run(git + ["worktree", "add", "-q", checkout, "--detach"], check=True)
    os.remove(os.path.join(checkout, ".git"))
    return checkout


def plan_ms(cli, root, context):
    project = os.path.join(root, "project")
    os.makedirs(project, exist_ok=True)
    with open(os.path.join(project, "images.yaml"), "w", encoding="ascii") as out:
        out.write(IMAGES.format(context=context))
    with open(os.path.join(project, "stevedore.yaml"), "w", encoding="ascii") as out:
        out.write("images_path: images.yaml\nbuilders_path: images.yaml\n")
    environment = dict(os.environ, HOME=root, XDG_CACHE_HOME=os.path.join(root, "cache"))
    times = []
    for _ in range(ROUNDS + 1):
        start = time.monotonic()
        subprocess.run([cli, "plan", "web"], cwd=project, env=environment, check=True,
                       stdout=subprocess.DEVNULL)
        times.append((time.monotonic() - start) * 1000)
    return times[0], statistics.median(times[1:])


def main():
    cli = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    with tempfile.TemporaryDirectory() as root:
        checkout = make_repository(root, count)
        port = free_port()
        daemon = subprocess.Popen(
            ["git", "-c", "safe.directory=*", "daemon", "--listen=127.0.0.1", "--port=%d" % port,
             "--export-all", "--base-path=" + os.path.join(root, "repositories")],
            stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            time.sleep(2)  # Files must be older than the stat cache's doubt.
            _, folder = plan_ms(cli, root, "{path: %s}" % checkout)
            first, git = plan_ms(
                cli, root, '{git: {repository: "git://127.0.0.1:%d/web", reference: main}}' % port)
        finally:
            daemon.terminate()
            daemon.wait()
    print("files                    %8d" % count)
    print("plan from a folder       %8.0f ms" % folder)
    print("plan from git, mirrored  %8.0f ms" % git)
    print("git adds                 %8.0f ms   (goal: %d)" % (git - folder, GOAL_MS))
    print("first plan, with fetch   %8.0f ms" % first)


if __name__ == "__main__":
    main()
