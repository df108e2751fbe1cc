# SPDX-License-Identifier: BSD-2-Clause
"""WireGuard beside us: wireguard-go, and wg-quick as it is; Tailscale replayed.

The network is that of beside.py.
"""
import contextlib

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
        self.pings(VPN["inner"])


pytestmark = beside.needs_peers


class LastDefault(Outbound):
    """With a default route in main that is no way for anything but us."""

    def up(self):
        super().up()
        self.laptop.run("ip route add default dev wg0 metric 10000;"
                        "ip -6 route add default dev wg0 metric 10000")


class Closed(Outbound):
    """What is not carried may not leave, but for the tunnel's own packets."""

    def __init__(self, net):
        super().__init__(net)
        self.ersatz.write(self.recipe.config +
                          "routed: { on-crash: closed }\n")

    def check_both(self):
        self.reaches("site.example", "proxy")
        self.reaches("www.office.example", "vpn")


MARK = "fwmark 0x80000/0xff0000"
TAILSCALE_RULES = f"""\
rule add pref 5210 {MARK} table main
rule add pref 5230 {MARK} table default
rule add pref 5250 {MARK} unreachable
rule add pref 5270 table 52
"""
TAILSCALE_UP = f"""
    wireguard-go tailscale0 2> /dev/null
    wg set tailscale0 private-key /etc/wireguard/wg0.key fwmark 0x80000 \\
        peer {beside.SERVER_PUBLIC} endpoint {VPN['address']}:51820 \\
        allowed-ips 0.0.0.0/0
    ip addr add 100.64.0.2/32 dev tailscale0
    ip link set tailscale0 up
    ip route add 100.64.0.1 dev tailscale0 table 52
    ip route add 100.100.100.100 dev tailscale0 table 52
    ip -batch /etc/tailscale.rules; ip -6 -batch /etc/tailscale.rules
    iptables -N ts-input; iptables -I INPUT -j ts-input
    iptables -A ts-input -s 100.64.0.2 -i lo -j ACCEPT
    iptables -A ts-input -s 100.64.0.0/10 ! -i tailscale0 -j DROP
    iptables -A ts-input -i tailscale0 -j ACCEPT
    iptables -t nat -N ts-postrouting
    iptables -t nat -A ts-postrouting -m mark --mark 0x40000/0xff0000 \\
        -j MASQUERADE
    iptables -t nat -A POSTROUTING -j ts-postrouting
"""
TAILSCALE_DOWN = """
    sed s/add/del/ /etc/tailscale.rules | ip -batch -
    sed s/add/del/ /etc/tailscale.rules | ip -6 -batch -
    ip link del tailscale0
    nft delete table ip filter; nft delete table ip nat
"""


class Tailscale(Case):
    title = "TAILSCALE"
    finding = "vpn-tailscale"
    outside = "laptop"  # where what is no part of the tailnet goes

    def up(self):
        self.laptop.path("/etc/tailscale.rules").write_text(TAILSCALE_RULES)
        self.laptop.run("set -e\n" + TAILSCALE_UP)

    def down(self):
        self.laptop.run("set -e\n" + TAILSCALE_DOWN)

    def check_alone(self):
        self.pings("100.64.0.1")
        self.reaches("direct.example", self.outside)

    def check_both(self):
        self.check_alone()
        self.reaches("site.example", "proxy")
        self.pings("box.tail.ts.net")


class ExitNode(Tailscale):
    outside = "vpn"

    def up(self):
        super().up()
        # --exit-node-allow-lan-access; the resolver is on the LAN
        self.laptop.run("ip route add throw 192.168.7.0/24 table 52;"
                        "ip route add default dev tailscale0 table 52")

    def down(self):
        super().down()
        self.laptop.run("ip route flush table 52")


@contextlib.contextmanager
def network():
    with contextlib.closing(beside.Beside()) as net:
        net.start_wireguard()
        # What wg-quick sets, and leaves behind.
        net.laptop.sysctl(net__ipv4__conf__all__src_valid_mark=1)
        yield net


last, net = beside.lasting(network)


@pytest.mark.parametrize("order", [beside.other_first, beside.ersatz_first])
def test_full_tunnel(net, order):
    order(FullTunnel(net))


@pytest.mark.parametrize("order", [beside.other_first, beside.ersatz_first])
def test_outbound(net, order):
    order(Outbound(net))


@pytest.mark.parametrize("kind", [LastDefault, Closed])
def test_outbound_otherwise(net, kind):
    case = kind(net)
    case.start_us()
    case.up()
    case.check_both()
    case.down()
    case.stop_us()


@pytest.mark.parametrize("order", [beside.other_first, beside.ersatz_first])
def test_tailscale(net, order):
    order(Tailscale(net))


def test_tailscale_exit_node(net):
    beside.other_first(ExitNode(net))
