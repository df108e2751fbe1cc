# SPDX-License-Identifier: BSD-2-Clause
"""What leaves by an uplink while everything goes wrong.

    lan 10.77.0.2 --- laptop === router (counts what comes by `laptop*`)
                      flood: real and fake addresses, IPv4 and IPv6, sockets
                      bound to the uplink and not; as fast as it goes

The router counts, and drops, what comes to the ports and addresses that the
floods send to.  In the open profile the same cells are the control: what must
not leave a closed host is seen to leave an open one.  Fake addresses leave
neither; their control is the time before the start.
"""
import json
import os
import signal
import socket
import struct
import time

import pytest
from topology import (ADDRESS, ADDRESS6, BUILD, PATIENCE, ROUTER, Ersatz,
                      Machine, wait_until)

FAKE, FAKE6 = "198.18.77.7", "2001:2::77"
PACKETS = 20000  # of the flood, in each cell after what happened
REAL = ("unbound4", "bound4", "unbound6", "bound6", "lan4", "lan6")
LAN = ("lan4", "lan6")
FAKES = ("fake4", "fake6", "source4", "source6")
CONFIG = Ersatz.DEFAULT + """\
routed: { on-crash: PROFILE, guard: 10m, gateway: [lan0] }
"""
COUNTERS = f"""\
table inet watch {{
    {"; ".join(f"counter {name} {{ }}" for name in REAL + FAKES)}
    chain in {{
        type filter hook prerouting priority -300;
        iifname != {{ "laptop", "laptop2" }} accept
        ip daddr 198.18.0.0/15 counter name fake4 drop
        ip6 daddr 2001:2::/48 counter name fake6 drop
        ip saddr 198.18.0.0/15 counter name source4 drop
        ip6 saddr 2001:2::/48 counter name source6 drop
        meta nfproto ipv4 udp dport 9001 counter name unbound4 drop
        meta nfproto ipv4 udp dport 9002 counter name bound4 drop
        meta nfproto ipv4 udp dport 9003 counter name lan4 drop
        meta nfproto ipv6 udp dport 9001 counter name unbound6 drop
        meta nfproto ipv6 udp dport 9002 counter name bound6 drop
        meta nfproto ipv6 udp dport 9003 counter name lan6 drop
    }}
}}
"""


class Flood:
    """The program, and how many packets it has tried so far."""

    def __init__(self, machine, *targets):
        self.counter = machine.folder / "flood"
        self.counter.write_bytes(bytes(8))
        words = [str(word) for target in targets for word in target]
        self.process = machine.start(
            ["nice", BUILD / "tests/net/flood", self.counter, *words], log="flood")

    def sent(self):
        return struct.unpack("Q", self.counter.read_bytes())[0]


