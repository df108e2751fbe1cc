# SPDX-License-Identifier: BSD-2-Clause
"""A laptop with two ways out, which come, go and change under its flows.

                     router
          eth0 ______/    \\______ eth1
    192.168.7.2                    192.168.8.2
    metric 100  \\______    ______/ metric 200
                     laptop

One network and one start for all of this file; each test leaves both uplinks
as they were.  The site says from which address a request came: it tells by
which uplink the relay went.
"""
import contextlib
import json
import os
import select
import signal
import socket

import peer
import pytest
from topology import (ADDRESS, ADDRESS6, PATIENCE, ROUTER, Ersatz, Network,
                      wait_until)

# What malloc keeps for the next one is in use as far as it tells: without
# these caches memory in use is what somebody holds.
PLAIN_MALLOC = {"GLIBC_TUNABLES":
                "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"}
SLACK = 1024  # bytes of it, for numbers that got a digit longer
FLAPS = int(os.environ.get("ERSATZ_FLAPS", "20"))  # and reloads

SITE = ADDRESS["site"]
FIRST, SECOND = ADDRESS["laptop"], "192.168.8.2"
VPN, VPN_ROUTER = "10.9.0.2", "10.9.0.1"
STRANGER = "203.0.113.99"

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  vpn: {{ type: interface, interface: vpn0 }}
upstreams:
  home: {{ servers: [system] }}
rules:
  - DOMAIN-SUFFIX,lan.example,DIRECT
  - DST-PORT,8081-8082,vpn
  - DST-PORT,80,DIRECT
  - DST-PORT,7000-7100,DIRECT
  - MATCH,proxy
