# SPDX-License-Identifier: BSD-2-Clause
"""Both carriers of TCP do the same: the kernel's, and the relay's own.

    phone 10.9.0.2 --- lan0 10.9.0.1 laptop --- router --- proxy, site
"""
import ctypes
import fcntl
import hashlib
import json
import os
import signal
import socket
import struct

import peer
import pytest
from topology import (ADDRESS, ADDRESS6, BUILD, PATIENCE, Ersatz, Machine,
                      wait_until)

MIB = 1 << 20
SO_MARK = 36
MARK = 0x77
SIOCETHTOOL = 0x8946

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rules:
  - DST-PORT,7000-7099,DIRECT
  - MATCH,proxy
"""

# Saves an application's mark with its connection and gives it back to the
# answers, as VPNs and container networks do.
MARKS = f"""
table inet marks {{
    chain out {{
        type filter hook output priority mangle;
        meta mark {MARK} ct mark set meta mark
    }}
    chain early {{
        type filter hook prerouting priority raw;
        iifname ersatz0 meta mark != 0 counter
    }}
    chain middle {{
        type filter hook prerouting priority mangle;
        iifname ersatz0 ct mark {MARK} meta mark set ct mark
    }}
    chain late {{
        type filter hook input priority filter;
        iifname ersatz0 meta mark {MARK} counter
    }}
}}
"""


def status_of(daemons):
    return json.loads(daemons.machine.out(
        daemons.command("routed", "--status", "--json")))


def veths(machine):
    return machine.out("ip -br link show group 198").splitlines()


@pytest.fixture(params=("kernel", "user"))
def carried(request, net, site):
    """Both daemons, with the carrier of the test's name."""
    net.start_microsocks()
    daemons = Ersatz(net.laptop, CONFIG +
                     f"routed: {{ carrier: {request.param} }}\n").up()
    status = status_of(daemons)
    assert (status["carrier"], status["carrier_why"]) == (request.param, "")
    assert bool(veths(net.laptop)) == (request.param == "kernel")
    yield daemons
    daemons.down()


def fetch(machine, url):
    """Size and digest of what is there."""
    text = machine.out(f"curl -sS --fail -o /run/body {url} &&"
                       "stat -c %s /run/body && sha256sum < /run/body")
    return int(text.split()[0]), text.split()[1]


def test_bodies_and_ends_arrive(net, site, carried):
    """Both families and ways; the packets show who does the work."""
    body = os.urandom(16 * MIB)
    (site / "body").write_bytes(body)
    digest = hashlib.sha256(body).hexdigest()

    def answers_after_the_end(sock):
        received = peer.receive_all(sock)
        peer.send_blocks(sock, MIB)
        return received

    def waits_for_the_reset(sock):
        try:
            while sock.recv(1000):
                pass
        except ConnectionResetError:
            return "reset"
        return "end"

    for version, address in ((4, ADDRESS["site"]), (6, ADDRESS6["site"])):
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        assert fetch(net.laptop, f"-{version} http://site.example/body") == (
            len(body), digest)

        role = peer.Role(net.site, 7000, answers_after_the_end, family)
        client = peer.connect(net.laptop, address, 7000)
        sent = peer.send_blocks(client, 16 * MIB)
        client.shutdown(socket.SHUT_WR)
        assert peer.receive_all(client)[0] == MIB
        assert role.join() == (16 * MIB, sent)

        role = peer.Role(net.site, 7001, waits_for_the_reset, family)
        client = peer.connect(net.laptop, address, 7001)
        client.sendall(b"x")
        peer.reset(client)
        assert role.join() == "reset"

        role = peer.Role(net.site, 7002, lambda sock: (
            sock.recv(1), peer.reset(sock)), family)
        client = peer.connect(net.laptop, address, 7002)
        client.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        role.join()

        with pytest.raises(ConnectionRefusedError):
            peer.connect(net.laptop, address, 7003)
    status = status_of(carried)
    packets = status["packets_in"] + status["packets_out"]
    assert status["bytes_down"] > 32 * MIB
    # Of the kernel's flows only SYNs come to the relay.
    is_kernel = status["carrier"] == "kernel"
    assert (packets < 100) == is_kernel
    assert (status["carried_out"] > 500) == is_kernel


def test_the_kernel_drops_a_flood_and_no_syn_of_this_host(net, site, carried):
    """Those that no socket of this host sends; in user space the relay does."""
    flood = net.laptop.start([BUILD / "tests/net/syns", "ersatz0", "0.0.0.0",
                              ADDRESS["site"], "200000", "600"], log="syns")

    def figure(name):
        return status_of(carried)[name]

    wait_until(lambda: figure("packets_dropped") > 0 or
               figure("syns_dropped") > 0, "there is a flood")
    assert (figure("syns_dropped") > 0) == (figure("carrier") == "kernel")
    for _ in range(10):
        with peer.connect(net.laptop, ADDRESS["site"], 80) as client:
            client.sendall(b"GET /who HTTP/1.0\r\n\r\n")
            assert peer.receive_all(client)[0] > 0
    assert flood.poll() is None
    flood.terminate()
    flood.wait()


