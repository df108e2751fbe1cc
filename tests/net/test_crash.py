# SPDX-License-Identifier: BSD-2-Clause
"""What SIGKILL leaves behind: a host that works, and nothing of ours after
--recover."""
import os
import signal

import pytest
from topology import ADDRESS, ADDRESS6, PATIENCE, Ersatz, wait_until

FOREIGN = """
ip rule add pref 4000 from 192.168.99.0/24 lookup 99
ip rule add pref 5210 fwmark 0x80000/0xff0000 lookup main
ip -6 rule add pref 5270 lookup 52
ip route add 192.168.99.0/24 dev eth0 table 99
ip route add 203.0.113.77/32 via 192.168.7.1 metric 5
ip route add blackhole 192.0.2.0/25 proto 199
ip -6 route add 2001:db8:99::/64 dev eth0 table 52
ip route add throw 172.31.99.0/24 table 100
"""


@pytest.fixture
def started(net, site):
    net.laptop.run("set -e\n" + FOREIGN)
    net.start_microsocks()
    return Ersatz(net.laptop).up()


def reaches_directly(machine, version):
    site = ADDRESS["site"] if version == 4 else f"[{ADDRESS6['site']}]"
    mine = ADDRESS["laptop"] if version == 4 else ADDRESS6["laptop"]
    # A connection that began in the TUN's last moments is not a new one.
    result = machine.run(f"curl -sS -m 3 http://{site}/who", check=False)
    return result.stdout.split()[:1] == [mine]


def recover_and_compare(daemons):
    daemons.recover()
    daemons.stop("dnsd")
    daemons.assert_as_before()
    # Twice changes nothing more.
    daemons.recover()
    daemons.assert_as_before()


def test_clean_stop_leaves_the_state_as_it_was(started):
    assert started.machine.state() != started.before  # the control
    started.down()


def test_routed_killed(started):
    assert not reaches_directly(started.machine, 4)  # the control
    started.kill("routed")
    for version in (4, 6):
        wait_until(lambda: reaches_directly(started.machine, version),
                   "the site is reached directly")
    wait_until(lambda: started.relay_pid() is None, "the relay is gone")
    recover_and_compare(started)


def test_relay_killed_is_made_again(started):
    first = started.relay_pid()
    assert first
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: started.relay_pid() not in (None, first),
               "another relay runs")
    wait_until(lambda: "site.example" in started.machine.run(
        "curl -4 -sS -m 5 http://site.example/who", check=False).stdout,
        "names are carried again")
    started.down()


def test_routed_and_relay_killed(started):
    relay = started.relay_pid()
    os.kill(started.pid("routed"), signal.SIGKILL)
    os.kill(relay, signal.SIGKILL)
    started.started.pop("routed").wait(timeout=PATIENCE)
    for version in (4, 6):
        wait_until(lambda: reaches_directly(started.machine, version),
                   "the site is reached directly")
    recover_and_compare(started)


def test_stopped_relay_is_found_and_replaced(started):
    first = started.relay_pid()
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: started.relay_pid() not in (None, first),
               "the stopped relay is replaced")
    started.down()


def test_start_after_a_kill_begins_anew(started):
    before = started.before
    started.kill("routed")
    started.start("routed")
    assert "site.example" in started.machine.out(
        "curl -4 -sS http://site.example/who")
    started.before = before
    started.down()


def test_recover_while_routed_runs_is_refused(started):
    result = started.machine.run(started.command("routed", "--recover"),
                                 check=False)
    assert result.returncode != 0
    assert "running" in result.stderr
    assert not reaches_directly(started.machine, 4)
    started.down()


def test_second_instance_is_refused_and_disturbs_nothing(started):
    captured = started.machine.state()
    for name in ("routed", "dnsd"):
        result = started.machine.run(started.command(name, "-f"), check=False)
        assert result.returncode != 0
        assert "already in" in result.stderr
    assert started.machine.state() == captured
    started.down()
