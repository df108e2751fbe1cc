# SPDX-License-Identifier: BSD-2-Clause
"""What flows outlive, and what ends them: an application sees the same as
without us.

Others of this kind: reloads and removed outbounds (test_groups, test_udp),
another MTU (test_carrier), an uplink that goes (test_relay, test_uplinks).
"""
import contextlib
import ctypes
import os
import socket

import peer
import pytest
from test_gateway import Scene
from topology import ADDRESS, ROUTER, Ersatz, wait_until

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rules:
  - IP-CIDR,192.168.0.0/16,DIRECT,no-resolve
  - DST-PORT,7000-7099,DIRECT
  - MATCH,proxy
"""


@pytest.fixture
def daemons(net, site):
    net.start_microsocks()
    ersatz = Ersatz(net.laptop, CONFIG).up()
    yield ersatz
    ersatz.down()


class Pair:
    """A connection, and both of its ends."""

    def __init__(self, net, address, port):
        server = peer.listen(net.site, port, socket.AF_INET6)
        self.client = peer.connect(net.laptop, address, port)
        self.server = server.accept()[0]
        self.server.settimeout(20)
        server.close()

    def is_alive(self):
        self.client.sendall(b"there?")
        assert peer.receive_exactly(self.server, 6) == b"there?"
        self.server.sendall(b"yes")
        return peer.receive_exactly(self.client, 3) == b"yes"

    def close(self):
        self.client.close()
        self.server.close()


def fake_of(machine, name):
    return machine.out(f"getent ahostsv4 {name}").split()[0]


@pytest.mark.parametrize("signal", ("stop", "kill"))
def test_flows_outlive_a_restart_of_dnsd(net, daemons, signal):
    fake = fake_of(net.laptop, "site.example")
    old = Pair(net, fake, 7200)
    getattr(daemons, signal)("dnsd")
    assert old.is_alive()
    # The name is known to the relay without it.
    new = Pair(net, fake, 7201)
    daemons.start("dnsd")
    assert old.is_alive() and new.is_alive()
    assert fake_of(net.laptop, "site.example") == fake
    for pair in (old, new):
        pair.close()


@pytest.mark.parametrize("port", (7001, 7202))
def test_idle_flow_is_kept_by_its_keepalives(net, daemons, port):
    """A day of probes, every second: the kernel inside answers them."""
    def probes():
        return int(net.laptop.out("nstat -asz TcpExtTCPKeepAlive").split()[-2])

    pair = Pair(net, ADDRESS["site"], port)
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
        pair.client.setsockopt(socket.IPPROTO_TCP, option, 1)
    before = probes()
    pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wait_until(lambda: probes() >= before + 4, "keep-alives were sent", 60)
    assert pair.is_alive()
    pair.close()


def relays_socket(daemons, peer_of):
    """The relay's own one that is connected to that address and port."""
    pid = daemons.relay_pid()
    pidfd = os.pidfd_open(pid)
    for number in os.listdir(f"/proc/{pid}/fd"):
        # pidfd_getfd(2): the descriptor itself, from another process.
        copy = ctypes.CDLL(None).syscall(438, pidfd, int(number), 0)
        if copy < 0:
            continue
        try:
            sock = socket.socket(fileno=copy)
        except OSError:  # it is something else
            os.close(copy)
            continue
        with contextlib.suppress(OSError):  # not connected
            if sock.type == socket.SOCK_STREAM and \
                    sock.getpeername()[:2] == peer_of:
                os.close(pidfd)
                return sock
        sock.close()
    os.close(pidfd)
    raise AssertionError(f"the relay has no socket to {peer_of}")


def speed_up(sock):
    """Five minutes of silence, and 30 s between probes, are a second."""
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
        sock.setsockopt(socket.IPPROTO_TCP, option, 1)


def test_relay_keeps_both_ways_alive(net, daemons):
    """Its own keep-alives, toward the application and beyond; a day has 288
    of the first ones."""
    pair = Pair(net, ADDRESS["site"], 7001)
    app = relays_socket(daemons, pair.client.getsockname()[:2])
    out = relays_socket(daemons, (ADDRESS["site"], 7001))
    # What others run into is that of systems: two hours.
    assert app.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 300

    def probes():
        return int(net.laptop.out("nstat -asz TcpExtTCPKeepAlive").split()[-2])

    before = probes()
    for sock in (app, out):
        speed_up(sock)
    wait_until(lambda: probes() >= before + 4, "keep-alives were sent")
    assert pair.is_alive()
    for sock in (app, out):
        sock.close()
    pair.close()


def test_application_that_is_gone_without_a_word_is_noticed(net, site):
    """A device that is switched off: the far end is told by a reset."""
    net.start_microsocks()
    scene = Scene(net, CONFIG + "routed: { gateway: [lan0] }\n")
    scene.daemons.up()
    server = peer.listen(net.site, 7001)
    near, far, _ = scene.flow(server, ADDRESS["site"], 7001)
    assert near.getpeername()[0] == ADDRESS["site"]
    with relays_socket(scene.daemons, near.getsockname()[:2]) as app:
        speed_up(app)
        scene.device.run(["nft", "add table inet off; add chain inet off in "
                          "{ type filter hook input priority 0; policy drop; }"
                          ])
        with pytest.raises(ConnectionResetError):
            far.recv(1)
    for sock in (near, far, server):
        sock.close()
    scene.daemons.down()


def make_nat(net):
    """The router becomes a NAT that knows nothing of what it forgot."""
    net.router.sysctl(net__netfilter__nf_conntrack_tcp_loose=0)
    net.router.run(f"""nft -f - << END
table ip nat {{
    chain post {{
        type nat hook postrouting priority srcnat;
        oifname site masquerade
    }}
    chain forward {{
        type filter hook forward priority filter;
        ct state invalid reject with tcp reset
    }}
}}
END""")


def remember_for(net, seconds):
    """It counts from the next packet of each flow on."""
    net.router.sysctl(
        net__netfilter__nf_conntrack_tcp_timeout_established=seconds)


def idle_until_forgotten(net, port):
    """How a flow ends whose NAT has forgotten it."""
    remember_for(net, 3600)
    server = peer.listen(net.site, port)
    client = peer.connect(net.laptop, ADDRESS["site"], port)
    accepted, came = server.accept()
    assert came[0] == ROUTER["site"]
    for seconds in (3600, 1):
        remember_for(net, seconds)
        client.sendall(b"x")
        assert peer.receive_exactly(accepted, 1) == b"x"
    wait_until(lambda: f"dport={port} " not in net.router.out(
        "cat /proc/net/nf_conntrack"), "the NAT has forgotten", 60)
    client.sendall(b"y")
    try:
        ended = client.recv(1)
    except ConnectionResetError:
        ended = "reset"
    for sock in (client, accepted, server):
        sock.close()
    return ended


def test_idle_for_longer_than_the_nat_remembers(net, site):
    if net.router.run("test -r /proc/net/nf_conntrack", check=False).returncode:
        pytest.skip("the kernel does not list its connections")
    make_nat(net)
    assert idle_until_forgotten(net, 7301) == "reset"
    net.start_microsocks()
    daemons = Ersatz(net.laptop, CONFIG).up()
    # Directly, and the proxy behind the same NAT passes on what it sees.
    assert idle_until_forgotten(net, 7001) == "reset"
    assert idle_until_forgotten(net, 7302) in ("reset", b"")
    daemons.down()
