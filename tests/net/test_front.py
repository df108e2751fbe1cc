# SPDX-License-Identifier: BSD-2-Clause
"""ersatz(8): what it remembers, and whom it stops.

The front alone, on a machine of its own; routed is a stand-in that says what
it was called with.
"""
import os

import pytest
import topology
from topology import wait_until

CONFIG = """\
outbounds:
  proxy: { type: socks5, server: 192.0.2.7:1080 }
rules:
  - MATCH,proxy
"""

ENVIRONMENT = "/run/ersatz.environment"


class Front:
    """Programs of the build in one folder, as if they were installed."""

    folder = "/run/front"

    def __init__(self, machine):
        self.machine = machine
        machine.path(self.folder).mkdir()
        self.write("my.yaml", CONFIG)
        self.let_routed('echo routed "$@"')
        machine.run(["ln", "-s", topology.BUILD / "dnsd/dnsd", self.folder])

    def write(self, name, text):
        file = self.machine.path(f"{self.folder}/{name}")
        file.write_text(text)
        file.chmod(0o755)

    def let_routed(self, command):
        self.write("routed", f"#!/bin/sh\n{command}\n")

    def __call__(self, *args):
        return self.machine.run(
            ["env", "-C", self.folder, f"ERSATZ_SBINDIR={self.folder}",
             topology.BUILD / "common/ersatz", *args], check=False)

    def remembered(self):
        file = self.machine.path(ENVIRONMENT)
        return file.read_text() if file.exists() else None


@pytest.fixture
def front(net):
    front = Front(net.laptop)
    yield front
    front("down")


def dnsd_pid(front, folder="/run/ersatz"):
    text = front.machine.path(f"{folder}/dnsd.pid").read_text().strip()
    return int(text) if text else None


def test_files_are_remembered_from_any_folder(front):
    result = front("up", "-c", "my.yaml", "--state", "state")
    assert result.returncode == 0, result.stderr
    words = f"-c {front.folder}/my.yaml --state {front.folder}/state"
    assert front.remembered() == f'ERSATZ_ARGUMENTS="{words}"\n'
    assert f"routed {words}" in result.stdout
    result = front("down")
    assert f"routed {words} --recover" in result.stdout
    assert front.remembered() is None


def test_down_stops_what_runs_in_another_folder(front):
    front.write("my.yaml", CONFIG + "run: /run/other\n")
    assert front("up", "-c", "my.yaml").returncode == 0
    pid = dnsd_pid(front, "/run/other")
    assert pid in front.machine.pids()
    assert front("down").returncode == 0
    assert pid not in front.machine.pids()


def test_down_leaves_who_has_the_number_by_now(front):
    """After SIGKILL the pid file still has a number."""
    assert front("up", "-c", "my.yaml").returncode == 0
    os.kill(dnsd_pid(front), 9)
    other = front.machine.start(["sleep", "60"])
    file = front.machine.path("/run/ersatz/dnsd.pid")
    wait_until(lambda: other.poll() is None, "the other runs")
    file.write_text(f"{other.pid}\n")
    result = front("down")
    assert result.returncode == 0, result.stderr
    assert other.poll() is None
    assert "kill" not in result.stderr


def test_up_that_fails_changes_nothing(front):
    front.let_routed("exit 3")
    assert front("up", "-c", "my.yaml").returncode == 3
    assert front.remembered() is None
    assert dnsd_pid(front) is None


def test_up_twice_keeps_what_the_first_remembered(front):
    assert front("up", "-c", "my.yaml").returncode == 0
    before = front.remembered()
    assert front("up", "socks5://192.0.2.8:1080").returncode != 0
    assert front.remembered() == before
    assert dnsd_pid(front) in front.machine.pids()
