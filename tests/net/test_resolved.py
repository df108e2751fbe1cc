# SPDX-License-Identifier: BSD-2-Clause
"""systemd-resolved beside us: the real one, told by a real system bus.

    getent --> 127.0.0.53 resolved --> by ersatz0: 198.18.0.2, the relay, dnsd
                                   \\-> by eth0: 192.168.7.1, unbound (before)

The name site.example is known to the proxy alone, direct.example to unbound
alone.  /etc/resolv.conf is a link to the stub's file, as installers leave it.
"""
import json
import os
import pathlib
import signal

import pytest
from topology import ADDRESS, TOP, Ersatz, wait_until

RESOLVED = next((path for path in (
    pathlib.Path("/lib/systemd/systemd-resolved"),
    TOP / "build/resolved/lib/systemd/systemd-resolved") if path.exists()),
    None)
pytestmark = pytest.mark.skipif(
    RESOLVED is None, reason="no systemd-resolved (./setup check unpacks it)")
BUS = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""
CONFIG = Ersatz.DEFAULT + "routed: { resolver: %s }\n"


@pytest.fixture
def laptop(net, site):
    """With resolved as its resolver, which has unbound for eth0."""
    laptop = net.laptop
    laptop.run("""
        getent passwd systemd-resolve || useradd --system --no-create-home \
            --shell /usr/sbin/nologin systemd-resolve
        mkdir -p /run/dbus /run/systemd/resolve /etc/systemd
        chown systemd-resolve: /run/systemd/resolve
        ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
    """)
    laptop.path("/run/bus.conf").write_text(BUS)
    laptop.path("/etc/systemd/resolved.conf").write_text(
        "[Resolve]\nFallbackDNS=\nLLMNR=no\nMulticastDNS=no\nDNSSEC=no\n")
    net.start_microsocks()
    return laptop


@pytest.fixture
def resolved(laptop):
    laptop.start(["dbus-daemon", "--config-file=/run/bus.conf", "--nofork",
                  "--nopidfile", "--nosyslog"], log="bus")
    wait_until(laptop.path("/run/dbus/system_bus_socket").exists, "the bus")
    process = start_resolved(laptop)
    index = laptop.out("ip -o link show eth0").split(":")[0]
    laptop.run(["busctl", "call", "org.freedesktop.resolve1",
                "/org/freedesktop/resolve1",
                "org.freedesktop.resolve1.Manager", "SetLinkDNS", "ia(iay)",
                index, "1", "2", "4", "192", "168", "7", "1"])
    wait_until(lambda: look_up(laptop, "direct.example") == ADDRESS["site"],
               "resolved asks unbound")
    assert look_up(laptop, "site.example") is None
    return process


def start_resolved(laptop):
    process = laptop.start([RESOLVED], log="resolved")
    wait_until(lambda: process.poll() is not None or
               "127.0.0.53" in laptop.out("ss -Hlun"), "resolved listens")
    assert process.poll() is None, laptop.log("resolved")
    return process


def look_up(laptop, name):
    words = laptop.run(["getent", "ahostsv4", name], check=False).stdout.split()
    return words[0] if words else None


def is_fake(address):
    return address is not None and address.startswith("198.18.")


def status(daemons):
    return json.loads(daemons.machine.out(daemons.command(
        "routed", "--status", "--json")).splitlines()[0])


@pytest.mark.parametrize("resolver", ("auto", "resolved"))
def test_resolved_asks_dnsd_and_the_others_are_system(laptop, resolved,
                                                      resolver):
    daemons = Ersatz(laptop, CONFIG % resolver).up()
    assert status(daemons)["resolver"] and status(daemons)["resolved"]
    assert is_fake(look_up(laptop, "site.example"))
    assert laptop.out("curl -s http://site.example/who").endswith(
        "site.example\n")
    # By the upstream `system`: what resolved has for eth0, and not itself.
    assert look_up(laptop, "direct.example") == ADDRESS["site"]
    assert os.readlink(laptop.path("/etc/resolv.conf")) == \
        "../run/systemd/resolve/stub-resolv.conf"
    assert "by systemd-resolved" in laptop.out(
        daemons.command("routed", "--status"))
    daemons.stop("routed")
    # Nothing of ours is left in its cache.
    assert look_up(laptop, "site.example") is None
    assert look_up(laptop, "direct.example") == ADDRESS["site"]
    daemons.down()


def test_resolved_is_told_of_each_tun(laptop, resolved):
    daemons = Ersatz(laptop, CONFIG % "auto").up()
    first = daemons.relay_pid()
    assert is_fake(look_up(laptop, "site.example"))
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: daemons.relay_pid() not in (None, first),
               "a new relay")
    wait_until(lambda: is_fake(look_up(laptop, "new.example")),
               "resolved asks by the new TUN")
    # After a crash it asks as before, and nobody has to tell it.
    daemons.kill("routed")
    wait_until(lambda: look_up(laptop, "direct.example") == ADDRESS["site"],
               "resolved asks unbound again")
    wait_until(lambda: look_up(laptop, "other.example") is None,
               "names of the proxy are unknown")
    daemons.recover()
    daemons.down()


@pytest.mark.parametrize("signum", (signal.SIGTERM, signal.SIGKILL))
def test_resolved_is_started_again(laptop, resolved, signum):
    """It keeps in /run what it was told, and forgets it with the link."""
    daemons = Ersatz(laptop, CONFIG % "auto").up()
    assert is_fake(look_up(laptop, "site.example"))
    laptop.kill(resolved, signum)
    wait_until(lambda: "127.0.0.53" not in laptop.out("ss -Hlun"),
               "nobody is asked")
    assert look_up(laptop, "new.example") is None
    start_resolved(laptop)
    wait_until(lambda: is_fake(look_up(laptop, "new.example")),
               "resolved asks dnsd again")
    assert look_up(laptop, "direct.example") == ADDRESS["site"]
    daemons.stop("routed")
    wait_until(lambda: look_up(laptop, "direct.example") == ADDRESS["site"],
               "resolved asks unbound again")
    assert look_up(laptop, "other.example") is None
    daemons.down()


def test_without_the_bus_the_file_is_taken_or_the_start_refused(net, laptop):
    laptop.path("/run/systemd/resolve/stub-resolv.conf").write_text(
        "nameserver 127.0.0.53\n")
    daemons = Ersatz(laptop, CONFIG % "auto").up()
    assert status(daemons)["resolver"] and not status(daemons)["resolved"]
    assert "is replaced instead" in laptop.log("routed")
    assert is_fake(look_up(laptop, "site.example"))
    daemons.down()

    daemons = Ersatz(laptop, CONFIG % "resolved")
    before = laptop.state()
    daemons.start("dnsd")
    failed = laptop.run(daemons.command("routed", "-f"), check=False)
    assert failed.returncode == 1
    assert "cannot have systemd-resolved ask dnsd: cannot talk to the system " \
        "bus" in failed.stderr
    assert laptop.state() == before
    daemons.stop("dnsd")
