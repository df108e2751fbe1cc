# SPDX-License-Identifier: BSD-2-Clause
"""ICMP tells the truth: ping, traceroute and mtr by an interface and a proxy.

    laptop eth0 --- router --- site          names: by-link.example, out of eth0
              \\___ proxy (microsocks)               site.example, by the proxy

The laptop's own way to the site has one router in it.  direct.example has a
throw route while its TTL runs and never enters the TUN; by-link.example is
another name of the site that does.
"""
import re
import time

import pytest
import topology
from topology import ADDRESS, ADDRESS6, ROUTER, ROUTER6, wait_until

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  link: {{ type: interface, interface: eth0 }}
  nowhere: {{ type: interface, interface: lonely }}
rules:
  - DOMAIN,dropped.example,REJECT-DROP
  - DOMAIN,direct.example,link
  - DOMAIN,lonely.example,nowhere
  - IP-CIDR,192.168.0.0/16,DIRECT,no-resolve
  - IP-CIDR,198.51.100.0/24,link,no-resolve
  - IP-CIDR6,2001:db8:3::/64,link,no-resolve
  - MATCH,proxy
routed: {{ connect-timeout: 30s }}
"""


@pytest.fixture(scope="module")
def net():
    network = topology.Network()
    network.laptop.run("sysctl -qw net.ipv4.ping_group_range='0 2147483647'")
    # What is tested is who answers, not how often a host may.
    for machine in (network.router, network.site):
        machine.sysctl(net__ipv4__icmp_ratelimit=0,
                       net__ipv6__icmp__ratelimit=0)
    network.start_site()
    for address in (ADDRESS["site"], ADDRESS6["site"]):
        hosts = network.proxy.path("/etc/hosts")
        hosts.write_text(hosts.read_text() + f"{address} other.example "
                         "another.example\n")
    yield network
    network.close()


@pytest.fixture(scope="module")
def ersatz(net):
    net.start_microsocks()
    daemons = topology.Ersatz(net.laptop, CONFIG).up()
    yield daemons
    daemons.down()


def ping(net, target, *options, check=True):
    return net.laptop.run(["ping", "-n", "-c1", "-W30", *options, target],
                          check=check)


def captured(machine, pattern, action):
    """What tcpdump on eth0 of a machine sees of a pattern during an action."""
    log = f"dump of {pattern}"
    process = machine.start(["tcpdump", "-n", "-v", "-l", "-i", "eth0",
                             "--immediate-mode", pattern], log=log)
    wait_until(lambda: "listening on" in machine.log(log), "tcpdump")
    action()
    wait_until(lambda: "echo reply" in machine.log(log), "the reply is seen")
    machine.kill(process)
    return machine.log(log)


@pytest.mark.parametrize("version", ["-4", "-6"])
def test_ping_by_a_link_is_a_real_one(net, ersatz, version):
    """The site sees id, sequence number, TTL and payload as they were sent."""
    seen = []
    word = "icmp" if version == "-4" else "icmp6"
    text = captured(net.site, word, lambda: seen.append(
        ping(net, "direct.example", version, "-t", "33", "-e", "4711", "-s",
             "100", "-p", "e5").stdout))
    assert "1 received" in seen[0]
    assert re.search(r"198\.18\.|2001:2:", seen[0]), "asked as a fake address"
    assert "id 4711, seq 1" in text
    assert "length 108" in text or "payload length: 108" in text
    # One router on the way took one off.
    assert ("ttl 32" if version == "-4" else "hlim 32") in text
    # The reply's own TTL, less the router, is what ping shows.
    assert "ttl=63" in seen[0]
    address = ADDRESS["laptop"] if version == "-4" else ADDRESS6["laptop"]
    assert address in text, "it left with the laptop's own address"


def test_two_programs_with_one_id_get_their_own_replies(net, ersatz):
    """Both by way of the same fake address, at the same time."""
    result = net.laptop.out(
        "ping -n -c5 -i0.2 -e77 direct.example > /run/a & "
        "ping -n -c5 -i0.2 -e77 198.51.100.2 > /run/b; wait; cat /run/a /run/b")
    assert result.count("5 packets transmitted, 5 received") == 2, result
    assert "DUP" not in result


@pytest.mark.parametrize("version,options,router", [
    ("-4", ["-I"], ROUTER["laptop"]), ("-6", ["-I"], ROUTER6["laptop"])])
def test_traceroute_shows_the_router(net, ersatz, version, options, router):
    out = net.laptop.out(["traceroute", version, "-n", "-q1", "-w30",
                          *options, "direct.example"])
    hops = [line.split()[1] for line in out.splitlines()[1:]]
    assert hops[0] == router, out
    assert len(hops) == 2, out
    # The destination speaks as what it was called.
    assert re.match(r"198\.18\.|2001:2:", hops[1]), out


def test_mtr_sees_both_hops(net, ersatz):
    out = net.laptop.out(["mtr", "-n", "-r", "-c2", "-i0.2", "198.51.100.2"])
    assert ROUTER["laptop"] in out and ADDRESS["site"] in out, out
    assert "100.0%" not in out, out


def test_too_large_ping_is_told_the_mtu_of_the_way(net, ersatz):
    """The router's link to the site is narrower than the laptop's own."""
    net.router.run("ip link set site mtu 1400")
    try:
        result = ping(net, "198.51.100.2", "-M", "do", "-s", "1450",
                      check=False)
    finally:
        net.router.run("ip link set site mtu 1500")
    assert result.returncode == 1
    assert "mtu = 1400" in result.stdout, result.stdout
    assert "1 received" in ping(net, "198.51.100.2", "-M", "do", "-s",
                                "1450").stdout


@pytest.mark.parametrize("target", ["direct.example", "other.example"])
@pytest.mark.parametrize("version", ["-4", "-6"])
def test_ping_larger_than_the_mtu_goes_in_pieces(net, ersatz, version, target):
    assert "1 received" in ping(net, target, version, "-s", "4000").stdout


@pytest.mark.parametrize("version,router", [("-4", ROUTER["laptop"]),
                                            ("-6", ROUTER6["laptop"])])
def test_traceroute_by_udp_shows_the_router(net, ersatz, version, router):
    out = net.laptop.out(["traceroute", version, "-n", "-q1", "-w30",
                          "direct.example"])
    hops = [line.split()[1] for line in out.splitlines()[1:]]
    assert hops[0] == router and len(hops) == 2, out


@pytest.mark.parametrize("version,router", [("-4", ROUTER["laptop"]),
                                            ("-6", ROUTER6["laptop"])])
def test_traceroute_by_tcp_shows_the_router(net, ersatz, version, router):
    """An open port answers, a closed one resets: both are the last hop."""
    for port in ("80", "81"):
        out = net.laptop.out(["traceroute", version, "-n", "-q1", "-w30", "-T",
                              "-p", port, "direct.example"])
        hops = [line.split()[1] for line in out.splitlines()[1:]]
        assert hops[0] == router and len(hops) == 2, out
        assert re.match(r"198\.18\.|2001:2:", hops[1]), out


def test_tracepath_finds_the_narrow_link(net, ersatz):
    net.router.run("ip link set site mtu 1400")
    try:
        out = net.laptop.out(["tracepath", "-n", "198.51.100.2"])
    finally:
        net.router.run("ip link set site mtu 1500")
    assert ROUTER["laptop"] in out and "pmtu 1400" in out, out
    assert re.search(r"198\.51\.100\.2 .* reached", out), out


def test_link_that_is_not_there_is_told(net, ersatz):
    result = ping(net, "lonely.example", "-4", check=False)
    assert result.returncode == 1
    assert re.search("Unreachable", result.stdout), result.stdout


@pytest.mark.parametrize("version", ["-4", "-6"])
def test_ping_by_a_proxy_measures_a_connection(net, ersatz, version):
    """The proxy's way to the site is slow; so is the ping, and not less."""
    text = net.site.start(["tcpdump", "-n", "-l", "-i", "eth0",
                           "--immediate-mode", "tcp[tcpflags] == tcp-syn or "
                           "(ip6 and ip6[53] == 2)"], log=f"syn{version}")
    wait_until(lambda: "listening on" in net.site.log(f"syn{version}"),
               "tcpdump")
    # Nothing listens on 443: refused is alive.  Then a flow tells of port 80.
    out = ping(net, "another.example", version).stdout
    assert "1 received" in out, out
    wait_until(lambda: ".443: Flags [S]" in net.site.log(f"syn{version}"),
               "a probe of 443")
    net.laptop.run(["curl", version, "-sS", "http://another.example/"])
    before = net.site.log(f"syn{version}").count(".80: Flags [S]")
    begin = time.monotonic()
    out = net.laptop.out(["ping", "-n", version, "-c6", "-i0.3", "-W30",
                          "another.example"])
    assert "6 received" in out, out
    # One probe a second and destination at the most, by the port known now.
    wait_until(lambda: net.site.log(f"syn{version}").count(".80: Flags [S]")
               > before, "a probe of 80")
    seconds = time.monotonic() - begin
    probes = net.site.log(f"syn{version}").count(".80: Flags [S]") - before
    assert probes <= seconds + 1
    net.site.kill(text)


