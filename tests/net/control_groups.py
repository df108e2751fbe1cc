# SPDX-License-Identifier: BSD-2-Clause
"""Control groups for tests; they are the whole machine's, not a namespace's.

Each is made below that of the test itself, with a name of its own, and removed.
"""
import contextlib
import os
import pathlib

import pytest
import topology

NAME = f"ersatz-test-{os.getpid()}"


def find_top():
    """The mount, and this process's own group below it; None: neither."""
    lines = pathlib.Path("/proc/self/cgroup").read_text().splitlines()
    own = [line[4:] for line in lines if line.startswith("0::/")]
    for mount in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, folder, kind, *_ = mount.split()
        if kind == "cgroup2" and own:
            return pathlib.Path(folder), own[0]
    return None


def path_of(name=NAME):
    """As /proc/PID/cgroup has it."""
    top = find_top()
    return "/" + "/".join(filter(None, [top[1] if top else "", name]))


@contextlib.contextmanager
def made(name=NAME):
    """The folder of a new group."""
    top = find_top()
    if not top or not os.access(top[0] / top[1], os.W_OK):
        pytest.skip("no control groups of version 2 to be made here")
    folder = top[0] / top[1] / name
    folder.mkdir()
    try:
        yield folder
    finally:
        topology.wait_until(
            lambda: (folder / "cgroup.procs").read_text() == "", "its end")
        folder.rmdir()


def inside(folder, command):
    """A shell command that runs in the group."""
    return f"echo $$ > {folder}/cgroup.procs && exec {command}"
