# SPDX-License-Identifier: BSD-2-Clause
"""UDP through a stream of a SOCKS5 proxy: 'udp: udp-over-tcp'.

       laptop === TUN, relay ---- TCP ---- proxy ---- UDP ---- site
"""
import errno
import os
import socket
import struct
import threading

import peer
import pytest
from peer import receive_exactly
from test_udp import (Echo, ask, fake_of, flows_of, refusal_of, status_of,
                      udp)
from topology import ADDRESS, ADDRESS6, Ersatz, wait_until
from uot_server import HOST, UotServer

PORT = 7000
CONFIG = f"""\
outbounds:
  proxy:
    type: socks5
    server: "{ADDRESS['proxy']}:1080"
    udp: udp-over-tcp
rules: [ "MATCH,proxy" ]
"""
NAMES = {"site.example": ADDRESS["site"]}


@pytest.fixture
def daemons(net):
    ersatz = Ersatz(net.laptop, CONFIG).up()
    yield ersatz
    ersatz.down()


@pytest.fixture
def echo(net):
    server = Echo(net.site)
    yield server
    server.close()


@pytest.fixture
def server(net):
    uot = UotServer(net.proxy, NAMES)
    yield uot
    uot.close()


def test_names_and_addresses_of_both_families(net, daemons, echo, server):
    """One mapping for all that a socket sends to, and all that it hears."""
    client = udp(net.laptop)
    fake = fake_of(net.laptop, "site.example")
    source, seen = ask(client, fake)
    assert source == (fake, PORT)
    assert seen[0].endswith(ADDRESS["proxy"])
    assert server.requests == [("site.example", PORT)]
    assert server.asked == [("site.example", PORT)]
    # From then on it is asked for by the address that answered.
    assert ask(client, fake)[1] == seen
    assert server.asked[1:] == [(ADDRESS["site"], PORT)]
    second = Echo(net.site, 7001)
    source, again = ask(client, ADDRESS["site"], 7001)
    assert (source, again) == ((ADDRESS["site"], 7001), seen)
    assert len(server.requests) == 1
    # A third party that knows the mapping gets through.
    stranger = udp(net.router, 4, 7777)
    stranger.sendto(b"knock", (ADDRESS["proxy"], seen[1]))
    data, source = client.recvfrom(100)
    assert (data, source[1]) == (b"knock", 7777)
    other = udp(net.laptop, 6)
    source, seen = ask(other, ADDRESS6["site"])
    assert source == (ADDRESS6["site"], PORT)
    assert seen[0] == ADDRESS6["proxy"]
    assert {(flow["outbound"], flow["state"]) for flow in flows_of(daemons)} \
        == {("proxy", "open")}
    for thing in (client, other, second, stranger):
        thing.close()


def test_datagrams_of_any_size(net, daemons, echo, server):
    client = udp(net.laptop)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    fake = fake_of(net.laptop, "site.example")
    ask(client, fake)
    for size in (100, 1200, 1472, 1473, 9000, 30000, 65507):
        data = os.urandom(size)
        client.sendto(data, (fake, PORT))
        answer, source = client.recvfrom(70000)
        assert source == (fake, PORT)
        assert len(answer) == size
        seen = answer.split(b" ", 2)
        assert data.startswith(seen[2])
    client.close()


def test_a_train_arrives_as_its_datagrams(net, daemons, echo, server):
    udp_segment = 103
    client = udp(net.laptop)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    fake = fake_of(net.laptop, "site.example")
    ask(client, fake)
    data = [bytes([i]) * (1200 if i < 29 else 700) for i in range(30)]
    client.sendmsg([b"".join(data)], [(socket.IPPROTO_UDP, udp_segment,
                                       struct.pack("H", 1200))], 0,
                   (fake, PORT))
    for one in data:
        answer = client.recv(2000)
        assert len(answer) == len(one)
        assert answer.split(b" ", 2)[2][:500] == one[:500]
    client.close()


def test_a_stream_that_ends_is_made_anew(net, daemons, echo, server):
    client = udp(net.laptop)
    fake = fake_of(net.laptop, "site.example")
    ask(client, fake)
    server.end_streams()
    wait_until(lambda: {f["state"] for f in flows_of(daemons)} == {"shut"},
               "the end of the stream is seen")
    assert ask(client, fake)[0] == (fake, PORT)
    assert len(server.requests) == 2
    client.close()


