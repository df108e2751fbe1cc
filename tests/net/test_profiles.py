# SPDX-License-Identifier: BSD-2-Clause
"""Modes and profiles of routed on the real kernel, and its nftables table."""
import errno
import json
import os
import signal
import socket
import time

import pytest
from test_routes import CONFIG, POOL, POOL6, TUN, Host, way
from topology import ADDRESS, ADDRESS6, PATIENCE, ROUTER, Ersatz, wait_until


def config(**keys):
    words = "".join(f", {key.replace('_', '-')}: {value}"
                    for key, value in keys.items())
    return CONFIG.replace("resolver: off", "resolver: off" + words)


def refusal(machine, kind, target, device=None, seconds=PATIENCE):
    """What a connect, or a datagram, gets for an answer: the errno."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with machine.socket(family, kind) as sock:
        sock.settimeout(seconds)
        if device:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                            device.encode())
        try:
            sock.connect((target, 9))
            sock.send(b"x")
            sock.recv(1)
        except TimeoutError:
            return "nothing"
        except OSError as error:
            return errno.errorcode[error.errno]
    return "answered"


def test_fake_addresses_are_refused_elsewhere_than_in_the_tun(net):
    host = Host(net.laptop)
    assert host.answer == "ready"
    for pool in (POOL, POOL6):
        assert refusal(net.laptop, socket.SOCK_STREAM, pool,
                       "eth0") == "ECONNREFUSED"
        # The kernel says so before the ICMP error comes.
        assert refusal(net.laptop, socket.SOCK_DGRAM, pool,
                       "eth0") == "EPERM"
        # What a neighbour sends there is refused in its own words.
        net.router.run(["ip", "route", "add", f"{pool}", "via",
                        ADDRESS["laptop"] if pool == POOL
                        else ADDRESS6["laptop"]])
        assert refusal(net.router, socket.SOCK_STREAM,
                       pool) == "EHOSTUNREACH"
        assert refusal(net.router, socket.SOCK_DGRAM, pool) == "ECONNREFUSED"
    text = net.laptop.out("nft list counter inet ersatz pool_in;"
                          "nft list counter inet ersatz_live pool_in")
    packets = [int(line.split()[1]) for line in text.splitlines()
               if "packets" in line]
    assert sum(packets) >= 4
    assert host.stop() == 0
    assert net.laptop.state() == host.before
    # The control: without us nobody answers.
    assert refusal(net.laptop, socket.SOCK_STREAM, POOL, "eth0",
                   2) != "ECONNREFUSED"


def test_table_of_somebody_else_is_left_alone(net):
    net.laptop.run("nft add table inet ersatz")
    host = Host(net.laptop)
    assert host.answer.startswith("failed: another program has the nftables "
                                  "table 'inet ersatz'")
    host.stop()
    assert net.laptop.state() == host.before


def test_flushed_table_comes_back_and_who_did_it_is_told(net):
    host = Host(net.laptop)
    table = "nft -s list table inet ersatz"
    text = net.laptop.out(table)
    for _ in range(3):
        net.laptop.run("nft flush ruleset")
        # The other one, which is ours alone, has not gone.
        assert "ersatz_live" in net.laptop.out("nft list tables")
        wait_until(lambda: net.laptop.run(table, check=False).stdout == text,
                   "the table is back")
    net.laptop.run("nft delete chain inet ersatz prerouting")
    wait_until(lambda: net.laptop.run(table, check=False).stdout == text,
               "the chain is back")
    wait_until(lambda: "removed again and again, by 'nft' (process" in
               net.laptop.log("route_host"), "the rival is told")
    assert host.stop() == 0
    assert net.laptop.state() == host.before


def test_mode_main(net, site):
    net.start_microsocks()
    lines = CONFIG.replace(
        "resolver: off", "mode: main, exempt: { address: 203.0.113.64/26 }")
    daemons = Ersatz(net.laptop, lines).up()
    laptop = net.laptop
    for version in ("-4", "-6"):
        assert laptop.out(["curl", version, "-sS", "http://site.example/"]) \
            == "welcome to the site\n"
    assert way(laptop, ADDRESS["site"]) == TUN
    assert way(laptop, ADDRESS6["site"]) == TUN
    assert way(laptop, "203.0.113.65") == "eth0"
    assert way(laptop, "224.0.0.251") == "eth0"
    assert way(laptop, ROUTER["laptop"]) == "eth0"
    assert way(laptop, ADDRESS["site"], "oif", "eth0") == "eth0"
    assert "198" not in laptop.out("ip rule; ip -6 rule")
    daemons.kill("routed")
    wait_until(lambda: way(laptop, ADDRESS["site"]) == "eth0",
               "new connections go directly")
    daemons.recover()
    daemons.down()


@pytest.mark.parametrize("rival, told", [
    ("ip route add 0.0.0.0/1 via 192.168.7.9",
     "a route to 0.0.0.0/1 by 'eth0'"),
    ("ip rule add pref 32764 lookup main suppress_prefixlength 0",
     "suppress_prefixlength 0', as wg-quick makes it")])
def test_mode_main_does_not_beat_another_vpn(net, rival, told):
    net.laptop.run(rival)
    host = Host(net.laptop, config(mode="main"))
    assert host.answer.startswith("failed: 'mode: main' would beat another")
    assert told in host.answer
    host.stop()
    assert net.laptop.state() == host.before


def test_ipv6_that_is_off_is_refused_at_once(net):
    host = Host(net.laptop, config(ipv6="off"))
    assert host.answer == "ready"
    net.router.run("""
        nft add table inet watch
        nft 'add chain inet watch in { type filter hook prerouting priority 0;}'
        nft add rule inet watch in iifname laptop meta nfproto ipv6 \
            meta l4proto '{ tcp, udp }' counter""")

    def leaves():
        return "packets 0 " not in net.router.out("nft list table inet watch")

    for far in (ADDRESS6["site"], POOL6):
        for device in (None, "eth0"):
            assert refusal(net.laptop, socket.SOCK_STREAM, far,
                           device) in ("ECONNREFUSED", "EACCES")
            assert refusal(net.laptop, socket.SOCK_DGRAM, far,
                           device) in ("EPERM", "EACCES")
    assert not leaves()
    assert way(net.laptop, ADDRESS6["site"], "oif", "eth0") == "eth0"
    assert way(net.laptop, ADDRESS["site"]) == TUN
    net.laptop.run(["ping", "-6", "-c", "1", "-W", "30", "2001:db8:7::1"])
    assert host.stop() == 0
    assert net.laptop.state() == host.before
    # The control.
    refusal(net.laptop, socket.SOCK_STREAM, ADDRESS6["site"], seconds=2)
    assert leaves()


def test_what_is_included_and_what_is_exempt(net):
    laptop = net.laptop
    laptop.run("ip route add 10.20.0.0/16 via 192.168.7.1;"
               "ip rule add pref 5210 fwmark 0x80000/0xff0000 lookup main")
    host = Host(laptop, config(include="{ address: 10.20.30.0/24 }",
                               exempt="{ interface: eth0, mark: 0x7/0xf }"))
    assert host.answer == "ready"
    assert way(laptop, "10.20.1.1") == "eth0"
    assert way(laptop, "10.20.30.1") == TUN
    assert way(laptop, ADDRESS["site"]) == TUN
    for mark in ("0x7", "0x17", "0x80000"):
        assert way(laptop, ADDRESS["site"], "mark", mark) == "eth0"
    assert "iif eth0 lookup main proto 198" in laptop.out("ip rule")
    assert host.stop() == 0
    assert laptop.state() == host.before
    host = Host(laptop, config(include="{ address: 10.20.30.0/24 }",
                               capture="fake"))
    assert way(laptop, "10.20.30.1") == TUN
    assert way(laptop, "10.20.1.1") == "eth0"
    assert way(laptop, ADDRESS["site"]) == "eth0"
    assert way(laptop, POOL) == TUN
    assert host.stop() == 0
    assert laptop.state() == host.before


def test_guard_refuses_the_pool_until_its_time_is_over(net):
    laptop = net.laptop
    host = Host(laptop, config(guard="5s"))
    assert host.stop() == 0
    assert refusal(laptop, socket.SOCK_STREAM, POOL) == "ECONNREFUSED"
    assert refusal(laptop, socket.SOCK_STREAM, POOL6) == "ECONNREFUSED"
    # As the unit does after every stop.
    laptop.run([Ersatz(laptop).program("routed"), "--recover",
                "--keep-closed"])
    assert "routed: guard" in laptop.out("nft list table inet ersatz")
    wait_until(lambda: "elements" not in
               laptop.out("nft list table inet ersatz"), "its time is over")
    laptop.run([Ersatz(laptop).program("routed"), "--recover"])
    assert laptop.state() == host.before


def test_closed_host(net, site):
    """What it lets out, what it tells, and how it is opened again."""
    laptop = net.laptop
    net.start_microsocks()
    lines = Ersatz.DEFAULT + "routed: { on-crash: closed }\n"
    daemons = Ersatz(laptop, lines)
    daemons.before = laptop.state()
    daemons.start("dnsd")
    routed = daemons.start("routed")
    welcome = "welcome to the site\n"
    for name in ("site.example", "direct.example"):
        assert laptop.out(["curl", "-4", "-sS", f"http://{name}/"]) == welcome
    assert laptop.out(["ping", "-c", "1", "-W", "30", ROUTER["laptop"]])
    # A socket that is bound to the uplink is told at once, in each family.
    for far in (ADDRESS["site"], ADDRESS6["site"]):
        assert refusal(laptop, socket.SOCK_STREAM, far, "eth0") in (
            "EHOSTUNREACH", "ECONNREFUSED")
    # Connections that come in are answered.
    laptop.start(["socat", "TCP-LISTEN:7778,fork,reuseaddr", "EXEC:cat"],
                 log="socat")
    laptop.wait_listening(7778)
    assert net.site.out(
        "echo in | socat -t 30 - TCP:192.168.7.2:7778") == "in\n"
    status = json.loads(laptop.out(
        daemons.command("routed", "--status", "--json")))
    assert status["closed"] and status["refused_closed"] > 0
    # Five deaths of the relay: routed gives up, the host stays closed.
    seen = set()
    end = time.monotonic() + 60
    while routed.poll() is None and time.monotonic() < end:
        pid = daemons.relay_pid()
        if pid and pid not in seen:
            seen.add(pid)
            os.kill(pid, signal.SIGKILL)
    assert routed.poll() == 1, laptop.log("routed")
    daemons.started.pop("routed")
    assert "stays closed" in laptop.log("routed")
    assert refusal(laptop, socket.SOCK_STREAM, ADDRESS["site"]) in (
        "EHOSTUNREACH", "ENETUNREACH")
    assert refusal(laptop, socket.SOCK_STREAM, ADDRESS["site"],
                   "eth0") == "EHOSTUNREACH"
    kept = laptop.run(daemons.command("routed", "--recover", "--keep-closed"))
    assert "stays so" in kept.stdout
    assert "routed: closed" in laptop.out("nft list ruleset")
    daemons.recover()
    daemons.stop("dnsd")
    daemons.assert_as_before()


def test_reload_closes_and_opens(net, site):
    laptop = net.laptop
    net.start_microsocks()
    daemons = Ersatz(laptop, Ersatz.DEFAULT).up()
    for profile, answer in (("closed", "EHOSTUNREACH"),
                            ("open", "ECONNREFUSED")):
        daemons.write(Ersatz.DEFAULT +
                      f"routed: {{ on-crash: {profile} }}\n")
        os.kill(daemons.pid("routed"), signal.SIGHUP)
        wait_until(lambda: f"routed: {profile}" in
                   laptop.out("nft list table inet ersatz"),
                   f"the host is {profile}")
        # Nobody listens at the site: an open host is told so by it.
        assert refusal(laptop, socket.SOCK_STREAM, ADDRESS["site"],
                       "eth0") == answer
        wait_until(lambda: ("unreachable" in laptop.out(
            "ip route show table 197")) == (profile == "closed"),
            "the end behind the TUN")
        assert laptop.out("curl -4 -sS http://site.example/") \
            == "welcome to the site\n"
    daemons.down()
