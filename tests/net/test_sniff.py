# SPDX-License-Identifier: BSD-2-Clause
"""Names of flows to real addresses, out of what the application says first.

The laptop dials the site's address; what tells the outbounds apart is whom the
site sees: the laptop itself (link, DIRECT) or the proxy.
"""
import json
import os
import signal
import socket
import ssl
import struct

import peer
import pytest
import quic_initial
import topology
from topology import ADDRESS, ADDRESS6, Ersatz, wait_until

# A slow machine may take its time to say a name.
CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  link: {{ type: interface, interface: eth0 }}
rules:
  - IP-CIDR,192.168.0.0/16,DIRECT,no-resolve
  - DST-PORT,7000,link
  - DOMAIN-SUFFIX,link.example,link
  - AND,((DOMAIN,user.example),(UID,2345)),link
  - DOMAIN,rejected.example,REJECT
  - DST-PORT,7001,REJECT
  - MATCH,proxy
routed: {{ sniff: [tls, http, quic], sniff-wait: 5s }}
"""


@pytest.fixture(scope="module")
def net():
    network = topology.Network()
    network.start_site()
    network.start_microsocks()
    yield network
    network.close()


@pytest.fixture(scope="module")
def daemons(net):
    ersatz = Ersatz(net.laptop, CONFIG).up()
    yield ersatz
    ersatz.down()


def follow(daemons, config):
    """The relay hears of it before of any packet that comes later."""
    before = daemons.machine.log("routed").count("reloaded")
    daemons.write(config)
    os.kill(daemons.pid("routed"), signal.SIGHUP)
    wait_until(lambda: daemons.machine.log("routed").count("reloaded") > before,
               "the reload")


def who(net, name, address=ADDRESS["site"], user=None):
    """Whom the site sees when it is asked for that name at its address."""
    if ":" in address:
        address = f"[{address}]"
    result = net.laptop.run(
        ["curl", "-sS", "--max-time", "30", "-H", f"Host: {name}",
         f"http://{address}/who"], user=user, check=False)
    return result.stdout.split()[0] if result.returncode == 0 else \
        result.returncode


def flows_of(daemons):
    lines = daemons.machine.out(
        daemons.command("routed", "--flows", "--json")).splitlines()
    return [flow for flow in map(json.loads, lines) if "dst" in flow]


@pytest.mark.parametrize("address", (ADDRESS["site"], ADDRESS6["site"]))
def test_host_of_http(net, daemons, address):
    proxy = {ADDRESS["proxy"], "2001:db8:2::2"}
    laptop = {ADDRESS["laptop"], "2001:db8:7::2"}
    assert who(net, "www.link.example", address) in laptop
    assert who(net, "other.example", address) in proxy
    assert who(net, "198.51.100.2", address) in proxy


def test_refusal_is_a_reset(net, daemons):
    """It was accepted before anybody knew: curl's 52 and 56, not 7."""
    assert who(net, "rejected.example") in (52, 56)


def test_name_and_user(net, daemons):
    """The name makes the rules ask for the owner, too."""
    assert who(net, "user.example") == ADDRESS["proxy"]
    assert who(net, "user.example", user=2345) == ADDRESS["laptop"]


class Site:
    """Accepts once; says who came, and the first bytes of what was said."""

    def __init__(self, net, port, size):
        def play(sock):
            came = sock.getpeername()[0]
            return came, peer.receive_exactly(sock, size) if size else b""
        self.role = peer.Role(net.site, port, play)

    def join(self):
        return self.role.join()


def hello_of(name, more=b""):
    """A record with a ClientHello, as the network has it."""
    hello = quic_initial.client_hello(name, more)
    return b"\x16\3\1" + struct.pack("!H", len(hello)) + hello


def test_tls_in_small_pieces(net, daemons):
    """Nothing of what was looked at is lost, whatever the pieces."""
    hello = hello_of("tls.link.example")
    site = Site(net, 4443, len(hello))
    with peer.connect(net.laptop, ADDRESS["site"], 4443) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(hello), 7):
            client.sendall(hello[at:at + 7])
        assert site.join() == (ADDRESS["laptop"], hello)


def test_name_is_seen_and_the_address_stays(net, daemons):
    """--flows has the name; the proxy is asked for the address alone."""
    hello = hello_of("other.example")
    site = Site(net, 4444, len(hello))
    with peer.connect(net.laptop, ADDRESS["site"], 4444) as client:
        client.sendall(hello)
        # The proxy's machine does not know the name.
        assert site.join() == (ADDRESS["proxy"], hello)
        flow, = [flow for flow in flows_of(daemons)
                 if flow["dst"].endswith(":4444")]
        assert (flow["name"], flow["sniffed"]) == ("other.example", True)
        assert (flow["outbound"], flow["state"]) == ("proxy", "open")


def test_name_beside_ech_is_not_used(net, daemons):
    extension = struct.pack("!HH", 0xfe0d, 64) + bytes(64)
    hello = hello_of("tls.link.example", extension)
    site = Site(net, 4445, len(hello))
    with peer.connect(net.laptop, ADDRESS["site"], 4445) as client:
        client.sendall(hello)
        assert site.join() == (ADDRESS["proxy"], hello)


