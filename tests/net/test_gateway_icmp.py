# SPDX-License-Identifier: BSD-2-Clause
"""A device behind this host sees the real way, hop by hop, through the relay.

    device --- lan0 laptop eth0 --- router --- site
                     `- TUN, relay
"""
import pytest
from test_gateway import BOX, BOX6, Scene
from topology import ADDRESS, ADDRESS6, ROUTER, ROUTER6, wait_until

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  link: {{ type: interface, interface: eth0 }}
rules:
  - DOMAIN,site.example,proxy
  - MATCH,link
dnsd: {{ listen: ["127.0.0.1:53", "{BOX}:53"] }}
routed: {{ gateway: [lan0], connect-timeout: 30s }}
"""
HOPS = {4: [BOX, ROUTER["laptop"], ADDRESS["site"]],
        6: [BOX6, ROUTER6["laptop"], ADDRESS6["site"]]}


@pytest.fixture
def scene(net, site):
    net.start_microsocks()
    made = Scene(net, CONFIG)
    # What is tested is who answers, not how often a host may.
    for machine in (net.router, net.site, made.box):
        machine.sysctl(net__ipv4__icmp_ratelimit=0,
                       net__ipv6__icmp__ratelimit=0)
    made.daemons.up()
    yield made
    made.daemons.down()


@pytest.mark.parametrize("version", (4, 6))
def test_traceroute_of_a_device_shows_each_hop(net, scene, version):
    for options in (["-I"], [], ["-T", "-p", "80"], ["-T", "-p", "81"]):
        out = scene.device.out(["traceroute", f"-{version}", "-n", "-q1",
                                "-w30", *options, HOPS[version][-1]])
        hops = [line.split()[1] for line in out.splitlines()[1:]]
        assert hops == HOPS[version], (options, out)


def test_mtr_of_a_device_shows_each_hop(net, scene):
    for version in (4, 6):
        out = scene.device.out(["mtr", "-n", "-r", "-c2", "-i0.2",
                                HOPS[version][-1]])
        assert all(hop in out for hop in HOPS[version]), out


@pytest.mark.parametrize("version", (4, 6))
def test_tracepath_of_a_device_finds_the_narrow_link(net, scene, version):
    net.router.run("ip link set site mtu 1400")
    net.site.run("ip link set eth0 mtu 1400")
    out = scene.device.out(["tracepath", f"-{version}", "-n",
                            HOPS[version][-1]])
    assert "pmtu 1400" in out and "reached" in out, out
    assert HOPS[version][1] in out, out


def test_ping_of_a_device_through_a_proxy_is_a_measured_one(net, scene):
    """Answered when a connection was made, and refused when none can be."""
    for version in (4, 6):
        told = scene.device.out(["ping", f"-{version}", "-n", "-c1", "-W30",
                                 "site.example"])
        assert "1 received" in told
    hosts = net.proxy.path("/etc/hosts")
    hosts.write_text(hosts.read_text().replace("site.example", "gone.example"))
    wait_until(lambda: "Unreachable" in scene.device.run(
        ["ping", "-4", "-n", "-c1", "-W30", "site.example"],
        check=False).stdout, "the proxy cannot reach it any more")
