# SPDX-License-Identifier: BSD-2-Clause
"""UDP through the relay, by real proxies and past them."""
import contextlib
import errno
import json
import os
import signal
import socket
import struct
import threading

import peer
import pytest
from _pytest.outcomes import Failed
from topology import (ADDRESS, ADDRESS6, PATIENCE, ROUTER, ROUTER6, Ersatz,
                      wait_until)

PORT = 7000


def fake_of(machine, name, version=4):
    return machine.out(f"getent ahostsv{version} {name}").split()[0]


def flows_of(daemons):
    lines = daemons.machine.out(
        daemons.command("routed", "--flows", "--json")).splitlines()
    return [flow for flow in map(json.loads, lines)
            if flow.get("network") == "udp"]


def status_of(daemons):
    return json.loads(daemons.machine.out(
        daemons.command("routed", "--status", "--json")).splitlines()[0])


def udp(machine, version=4, port=None):
    """An application's socket; with a port, a server's."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    sock = machine.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE)
    if port is not None:
        if version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("0.0.0.0" if version == 4 else "::", port))
    return sock


class Echo:
    """Answers each datagram with "ADDRESS PORT " of its sender and itself."""

    def __init__(self, machine, port=PORT):
        self.socks = [udp(machine, version, port) for version in (4, 6)]
        for sock in self.socks:
            sock.settimeout(None)
            threading.Thread(target=self._serve, args=(sock,),
                             daemon=True).start()

    @staticmethod
    def _serve(sock):
        with contextlib.suppress(OSError):
            while True:
                data, sender = sock.recvfrom(65535)
                if not sender:  # it is being closed
                    return
                text = f"{sender[0]} {sender[1]} ".encode()
                # As large as it came: room for the text is the sender's.
                answer = text + data
                sock.sendto(answer[:max(len(data), len(text))], sender)

    def close(self):
        for sock in self.socks:
            sock.close()


def ask(sock, address, port=PORT, data=b"hello"):
    """(who answered, whom the server saw)."""
    sock.sendto(data + bytes(64), (address, port))
    answer, source = sock.recvfrom(65535)
    words = answer.split(b" ", 2)
    return source[:2], (words[0].decode(), int(words[1]))


DANTE = """\
logoutput: stderr
internal: eth0 port = {port}
external: eth0
clientmethod: none
socksmethod: {method}
user.privileged: root
user.unprivileged: nobody
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
client pass {{ from: ::/0 to: ::/0 }}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
socks pass {{ from: ::/0 to: ::/0 }}
"""


def start_dante(net, port=1080, method="none"):
    config = f"/etc/danted-{port}.conf"
    net.proxy.path(config).write_text(DANTE.format(port=port, method=method))
    process = net.proxy.start(["danted", "-f", config, "-p",
                               f"/run/danted-{port}.pid"], log="dante")
    net.proxy.wait_listening(port)
    return process


CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  plain: {{ type: socks5, server: "{ADDRESS['proxy']}:1081" }}
  silent: {{ type: socks5, server: "{ADDRESS['proxy']}:1080", udp: off }}
  wire: {{ type: interface, interface: eth0 }}
  auto: {{ type: fallback, members: [plain, proxy] }}
rules:
  - DOMAIN,direct.example,wire
  - DOMAIN,drop.example,REJECT-DROP
  - DOMAIN,closed.example,REJECT
  - DOMAIN,plain.example,plain
  - DOMAIN,silent.example,silent
  - DOMAIN,group.example,auto
  - DST-PORT,7100-7199,DIRECT
  - MATCH,proxy
dnsd: {{ reject: fake }}
"""


@pytest.fixture
def daemons(net):
    # Dante 1.4 cannot send to a name that has addresses of both families.
    net.knows_site(net.proxy, has_ipv6=False)
    net.knows_site(net.proxy, "twin.example", has_ipv6=False)
    ersatz = Ersatz(net.laptop, CONFIG).up()
    yield ersatz
    ersatz.down()


@pytest.fixture
def echo(net):
    server = Echo(net.site)
    yield server
    server.close()


