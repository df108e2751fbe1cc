# SPDX-License-Identifier: BSD-2-Clause
"""What the relay does with flows, seen from the application's kernel."""
import concurrent.futures
import contextlib
import errno
import json
import os
import signal
import socket
import struct
import threading
import time

import peer
import pytest
from topology import (ADDRESS, ADDRESS6, BUILD, PATIENCE, Ersatz,
                      wait_until)

TCP_INFO_RTT = 68  # offset of tcpi_rtt in struct tcp_info, linux/tcp.h

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  wire: {{ type: interface, interface: eth0 }}
rules:
  - DOMAIN,direct.example,wire
  - DOMAIN,drop.example,REJECT-DROP
  - DOMAIN,closed.example,REJECT
  - IP-CIDR,192.168.0.0/16,DIRECT,no-resolve
  - DST-PORT,7000-7099,DIRECT
  - MATCH,proxy
dnsd: {{ reject: fake }}
"""


@pytest.fixture
def daemons(net, site):
    ersatz = Ersatz(net.laptop, CONFIG).up()
    yield ersatz
    ersatz.down()


def fake_of(machine, name, version=4):
    return machine.out(f"getent ahostsv{version} {name}").split()[0]


def flows_of(daemons):
    lines = daemons.machine.out(
        daemons.command("routed", "--flows", "--json")).splitlines()
    return [flow for flow in map(json.loads, lines) if "dst" in flow]


def begin(machine, address, port):
    """A connect() that is under way."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    client = machine.socket(family, socket.SOCK_STREAM)
    client.setblocking(False)
    assert client.connect_ex((address, port)) == errno.EINPROGRESS
    return client


def is_connected(client):
    try:
        client.getpeername()
    except OSError:
        return False
    return True


def receive_exactly(sock, size):
    got = b""
    while len(got) < size:
        block = sock.recv(size - len(got))
        assert block, "the other side hung up"
        got += block
    return got


class Proxy:
    """A SOCKS server at the proxy that answers when the test says so."""

    def __init__(self, net):
        self.server = peer.listen(net.proxy, 1080)
        self.server.settimeout(PATIENCE)

    def asked(self):
        """Up to the request: the connection, and the name in it."""
        sock, _ = self.server.accept()
        sock.settimeout(PATIENCE)
        assert receive_exactly(sock, 3) == b"\5\1\0"
        sock.sendall(b"\5\0")
        head = receive_exactly(sock, 5)
        assert head[:4] == b"\5\1\0\3"
        return sock, receive_exactly(sock, head[4] + 2)[:-2].decode()

    @staticmethod
    def reply(sock, code=0):
        sock.sendall(bytes((5, code, 0, 1)) + bytes(6))


@pytest.fixture
def proxy(net):
    server = Proxy(net)
    yield server
    server.server.close()


@pytest.mark.parametrize("version", (4, 6))
def test_connect_waits_for_the_outbound(net, daemons, proxy, version):
    """No SYN-ACK before the proxy has said that it is connected."""
    client = begin(net.laptop, fake_of(net.laptop, "site.example", version), 80)
    sock, name = proxy.asked()
    assert name == "site.example"
    assert not is_connected(client)
    assert [flow["state"] for flow in flows_of(daemons)] == ["held"]
    proxy.reply(sock)
    wait_until(lambda: is_connected(client), "the application is connected")
    client.settimeout(PATIENCE)
    sock.sendall(b"welcome")
    assert receive_exactly(client, 7) == b"welcome"
    sock.close()


@pytest.mark.parametrize("code,error", (
    (1, errno.EHOSTUNREACH), (2, errno.EHOSTUNREACH), (3, errno.ENETUNREACH),
    (4, errno.EHOSTUNREACH), (5, errno.ECONNREFUSED), (6, errno.EHOSTUNREACH)))
def test_refusal_of_the_proxy_is_the_applications(net, daemons, proxy, code,
                                                  error):
    client = begin(net.laptop, fake_of(net.laptop, "site.example"), 80)
    sock, _ = proxy.asked()
    proxy.reply(sock, code)
    wait_until(lambda: client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
               == error, f"connect() fails with {errno.errorcode[error]}")
    assert flows_of(daemons) == []


def test_proxy_that_is_down_is_told_at_once(net, daemons):
    with pytest.raises(OSError) as error:
        peer.connect(net.laptop, fake_of(net.laptop, "site.example"), 80)
    assert error.value.errno == errno.ENETUNREACH


def test_late_connection_knows_its_round_trip_time(net, daemons, proxy):
    """The newest SYN is the one that enters: the first gave an RTT of 3 s."""
    fake = fake_of(net.laptop, "site.example")
    started = time.monotonic()
    client = begin(net.laptop, fake, 80)
    sock, _ = proxy.asked()
    before = net.laptop.out("nstat -asz TcpRetransSegs").split()[-2]
    wait_until(lambda: net.laptop.out("nstat -asz TcpRetransSegs").split()[-2]
               != before, "the application sends its SYN again")
    proxy.reply(sock)
    wait_until(lambda: is_connected(client), "the application is connected")
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    # The second SYN is sent a second after the first.
    since_first = time.monotonic() - started
    assert struct.unpack_from("I", info, TCP_INFO_RTT)[0] / 1e6 < \
        since_first - 0.9
    sock.close()


