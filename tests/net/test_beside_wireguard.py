# SPDX-License-Identifier: BSD-2-Clause
"""WireGuard beside us: wireguard-go, and wg-quick as it is.

The network is that of beside.py.
"""
import beside
import pytest
from beside import VPN, Case


class FullTunnel(Case):
    title = "WG-QUICK, A FULL TUNNEL"
    finding = "vpn-wg-quick"

    def up(self):
        self.recipe.run(self.laptop, "wg-quick")

    def down(self):
        self.laptop.run("wg-quick down wg0")

    def check_alone(self):
        self.reaches("direct.example", "vpn")
        self.reaches("direct.example", "vpn", 6)

    def check_both(self):
        self.reaches("site.example", "proxy")
        self.reaches("direct.example", "vpn")
        self.reaches("www.office.example", "vpn")


class Outbound(FullTunnel):
    title = "WIREGUARD AS AN OUTBOUND"
    finding = None

    def check_alone(self):
        self.reaches("direct.example", "laptop")

    def check_both(self):
        self.reaches("site.example", "proxy")
        self.reaches("direct.example", "laptop")
        self.reaches("www.office.example", "vpn")
        self.laptop.run(["ping", "-c", "1", "-W", "10", VPN["inner"]])


pytestmark = beside.needs_peers


class Closed(Outbound):
    """What is not carried may not leave, but for the tunnel's own packets."""

    def __init__(self, net):
        super().__init__(net)
        self.ersatz.write(self.recipe.config +
                          "routed: { on-crash: closed }\n")

    def check_both(self):
        self.reaches("site.example", "proxy")
        self.reaches("www.office.example", "vpn")


@pytest.fixture(scope="module")
def net():
    net = beside.Beside()
    net.start_wireguard()
    yield net
    net.close()


@pytest.mark.parametrize("order", [beside.other_first, beside.ersatz_first])
def test_full_tunnel(net, order):
    order(FullTunnel(net))


@pytest.mark.parametrize("order", [beside.other_first, beside.ersatz_first])
def test_outbound(net, order):
    order(Outbound(net))


def test_closed_outbound(net):
    case = Closed(net)
    case.start_us()
    case.up()
    case.check_both()
    case.down()
    case.stop_us()