def test_names_and_addresses_by_dante(net, daemons, echo):
    start_dante(net)
    client = udp(net.laptop)
    fake = fake_of(net.laptop, "site.example")
    source, seen = ask(client, fake)
    assert source == (fake, PORT)
    assert seen[0] == ADDRESS["proxy"]
    # The same mapping for another destination.
    second = Echo(net.site, 7001)
    source, seen_again = ask(client, ADDRESS["site"], 7001)
    assert source == (ADDRESS["site"], 7001)
    assert seen_again == seen
    # By the name no more: the proxy may forget it.
    hosts = net.proxy.path("/etc/hosts")
    hosts.write_text(hosts.read_text().replace("site.example", "gone.example"))
    for _ in range(3):
        assert ask(client, fake) == ((fake, PORT), seen)
    flow, = [f for f in flows_of(daemons) if f["name"] == "site.example"]
    assert (flow["outbound"], flow["state"]) == ("proxy", "open")
    assert flow["rule"] == "MATCH,proxy"
    assert flow["up"] == 4 * 69 and flow["down"] == 4 * 69
    status = status_of(daemons)
    assert status["udp_flows_now"] == 1
    assert status["udp_packets_up"] == status["udp_packets_down"] == 5
    second.close()
    client.close()


def test_password_by_dante(net, echo):
    net.knows_site(net.proxy, has_ipv6=False)
    start_dante(net, method="username")
    net.proxy.run("useradd --no-create-home --shell /usr/sbin/nologin joe;"
                  "echo joe:secret | chpasswd")
    secret = net.laptop.path("/etc/ersatz")
    secret.mkdir(exist_ok=True)
    (secret / "password").write_text("secret\n")
    net.laptop.run("chown ersatz /etc/ersatz/password;"
                   "chmod 600 /etc/ersatz/password")
    ersatz = Ersatz(net.laptop, CONFIG.replace(
        ':1080" }', ':1080", username: joe, password-file: password }')).up()
    client = udp(net.laptop)
    assert ask(client, fake_of(net.laptop, "site.example"))[1][0] == \
        ADDRESS["proxy"]
    client.close()
    ersatz.down()


def read_header(datagram):
    """(host, port, payload) of what a SOCKS client sends."""
    assert datagram[:3] == bytes(3)
    kind, rest = datagram[3], datagram[4:]
    if kind == 3:
        host, rest = rest[1:1 + rest[0]].decode(), rest[1 + rest[0]:]
    else:
        size = 4 if kind == 1 else 16
        family = socket.AF_INET if kind == 1 else socket.AF_INET6
        host, rest = socket.inet_ntop(family, rest[:size]), rest[size:]
    return host, struct.unpack(">H", rest[:2])[0], rest[2:]


def header(host, port):
    if ":" in host:
        return b"\0\0\0\4" + socket.inet_pton(socket.AF_INET6, host) + \
            struct.pack(">H", port)
    return b"\0\0\0\1" + socket.inet_aton(host) + struct.pack(">H", port)


class Proxy:
    """An association that does what the test says."""

    def __init__(self, net):
        self.server = peer.listen(net.proxy, 1080)
        self.server.settimeout(PATIENCE)
        self.machine = net.proxy
        self.control = self.udp = self.client = None

    def associate(self, reply=0):
        self.control, _ = self.server.accept()
        self.control.settimeout(PATIENCE)
        assert self.control.recv(3) == b"\5\1\0"
        self.control.sendall(b"\5\0")
        assert self.control.recv(10) == b"\5\3\0\1" + bytes(6)
        self.udp = udp(self.machine, 4, 0)
        port = self.udp.getsockname()[1]
        # The unspecified address stands for the server's own.
        self.control.sendall(bytes((5, reply, 0, 1)) + bytes(4) +
                             struct.pack(">H", port))

    def receive(self):
        datagram, self.client = self.udp.recvfrom(70000)
        return read_header(datagram)

    def send(self, host, port, payload):
        self.udp.sendto(header(host, port) + payload, self.client)

    def end(self):
        self.control.close()
        self.udp.close()


@pytest.fixture
def proxy(net):
    server = Proxy(net)
    yield server
    server.server.close()