def test_a_user_and_a_password(net, echo):
    secret = net.laptop.path("/etc/ersatz")
    secret.mkdir(exist_ok=True)
    (secret / "password").write_text("secret\n")
    net.laptop.run("chown ersatz /etc/ersatz/password;"
                   "chmod 600 /etc/ersatz/password")
    server = UotServer(net.proxy, NAMES, login=("joe", "secret"))
    ersatz = Ersatz(net.laptop, CONFIG.replace(
        "    udp:", "    username: joe\n    password-file: password\n"
        "    udp:")).up()
    client = udp(net.laptop)
    fake = fake_of(net.laptop, "site.example")
    assert ask(client, fake)[0] == (fake, PORT)
    client.close()
    ersatz.down()
    server.close()


def test_a_proxy_that_does_not_know_it_is_told_at_once(net, daemons):
    """Microsocks looks for a host of that name, which nobody is."""
    net.start_microsocks()
    fake = fake_of(net.laptop, "site.example")
    assert refusal_of(net.laptop, fake, PORT) == errno.ECONNREFUSED
    assert "does not know it" in net.laptop.log("routed")
    # It is not asked again, and TCP goes by it all the same.
    before = net.proxy.out("nstat -asz TcpPassiveOpens").split()[-2]
    assert refusal_of(net.laptop, fake, PORT) == errno.ECONNREFUSED
    assert net.proxy.out("nstat -asz TcpPassiveOpens").split()[-2] == before
    net.start_site()
    assert "welcome" in net.laptop.out(["curl", "-sS", "-m", "20",
                                        "http://site.example/"])


@pytest.mark.parametrize("more", (0, 1), ids=("at once", "later"))
def test_a_proxy_that_accepts_everything_and_hangs_up(net, daemons, more):
    """Some say yes before they know; the end of the stream says no."""
    def play(sock):
        assert receive_exactly(sock, 3) == b"\5\1\0"
        sock.sendall(b"\5\0")
        receive_exactly(sock, 4 + 1 + len(HOST) + 2)
        sock.sendall(b"\5\0\0\1" + bytes(6))
        receive_exactly(sock, more)

    role = peer.Role(net.proxy, 1080, play)
    fake = fake_of(net.laptop, "site.example")
    assert refusal_of(net.laptop, fake, PORT) == errno.ECONNREFUSED
    role.join()
    assert refusal_of(net.laptop, fake, PORT) == errno.ECONNREFUSED


def test_nonsense_ends_the_stream_and_nothing_else(net, daemons):
    def play(sock):
        receive_exactly(sock, 3)
        sock.sendall(b"\5\0")
        receive_exactly(sock, 4 + 1 + len(HOST) + 2)
        sock.sendall(b"\5\0\0\1" + bytes(6))
        receive_exactly(sock, 1)
        sock.sendall(UotServer.frame("192.0.2.9", 9, b"good") +
                     b"\x77" + bytes(100))
        while sock.recv(1000):
            pass

    role = peer.Role(net.proxy, 1080, play)
    client = udp(net.laptop)
    client.sendto(b"hello", (fake_of(net.laptop, "site.example"), PORT))
    assert client.recvfrom(100) == (b"good", ("192.0.2.9", 9))
    role.join()
    assert {flow["state"] for flow in flows_of(daemons)} == {"shut"}
    assert status_of(daemons)["udp_flows_now"] == 1
    client.close()


def test_a_way_that_is_full_drops_and_tears_nothing(net, daemons):
    """A proxy that stops reading; what arrives later is whole datagrams."""
    done = threading.Event()

    def play(sock):
        receive_exactly(sock, 3)
        sock.sendall(b"\5\0")
        receive_exactly(sock, 4 + 1 + len(HOST) + 2)
        sock.sendall(b"\5\0\0\1" + bytes(6))
        receive_exactly(sock, 2 + 1 + len("site.example") + 2)
        done.wait()
        numbers = []
        while not numbers or numbers[-1] != 0xffffffff:
            assert receive_exactly(sock, 1) == b"\2"
            receive_exactly(sock, receive_exactly(sock, 1)[0] + 2)
            size, = struct.unpack(">H", receive_exactly(sock, 2))
            data = receive_exactly(sock, size)
            assert data == data[:4] * (size // 4)
            numbers.append(struct.unpack(">I", data[:4])[0])
        return numbers

    role = peer.Role(net.proxy, 1080, play)
    client = udp(net.laptop)
    fake = fake_of(net.laptop, "site.example")
    count = 0
    while status_of(daemons)["udp_dropped"] == 0:
        for _ in range(64):
            client.sendto(struct.pack(">I", count) * 8000, (fake, PORT))
            count += 1
    done.set()
    last = peer.Background(role.join)
    while last.thread.is_alive():
        client.sendto(b"\xff" * 32, (fake, PORT))
        last.thread.join(0.05)
    numbers = last.join()
    assert numbers[:-1] == sorted(set(numbers[:-1]))
    assert 0 < len(numbers) < count
    client.close()