def test_marks_of_others_are_left_alone(net, site, carried):
    net.laptop.path("/etc/marks.nft").write_text(MARKS)
    net.laptop.run("nft -f /etc/marks.nft")
    client = net.laptop.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.setsockopt(socket.SOL_SOCKET, SO_MARK, MARK)
    client.settimeout(PATIENCE)
    client.connect((ADDRESS["site"], 80))
    client.sendall(b"GET /who HTTP/1.0\r\n\r\n")
    assert peer.receive_all(client)[0] > 0
    client.close()
    rules = json.loads(net.laptop.out("nft -j list table inet marks"))
    packets = {rule["rule"]["chain"]: part["counter"]["packets"]
               for rule in rules["nftables"] if "rule" in rule
               for part in rule["rule"]["expr"] if "counter" in part}
    assert packets["early"] == 0
    assert packets["late"] > 3
    net.laptop.run("nft delete table inet marks")


def without_offload(machine, device):
    """As real NICs give packets: small ones, with complete checksums."""
    with machine.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in (0x17, 0x1f, 0x24, 0x2c):  # TX sums, TSO, GSO, GRO
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", device.encode(),
                                  ctypes.addressof(value))
            fcntl.ioctl(sock, SIOCETHTOOL, request.ljust(40, b"\0"))


@pytest.fixture
def phone(net):
    """A device of the LAN that has the laptop for its router."""
    machine = net.machines["phone"] = Machine("phone", net.folder)
    net.laptop.run(["ip", "link", "add", "lan0", "type", "veth", "peer", "name",
                    "eth0", "netns", str(machine.holder.pid)])
    net.laptop.run("ip addr add 10.9.0.1/24 dev lan0; ip link set lan0 up")
    machine.run("ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up;"
                "ip route add default via 10.9.0.1")
    without_offload(machine, "eth0")
    without_offload(net.laptop, "lan0")
    net.laptop.sysctl(net__ipv4__ip_forward=1)
    net.laptop.run("ip rule add pref 5003 iif lan0 lookup 197 protocol 99")
    net.laptop.wait_settled()
    wait_until(lambda: "local fe80" in net.laptop.out(
        "ip -6 route show table local dev lan0"), "lan0 is settled")
    return machine


def test_flows_of_a_device_of_the_lan_are_carried(net, site, phone, carried):
    body = os.urandom(8 * MIB)
    (site / "body").write_bytes(body)
    assert fetch(phone, f"http://{ADDRESS['site']}/body") == (
        len(body), hashlib.sha256(body).hexdigest())
    role = peer.Role(net.site, 7000, peer.receive_all)
    client = peer.connect(phone, ADDRESS["site"], 7000)
    sent = peer.send_blocks(client, 8 * MIB)
    client.close()
    assert role.join() == (8 * MIB, sent)
    assert status_of(carried)["bytes_up"] > 8 * MIB


def test_flows_survive_another_mtu(net, site, carried):
    """An open flow goes on both ways; a new one has segments that fit."""
    role = peer.Role(net.site, 7000, lambda sock: (
        receive_exactly(sock, 8 * MIB), peer.send_blocks(sock, 4 * MIB))[0])
    client = peer.connect(net.laptop, ADDRESS["site"], 7000)
    peer.send_blocks(client, 4 * MIB)
    net.router.run("ip link set laptop mtu 1300")
    net.laptop.run("ip link set eth0 mtu 1300")
    wait_until(lambda: "mtu 1300" in net.laptop.out("ip link show ersatz0"),
               "the TUN follows the uplink")
    peer.send_blocks(client, 4 * MIB)
    assert peer.receive_all(client)[0] == 4 * MIB
    role.join()
    role = peer.Role(net.site, 7001, lambda sock: sock.recv(1))
    client = peer.connect(net.laptop, ADDRESS["site"], 7001)
    assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1260
    client.sendall(b"x")
    role.join()
    net.laptop.run("ip link set eth0 mtu 1500")


def receive_exactly(sock, size):
    while size > 0:
        block = sock.recv(min(size, 1 << 18))
        assert block, "the other side hung up"
        size -= len(block)


def test_kernel_carries_for_the_next_relay_too(net, carried):
    """And neither end of a flow takes the death of one for an end."""
    role = peer.Role(net.site, 7000, peer.receive_all)
    client = peer.connect(net.laptop, ADDRESS["site"], 7000)
    first = carried.relay_pid()
    os.kill(first, signal.SIGKILL)
    with pytest.raises(ConnectionError):
        client.recv(1)
    with pytest.raises(ConnectionError):
        role.join()
    wait_until(lambda: carried.relay_pid() not in (None, first),
               "another relay runs")
    for version in (4, 6):
        wait_until(lambda: "site.example" in net.laptop.run(
            f"curl -{version} -sS -m 5 http://site.example/who",
            check=False).stdout, "names are carried again")
    status = status_of(carried)
    assert status["packets_in"] < 100 or status["carrier"] == "user"
    assert len(veths(net.laptop)) == (status["carrier"] == "kernel")


def test_devices_vanish_with_the_processes(net, site):
    """Without --recover, and with both killed at once."""
    net.start_microsocks()
    daemons = Ersatz(net.laptop, CONFIG).up()
    assert veths(net.laptop)
    relay = daemons.relay_pid()
    os.kill(daemons.pid("routed"), signal.SIGKILL)
    os.kill(relay, signal.SIGKILL)
    daemons.started.pop("routed").wait(timeout=PATIENCE)
    wait_until(lambda: not veths(net.laptop), "the veth is gone")
    daemons.recover()
    daemons.down()