def test_a_third_party_gets_through_and_an_association_is_remade(
        net, daemons, proxy):
    client = udp(net.laptop)
    fake = fake_of(net.laptop, "site.example")
    client.sendto(b"one", (fake, PORT))
    proxy.associate()
    assert proxy.receive() == ("site.example", PORT, b"one")
    proxy.send("192.0.2.77", PORT, b"first")
    assert client.recvfrom(100) == (b"first", (fake, PORT))
    # Now it is known where the name lies.
    client.sendto(b"two", (fake, PORT))
    assert proxy.receive() == ("192.0.2.77", PORT, b"two")
    # A stranger, and another port of somebody known.
    proxy.send("192.0.2.99", 9999, b"stranger")
    assert client.recvfrom(100) == (b"stranger", ("192.0.2.99", 9999))
    proxy.send("192.0.2.77", 9999, b"other port")
    assert client.recvfrom(100) == (b"other port", ("192.0.2.77", 9999))
    # The stranger is answered by his address; of a wrong family nothing comes.
    client.sendto(b"hello", ("192.0.2.99", 9999))
    assert proxy.receive() == ("192.0.2.99", 9999, b"hello")
    proxy.send("2001:db8::9", 9999, b"wrong family")
    proxy.send("192.0.2.99", 9999, b"right family")
    assert client.recvfrom(100)[0] == b"right family"
    # The proxy starts again.
    proxy.end()
    wait_until(lambda: {f["state"] for f in flows_of(daemons)} == {"shut"},
               "the end of the association is seen")
    client.sendto(b"three", (fake, PORT))
    proxy.associate()
    assert proxy.receive()[2] == b"three"
    proxy.send("192.0.2.77", PORT, b"again")
    assert client.recvfrom(100) == (b"again", (fake, PORT))
    proxy.end()
    client.close()


def test_datagrams_of_any_size(net, daemons, proxy):
    client = udp(net.laptop)
    fake = fake_of(net.laptop, "site.example")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    client.sendto(b"", (fake, PORT))
    proxy.associate()
    assert proxy.receive() == ("site.example", PORT, b"")
    proxy.send("192.0.2.77", PORT, b"")
    assert client.recvfrom(100) == (b"", (fake, PORT))
    # 65,507 less the header of SOCKS is what a proxy by IPv4 can be sent.
    for size in (1, 1200, 1472, 1473, 2000, 9000, 30000, 65507 - 10):
        data = os.urandom(size)
        client.sendto(data, (fake, PORT))
        assert proxy.receive() == ("192.0.2.77", PORT, data)
        proxy.send("192.0.2.77", PORT, data)
        assert client.recvfrom(70000) == (data, (fake, PORT))
    proxy.end()
    client.close()


@pytest.mark.parametrize("version", (4, 6))
def test_trains_arrive_as_the_datagrams_they_are(net, daemons, proxy, version):
    """UDP_SEGMENT of the application; of the relay both ways."""
    udp_segment = 103
    client = udp(net.laptop, version)
    fake = fake_of(net.laptop, "site.example", version)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    client.sendto(b"first", (fake, PORT))
    proxy.associate()
    assert proxy.receive() == ("site.example", PORT, b"first")
    real = "192.0.2.77" if version == 4 else "2001:db8::77"
    proxy.send(real, PORT, b"hello")
    assert client.recvfrom(100)[0] == b"hello"
    data = [bytes([i]) * (1200 if i < 29 else 700) for i in range(30)]
    client.sendmsg([b"".join(data)], [(socket.IPPROTO_UDP, udp_segment,
                                       struct.pack("H", 1200))], 0,
                   (fake, PORT))
    for expected in data:
        assert proxy.receive() == (real, PORT, expected)
    for one in data:
        proxy.send(real, PORT, one)
    for expected in data:
        answer, source = client.recvfrom(2000)
        assert (answer, source[:2]) == (expected, (fake, PORT))
    proxy.end()
    client.close()


def refusal_of(machine, address, port=PORT, seconds=PATIENCE):
    """What an application that tries UDP there is told."""
    version = 6 if ":" in address else 4
    client = udp(machine, version)
    client.settimeout(seconds)
    # Or only errors of ports would be told: ip(7), IP_RECVERR.
    if version == 4:
        client.setsockopt(socket.IPPROTO_IP, 11, 1)
    else:
        client.setsockopt(socket.IPPROTO_IPV6, 25, 1)
    client.connect((address, port))
    client.send(b"is anybody there?")
    with contextlib.closing(client), pytest.raises(OSError) as error:
        client.recv(100)
    return error.value.errno