def test_openssl_is_understood(net, daemons):
    """A ClientHello as a library in wide use makes it."""
    site = Site(net, 4446, 100)
    with peer.connect(net.laptop, ADDRESS["site"], 4446) as client:
        context = ssl.create_default_context()
        def shake():
            with pytest.raises((ssl.SSLError, OSError)):
                context.wrap_socket(client,
                                    server_hostname="ssl.link.example")
        shaking = peer.Background(shake)
        assert site.join()[0] == ADDRESS["laptop"]
        shaking.join()


def test_silence_is_nameless(net, daemons):
    """A server that speaks first, on a port where nobody expects it."""
    follow(daemons, CONFIG.replace("sniff-wait: 5s", "sniff-wait: 20ms"))
    try:
        role = peer.Role(net.site, 4447, lambda sock: sock.sendall(b"220 hi"))
        with peer.connect(net.laptop, ADDRESS["site"], 4447) as client:
            assert peer.receive_exactly(client, 6) == b"220 hi"
        role.join()
    finally:
        follow(daemons, CONFIG)


def test_end_without_a_word_is_nameless(net, daemons):
    role = peer.Role(net.site, 4448, lambda sock: sock.recv(10))
    with peer.connect(net.laptop, ADDRESS["site"], 4448) as client:
        client.shutdown(socket.SHUT_WR)
        assert client.recv(10) == b""
    assert role.join() == b""


@pytest.mark.parametrize("port", (7000, 22))
def test_flow_without_need_is_not_touched(net, daemons, port):
    """Its rule is known, or a name would come too late: the SYN is held."""
    with pytest.raises(ConnectionRefusedError):
        peer.connect(net.laptop, ADDRESS["site"], port)


def test_flow_in_need_is_accepted_first(net, daemons):
    """The positive control of the above: nobody listens there either."""
    with peer.connect(net.laptop, ADDRESS["site"], 4449) as client:
        client.sendall(b"hello")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_rejected_without_a_name(net, daemons):
    """The rule behind those that need a name holds for who says none."""
    with peer.connect(net.laptop, ADDRESS["site"], 7001) as client:
        client.sendall(b"hello")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def send_quic(net, datagrams, port):
    """Who the site saw them from; they arrive as they were."""
    server = net.site.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", port))
    server.settimeout(20)
    client = net.laptop.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect((ADDRESS["site"], port))
    with server, client:
        for datagram in datagrams:
            client.send(datagram)
        got = [server.recvfrom(2000) for _ in datagrams]
    came, = {address[0] for _, address in got}
    assert [data for data, _ in got] == datagrams
    return came


@pytest.mark.parametrize("version", (quic_initial.VERSION_1,
                                     quic_initial.VERSION_2))
def test_quic(net, daemons, version):
    """microsocks has no UDP, so that the link is the only way out."""
    hello = quic_initial.client_hello("quic.link.example")
    datagram = quic_initial.seal(quic_initial.crypto(0, hello), version)
    assert send_quic(net, [datagram], 443) == ADDRESS["laptop"]


def test_quic_in_two_datagrams(net, daemons):
    more = struct.pack("!HH", 0xff01, 1500) + bytes(1500)
    hello = quic_initial.client_hello("two.link.example", more)
    target = b"12345678"
    datagrams = [
        quic_initial.seal(quic_initial.crypto(900, hello[900:]), target=target),
        quic_initial.seal(quic_initial.crypto(0, hello[:900]), target=target,
                          number=1)]
    assert send_quic(net, datagrams, 444) == ADDRESS["laptop"]


@pytest.mark.parametrize("what", ("noise", "another name"))
def test_other_udp_goes_by_the_last_rule(net, daemons, what):
    """The positive control: to a proxy without UDP it is refused at once."""
    datagram = b"x" * 1200
    if what != "noise":
        hello = quic_initial.client_hello("other.example")
        datagram = quic_initial.seal(quic_initial.crypto(0, hello))
    client = net.laptop.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(20)
    client.connect((ADDRESS["site"], 445))
    with client, pytest.raises(ConnectionRefusedError):
        client.send(datagram)
        client.recv(10)


def test_half_a_quic_hello_goes_on_without_a_name(net, daemons):
    """The rest never comes: in the end the last rule holds, here a refusal."""
    follow(daemons, CONFIG.replace("sniff-wait: 5s", "sniff-wait: 20ms"))
    try:
        hello = quic_initial.client_hello("half.link.example")
        half = quic_initial.seal(quic_initial.crypto(0, hello[:20]))
        client = net.laptop.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.settimeout(20)
        client.connect((ADDRESS["site"], 446))
        with client, pytest.raises(ConnectionRefusedError):
            client.send(half)
            client.recv(10)
    finally:
        follow(daemons, CONFIG)


def test_off_by_default(net, daemons):
    """Without the key the address alone decides, and the SYN is held."""
    follow(daemons, CONFIG[:CONFIG.index("routed:")])
    try:
        assert who(net, "www.link.example") == ADDRESS["proxy"]
        with pytest.raises(ConnectionRefusedError):
            peer.connect(net.laptop, ADDRESS["site"], 4449)
    finally:
        follow(daemons, CONFIG)
    assert who(net, "www.link.example") == ADDRESS["laptop"]
