# SPDX-License-Identifier: BSD-2-Clause
"""The systemd units, and what the daemons tell who started them."""
import os
import shutil
import socket
import subprocess

import pytest
from topology import BUILD, PATIENCE, Ersatz, Machine, wait_until

UNITS = {"dnsd": "dnsd/ersatz-dnsd.service",
         "routed": "routed/ersatz-routed.service"}


@pytest.mark.skipif(not shutil.which("systemd-analyze"),
                    reason="systemd-analyze is not installed")
@pytest.mark.parametrize("line, fine", (("", True), ("Typo=1\n", False)))
def test_units_are_right(tmp_path, line, fine):
    """With the daemons of this build; the control has a mistake."""
    for program, unit in UNITS.items():
        text = (BUILD / unit).read_text()
        for word in text.split():
            if word.startswith("ExecStart="):
                path = word.split("=")[1]
        text = text.replace(path, str(BUILD / program / program))
        (tmp_path / unit.split("/")[1]).write_text(
            text.replace("[Service]\n", "[Service]\n" + line))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no",
         *(str(tmp_path / unit.split("/")[1]) for unit in UNITS.values())],
        capture_output=True, text=True,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"})
    said = [told for told in result.stderr.splitlines() if "ersatz" in told]
    assert (not said) == fine, result.stderr


def test_daemons_tell_who_started_them(tmp_path):
    """Ready, alive, stopping; by the environment that systemd gives."""
    machine = Machine("lonely", tmp_path)
    try:
        machine.run("ip link add eth0 type veth peer name far;"
                    "ip link set eth0 up; ip link set far up;"
                    "ip addr add 192.168.7.2/24 dev eth0;"
                    "ip route add default via 192.168.7.1")
        daemons = Ersatz(machine)
        for program in ("dnsd", "routed"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(str(tmp_path / program))
                manager.settimeout(PATIENCE)
                daemons.start(program, env={
                    **os.environ, "WATCHDOG_USEC": "1000000",
                    "NOTIFY_SOCKET": str(tmp_path / program)})
                told = set()
                while not told >= {b"READY=1", b"WATCHDOG=1"}:
                    told.add(manager.recv(64))
                assert b"STOPPING=1" not in told
                daemons.stop(program)
                wait_until(lambda: manager.recv(64) == b"STOPPING=1",
                           f"{program} says that it stops")
    finally:
        machine.close()
