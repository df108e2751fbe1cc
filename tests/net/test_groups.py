# SPDX-License-Identifier: BSD-2-Clause
"""Groups of outbounds: what fails is passed over, and comes back.

    laptop ----- router: microsocks :1080 (b, seen as 198.51.100.1)
                    |--- proxy: microsocks :1080 (a, seen as 203.0.113.2)
                    `--- site
"""
import contextlib
import os
import re
import signal
import socket
import threading
import time

import peer
import pytest
from test_outbounds import error_of, fake_of, flows_of, lines_of, members
from topology import ADDRESS, ROUTER, Ersatz, wait_until

A, B = ADDRESS["proxy"], ROUTER["site"]

OUTBOUNDS = f"""\
outbounds:
  a: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  b: {{ type: socks5, server: "{ROUTER['laptop']}:1080" }}
  closed: {{ type: socks5, server: "{ADDRESS['proxy']}:1999" }}
  auto: {{ type: fallback, members: [a, b], probe: {{ interval: 1s }} }}
  outer: {{ type: fallback, members: [closed, auto] }}
  last: {{ type: fallback, members: [closed, REJECT] }}
  fast:
    type: latency
    members: [a, b]
    tolerance: 30ms
    probe: {{ destination: "site.example:80", interval: 200ms }}
  spread: {{ type: load-balance, members: [a, b], balance: name }}
"""
RULES = """\
rules:
  - DOMAIN,auto.example,auto
  - DOMAIN,outer.example,outer
  - DOMAIN,last.example,last
  - DOMAIN,fast.example,fast
  - DOMAIN,b.example,b
  - DST-PORT,7100-7199,DIRECT
  - MATCH,spread
"""
NAMES = [f"n{i}.example" for i in range(12)]


def seen(machine, name):
    """The address that the site was asked from; the error of curl."""
    answer = machine.run(f"curl -4 -sS http://{name}/who", check=False)
    return answer.stdout.split()[0] if answer.stdout else answer.stderr


def taken(net, names):
    return {name: seen(net.laptop, name) for name in names}


@pytest.fixture
def two(net, site):
    """Both proxies; restart() of one by its name."""
    for name in ("auto", "outer", "last", "fast", "b", *NAMES):
        for machine in (net.proxy, net.router):
            net.knows_site(machine, f"{name}.example" if "." not in name
                           else name, has_ipv6=False)
    net.knows_site(net.router, "site.example", has_ipv6=False)
    return {"a": net.start_microsocks(net.proxy),
            "b": net.start_microsocks(net.router)}


def test_fallback_and_load_balance(net, two):
    laptop = net.laptop
    daemons = Ersatz(laptop, OUTBOUNDS + RULES).up()
    assert seen(laptop, "auto.example") == A
    assert members(daemons)["auto", "a"]["first"]
    before = taken(net, NAMES)
    assert set(before.values()) == {A, B}
    assert taken(net, NAMES) == before

    # The first one dies: no connection fails, flows through b stay there.
    server = peer.listen(net.site, 7001)
    net.proxy.kill(two["a"])
    assert seen(laptop, "auto.example") == B
    assert seen(laptop, "outer.example") == B
    after = taken(net, NAMES)
    assert set(after.values()) == {B}
    down = members(daemons)["auto", "a"]
    assert (down["state"], down["first"]) == ("down", False)
    assert "refused" in down["reason"]
    assert members(daemons)["auto", "b"]["first"]
    text = laptop.out(daemons.command("routed", "--status"))
    assert re.search(r"auto +a is down since .*refused", text)
    why = laptop.out(daemons.command("routed", "--explain", "auto.example"))
    assert "'b', which is up" in why and "'a' is down" in why
    assert error_of(laptop, fake_of(laptop, "last.example"), 80) == \
        "ECONNREFUSED"
    wait_until(lambda: "member 'a' of group 'auto' has failed"
               in laptop.log("routed"), "it is logged")
    client = peer.connect(laptop, fake_of(laptop, "auto.example"), 7001)
    accepted = server.accept()[0]

    # It comes back; only new connections see that.
    two["a"] = net.start_microsocks(net.proxy)
    wait_until(lambda: members(daemons)["auto", "a"]["state"] == "up",
               "a probe finds it well")
    assert seen(laptop, "auto.example") == A
    assert [f["outbound"] for f in flows_of(daemons)
            if f["dst"].endswith(":7001")] == ["b"]
    client.sendall(b"x")
    assert peer.receive_exactly(accepted, 1) == b"x"
    wait_until(lambda: members(daemons)["spread", "a"]["state"] == "up",
               "the other group knows it too")
    assert taken(net, NAMES) == before
    for sock in (client, accepted, server):
        sock.close()
    daemons.down()