def test_dropped_name_is_silent(net, daemons):
    client = net.laptop.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.settimeout(1.5)
    with pytest.raises(socket.timeout):
        client.connect((fake_of(net.laptop, "drop.example"), 80))


def test_rejected_name_is_refused(net, daemons):
    with pytest.raises(ConnectionRefusedError):
        peer.connect(net.laptop, fake_of(net.laptop, "closed.example"), 80)


@pytest.mark.parametrize("version", (4, 6))
def test_interface_outbound_resolves_the_name_for_real(net, daemons, version):
    assert fake_of(net.laptop, "direct.example", version).startswith(
        "198.18." if version == 4 else "2001:2:")
    answer = net.laptop.out(f"curl -{version} -sS http://direct.example/who")
    assert answer.split()[0] in (ADDRESS["laptop"], ADDRESS6["laptop"])


def test_without_dnsd_such_a_name_is_unreachable(net, daemons):
    fake = fake_of(net.laptop, "direct.example")
    daemons.stop("dnsd")
    with pytest.raises(OSError) as error:
        peer.connect(net.laptop, fake, 80)
    assert error.value.errno == errno.EHOSTUNREACH
    daemons.start("dnsd")
    peer.connect(net.laptop, fake, 80).close()


def open_many(machine, address, port, count):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return list(pool.map(
            lambda _: peer.connect(machine, address, port), range(count)))


def test_idle_flow_costs_two_descriptors(net, daemons):
    server = peer.listen(net.site, 7001)
    relay = daemons.relay_pid()

    def descriptors():
        return len(os.listdir(f"/proc/{relay}/fd"))

    before = descriptors()
    clients = open_many(net.laptop, ADDRESS["site"], 7001, 200)
    accepted = [server.accept()[0] for _ in clients]
    wait_until(lambda: len([f for f in flows_of(daemons)
                            if f["state"] == "open"]) == 200, "all are open")
    assert descriptors() - before <= 2 * 200 + 16
    for sock in clients + accepted:
        sock.close()
    wait_until(lambda: flows_of(daemons) == [], "all are gone")
    wait_until(lambda: descriptors() <= before + 16, "nothing is left open")
    server.close()


def test_flow_is_listed_with_its_rule(net, daemons):
    server = peer.listen(net.site, 7001)
    client = peer.connect(net.laptop, ADDRESS["site"], 7001)
    accepted = server.accept()[0]
    accepted.sendall(b"x" * 1000)
    receive_exactly(client, 1000)
    client.sendall(b"y" * 10)
    receive_exactly(accepted, 10)
    flow, = flows_of(daemons)
    source = client.getsockname()
    assert flow["src"] == f"{source[0]}:{source[1]}"
    assert flow["dst"] == f"{ADDRESS['site']}:7001"
    assert flow["rule"] == "DST-PORT,7000-7099,DIRECT"
    assert (flow["outbound"], flow["state"]) == ("DIRECT", "open")
    assert (flow["up"], flow["down"]) == (10, 1000)
    for sock in (client, accepted, server):
        sock.close()


def test_too_many_flows_are_refused(net, site):
    server = peer.listen(net.site, 7001)
    daemons = Ersatz(net.laptop, CONFIG + "routed: { flows: 16 }\n").up()
    clients = open_many(net.laptop, ADDRESS["site"], 7001, 16)
    with pytest.raises(ConnectionRefusedError):
        peer.connect(net.laptop, ADDRESS["site"], 7001)
    clients.pop().close()
    for _ in range(16):
        server.accept()[0].close()
    wait_until(lambda: len(flows_of(daemons)) < 16, "one has ended")
    clients.append(peer.connect(net.laptop, ADDRESS["site"], 7001))
    for sock in clients:
        sock.close()
    server.close()
    daemons.down()


def open_flow(net, port=7001):
    """(the application's end, the site's end) of a flow that is open."""
    server = peer.listen(net.site, port)
    client = peer.connect(net.laptop, ADDRESS["site"], port)
    accepted = server.accept()[0]
    accepted.settimeout(PATIENCE)
    server.close()
    accepted.sendall(b"x")
    assert receive_exactly(client, 1) == b"x"
    return client, accepted


def test_flow_ends_when_its_link_goes(net, daemons):
    client, accepted = open_flow(net)
    daemons.before = None  # the link forgets its routes and addresses
    net.laptop.run("ip link set eth0 down")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    accepted.close()