def test_ping_by_a_proxy_that_cannot_reach_it(net, ersatz):
    """The control is above: the same name is alive when it can be reached."""
    result = ping(net, "unknown.example", "-4", check=False)
    assert result.returncode == 1
    assert "Destination Host Unreachable" in result.stdout, result.stdout


def test_dropped_name_is_silent(net, ersatz):
    result = ping(net, "dropped.example", "-4", "-W1", check=False)
    assert result.returncode == 1
    assert "nreachable" not in result.stdout + result.stderr


def test_status_counts_pings(net, ersatz):
    ping(net, "direct.example", "-4")
    ping(net, "unknown.example", "-4", check=False)
    status = net.laptop.out(ersatz.command("routed", "--status"))
    found = re.search(r"pings +(\d+) answered, (\d+) refused", status)
    assert found and int(found[1]) > 0 and int(found[2]) > 0, status


def test_icmp_drop_says_nothing(net, ersatz):
    ersatz.write(CONFIG.replace("routed: {", "routed: { icmp: drop,"))
    net.laptop.run(f"kill -HUP {ersatz.pid('routed')}")
    try:
        wait_until(lambda: ping(net, "direct.example", "-4", "-W1",
                                check=False).returncode == 1, "silence")
    finally:
        ersatz.write(CONFIG)
        net.laptop.run(f"kill -HUP {ersatz.pid('routed')}")
    wait_until(lambda: ping(net, "direct.example", "-4", "-W1",
                            check=False).returncode == 0, "truth again")
