# SPDX-License-Identifier: BSD-2-Clause
"""Devices behind us, by another interface.

    device 10.77.0.2 --- lan0 10.77.0.1 laptop 192.168.7.2 --- router --- site
           2001:db8:77::2         (the box: dnsd, routed)              `- proxy

The router knows no way to 10.77.0.0/24 and 2001:db8:77::/64, so whatever
reaches the site and comes back has left with an address of the box.  The
device asks dnsd on the box, or whom it likes.
"""
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct

import peer
import pytest
from recipes import Recipe
from topology import ADDRESS, ADDRESS6, ROUTER, Ersatz, Machine, wait_until

BOX, BOX6 = "10.77.0.1", "2001:db8:77::1"
DEVICE, DEVICE6 = "10.77.0.2", "2001:db8:77::2"
CONFIG = Recipe("A BOX THAT SERVES A WHOLE LAN").config


class Scene:
    """The network with a device behind the laptop, and Ersatz there."""

    def __init__(self, net, config=CONFIG):
        self.net, self.box = net, net.laptop
        self.device = self.connect(net)
        self.daemons = Ersatz(self.box, config)

    @staticmethod
    def connect(net):
        device, box = Machine("device", net.folder), net.laptop
        net.machines["device"] = device
        for machine in (device, box):
            machine.sysctl(net__ipv6__conf__default__accept_dad=0)
        box.run(["ip", "link", "add", "lan0", "type", "veth", "peer", "name",
                 "eth0", "netns", str(device.holder.pid)])
        box.run(f"ip addr add {BOX}/24 dev lan0;"
                f"ip addr add {BOX6}/64 dev lan0 nodad; ip link set lan0 up")
        device.run(f"ip addr add {DEVICE}/24 dev eth0;"
                   f"ip addr add {DEVICE6}/64 dev eth0 nodad;"
                   "ip link set eth0 up;"
                   f"ip route add default via {BOX};"
                   f"ip -6 route add default via {BOX6}")
        device.path("/etc/resolv.conf").write_text(f"nameserver {BOX}\n")
        device.wait_settled()
        wait_until(lambda: box.out(
            "ip -6 route show table local").count("local fe80") == 2,
            "both links of the box")
        return device

    def status(self):
        return self.box.out(self.daemons.command("routed", "--status"))

    def who(self, name, family=4):
        """Who asks, as the site sees it."""
        return self.device.out(
            f"curl -{family} -sS -m 60 http://{name}/who").split()[0]

    def flow(self, server, address, port=7000):
        """A connection of the device: its ends, and who the site sees."""
        near = peer.connect(self.device, address, port)
        far, who = server.accept()
        far.settimeout(peer.PATIENCE)
        return near, far, who[0].replace("::ffff:", "")

    def ask_direct(self):
        ask_direct(self.box, self.device)


def ask_direct(box, device):
    """Asks for the DIRECT name until the kernel knows both addresses: dnsd
    waits only some milliseconds for that."""
    def is_known():
        device.run("dig +short direct.example A;"
                   "dig +short direct.example AAAA")
        sets = box.out("nft list set inet ersatz_gateway named4;"
                       "nft list set inet ersatz_gateway named6")
        return ADDRESS["site"] in sets and ADDRESS6["site"] in sets
    wait_until(is_known, "the addresses of the DIRECT name")


def passes(near, far):
    near.sendall(b"there")
    assert peer.receive_exactly(far, 5) == b"there"
    far.sendall(b"and back")
    assert peer.receive_exactly(near, 8) == b"and back"
    return True


def set_checksums(machine, name, is_offloaded):
    """As by `ethtool -K NAME tx off`: checksums are complete then."""
    with machine.socket() as sock:
        value = struct.pack("II", 0x17, is_offloaded)  # ETHTOOL_STXCSUM
        where = (ctypes.c_char * 8).from_buffer_copy(value)
        request = struct.pack("16sP", name.encode(), ctypes.addressof(where))
        fcntl.ioctl(sock, 0x8946, request)  # SIOCETHTOOL


@pytest.fixture
def scene(net, site):
    net.start_microsocks()
    made = Scene(net)
    made.daemons.up()
    yield made
    made.daemons.down()