def test_what_is_not_carried_is_told_at_once(net, daemons, proxy):
    """So that QUIC falls back to TCP."""
    laptop = net.laptop
    net.start_microsocks(net.proxy, 1081)
    # In a group the next member is asked, the first time too.
    client = udp(laptop)
    client.sendto(b"one", (fake_of(laptop, "group.example"), PORT))
    proxy.associate()
    assert proxy.receive() == ("group.example", PORT, b"one")
    flow, = [f for f in flows_of(daemons) if f["name"] == "group.example"]
    assert flow["outbound"] == "proxy"
    proxy.end()
    client.close()
    refused = errno.ECONNREFUSED
    for version in (4, 6):
        for name in ("closed.example", "plain.example", "silent.example"):
            assert refusal_of(laptop, fake_of(laptop, name, version)) == refused
    unknown = "198.19.77.77"
    assert refusal_of(laptop, unknown) == refused
    # What microsocks said is remembered: it is not asked again.
    before = net.proxy.out("nstat -asz TcpPassiveOpens").split()[-2]
    assert refusal_of(laptop, fake_of(laptop, "plain.example")) == refused
    after = net.proxy.out("nstat -asz TcpPassiveOpens").split()[-2]
    assert before == after
    # REJECT-DROP keeps silent; the control is above.
    client = udp(laptop)
    client.connect((fake_of(laptop, "drop.example"), PORT))
    client.settimeout(0.5)
    client.send(b"anybody?")
    with pytest.raises(TimeoutError):
        client.recv(100)
    client.close()
    # A proxy that is down: the network is out of reach.
    proxy.server.close()
    assert refusal_of(laptop, fake_of(laptop, "site.example")) == \
        errno.ENETUNREACH
    assert status_of(daemons)["udp_refused"] >= 9


@pytest.mark.parametrize("version", (4, 6))
def test_directly_and_by_an_interface(net, daemons, version):
    address = (ADDRESS if version == 4 else ADDRESS6)
    client = udp(net.laptop, version)
    echo = Echo(net.site, 7100)
    # A name, by the interface that its rule names; whoever else by DIRECT.
    fake = fake_of(net.laptop, "direct.example", version)
    source, seen = ask(client, fake, 7100)
    assert source == (fake, 7100)
    assert seen[0] == address["laptop"]
    source, first = ask(client, address["site"], 7100)
    assert source == (address["site"], 7100)
    second = Echo(net.site, 7101)
    assert ask(client, address["site"], 7101)[1] == first
    # A third party that knows the mapping gets through.
    stranger = udp(net.proxy, version, 7777)
    stranger.sendto(b"knock", first)
    data, source = client.recvfrom(100)
    assert (data, source[:2]) == (b"knock", (address["proxy"], 7777))
    # As large as it gets.
    big = os.urandom(65507 if version == 4 else 65000)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    client.sendto(big, (address["site"], 7100))
    answer, _ = client.recvfrom(70000)
    assert answer.split(b" ", 2)[2] == big[:len(answer) - len(
        b" ".join(answer.split(b" ", 2)[:2])) - 1]
    # Errors of the way are the application's.
    assert refusal_of(net.laptop, address["site"], 7199) == errno.ECONNREFUSED
    assert refusal_of(net.laptop, fake, 7199) == errno.ECONNREFUSED
    for thing in (client, echo, second, stranger):
        thing.close()


