"""A dockerd of its own for benchmarks, and how commands are measured."""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time


def environment(socket, buildkit=False):
    """What both command lines see."""
    return dict(os.environ, DOCKER_HOST="unix://" + socket, DOCKER_API_VERSION="1.41",
                DOCKER_BUILDKIT="1" if buildkit else "0")


def start(folder):
    """dockerd without networks, as the tests have it: the process and its socket."""
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
    for _ in range(600):
        if os.path.exists(socket) and subprocess.run(
                ["/usr/bin/docker", "version"], env=environment(socket), capture_output=True,
                check=False).returncode == 0:
            return engine, socket
        time.sleep(0.1)
    engine.kill()
    sys.exit("dockerd did not start; see " + folder + "/log")


@contextlib.contextmanager
def running():
    """A folder and the socket of an engine in it; both are gone afterwards."""
    if os.geteuid() != 0 or not os.path.exists("/usr/sbin/dockerd"):
        sys.exit("needs root and dockerd (package docker.io)")
    folder = tempfile.mkdtemp(prefix="bench.", dir="/tmp")
    engine, socket = start(folder)
    try:
        yield folder, socket
    finally:
        engine.send_signal(signal.SIGTERM)
        engine.wait()
        shutil.rmtree(folder, ignore_errors=True)


def timed(command, **options):
    """Wall seconds of a command that must succeed."""
    return timed_with_cpu(command, **options)[0]


def timed_with_cpu(command, **options):
    """Wall and CPU seconds of a command that must succeed; an engine's CPU is not the command's."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    before = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    seconds = time.monotonic() - before
    if result.returncode != 0:
        sys.exit("%s failed:\n%s%s" % (command[0], result.stdout, result.stderr))
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