def test_a_device_is_known_by_its_card(net, site):
    """SRC-MAC, for names and addresses; the flow log has it, too."""
    net.start_microsocks()
    scene = Scene(net)
    link = scene.device.out("ip -o link show dev eth0")
    card = link.split("link/ether ")[1].split()[0]
    scene.box.run("install -d -o ersatz /run/flowlog")
    scene.daemons.write(CONFIG.replace("rules:\n", f"""\
  link: {{ type: interface, interface: eth0 }}
rules:
  - SRC-MAC,{card.upper()},link
""").replace("[lan0]", "[lan0], flow-log: /run/flowlog/flows"))
    scene.daemons.up()
    for family in (4, 6):
        assert scene.who("direct.example", family).split()[0] in (
            ADDRESS["laptop"], ADDRESS6["laptop"])
    assert scene.who(ADDRESS["site"]).split()[0] == ADDRESS["laptop"]
    # Positive control: the box itself has no card here, and goes as ever.
    own = scene.box.out(f"curl -sS -m 60 http://{ADDRESS['site']}/who")
    assert own.split()[0] == ADDRESS["proxy"]
    scene.daemons.down()
    log = scene.box.path("/run/flowlog/flows").read_text().splitlines()
    assert {json.loads(line)["mac"] for line in log} == {card, None}


PROXY = (ADDRESS["proxy"], ADDRESS6["proxy"])


def served(scene):
    for family, address, proxy in ((4, ADDRESS["site"], ADDRESS["proxy"]),
                                   (6, f"[{ADDRESS6['site']}]",
                                    ADDRESS6["proxy"])):
        assert scene.who("site.example", family) in PROXY
        assert scene.who(address, family) == proxy
    scene.device.run(["ping", "-c", "1", "-W", "30", "site.example"])


def test_a_device_is_served(scene):
    """By name and address, TCP and ICMP, both families."""
    served(scene)
    scene.ask_direct()
    assert scene.who("direct.example") == ADDRESS["laptop"]
    assert scene.who("direct.example", 6) == ADDRESS6["laptop"]
    assert "lan0" in scene.status()


@pytest.mark.parametrize("carrier", ("kernel", "user"))
def test_strict_filter_and_complete_checksums(net, site, carrier):
    """Each of them has been a reason for silence."""
    net.start_microsocks()
    scene = Scene(net, CONFIG.replace("routed: {",
                                      f"routed: {{ carrier: {carrier},"))
    scene.box.sysctl(net__ipv4__conf__all__rp_filter=1,
                     net__ipv4__conf__default__rp_filter=1)
    set_checksums(scene.device, "eth0", 0)
    scene.daemons.up()
    served(scene)
    scene.ask_direct()
    assert scene.who("direct.example") == ADDRESS["laptop"]
    scene.daemons.down()


def test_queries_that_pass_are_dnsds(scene):
    """The device asks the router, on a link that is thrown, and a stranger."""
    for server in (ROUTER["laptop"], "203.0.113.99", "2001:db8:2::99"):
        answer = scene.device.out(f"dig +short +time=5 +tries=2 @{server} "
                                  "site.example A")
        assert answer.startswith("198.18."), f"{server}: {answer}"


def test_flows_stay_on_their_side(scene):
    """Whatever addresses come and go; in and out, and over a reload."""
    server = peer.listen(scene.net.site, 7000)
    site = ADDRESS["site"]
    near, far, who = scene.flow(server, site)
    assert who == ADDRESS["proxy"]
    scene.ask_direct()
    assert passes(near, far), "what is in the TUN stays there"
    out_near, out_far, who = scene.flow(server, site)
    assert who == ADDRESS["laptop"]
    # Nobody but us would, but a time-out does the same.
    scene.box.run(
        f"nft delete element inet ersatz_gateway named4 '{{ {site} }}'")
    assert passes(out_near, out_far), "what is outside stays outside"
    assert passes(near, far)
    reloads = scene.box.log("routed").count("reloaded")
    scene.daemons.write(CONFIG.replace(
        "  - MATCH", f"  - IP-CIDR,{site}/32,DIRECT\n  - MATCH"))
    os.kill(scene.daemons.pid("routed"), signal.SIGHUP)
    wait_until(lambda: scene.box.log("routed").count("reloaded") > reloads and
               site in scene.box.out("ip route show table 198"),
               "the throw of the new rule")
    assert passes(near, far) and passes(out_near, out_far)
    assert scene.flow(server, site)[2] == ADDRESS["laptop"]


def test_a_flow_of_before_goes_on(net, site):
    """Start and stop leave it outside; the admin forwards and masquerades."""
    net.start_microsocks()
    scene = Scene(net)
    scene.box.sysctl(net__ipv4__ip_forward=1)
    scene.box.run("nft add table ip admin;"
                  "nft 'add chain ip admin post "
                  "{ type nat hook postrouting priority srcnat; }';"
                  "nft add rule ip admin post oifname eth0 masquerade")
    server = peer.listen(net.site, 7000)
    near, far, who = scene.flow(server, ADDRESS["site"])
    assert who == ADDRESS["laptop"]
    scene.daemons.up()
    assert passes(near, far)
    held = scene.flow(server, ADDRESS["site"])
    assert held[2] == ADDRESS["proxy"]
    first = scene.daemons.relay_pid()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: scene.daemons.relay_pid() not in (None, first) and
               "ersatz0" in scene.box.out("ip route show table 199"),
               "a new relay")
    with pytest.raises(ConnectionResetError):  # what hung on the TUN
        held[0].sendall(b"x")
        held[0].recv(1)
    assert passes(near, far)
    scene.daemons.down()
    assert passes(near, far)