class Scene:
    """The network, the floods, and what the router has seen."""

    def __init__(self, net, profile):
        self.net = net
        self.is_closed = profile == "closed"
        self.laptop = net.laptop
        self.lan = net.machines["lan"] = Machine("lan", net.folder)
        self.connect_lan()
        net.router.path("/run/watch").write_text(COUNTERS)
        net.router.run("nft -f /run/watch")
        net.start_microsocks()
        self.daemons = Ersatz(net.laptop, CONFIG.replace("PROFILE", profile))
        self.rates = []
        self.is_lan_inside = False

    def connect_lan(self):
        lan, laptop = self.lan, self.laptop
        laptop.run(["ip", "link", "add", "lan0", "type", "veth", "peer",
                    "name", "eth0", "netns", str(lan.holder.pid)])
        laptop.run("ip addr add 10.77.0.1/24 dev lan0;"
                   "ip addr add 2001:db8:77::1/64 dev lan0 nodad;"
                   "ip link set lan0 up")
        lan.run("ip addr add 10.77.0.2/24 dev eth0;"
                "ip addr add 2001:db8:77::2/64 dev eth0 nodad;"
                "ip link set eth0 up; ip route add default via 10.77.0.1;"
                "ip -6 route add default via 2001:db8:77::1")
        laptop.sysctl(net__ipv4__ip_forward=1,
                      net__ipv6__conf__all__forwarding=1)
        lan.wait_settled()
        wait_until(lambda: laptop.out(
            "ip -6 route show table local").count("local fe80") == 2,
            "both links of the laptop")

    def start_floods(self):
        site, site6 = ADDRESS["site"], ADDRESS6["site"]
        self.flood = Flood(
            self.laptop, (site, 9001, "-"), (site, 9002, "eth0"),
            (site6, 9001, "-"), (site6, 9002, "eth0"), (FAKE, 9, "-"),
            (FAKE, 9, "eth0"), (FAKE6, 9, "-"), (FAKE6, 9, "eth0"))
        self.start_lan_flood()

    def start_lan_flood(self):
        site, site6 = ADDRESS["site"], ADDRESS6["site"]
        self.lan_flood = Flood(self.lan, (site, 9003, "-"),
                               (site6, 9003, "-"), (FAKE, 9, "-"),
                               (FAKE6, 9, "-"))

    def begin_lan_flows_anew(self):
        """Those of before stay outside of an open host's TUN; these are in
        it, and leave at no moment more, in either profile."""
        self.lan.kill(self.lan_flood.process, signal.SIGKILL)
        self.start_lan_flood()
        self.is_lan_inside = True
        self.wait_packets()
        self.forget()

    def seen(self):
        text = self.net.router.out("nft -j list counters table inet watch")
        return {entry["counter"]["name"]: entry["counter"]["packets"]
                for entry in json.loads(text)["nftables"]
                if "counter" in entry}

    def forget(self):
        self.net.router.run("nft reset counters table inet watch")

    def wait_packets(self):
        floods = (self.flood, self.lan_flood)
        ends = [flood.sent() + PACKETS for flood in floods]
        begin, first = time.monotonic(), self.flood.sent()
        wait_until(lambda: all(flood.sent() >= end
                               for flood, end in zip(floods, ends)),
                   f"{PACKETS} packets")
        self.rates.append((self.flood.sent() - first) /
                          (time.monotonic() - begin))

    def check(self, cell):
        """Nothing that must not leave has left; returns what has."""
        self.wait_packets()
        seen = self.seen()
        leaked = {name: seen[name] for name in FAKES if seen[name]}
        if self.is_lan_inside:
            leaked |= {name: seen[name] for name in LAN if seen[name]}
        if self.is_closed:
            leaked |= {name: seen[name] for name in REAL if seen[name]}
        assert not leaked, f"{cell}: {leaked}"
        return seen

    def is_ready(self):
        return self.laptop.run(self.daemons.command("routed", "--status"),
                               check=False).returncode == 0

    def wait_carried(self):
        wait_until(lambda: "captured\":true" in self.laptop.run(
            self.daemons.command("routed", "--status", "--json"),
            check=False).stdout.replace(" ", "") and
            "ersatz0" in self.laptop.out("ip route show table 197"),
            "the capture stands")


# --- what happens ----------------------------------------------------------

def killed_relay(scene):
    first = scene.daemons.relay_pid()
    os.kill(first, signal.SIGKILL)
    return lambda: wait_until(
        lambda: scene.daemons.relay_pid() not in (None, first), "a new relay")


def stopped_relay(scene):
    first = scene.daemons.relay_pid()
    os.kill(first, signal.SIGSTOP)
    begin = time.monotonic()

    def wait():
        wait_until(lambda: scene.daemons.relay_pid() not in (None, first),
                   "the stopped relay is replaced")
        print(f"stopped relay: another one after "
              f"{time.monotonic() - begin:.1f} s")
    return wait


def stopped_routed(scene):
    pid = scene.daemons.pid("routed")
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