@pytest.mark.parametrize("trouble", ("filtered", "hung"))
def test_proxy_that_says_nothing_is_passed_over(net, two, trouble):
    laptop = net.laptop
    net.proxy.kill(two["a"])
    silent = peer.listen(net.proxy, 1080)
    if trouble == "filtered":
        net.proxy.run("nft add table ip t; nft 'add chain ip t in { type "
                      "filter hook input priority 0; }'; "
                      "nft add rule ip t in tcp dport 1080 drop")
    daemons = Ersatz(laptop, OUTBOUNDS + RULES).up()
    assert seen(laptop, "auto.example") == B
    assert members(daemons)["auto", "a"]["state"] == "down"
    # From now on nobody waits for it.
    assert seen(laptop, "auto.example") == B
    silent.close()
    daemons.down()


class Distance:
    """In front of a machine's port 1080, at 1083: as if it were far away."""

    def __init__(self, machine, seconds):
        self.machine = machine
        self.seconds = seconds
        self.server = peer.listen(machine, 1083)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.server.accept()
                threading.Thread(target=self._serve, args=(sock,),
                                 daemon=True).start()

    def _serve(self, sock):
        try:
            near = peer.connect(self.machine, "127.0.0.1", 1080)
        except OSError:
            sock.close()
            return
        threading.Thread(target=self._pass_on, args=(near, sock),
                         daemon=True).start()
        self._pass_on(sock, near)

    def _pass_on(self, from_, to):
        with contextlib.suppress(OSError):
            while block := from_.recv(65536):
                time.sleep(self.seconds)
                to.sendall(block)
            to.shutdown(socket.SHUT_WR)


def test_latency_takes_the_fastest(net, two):
    laptop = net.laptop
    a, b = Distance(net.proxy, 0.3), Distance(net.router, 0)
    daemons = Ersatz(laptop, (OUTBOUNDS + RULES).replace(":1080", ":1083"))
    daemons.up()
    seen(laptop, "fast.example")
    wait_until(lambda: members(daemons)["fast", "b"]["first"],
               "the fast one is preferred")
    assert seen(laptop, "fast.example") == B
    assert (members(daemons)["fast", "a"]["latency_us"] or 300000) >= 300000

    # The other way round; the tolerance is no obstacle to so much.
    a.seconds, b.seconds = 0, 0.5
    wait_until(lambda: members(daemons)["fast", "a"]["first"],
               "the other one became faster")
    assert seen(laptop, "fast.example") == A

    # Gone, whatever it was before: a probe sees it, and no flow.
    net.proxy.kill(two["a"])
    wait_until(lambda: members(daemons)["fast", "a"]["state"] == "down",
               "a probe sees that it is gone")
    assert members(daemons)["fast", "b"]["first"]
    assert seen(laptop, "fast.example") == B
    assert lines_of(daemons, "--status")[0]["loops"] == 0
    a.server.close()
    b.server.close()
    daemons.down()


def is_reset(sock):
    try:
        return sock.recv(1) == b"never"
    except ConnectionResetError:
        return True


def test_reload_keeps_flows_but_those_of_a_removed_outbound(net, two):
    laptop = net.laptop
    daemons = Ersatz(laptop, OUTBOUNDS + RULES).up()
    server = peer.listen(net.site, 7001)
    direct = peer.listen(net.site, 7101)

    def open_one(name, listener, port):
        client = peer.connect(laptop, name, port)
        return client, listener.accept()[0]

    by_a = open_one(fake_of(laptop, "auto.example"), server, 7001)
    by_b = open_one(fake_of(laptop, "b.example"), server, 7001)
    by_direct = open_one(ADDRESS["site"], direct, 7101)
    assert {f["outbound"] for f in flows_of(daemons)} == {"a", "b", "DIRECT"}

    # The same proxy under another name, other rules, and b is gone.
    daemons.write(f"""\
outbounds:
  renamed: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rules:
  - MATCH,REJECT
""")
    os.kill(daemons.pid("routed"), signal.SIGHUP)
    assert is_reset(by_b[0])
    for client, accepted in (by_a, by_direct):
        client.sendall(b"up")
        assert peer.receive_exactly(accepted, 2) == b"up"
        accepted.sendall(b"down")
        assert peer.receive_exactly(client, 4) == b"down"
    assert {f["outbound"] for f in flows_of(daemons)} == {"a", "DIRECT"}
    assert members(daemons) == {}
    with pytest.raises(ConnectionRefusedError):
        peer.connect(laptop, ADDRESS["site"], 7101)
    for sock in (*by_a, *by_b, *by_direct, server, direct):
        sock.close()
    daemons.down()
