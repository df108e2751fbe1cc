# SPDX-License-Identifier: BSD-2-Clause
"""Devices behind us, by another interface.

    device 10.77.0.2 --- lan0 10.77.0.1 laptop 192.168.7.2 --- router --- site
           2001:db8:77::2         (the box: dnsd, routed)              `- proxy

The router knows no way to 10.77.0.0/24 and 2001:db8:77::/64, so whatever
reaches the site and comes back has left with an address of the box.  The
device asks dnsd on the box, or whom it likes.
"""
import contextlib
import json
import os
import re
import signal
import socket

import pytest
from topology import ADDRESS, ADDRESS6, ROUTER, Ersatz, Machine, wait_until

BOX, BOX6 = "10.77.0.1", "2001:db8:77::1"
DEVICE, DEVICE6 = "10.77.0.2", "2001:db8:77::2"
CONFIG = Ersatz.DEFAULT + f"""\
dnsd: {{ listen: ["127.0.0.1:53", "[::1]:53", "{BOX}:53", "[{BOX6}]:53"] }}
routed: {{ gateway: [lan0] }}
"""


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
        return self.device.out(f"curl -{family} -sS -m 10 http://{name}/who")


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
    own = scene.box.out(f"curl -sS -m 10 http://{ADDRESS['site']}/who")
    assert own.split()[0] == ADDRESS["proxy"]
    scene.daemons.down()
    log = scene.box.path("/run/flowlog/flows").read_text().splitlines()
    assert {json.loads(line)["mac"] for line in log} == {card, None}


def test_a_device_is_served(scene):
    """By name and address, TCP, UDP and ICMP, both families."""
    for family, address, proxy in ((4, ADDRESS["site"], ADDRESS["proxy"]),
                                   (6, f"[{ADDRESS6['site']}]",
                                    ADDRESS6["proxy"])):
        assert scene.who("site.example", family).split()[0] in (
            ADDRESS["proxy"], ADDRESS6["proxy"])
        assert scene.who(address, family).startswith(proxy)
    scene.device.run(["ping", "-c", "1", "-W", "5", "site.example"])
    assert scene.who("direct.example").startswith(ADDRESS["laptop"])
    assert scene.who("direct.example", 6).startswith(ADDRESS6["laptop"])