@pytest.mark.parametrize("killed", ("relay", "routed", "both"))
def test_flows_that_wait_are_reset_by_a_death(net, site, killed):
    """They send nothing that could be answered; of a device nobody but their
    own carrier knows where they stand."""
    net.start_microsocks()
    scene = Scene(net)
    scene.daemons.up()
    if "user space" in scene.status():
        pytest.skip("whoever carries in user space is dead")
    flows = []
    for port, far, family in ((7000, ADDRESS["site"], socket.AF_INET),
                              (7001, ADDRESS6["site"], socket.AF_INET6)):
        server = peer.listen(net.site, port, family)
        for machine in (scene.device, scene.box):
            for _ in range(20):
                near = peer.connect(machine, far, port)
                flows.append((near, server.accept()[0]))
    for near, far in flows:
        far.settimeout(peer.PATIENCE)
        assert passes(near, far)
    relay = scene.daemons.relay_pid()
    if killed != "relay":
        os.kill(scene.daemons.pid("routed"), signal.SIGKILL)
    if killed != "routed":
        os.kill(relay, signal.SIGKILL)
    for near, _ in flows:
        with pytest.raises(ConnectionResetError):
            near.recv(1)
    if killed != "relay":
        scene.daemons.started.pop("routed").wait(timeout=peer.PATIENCE)
        scene.daemons.recover()
    scene.daemons.down()


def test_settings_come_back(net, site):
    """After a stop (the fixture's way), and after a crash."""
    net.start_microsocks()
    scene = Scene(net)
    scene.box.sysctl(net__ipv6__conf__eth0__accept_ra=1,
                     net__ipv6__conf__lan0__forwarding=1)
    advertise(net)
    scene.daemons.up()
    settings = scene.box.out(
        "cd /proc/sys/net; grep . ipv4/ip_forward ipv4/conf/*/forwarding "
        "ipv6/conf/all/forwarding ipv6/conf/*/accept_ra")
    for line in ("ipv4/ip_forward:0", "ipv4/conf/lan0/forwarding:1",
                 "ipv4/conf/eth0/forwarding:1", "ipv4/conf/lo/forwarding:0",
                 "ipv6/conf/all/forwarding:1", "ipv6/conf/eth0/accept_ra:2",
                 "ipv6/conf/lan0/accept_ra:0"):
        assert line in settings.splitlines(), f"{line} in\n{settings}"
    assert "proto ra" in scene.box.out("ip -6 route show default")
    scene.daemons.write(CONFIG.replace("[lan0]", "off"))
    os.kill(scene.daemons.pid("routed"), signal.SIGHUP)
    setting = "/proc/sys/net/ipv{}/conf/{}/forwarding"
    wait_until(lambda: scene.box.out(
        ["cat", setting.format(4, "lan0"), setting.format(6, "all")])
        == "0\n0\n", "nobody is served any more")
    scene.daemons.write(CONFIG)
    os.kill(scene.daemons.pid("routed"), signal.SIGHUP)
    wait_until(lambda: scene.box.out(
        ["cat", setting.format(4, "lan0"), setting.format(6, "all")])
        == "1\n1\n", "the device is served again")
    scene.daemons.kill("routed")
    scene.daemons.recover()
    scene.daemons.assert_as_before()
    scene.daemons.start("routed")
    assert scene.who(f"[{ADDRESS6['site']}]", 6) == ADDRESS6["proxy"]
    scene.daemons.down()


def advertise(net):
    """The router's advertisement is the box's only way out by IPv6."""
    net.laptop.run("ip -6 route del default")
    line = net.router.out("ip -6 -o addr show dev laptop scope link")
    net.router.run(["/usr/bin/python3", "-c", f"""
from scapy.all import *
sendp(Ether(dst="33:33:00:00:00:01") /
      IPv6(src="{line.split()[3].split("/")[0]}", dst="ff02::1", hlim=255) /
      ICMPv6ND_RA(routerlifetime=1800), iface="laptop", verbose=False)
"""])
    wait_until(lambda: "proto ra" in net.laptop.out(
        "ip -6 route show default"), "the route of the router")


def test_pool_of_an_interface_that_is_not_listed(net, site):
    """Refused with ICMP, counted, and told."""
    scene = Scene(net, CONFIG.replace("[lan0]", "off"))
    scene.daemons.up()
    told = scene.device.run("ping -c 1 -W 30 198.18.0.77", check=False)
    assert "Unreachable" in told.stdout, told.stdout
    assert "1 that came in by one" in scene.status()
    scene.daemons.down()