@pytest.mark.parametrize("version", (4, 6))
def test_errors_of_routers_come_back(net, daemons, version):
    """Too large for the way beyond; no such host; traceroute by UDP."""
    addresses, routers = ((ADDRESS, ROUTER) if version == 4 else
                          (ADDRESS6, ROUTER6))
    nowhere = "198.51.100.77" if version == 4 else "2001:db8:3::77"
    level, discover, mtu = ((socket.IPPROTO_IP, 10, 14) if version == 4 else
                            (socket.IPPROTO_IPV6, 23, 24))
    net.router.run("ip link set site mtu 1300")
    net.site.run("ip link set eth0 mtu 1300")
    echo = Echo(net.site, 7100)
    client = udp(net.laptop, version)
    client.setsockopt(level, discover, 2)  # IP_PMTUDISC_DO
    client.connect((addresses["site"], 7100))

    def is_told():
        try:
            client.send(bytes(1400))
        except OSError as error:
            return error.errno == errno.EMSGSIZE
        return False

    wait_until(is_told, "the application is told of the smaller MTU")
    # By IPv6 the kernel keeps it with a route that such a socket never sees:
    # that of what already has the TUN's address.
    if version == 4:
        assert client.getsockopt(level, mtu) == 1300
    # An error of those before may still wait.
    client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    client.send(bytes(1200))
    assert len(client.recv(2000)) == 1200
    net.router.run(f"ip route add unreachable {nowhere}")
    assert refusal_of(net.laptop, nowhere, 7100) == (
        errno.EHOSTUNREACH if version == 4 else errno.ENETUNREACH)
    path = net.laptop.out(["traceroute", f"-{version}", "-n", "-q", "1", "-w",
                           "30", "-p", "7150", addresses["site"]]).split("\n")
    assert path[1].split()[1] == routers["laptop"]
    assert path[2].split()[1] == addresses["site"]
    for thing in (client, echo):
        thing.close()


def test_port_53_is_dnsds(net, daemons):
    laptop = net.laptop
    for server in ("8.8.8.8", "2001:4860:4860::8888"):
        for way in ("+notcp", "+tcp"):
            answer = laptop.out(["dig", "+tries=1", "+time=5", way, "+short",
                                 f"@{server}", "site.example"])
            assert answer.strip() == fake_of(laptop, "site.example")
    assert status_of(daemons)["dns_queries"] == 2
    # Many at a time by one socket, to several servers, each from its own.
    client = udp(laptop)
    question = b"\1\0\0\1\0\0\0\0\0\0\4site\7example\0\0\1\0\1"
    for i in range(200):
        client.sendto(struct.pack(">H", i) + question, (f"8.8.{i % 2}.8", 53))
    for _ in range(200):
        answer, source = client.recvfrom(1000)
        number, = struct.unpack(">H", answer[:2])
        assert source == (f"8.8.{number % 2}.8", 53)
    client.close()
    # Without a dnsd nobody is there, and nobody else is asked.
    daemons.stop("dnsd")
    assert refusal_of(laptop, "8.8.8.8", 53) == errno.ECONNREFUSED
    daemons.start("dnsd")
    assert laptop.out(["dig", "+short", "@8.8.8.8", "site.example"]).strip()


SHADOWSOCKS = {"server": ADDRESS["proxy"], "server_port": 8388,
               "password": "x", "method": "aes-256-gcm", "timeout": 60}


def test_shadowsocks_on_this_very_host(net, echo):
    """What ss-local itself sends is recognised, and not led back to it."""
    # Of both families, or it waits for an answer about the other one.
    net.knows_site(net.proxy)
    for machine in (net.proxy, net.laptop):
        machine.path("/etc/ss.json").write_text(json.dumps(SHADOWSOCKS))
    net.proxy.start(["ss-server", "-u", "-c", "/etc/ss.json"], log="ss")
    net.proxy.wait_listening(8388, "udp")
    net.laptop.start(["ss-local", "-u", "-c", "/etc/ss.json", "-b",
                      "127.0.0.1", "-l", "1080"], log="ss")
    net.laptop.wait_listening(1080)
    net.laptop.wait_listening(1080, "udp")
    ersatz = Ersatz(net.laptop, """\
outbounds: { proxy: { type: socks5, server: "127.0.0.1:1080" } }
rules: [ "MATCH,proxy" ]
""").up()
    client = udp(net.laptop)
    fake = fake_of(net.laptop, "site.example")
    for _ in range(20):
        source, seen = ask(client, fake)
        assert source == (fake, PORT)
        assert seen[0] in (ADDRESS["proxy"], ADDRESS6["proxy"])
    assert ask(client, ADDRESS["site"])[1][0] == ADDRESS["proxy"]
    status = status_of(ersatz)
    assert status["loops"] == 0
    # Its own flow, past the proxy, and the client's.
    assert {(f["own"], f["outbound"]) for f in flows_of(ersatz)} == {
        (True, "DIRECT"), (False, "proxy")}
    client.close()
    ersatz.down()


