# SPDX-License-Identifier: BSD-2-Clause
"""An application sees what it would see without us.

Each line of the tables is played three times by the same application: without
Ersatz (the control), sent directly by the relay, and through a SOCKS proxy.
All of it under firewalls that people have and with each rp_filter.

    laptop --- router --- site 198.51.100.2   :80 open, :81 closed, :82 dropped
                  |--- unreachable 198.51.100.66 (host), .67 (net), .68 (rule)
                  `--- proxy: microsocks :1080, dante :1081 (refuses port 83)
"""
import errno
import os
import re
import signal
import socket
import threading

import peer
import pytest
from test_outbounds import USER, error_of, fake_of, lines_of, start_dante, \
    write_password
from topology import ADDRESS, ADDRESS6, Ersatz, wait_until

FIREWALLS = {
    "none": "",
    "drop": """
table inet hostfirewall {
    chain input {
        type filter hook input priority filter; policy drop;
        iif lo accept
        ct state established,related accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    }
    chain forward { type filter hook forward priority filter; policy drop; }
}
""",
    # What 'ufw enable' makes of its defaults.
    "ufw": """
table inet ufw {
    chain not_local {
        fib daddr type { local, multicast, broadcast } return
        drop
    }
    chain input {
        type filter hook input priority filter; policy drop;
        iifname lo accept
        ct state established,related accept
        ct state invalid drop
        ip protocol icmp icmp type { destination-unreachable, time-exceeded,
                                     parameter-problem, echo-request } accept
        icmpv6 type { destination-unreachable, packet-too-big, time-exceeded,
                      parameter-problem, echo-request, nd-router-solicit,
                      nd-router-advert, nd-neighbor-solicit,
                      nd-neighbor-advert } accept
        udp sport 67 udp dport 68 accept
        jump not_local
    }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
    }
    chain output {
        type filter hook output priority filter; policy accept;
        oifname lo accept
        ct state established,related accept
        ct state new accept
    }
}
""",
    # What firewalld makes of its zone 'public'.
    "firewalld": """
table inet firewalld {
    chain mangle_PREROUTING {
        type filter hook prerouting priority mangle + 10; policy accept;
        icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
        meta nfproto ipv6 fib saddr . mark . iif oif missing drop
    }
    chain filter_INPUT {
        type filter hook input priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname lo accept
        ct state invalid drop
        tcp dport 22 accept
        ip6 daddr fe80::/64 udp dport 546 accept
        meta l4proto { icmp, ipv6-icmp } accept
        reject with icmpx admin-prohibited
    }
    chain filter_FORWARD {
        type filter hook forward priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname lo accept
        ct state invalid drop
        reject with icmpx admin-prohibited
    }
    chain filter_OUTPUT {
        type filter hook output priority filter + 10; policy accept;
        ct state { established, related } accept
        oifname lo accept
        ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002::/24, 2002:a00::/24,
                    2002:7f00::/24, 2002:ac10::/28, 2002:c0a8::/32 } reject
    }
}
""",
}
# Everything with everything would be 12; each firewall and each filter is in.
CASES = (("none", 1), ("drop", 0), ("ufw", 2), ("firewalld", 1), ("drop", 1))

# port of the site, or an address of its network: how a connect() ends
ENDS = {"open": (ADDRESS["site"], 80), "closed": (ADDRESS["site"], 81),
        "filtered": (ADDRESS["site"], 82),
        "host": ("198.51.100.66", 80), "net": ("198.51.100.67", 80),
        "prohibited": ("198.51.100.68", 80),
        "open6": (ADDRESS6["site"], 80), "closed6": (ADDRESS6["site"], 81),
        "net6": ("2001:db8:3::66", 80), "prohibited6": ("2001:db8:3::67", 80)}
EXPECTED = {"open": "connected", "closed": "ECONNREFUSED",
            "filtered": "ETIMEDOUT", "host": "EHOSTUNREACH",
            "net": "ENETUNREACH", "prohibited": "EHOSTUNREACH",
            "open6": "connected", "closed6": "ECONNREFUSED",
            "net6": "ENETUNREACH", "prohibited6": "EACCES"}

CONFIG = f"""\
outbounds:
  microsocks: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  dante:
    type: socks5
    server: "{ADDRESS['proxy']}:1081"
    username: {USER}
    password-file: password
  down: {{ type: socks5, server: "{ADDRESS['proxy']}:1082" }}
  hung: {{ type: socks5, server: "{ADDRESS['proxy']}:1083" }}
rules:
  - DOMAIN,refused.example,dante
  - DOMAIN,down.example,down
  - DOMAIN,hung.example,hung
  - DOMAIN,dante.example,dante
  - IP-CIDR,192.168.0.0/16,DIRECT,no-resolve
  - MATCH,WAY
routed: {{ connect-timeout: 2s }}
"""


