# SPDX-License-Identifier: BSD-2-Clause
"""The systemd units, and what the daemons tell who started them."""
import os
import pathlib
import shutil
import socket
import subprocess

import pytest
from topology import BUILD, PATIENCE, TOP, Ersatz, Machine, wait_until

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

def limits_of(unit):
    """As setpriv(1) takes them: what the unit leaves of root."""
    words = [word for line in (BUILD / unit).read_text().splitlines()
             if line.startswith("CapabilityBoundingSet=")
             for word in line.split("=")[1].split()]
    assert words
    return ["setpriv", "--no-new-privs", "--bounding-set", "-all," + ",".join(
        word.lower().replace("cap_", "+") for word in words)]


class Confined(Ersatz):
    """With the capabilities of the units, and no others."""

    def command(self, name, *args):
        return limits_of(UNITS[name]) + super().command(name, *args)


@pytest.mark.parametrize("profile", ("open", "closed"))
def test_capabilities_of_the_units_are_enough(net, site, profile):
    net.start_microsocks()
    daemons = Confined(net.laptop, Ersatz.DEFAULT +
                       f"routed: {{ on-crash: {profile} }}\n").up()

    def is_served():
        return net.laptop.out("curl -sS http://site.example/") == \
            "welcome to the site\n"
    assert is_served()
    status = net.laptop.out(daemons.command("routed", "--status"))
    # What the kernel may refuse is refused to nobody here.
    assert ("carried by the kernel" in status) == kernel_carries(net, daemons)
    net.laptop.run("ip rule del priority 5001; nft flush ruleset")
    wait_until(lambda: "5001" in net.laptop.out("ip rule"), "it is repaired")
    assert is_served()
    daemons.kill("routed")
    # As ExecStopPost does.
    kept = net.laptop.out(daemons.command("routed", "--recover",
                                          "--keep-closed"))
    assert ("stays so" in kept) == (profile == "closed")
    daemons.start("routed")
    assert is_served()
    daemons.down()


def kernel_carries(net, daemons):
    """Without the limits of the unit."""
    daemons.stop("routed")
    with_all = Ersatz(net.laptop, pathlib.Path(
        net.laptop.path(daemons.config)).read_text())
    with_all.start("routed")
    status = net.laptop.out(with_all.command("routed", "--status"))
    with_all.stop("routed")
    daemons.start("routed")
    return "carried by the kernel" in status


@pytest.mark.skipif(not shutil.which("systemd-sysusers"),
                    reason="systemd-sysusers is not installed")
def test_user_of_the_daemons_is_made(tmp_path):
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", "--root", tmp_path,
                    TOP / "packaging/sysusers.d/ersatz.conf"], check=True)
    passwd = (tmp_path / "etc/passwd").read_text().splitlines()
    user = [line.split(":") for line in passwd if line.startswith("ersatz:")]
    assert user[0][-1].endswith("nologin") and 0 < int(user[0][2]) < 1000