"""


@pytest.fixture(scope="module")
def host():
    """The laptop as it stands, and its daemons."""
    net = Network()
    try:
        net.start_site()
        net.start_microsocks()
        laptop, router = net.laptop, net.router
        laptop.run("ip route replace default via 192.168.7.1 metric 100;"
                   "ip route del default via 192.168.7.1 metric 0;"
                   "ip -6 route del default;"
                   f"ip -6 route add default via 2001:db8:7::1 metric 100")
        router.run(["ip", "link", "add", "second", "type", "veth", "peer",
                    "name", "eth1", "netns", str(laptop.holder.pid)])
        router.run("ip addr add 192.168.8.1/24 dev second;"
                   "ip addr add 2001:db8:8::1/64 dev second nodad;"
                   "ip link set second up")
        bring_up(laptop, "eth1", SECOND, "2001:db8:8::2", 200)
        daemons = Ersatz(laptop, CONFIG)
        daemons.start("dnsd")
        daemons.start("routed", env={**os.environ, **PLAIN_MALLOC})
        net.daemons = daemons
        yield net
        daemons.stop("routed")
        daemons.stop("dnsd")
        assert laptop.out("ip rule show").count("proto 198") == 0
    finally:
        net.close()


def bring_up(laptop, link, address, address6, metric):
    via = address.rsplit(".", 1)[0] + ".1"
    via6 = address6.rsplit("::", 1)[0] + "::1"
    laptop.run(f"ip link set {link} up;"
               f"ip addr replace {address}/24 dev {link};"
               f"ip addr replace {address6}/64 dev {link} nodad;"
               f"ip route replace default via {via} dev {link} "
               f"metric {metric};"
               f"ip -6 route replace default via {via6} dev {link} "
               f"metric {metric}")


def router_up(router, link, address6):
    """A link that was down has lost its addresses of IPv6."""
    router.run(f"ip link set {link} up;"
               f"ip addr replace {address6}/64 dev {link} nodad")


def who(machine, version=4, seconds=60):
    host = SITE if version == 4 else f"[{ADDRESS6['site']}]"
    answer = machine.run(f"curl -{version} -sS -m {seconds} http://{host}/who",
                         check=False).stdout.split()
    return answer[0] if answer else None


def leaves_by(machine, address, version=4):
    wait_until(lambda: who(machine, version, 3) == address,
               f"requests come from {address}")


class Flow:
    """A flow through the TUN to an echo at the site."""

    def __init__(self, net, port):
        self.role = peer.Role(net.site, port, echo, socket.AF_INET)
        self.socket = peer.connect(net.laptop, SITE, port)
        self.works()

    def works(self):
        self.socket.sendall(b"ping")
        assert self.socket.recv(4) == b"ping"

    def is_reset(self):
        """Whether the end has come: by a reset, and not by an end of data."""
        if not select.select([self.socket], [], [], 0)[0]:
            return False
        with pytest.raises(ConnectionResetError):
            assert self.socket.recv(1) != b"", "it ended as if all were there"
        return True

    def close(self):
        """The far end of one that was reset may not know for minutes."""
        self.socket.close()


def echo(sock):
    with contextlib.suppress(OSError):
        while True:
            block = sock.recv(1 << 16)
            if not block:
                return
            sock.sendall(block)


def exit_table(machine, link):
    """The default routes of its exit table, both families."""
    rules = machine.out("ip rule show priority 4999").splitlines()
    tables = [line.split("lookup ")[1].split()[0] for line in rules
              if f"oif {link} " in line]
    return "".join(machine.run(
        f"ip -{v} route show table {t} proto 198", check=False).stdout
        for t in tables for v in (4, 6))


def test_failover_by_metric_and_back(host):
    laptop, router = host.laptop, host.router
    leaves_by(laptop, FIRST)
    flow = Flow(host, 7000)
    assert who(laptop, 6) == ADDRESS6["laptop"]
    router.run("ip link set laptop down")  # the carrier is gone
    wait_until(flow.is_reset, "a flow of the dead uplink is reset")
    flow.close()
    for version, address in ((4, SECOND), (6, "2001:db8:8::2")):
        leaves_by(laptop, address, version)
    wait_until(lambda: "via 192.168.8.1" in exit_table(laptop, "eth1"),
               "its exit table is there")
    flow = Flow(host, 7001)
    router_up(router, "laptop", "2001:db8:7::1")
    leaves_by(laptop, FIRST)
    leaves_by(laptop, ADDRESS6["laptop"], 6)
    # Its own uplink has stayed.
    flow.works()
    flow.close()


def test_metric_decides_for_each_family(host):
    laptop = host.laptop
    laptop.run("ip -6 route add default via 2001:db8:8::1 metric 50")
    leaves_by(laptop, "2001:db8:8::2", 6)
    leaves_by(laptop, FIRST, 4)
    laptop.run("ip -6 route del default via 2001:db8:8::1 metric 50")
    leaves_by(laptop, ADDRESS6["laptop"], 6)


def test_renumbering_ends_flows_and_renewal_does_not(host):
    laptop = host.laptop
    flow = Flow(host, 7010)
    # What a DHCP client does when its lease is renewed.
    for _ in range(3):
        laptop.run(f"ip addr change {FIRST}/24 dev eth0 valid_lft 600 "
                   "preferred_lft 600;"
                   "ip route replace default via 192.168.7.1 metric 100")
    laptop.run(f"ip addr change {FIRST}/24 dev eth0 valid_lft forever "
               "preferred_lft forever")
    leaves_by(laptop, FIRST)
    flow.works()
    laptop.run(f"ip addr add 192.168.7.9/24 dev eth0;"
               f"ip addr del {FIRST}/24 dev eth0;"
               "ip addr replace 192.168.7.9/24 dev eth0;"
               "ip route replace default via 192.168.7.1 dev eth0 metric 100")
    wait_until(flow.is_reset, "a flow of the old address is reset")
    flow.close()
    leaves_by(laptop, "192.168.7.9")
    laptop.run("ip addr del 192.168.7.9/24 dev eth0")
    bring_up(laptop, "eth0", FIRST, ADDRESS6["laptop"], 100)
    leaves_by(laptop, FIRST)


def test_renamed_and_made_again(host):
    laptop, router = host.laptop, host.router
    laptop.run("ip link set eth0 down; ip link set eth0 name wan0")
    bring_up(laptop, "wan0", FIRST, ADDRESS6["laptop"], 100)
    leaves_by(laptop, FIRST)
    wait_until(lambda: "via 192.168.7.1" in exit_table(laptop, "wan0"),
               "its exit table has its new name")
    flow = Flow(host, 7020)
    laptop.run("ip link del wan0")  # the router's end goes with it
    wait_until(flow.is_reset, "a flow of the link that is gone is reset")
    flow.close()
    leaves_by(laptop, SECOND)
    router.run(["ip", "link", "add", "laptop", "type", "veth", "peer", "name",
                "eth0", "netns", str(laptop.holder.pid)])
    router.run(f"ip addr add {ROUTER['laptop']}/24 dev laptop;"
               "ip addr add 2001:db8:7::1/64 dev laptop nodad;"
               "ip link set laptop up")
    bring_up(laptop, "eth0", FIRST, ADDRESS6["laptop"], 100)
    leaves_by(laptop, FIRST)
    leaves_by(laptop, ADDRESS6["laptop"], 6)
    wait_until(lambda: "via 192.168.7.1" in exit_table(laptop, "eth0") and
               exit_table(laptop, "wan0") == "", "exit tables have followed")


def test_flaps_leave_nothing_behind(host):
    """A second uplink that comes and goes, and a reload each time, disturb
    nobody on the first; `make check-flaps` does it a thousand times."""
    laptop, router = host.laptop, host.router
    leaves_by(laptop, FIRST)
    flow = Flow(host, 7030)
    pid, relay = host.daemons.pid("routed"), host.daemons.relay_pid()

    def held():
        return [len(os.listdir(f"/proc/{p}/fd")) for p in (pid, relay)]

    def routes():
        return laptop.out("ip rule show; ip -6 rule show;"
                          "ip route show table all proto 198;"
                          "ip -6 route show table all proto 198")

    def reloads():
        return laptop.log("routed").count("routed: reloaded")

    def reload():
        count = reloads()
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: reloads() > count, "it has read everything again")

    def in_use():
        """Bytes of the two heaps; 0 with AddressSanitizer, which sees more."""
        status = json.loads(laptop.out(host.daemons.command(
            "routed", "--status", "--json")).splitlines()[0])
        return [status["memory"], status["relay_memory"]]

    reload()
    before, routed, memory = held(), routes(), in_use()
    for _ in range(FLAPS):
        router.run("ip link set second down")
        router_up(router, "second", "2001:db8:8::1")
        reload()
        flow.works()
    wait_until(lambda: routes() == routed, "rules and routes are the same")
    wait_until(lambda: held() == before, "no descriptor is left")
    wait_until(lambda: all(now <= then + SLACK for now, then in
                           zip(in_use(), memory)), "no memory is kept")
    assert host.daemons.relay_pid() == relay
    flow.close()


def arps(machine):
    return machine.log("arps").count(f"who-has {STRANGER}")


@contextlib.contextmanager
def vpn_link(host):
    laptop, router = host.laptop, host.router
    router.run(["ip", "link", "add", "vpn", "type", "veth", "peer", "name",
                "vpn0", "netns", str(laptop.holder.pid)])
    router.run(f"ip addr add {VPN_ROUTER}/24 dev vpn; ip link set vpn up")
    laptop.run(f"ip addr add {VPN}/24 dev vpn0; ip link set vpn0 up")
    yield
    laptop.run("ip link del vpn0")


def outcome(host, port, address=SITE):
    """What a connection by the interface-bound outbound comes to."""
    sock = host.laptop.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    with sock:
        try:
            sock.connect((address, port))
        except OSError as error:
            return type(error).__name__ + f" {error.errno}"
        return "connected"


def test_interface_bound_outbound(host):
    laptop, router = host.laptop, host.router
    main = laptop.out("ip route show")
    role = peer.Role(host.site, 8081, echo, socket.AF_INET)
    assert outcome(host, 8081).startswith("OSError 101"), "no such interface"
    with vpn_link(host):
        assert len(laptop.out("ip route show").splitlines()) == len(
            main.splitlines()) + 1  # its own prefix, made by the kernel
        router.start(["tcpdump", "-i", "vpn", "-U", "-n", "-l", "arp"],
                     log="arps")
        wait_until(lambda: "listening on" in router.log("arps"),
                   "tcpdump listens")
        # Its neighbours are reached, strangers neither reached nor asked for.
        wait_until(lambda: outcome(host, 8081, VPN_ROUTER).startswith(
            "ConnectionRefused"), "the neighbour answers")
        for _ in range(3):
            assert outcome(host, 8082, STRANGER).startswith("OSError 101")
        wait_until(lambda: f"who-has {VPN_ROUTER}" in router.log("arps"),
                   "ARP is seen")
        assert arps(router) == 0
        # The control: whoever is not stopped by us does ask.
        laptop.run(["ping", "-c", "1", "-W", "1", "-I", "vpn0", STRANGER],
                   check=False)
        wait_until(lambda: arps(router) > 0, "the control asks by ARP")
        # With a default route, the last of all in main, it leaves by it.
        laptop.run(f"ip route add default via {VPN_ROUTER} dev vpn0 "
                   "metric 10000")
        router.run(f"ip route replace {VPN}/32 dev vpn")
        wait_until(lambda: VPN_ROUTER in exit_table(laptop, "vpn0"),
                   "its exit table has the way")
        wait_until(lambda: outcome(host, 8081) == "connected",
                   "the site is reached by it")
        assert who(laptop) == FIRST
    wait_until(lambda: outcome(host, 8081).startswith("OSError 101"),
               "it is gone: refused")
    with vpn_link(host):
        laptop.run(f"ip route add default via {VPN_ROUTER} dev vpn0 "
                   "metric 10000")
        wait_until(lambda: VPN_ROUTER in exit_table(laptop, "vpn0"),
                   "it is back, with another index")
    assert laptop.out("ip route show") == main
    del role


def test_resolvers_of_the_new_network_become_system(host):
    """dhclient replaces resolv.conf, or writes over it; both are ours again."""
    laptop, router = host.laptop, host.router
    path = laptop.path("/etc/resolv.conf")

    def is_ours():
        return path.read_text().startswith("# Written by routed")

    def is_answered(name):
        return "status: NXDOMAIN" in laptop.run(
            f"dig +tries=1 +time=2 @127.0.0.1 {name}", check=False).stdout

    def deafen(server):
        router.run("nft delete table ip deaf", check=False)
        router.run("nft 'table ip deaf { chain in { type filter hook input "
                   f"priority 0; ip daddr {server} udp dport 53 drop; }}; }}'")

    assert is_ours()
    wait_until(lambda: is_answered("n0.lan.example"), "names are asked")
    both = (ROUTER["laptop"], "192.168.8.1")
    for number, write in enumerate((
            "printf 'nameserver %s\\n' {} > /etc/resolv.conf.new;"
            "mv /etc/resolv.conf.new /etc/resolv.conf",
            "printf 'nameserver %s\\n' {} > /etc/resolv.conf"), start=1):
        old, new = both[::-1] if number == 2 else both
        deafen(old)
        assert not is_answered(f"m{number}.lan.example"), "the control"
        laptop.run(write.format(new))
        wait_until(is_ours, "it is taken over again")
        before = laptop.path("/run/ersatz/resolv.conf.before").read_text()
        assert before == f"nameserver {new}\n"
        wait_until(lambda n=number: is_answered(f"n{n}.lan.example"),
                   "names are asked there")
    router.run("nft delete table ip deaf")
    assert "took '/etc/resolv.conf' over again" in laptop.log("routed")
