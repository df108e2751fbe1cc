# SPDX-License-Identifier: BSD-2-Clause
"""What is full says so, and one who takes all leaves room for others."""
import json

import peer
import pytest
from test_gateway import CONFIG as LAN, Scene
from test_udp import refusal_of, udp
from topology import ADDRESS, BUILD, Ersatz, wait_until

LOG = "/run/flowlog/flows"
CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rules:
  - DST-PORT,7000-7099,DIRECT
  - MATCH,proxy
routed:
  flows: 16
  udp: {{ flows: 16, flows-per-source: 3 }}
  flow-log: {LOG}
"""
FULL = "there are as many flows as there may be"
SHARE = "its source has as many as one may have"


def reasons(net, network):
    """Of those that were refused."""
    file = net.laptop.path(LOG)
    lines = map(json.loads, file.read_text().splitlines())
    return [line["reason"] for line in lines
            if (line["network"], line["end"]) == (network, "refused")]


def test_what_finds_no_room_is_in_the_flow_log(net, site):
    net.laptop.run("install -d -o ersatz /run/flowlog")
    daemons = Ersatz(net.laptop, CONFIG).up()
    server = peer.listen(net.site, 7001)
    clients = [peer.connect(net.laptop, ADDRESS["site"], 7001)
               for _ in range(16)]
    assert reasons(net, "tcp") == []
    with pytest.raises(ConnectionRefusedError):
        peer.connect(net.laptop, ADDRESS["site"], 7001)
    wait_until(lambda: reasons(net, "tcp") == [FULL], "a line of TCP")
    far = udp(net.site, 4, 7002)
    for _ in range(3):
        clients.append(udp(net.laptop))
        clients[-1].sendto(b"?", (ADDRESS["site"], 7002))
        assert far.recv(10) == b"?"
    assert reasons(net, "udp") == []
    assert refusal_of(net.laptop, ADDRESS["site"], 7002) == 111
    wait_until(lambda: reasons(net, "udp") == [SHARE], "a line of UDP")
    # A flood is not what fills the log.
    for _ in range(100):
        with pytest.raises(ConnectionRefusedError):
            peer.connect(net.laptop, ADDRESS["site"], 7001)
    wait_until(lambda: len(reasons(net, "tcp")) > 10, "more lines")
    assert len(reasons(net, "tcp")) < 100
    for sock in (*clients, far, server):
        sock.close()
    daemons.down()


def test_a_device_that_floods_leaves_room_for_others(net, site):
    """More SYNs than are begun; those of another device do not stand behind
    them (how far is test_backlog's to tell)."""
    net.start_microsocks()
    scene = Scene(net, LAN)
    scene.daemons.up()
    server = peer.listen(net.site, 7001)
    scene.device.run("ip addr add 10.77.0.3/24 dev eth0")
    flood = scene.box.start([BUILD / "tests/net/syns", "ersatz0", "10.77.0.3",
                             ADDRESS["site"], "5000", "600"], log="syns")

    def status():
        return json.loads(scene.box.out(scene.daemons.command(
            "routed", "--status", "--json")).splitlines()[0])

    wait_until(lambda: status()["flows_ever"] > 200, "the flood is there")
    for _ in range(10):
        near = peer.connect(scene.device, ADDRESS["site"], 7001)
        far = server.accept()[0]
        far.sendall(b"x")
        assert peer.receive_exactly(near, 1) == b"x"
        near.close()
        far.close()
    assert flood.poll() is None
    scene.box.kill(flood)
    server.close()
    scene.daemons.down()