def make_world(net):
    net.start_site()
    net.start_microsocks()
    start_dante(net)
    write_password(net.laptop)
    for name in ("dante.example", "refused.example"):
        net.knows_site(net.proxy, name, has_ipv6=False)  # see test_way.py
    net.proxy.path("/etc/danted.conf").write_text(net.proxy.path(
        "/etc/danted.conf").read_text().replace("socks pass", """\
socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 port = 83 }
socks pass"""))
    net.proxy.kill(net.proxy.processes[-1])
    net.proxy.start(["danted", "-f", "/etc/danted.conf"], log="danted")
    net.proxy.wait_listening(1081)
    net.site.run("nft add table ip t; nft 'add chain ip t in { type filter "
                 "hook input priority 0; }';"
                 "nft add rule ip t in tcp dport 82 drop")
    net.router.run(
        "nft add table ip t; nft 'add chain ip t out { type filter hook "
        "forward priority 0; }';"
        "nft add rule ip t out ip daddr 198.51.100.66 reject with icmp "
        "host-unreachable;"
        "nft add rule ip t out ip daddr 198.51.100.67 reject with icmp "
        "net-unreachable;"
        "nft add rule ip t out ip daddr 198.51.100.68 reject with icmp "
        "admin-prohibited;"
        "ip -6 route add unreachable 2001:db8:3::66;"
        "ip -6 route add prohibit 2001:db8:3::67")
    # A kernel that gives up after 3 s and not after 127.
    for machine in (net.laptop, net.proxy):
        machine.sysctl(net__ipv4__tcp_syn_retries=1)


def protect(machine, firewall, rp_filter):
    for device in ("all", "default", "eth0"):
        machine.sysctl(**{f"net__ipv4__conf__{device}__rp_filter": rp_filter})
    if FIREWALLS[firewall]:
        machine.path("/etc/fw.nft").write_text(FIREWALLS[firewall])
        machine.run("nft -f /etc/fw.nft")


def connects(net):
    """How connect() to each of ENDS ends, all at the same time."""
    workers = {name: peer.Background(
        lambda end=end: error_of(net.laptop, *end)) for name, end in
        ENDS.items()}
    return {name: worker.join() for name, worker in workers.items()}


def how_it_ends(sock):
    """What was read, and by what it ended."""
    got = b""
    try:
        while block := sock.recv(65536):
            got += block
    except OSError as error:
        return got, errno.errorcode[error.errno]
    return got, "end"


def reset_in_the_middle(net, address, port):
    role = peer.Role(net.site, port, lambda sock: (
        sock.sendall(b"some"), sock.recv(1), peer.reset(sock)))
    client = peer.connect(net.laptop, address, port)
    got = peer.receive_exactly(client, 4)
    client.sendall(b"x")
    ending = how_it_ends(client)
    role.join()
    return got, ending


def half_close_by_client(net, address, port):
    role = peer.Role(net.site, port, lambda sock: (
        sock.sendall(b"answer to " + how_it_ends(sock)[0])))
    client = peer.connect(net.laptop, address, port)
    client.sendall(b"question")
    client.shutdown(socket.SHUT_WR)
    ending = how_it_ends(client)
    role.join()
    return ending


def half_close_by_server(net, address, port):
    def play(sock):
        sock.sendall(b"all I have")
        sock.shutdown(socket.SHUT_WR)
        return how_it_ends(sock)

    role = peer.Role(net.site, port, play)
    client = peer.connect(net.laptop, address, port)
    ending = how_it_ends(client)
    client.sendall(b"and I have more")
    client.close()
    return ending, role.join()


def slow_reader(net, address, port):
    """Nothing is lost while the window is closed; then all of it comes."""
    size = 64 << 20  # more than all buffers on the way
    role = peer.Role(net.site, port,
                     lambda sock: peer.send_blocks(sock, size))
    client = peer.connect(net.laptop, address, port)
    # The sender is stuck: every buffer between the two is full.
    wait_until(lambda: re.search(r" [1-9]\d* +\S+:%d " % port, net.site.out(
        f"ss -Htn state established sport = :{port}")),
        "the sender has to wait")
    received = peer.receive_all(client)
    return received == (size, role.join())