def deleted_tun(scene):
    first = scene.daemons.relay_pid()
    scene.laptop.run("ip link del ersatz0")
    return lambda: wait_until(
        lambda: scene.daemons.relay_pid() not in (None, first), "a new relay")


def flushed_rules(scene):
    scene.laptop.run("ip rule flush protocol 198;"
                     "ip -6 rule flush protocol 198")


def flushed_nft(scene):
    scene.laptop.run("nft flush ruleset")
    return lambda: wait_until(
        lambda: "table inet ersatz\n" in scene.laptop.out("nft list tables"),
        "the table is back")


def reloaded(scene):
    seen = scene.laptop.log("routed").count("reloaded")
    os.kill(scene.daemons.pid("routed"), signal.SIGHUP)
    return lambda: wait_until(
        lambda: scene.laptop.log("routed").count("reloaded") > seen,
        "the reload")


def route_by_dhcp(scene):
    """Option 121, by dnsmasq and udhcpc."""
    script = scene.laptop.path("/run/dhcp")
    script.write_text("""#!/bin/sh
[ "$1" = bound ] || exit 0
set -- $staticroutes
while [ $# -ge 2 ]; do
    ip route add "$1" via "$2" dev "$interface" proto dhcp
    shift 2
done
""")
    script.chmod(0o755)
    scene.net.router.start(
        ["dnsmasq", "-d", "--conf-file=/dev/null", "--port=0", "--user=root",
         "--interface=laptop", "--bind-interfaces",
         "--dhcp-range=192.168.7.100,192.168.7.120,255.255.255.0,2m",
         "--dhcp-option=121,198.51.100.0/24,192.168.7.1",
         "--dhcp-leasefile=/run/leases", "--pid-file="], log="dnsmasq")
    scene.net.router.wait_listening(67, "udp")
    scene.laptop.run(["udhcpc", "-n", "-q", "-i", "eth0", "-O",
                      "staticroutes", "-s", "/run/dhcp"])
    assert "proto dhcp" in scene.laptop.out("ip route show 198.51.100.0/24")
    return lambda: scene.laptop.run("ip route del 198.51.100.0/24")


def route_by_ra(scene):
    """A route to the site in a router advertisement."""
    scene.laptop.sysctl(net__ipv6__conf__eth0__accept_ra=2,
                        net__ipv6__conf__eth0__accept_ra_rt_info_max_plen=64)
    line = scene.net.router.out("ip -6 -o addr show dev laptop scope link")
    scene.net.router.run(["/usr/bin/python3", "-c", f"""
from scapy.all import *
sendp(Ether(dst="33:33:00:00:00:01") /
      IPv6(src="{line.split()[3].split("/")[0]}", dst="ff02::1", hlim=255) /
      ICMPv6ND_RA(routerlifetime=0) /
      ICMPv6NDOptRouteInfo(prefix="2001:db8:3::", plen=64, rtlifetime=600),
      iface="laptop", verbose=False)
"""])
    wait_until(lambda: "proto ra" in scene.laptop.out(
        "ip -6 route show 2001:db8:3::/64"), "the route of the router")

    def undo():
        scene.laptop.run("ip -6 route flush proto ra")
        scene.laptop.sysctl(
            net__ipv6__conf__eth0__accept_ra=0,
            net__ipv6__conf__eth0__accept_ra_rt_info_max_plen=0)
    return undo


def renumbered(scene):
    def number(last):
        scene.laptop.run("ip -4 addr flush dev eth0;"
                         f"ip addr add 192.168.7.{last}/24 dev eth0;"
                         f"ip route add default via {ROUTER['laptop']}")
    number(33)
    return lambda: number(2)


