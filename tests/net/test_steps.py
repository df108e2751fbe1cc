# SPDX-License-Identifier: BSD-2-Clause
"""Killed at every single step of start and stop.

route_host (test_routes.py) stops itself before its first change, before its
second, and so on to the last one of the stop.  There it is looked at, killed,
and looked at again; then --recover must bring back the state from before,
byte for byte.
"""
import os
import pathlib
import re

import pytest
from test_routes import CONFIG, TUN
from topology import ADDRESS, ADDRESS6, BUILD, PATIENCE, wait_until

POOL = "198.18.7.7"
STEPS_MAX = 200
LOOK = f"""
ip route get {ADDRESS['site']} uid 7 2>&1
ip -6 route get {ADDRESS6['site']} uid 7 2>&1
ip route get {ADDRESS['site']} oif eth0 2>&1
ip -6 route get {ADDRESS6['site']} oif eth0 2>&1
ip route get {POOL} 2>&1
"""


def look(machine):
    """Where a far address, one by a bound socket, and a fake one go."""
    lines = [line for line in machine.run(LOOK, check=False).stdout.split("\n")
             if "dev" in line or "RTNETLINK" in line]
    ways = [re.search(r"dev (\S+)", line) for line in lines]
    return [way.group(1) if way else "refused" for way in ways]


def is_stopped(process):
    stat = pathlib.Path(f"/proc/{process.pid}/stat").read_text()
    return stat.rsplit(")", 1)[1].split()[0] == "T"


def is_closed(machine):
    return "routed: closed" in machine.out("nft list ruleset")


class Steps:
    """route_host up to its Nth change, and no further."""

    def __init__(self, machine, number):
        self.machine = machine
        self.log = machine.folder / "logs" / f"step{number}"
        command = ["env", f"ROUTE_HOST_STEP={number}",
                   BUILD / "tests/net/route_host", "/etc/ersatz.yaml"]
        self.process = machine.start(["sh", "-c", 'exec "$@" < /run/input',
                                      "sh", *command], log=f"step{number}")
        self.writer = os.open(machine.path("/run/input"), os.O_WRONLY)
        wait_until(lambda: self.is_at_end() or "ready" in self.log.read_text(),
                   "it starts, or stops itself")
        os.close(self.writer)
        wait_until(self.is_at_end, "it ends, or stops itself")

    def is_at_end(self):
        return self.process.poll() is not None or is_stopped(self.process)

    def is_through(self):
        return self.process.poll() is not None


def check(machine, profile, at):
    """Before the kill, and after it, when the TUN is gone."""
    far, far6, bound, bound6, pool = look(machine)
    allowed = {TUN, "eth0"}
    if profile == "closed" and is_closed(machine):
        allowed = {TUN, "eth0", "refused"}
    assert far in allowed and far6 in allowed, at
    assert (bound, bound6) == ("eth0", "eth0"), at
    assert pool in (TUN, "eth0", "refused"), at


@pytest.mark.timeout(600)
@pytest.mark.parametrize("profile", ("open", "closed"))
def test_killed_at_every_step(net, profile):
    laptop = net.laptop
    config = CONFIG.replace("resolver: off",
                            f"resolver: off, on-crash: {profile}")
    laptop.path("/etc/ersatz.yaml").write_text(config)
    laptop.run("mkdir -p /run/ersatz /var/lib/ersatz; mkfifo /run/input")
    before = laptop.state()
    captured = 0
    for number in range(1, STEPS_MAX):
        steps = Steps(laptop, number)
        if steps.is_through():
            break
        at = f"{profile}, step {number}"
        check(laptop, profile, at)
        captured += look(laptop)[0] == TUN
        laptop.kill(steps.process, 9)
        wait_until(lambda: TUN not in laptop.out("ip link"), "no TUN")
        check(laptop, profile, at + ", killed")
        laptop.run([BUILD / "routed/routed", "-c", "/etc/ersatz.yaml",
                    "--recover"])
        assert laptop.state() == before, at
    assert number > 15
    assert captured, "the control: it has captured at some step"
    assert steps.process.wait(timeout=PATIENCE) == 0
    assert laptop.state() == before