def zero_window(net, address, port):
    """The far end does not read; the application waits, and loses nothing."""
    size = 64 << 20  # more than all buffers on the way
    read = threading.Event()
    role = peer.Role(net.site, port,
                     lambda sock: read.wait(60) and peer.receive_all(sock))
    client = peer.connect(net.laptop, address, port)

    def send():
        digest = peer.send_blocks(client, size)
        client.shutdown(socket.SHUT_WR)
        return digest

    sending = peer.Background(send)
    wait_until(lambda: re.search(r"[1-9]\d* +\d+ +\S+:%d " % port,
                                 net.site.out(
        f"ss -Htn state established sport = :{port}")),
        "the window is closed")
    assert sending.thread.is_alive()
    read.set()
    return role.join() == (size, sending.join())


def slow_writer(net, address, port):
    """One byte at a time, each after the last one was seen."""
    role = peer.Role(net.site, port, lambda sock: [
        sock.sendall(sock.recv(1)) for _ in range(50)])
    client = peer.connect(net.laptop, address, port)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    got = b""
    for i in range(50):
        client.sendall(bytes([i]))
        got += peer.receive_exactly(client, 1)
    role.join()
    return got == bytes(range(50)), how_it_ends(client)


def reset_by_client(net, address, port):
    role = peer.Role(net.site, port, how_it_ends)
    client = peer.connect(net.laptop, address, port)
    client.sendall(b"half a")
    wait_until(lambda: f":{port}" in net.site.out("ss -Htn"), "it is there")
    peer.reset(client)
    return role.join()[1]


STREAMS = (reset_in_the_middle, half_close_by_client, half_close_by_server,
           slow_reader, zero_window, slow_writer, reset_by_client)


def streams(net, address, first_port):
    return {play.__name__: play(net, address, first_port + i)
            for i, play in enumerate(STREAMS)}


def use_way(daemons, way):
    daemons.write(CONFIG.replace("WAY", way))
    for name in ("routed", "dnsd"):
        os.kill(daemons.pid(name), signal.SIGHUP)
    wait_until(lambda: lines_of(daemons, "--explain", ADDRESS["site"])[0][
        "outbound"] == way, f"everything goes by {way}")
    wait_until(lambda: daemons.machine.run(
        "getent ahostsv4 unknown.example", check=False).returncode == 0,
        "names are carried")


@pytest.mark.parametrize("firewall,rp_filter", CASES)
def test_truth(net, firewall, rp_filter):
    laptop = net.laptop
    make_world(net)
    protect(laptop, firewall, rp_filter)
    # The control: without us.
    assert connects(net) == EXPECTED
    plain = streams(net, ADDRESS["site"], 7200)

    daemons = Ersatz(laptop, CONFIG.replace("WAY", "DIRECT")).up()
    idle = peer.listen(net.site, 7100)
    idler = peer.connect(laptop, ADDRESS["site"], 7100)
    idled = idle.accept()[0]
    assert connects(net) == EXPECTED
    assert streams(net, ADDRESS["site"], 7300) == plain
    if (firewall, rp_filter) in (("none", 1), ("ufw", 2)):
        through_proxies(net, daemons, plain)
    # The one that was idle all the time, over reloads too.
    idler.sendall(b"still")
    assert peer.receive_exactly(idled, 5) == b"still"
    idled.sendall(b"there")
    assert peer.receive_exactly(idler, 5) == b"there"
    for sock in (idler, idled, idle):
        sock.close()
    assert lines_of(daemons, "--status")[0]["loops"] == 0
    daemons.down()


def through_proxies(net, daemons, plain):
    laptop = net.laptop
    hung = peer.listen(net.proxy, 1083)
    use_way(daemons, "microsocks")
    seen = connects(net)
    # A proxy that gave up says so before the application does.
    assert seen.pop("filtered") in ("ETIMEDOUT", "EHOSTUNREACH")
    # SOCKS has one word for all that is not allowed, and not every proxy it.
    assert seen.pop("prohibited6") in ("EACCES", "EHOSTUNREACH")
    assert seen == {key: EXPECTED[key] for key in seen}
    ends = {"refused.example": 83, "down.example": 80, "hung.example": 80,
            "unknown.example": 80}
    workers = {name: peer.Background(
        lambda name=name, port=port: error_of(laptop, fake_of(laptop, name),
                                              port))
        for name, port in ends.items()}
    assert {name: worker.join() for name, worker in workers.items()} == {
        "refused.example": "EHOSTUNREACH", "down.example": "ENETUNREACH",
        "hung.example": "ENETUNREACH", "unknown.example": "EHOSTUNREACH"}
    # dante passes half-closes on; a reset it makes an end, which is its own.
    own = streams(net, fake_of(laptop, "dante.example"), 7400)
    for name in ("reset_in_the_middle", "reset_by_client"):
        own.pop(name), plain.pop(name)
    assert own == plain
    hung.close()