def test_flow_ends_when_its_address_goes(net, daemons):
    client, accepted = open_flow(net)
    daemons.before = None
    address = ADDRESS["laptop"]
    net.laptop.run(f"ip addr add {address}9/24 dev eth0")
    # The control: an address that comes disturbs nobody.
    accepted.sendall(b"still")
    assert receive_exactly(client, 5) == b"still"
    net.laptop.run("sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1;"
                   f"ip addr del {address}/24 dev eth0")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    accepted.close()


def test_reload_leaves_flows_alone(net, daemons):
    client, accepted = open_flow(net)
    daemons.write(CONFIG.replace("7000-7099,DIRECT", "7000-7099,REJECT"))
    os.kill(daemons.pid("routed"), signal.SIGHUP)

    def is_refused():
        with contextlib.suppress(ConnectionRefusedError):
            peer.connect(net.laptop, ADDRESS["site"], 7002).close()
            return False
        return True

    server = peer.listen(net.site, 7002)
    wait_until(is_refused, "new flows follow the new rules")
    accepted.sendall(b"still")
    assert receive_exactly(client, 5) == b"still"
    client.sendall(b"here")
    assert receive_exactly(accepted, 4) == b"here"
    for sock in (client, accepted, server):
        sock.close()


def test_stop_ends_flows_at_both_ends(net, daemons):
    client, accepted = open_flow(net)
    daemons.stop("routed")
    # By the relay, or by routed, which destroys what is left of the TUN.
    with pytest.raises((ConnectionResetError, ConnectionAbortedError)):
        client.recv(1)
    with pytest.raises(ConnectionResetError):
        accepted.recv(1)


@pytest.mark.parametrize("version,text", ((4, "Unreachable"),
                                          (6, "unreachable")))
def test_ping_says_unreachable(net, daemons, version, text):
    fake = fake_of(net.laptop, "site.example", version)
    result = net.laptop.run(["ping", "-c", "1", "-W", "30", fake], check=False)
    assert result.returncode == 1
    assert text in result.stdout


def test_flood_of_connections_leaves_nothing_behind(net, daemons):
    """Thousands of short flows, some aborted; descriptors and flows go."""
    server = peer.listen(net.site, 7001)
    relay = daemons.relay_pid()
    before = len(os.listdir(f"/proc/{relay}/fd"))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                sock = server.accept()[0]
                with contextlib.suppress(OSError):
                    sock.sendall(b"x" * 100)
                sock.close()

    threading.Thread(target=serve, daemon=True).start()

    def fetch(number):
        with contextlib.suppress(OSError):
            client = peer.connect(net.laptop, ADDRESS["site"], 7001)
            if number % 3 == 0:
                peer.reset(client)
                return 0
            size = peer.receive_all(client)[0]
            client.close()
            return size
        return -1

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        sizes = list(pool.map(fetch, range(2000)))
    assert {size for i, size in enumerate(sizes) if i % 3} == {100}
    wait_until(lambda: flows_of(daemons) == [], "all flows are gone")
    assert len(os.listdir(f"/proc/{relay}/fd")) <= before + 16
    server.close()


def test_flood_of_syns_leaves_an_open_flow_alone(net, daemons):
    """It answers all the while, and is all that is left in the end."""
    server = peer.listen(net.site, 7001)
    client = peer.connect(net.laptop, ADDRESS["site"], 7001)
    far = server.accept()[0]
    flood = net.laptop.start([BUILD / "tests/net/syns", "ersatz0", "0.0.0.0",
                              ADDRESS["site"], "200000", "1"], log="syns")
    rounds = 0
    while flood.poll() is None or rounds == 0:
        client.sendall(b"ping")
        assert peer.receive_exactly(far, 4) == b"ping"
        far.sendall(b"pong")
        assert peer.receive_exactly(client, 4) == b"pong"
        rounds += 1
    assert flood.returncode == 0 and int(net.laptop.log("syns")) > 0

    def flows_ever():
        return json.loads(net.laptop.out(daemons.command(
            "routed", "--status", "--json")))["flows_ever"]

    wait_until(lambda: flows_ever() > 100, "many come as far as the outbound")
    wait_until(lambda: len(flows_of(daemons)) == 1,
               "only the open flow is left", 60)
    peer.connect(net.laptop, ADDRESS["site"], 7001).close()
    for sock in (client, far, server):
        sock.close()


def test_large_and_odd_segments_arrive_whole(net, daemons):
    """Blocks of all sizes around segments, pages and pipes, both ways."""
    sizes = [1, 2, 1447, 1448, 1449, 4095, 4096, 4097, 65535, 65536, 65537,
             262143, 262144, 262145, 1 << 20]

    def echoes(sock):
        while True:
            block = sock.recv(1 << 16)
            if not block:
                return
            sock.sendall(block)

    role = peer.Role(net.site, 7001, echoes)
    client = peer.connect(net.laptop, ADDRESS["site"], 7001)
    for size in sizes:
        block = os.urandom(size)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            sender = pool.submit(client.sendall, block)
            assert receive_exactly(client, size) == block
            sender.result()
    client.close()
    role.join()