def second_uplink(scene):
    scene.net.router.run(["ip", "link", "add", "laptop2", "type", "veth",
                          "peer", "name", "eth9", "netns",
                          str(scene.laptop.holder.pid)])
    scene.net.router.run("ip addr add 192.168.9.1/24 dev laptop2;"
                         "ip addr add 2001:db8:9::1/64 dev laptop2 nodad;"
                         "ip link set laptop2 up")
    scene.laptop.run("ip addr add 192.168.9.2/24 dev eth9;"
                     "ip addr add 2001:db8:9::2/64 dev eth9 nodad;"
                     "ip link set eth9 up;"
                     "ip route add default via 192.168.9.1 dev eth9;"
                     "ip -6 route add default via 2001:db8:9::1 dev eth9 "
                     "metric 1", check=False)
    return lambda: scene.net.router.run("ip link del laptop2")


def ipv6_only(scene):
    scene.laptop.run("ip -4 addr flush dev eth0")
    return lambda: scene.laptop.run(
        f"ip addr add {ADDRESS['laptop']}/24 dev eth0;"
        f"ip route add default via {ROUTER['laptop']}")


CELLS = [killed_relay, stopped_relay, stopped_routed, deleted_tun,
         flushed_rules, flushed_nft, reloaded, route_by_dhcp, route_by_ra,
         renumbered, second_uplink, ipv6_only]


def run_cells(scene):
    for event in CELLS:
        cell = event.__name__
        scene.forget()
        undo = event(scene)
        seen = scene.check(cell)
        if not scene.is_closed:  # the control
            assert seen["bound6"], f"{cell}: {seen}"
        if undo:
            undo()
        scene.wait_carried()
        scene.check(f"after {cell}")


def source(scene, far):
    """The address that a new flow gets; None while there is no way."""
    family = socket.AF_INET6 if ":" in far else socket.AF_INET
    with scene.laptop.socket(family, socket.SOCK_DGRAM) as flow:
        try:
            flow.connect((far, 9))
        except OSError:
            return None
        return flow.getsockname()[0]


def killed(scene, cell, *pids):
    """Of an open host new packets go directly; a closed one stays closed."""
    scene.forget()
    begin = time.monotonic()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    if not scene.is_closed:
        while any(source(scene, far) != own for far, own in
                  ((ADDRESS["site"], ADDRESS["laptop"]),
                   (ADDRESS6["site"], ADDRESS6["laptop"]))):
            assert time.monotonic() - begin < PATIENCE, f"{cell}: not direct"
        print(f"{cell}: new flows of both families go directly after "
              f"{(time.monotonic() - begin) * 1e3:.0f} ms")
        wait_until(lambda: scene.seen()["unbound4"] and
                   scene.seen()["unbound6"], "new packets go directly")
    scene.daemons.started.pop("routed").wait(timeout=PATIENCE)
    scene.check(cell)
    # A start over what is left opens a closed host at no moment.
    scene.daemons.start("routed")
    scene.check(f"start after {cell}")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("profile", ("open", "closed"))
def test_leaks(net, site, profile):
    scene = Scene(net, profile)
    daemons = scene.daemons
    daemons.before = net.laptop.state()
    scene.start_floods()
    scene.wait_packets()
    control = scene.seen()
    for name in REAL + ("fake4", "fake6"):
        assert control[name], f"the control: {name} leaves"
    daemons.start("dnsd")
    daemons.start("routed")
    scene.forget()
    seen = scene.check("start")
    assert not seen["unbound4"] and not seen["unbound6"]
    scene.begin_lan_flows_anew()
    run_cells(scene)
    killed(scene, "killed routed", daemons.pid("routed"))
    killed(scene, "killed routed and relay", daemons.pid("routed"),
           daemons.relay_pid())
    daemons.stop("routed")
    scene.forget()
    scene.wait_packets()
    # Open for all but fake addresses, which the guard refuses.  The uplink may
    # have to find its router again first.
    wait_until(lambda: all(scene.seen()[name] for name in REAL),
               "all that may leave does")
    seen = scene.seen()
    assert not any(seen[name] for name in FAKES), seen
    daemons.recover()
    daemons.down()
    print(f"{profile}: {min(scene.rates):.0f} to {max(scene.rates):.0f} "
          "packets a second of the laptop")