def test_limits_and_idle_times(net):
    echo = Echo(net.site, 7100)
    limits = "routed: { udp: { flows: 16, flows-per-source: 3, idle: %s } }\n"
    ersatz = Ersatz(net.laptop, CONFIG + limits % "10m").up()
    clients = [udp(net.laptop) for _ in range(3)]
    for client in clients:
        ask(client, ADDRESS["site"], 7100)
    assert refusal_of(net.laptop, ADDRESS["site"], 7100) == errno.ECONNREFUSED
    # Those that are there go on.
    ask(clients[0], ADDRESS["site"], 7100)
    relay = f"/proc/{ersatz.relay_pid()}/fd"
    before = len(os.listdir(relay))
    ersatz.write(CONFIG + limits % "1s")
    os.kill(ersatz.pid("routed"), signal.SIGHUP)
    wait_until(lambda: status_of(ersatz)["udp_flows_now"] == 0,
               "silent flows are forgotten")
    assert flows_of(ersatz) == []
    assert len(os.listdir(relay)) <= before - 3
    # And come back when they are no longer silent.
    ask(clients[0], ADDRESS["site"], 7100)
    for client in clients:
        client.close()
    echo.close()
    ersatz.down()


def test_a_reload_keeps_mappings(net, daemons):
    echo, other = Echo(net.site, 7100), Echo(net.site, 7101)
    client = udp(net.laptop)
    seen = ask(client, ADDRESS["site"], 7100)[1]
    daemons.write(CONFIG.replace("  - DST-PORT,7100-7199,DIRECT\n", """\
  - DST-PORT,7100,REJECT
  - NETWORK,udp,DIRECT
"""))
    os.kill(daemons.pid("routed"), signal.SIGHUP)

    def is_followed():
        with contextlib.suppress(Failed):
            return refusal_of(net.laptop, ADDRESS["site"], 7100, 1) == \
                errno.ECONNREFUSED
        return False

    wait_until(is_followed, "new flows follow the new rules")
    # What was there goes on; a new destination sees the same mapping.
    assert ask(client, ADDRESS["site"], 7100)[1] == seen
    assert ask(client, ADDRESS["site"], 7101)[1] == seen
    for thing in (client, echo, other):
        thing.close()


def test_a_reload_ends_flows_of_a_removed_outbound(net, daemons):
    """Those of others stay: the positive control."""
    first, second = Echo(net.site, 7100), Echo(net.site, 7101)
    config = CONFIG.replace("rules:\n", "rules:\n  - DST-PORT,7100,wire\n")
    without = "".join(line for line in CONFIG.splitlines(True)
                      if "wire" not in line)

    def follow(text):
        before = net.laptop.log("routed").count("reloaded")
        daemons.write(text)
        os.kill(daemons.pid("routed"), signal.SIGHUP)
        wait_until(lambda: net.laptop.log("routed").count("reloaded") > before,
                   "the reload")

    follow(config)
    lost, kept = udp(net.laptop), udp(net.laptop)
    ask(lost, ADDRESS["site"], 7100)
    ask(kept, ADDRESS["site"], 7101)
    assert {flow["outbound"] for flow in flows_of(daemons)} == {"wire",
                                                                "DIRECT"}
    follow(without)
    wait_until(lambda: [flow["outbound"] for flow in flows_of(daemons)] ==
               ["DIRECT"], "the flow of the outbound is gone")
    # What comes next follows the rules that are.
    ask(lost, ADDRESS["site"], 7100)
    for thing in (lost, kept, first, second):
        thing.close()


def test_a_link_that_goes_and_comes(net, daemons):
    echo = Echo(net.site, 7100)
    client = udp(net.laptop)
    ask(client, ADDRESS["site"], 7100)
    daemons.before = None  # the link forgets its routes
    net.laptop.run("ip link set eth0 down")
    wait_until(lambda: flows_of(daemons) == [], "the flow has lost its link")
    net.laptop.run(f"ip link set eth0 up;"
                   f"ip route add default via {ROUTER['laptop']}")

    def is_back():
        with contextlib.suppress(OSError):
            client.settimeout(1)
            ask(client, ADDRESS["site"], 7100)
            return True
        return False

    wait_until(is_back, "the flow is carried again")
    client.close()
    echo.close()
