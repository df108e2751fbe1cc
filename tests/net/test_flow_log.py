# SPDX-License-Identifier: BSD-2-Clause
"""What one sees of flows afterwards: the flow log, and what was counted."""
import json
import os
import re
import signal
import socket

import peer
import pytest
import topology
from topology import ADDRESS, Ersatz, wait_until

LOG = "/run/flowlog/flows"
CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  gone: {{ type: socks5, server: "{ADDRESS['proxy']}:1081" }}
rules:
  - IP-CIDR,192.168.0.0/16,DIRECT,no-resolve
  - DST-PORT,7000-7099,DIRECT
  - DST-PORT,7100,REJECT
  - DST-PORT,7200,gone
  - MATCH,proxy
routed: {{ flow-log: {LOG}, metrics: "127.0.0.1:9154" }}
"""


@pytest.fixture(scope="module")
def net():
    network = topology.Network()
    network.start_site()
    network.start_microsocks()
    network.laptop.run("install -d -o ersatz /run/flowlog")
    yield network
    network.close()


@pytest.fixture(scope="module")
def daemons(net):
    ersatz = Ersatz(net.laptop, CONFIG).up()
    yield ersatz
    ersatz.down()


def lines(net, path=LOG):
    file = net.laptop.path(path)
    return [json.loads(line) for line in file.read_text().splitlines()]


def line_of(net, port):
    """The first one to that port; a SYN that came twice has two."""
    def find():
        return [line for line in lines(net)
                if line["dst"].endswith(f":{port}")]
    return wait_until(find, f"a line for port {port}")[0]


def metrics(daemons):
    text = daemons.machine.out(daemons.command("routed", "--metrics"))
    assert text.endswith("# EOF\n")
    return {match[1]: float(match[2]) for match in
            re.finditer(r"^([^#\s]+) (\S+)$", text, re.MULTILINE)}


def refuse(net, port):
    with pytest.raises(OSError):
        peer.connect(net.laptop, ADDRESS["site"], port)


def test_flow_that_was_closed(net, daemons):
    role = peer.Role(net.site, 7001, lambda sock: (
        peer.receive_exactly(sock, 5), sock.sendall(b"hi")))
    with peer.connect(net.laptop, ADDRESS["site"], 7001) as client:
        client.sendall(b"hello")
        assert client.recv(10) == b"hi"
        assert client.recv(10) == b""
    role.join()
    line = line_of(net, 7001)
    assert (line["end"], line["outbound"]) == ("closed", "DIRECT")
    assert (line["up"], line["down"]) == (5, 2)
    assert line["rule"] == "DST-PORT,7000-7099,DIRECT"
    assert line["since"] <= line["ended"]
    assert line["connect_us"] > 0 and line["accept_us"] > 0


def test_flow_that_was_reset(net, daemons):
    role = peer.Role(net.site, 7002,
                     lambda sock: (sock.recv(1), peer.reset(sock)))
    with peer.connect(net.laptop, ADDRESS["site"], 7002) as client:
        client.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    role.join()
    assert line_of(net, 7002)["end"] == "reset"


def test_flow_that_was_refused(net, daemons):
    refuse(net, 7100)
    line = line_of(net, 7100)
    assert (line["end"], line["reason"]) == ("refused", "its rule rejects it")
    assert (line["rule"], line["line"]) == ("DST-PORT,7100,REJECT", 7)
    refuse(net, 7099)
    assert line_of(net, 7099)["reason"] == "Connection refused"
    refuse(net, 7200)
    assert line_of(net, 7200)["outbound"] == "gone"


def test_datagrams(net, daemons):
    with net.laptop.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.connect((ADDRESS["site"], 7500))
        with pytest.raises(ConnectionRefusedError):
            client.send(b"x")
            client.recv(10)
    line = line_of(net, 7500)
    assert (line["network"], line["end"]) == ("udp", "refused")


def test_file_is_opened_anew(net, daemons):
    """As logrotate(8) does it: away with it, then SIGHUP."""
    refuse(net, 7098)
    line_of(net, 7098)
    net.laptop.run(f"mv {LOG} {LOG}.1")
    os.kill(daemons.pid("routed"), signal.SIGHUP)
    wait_until(lambda: net.laptop.path(LOG).exists(), "the new file")
    refuse(net, 7097)
    line_of(net, 7097)
    assert all(not line["dst"].endswith(":7097")
               for line in lines(net, LOG + ".1"))


def test_what_was_refused_is_counted_by_its_reason(net, daemons):
    name = 'routed_refused_total{reason="%s"}'
    before = metrics(daemons)
    refuse(net, 7100)
    refuse(net, 7096)
    refuse(net, 7200)
    with pytest.raises(ConnectionRefusedError):
        peer.connect(net.laptop, "198.18.7.7", 80)
    after = metrics(daemons)
    for reason in ("rule", "destination", "outbound", "unknown_address"):
        # A SYN that came twice was refused twice.
        assert after[name % reason] > before[name % reason], reason
    for reason in ("full", "quota", "closed"):
        assert after[name % reason] == before[name % reason], reason


def test_steps_of_the_set_up_are_histograms(net, daemons):
    name = 'routed_setup_seconds_%s{step="%s"}'
    before = metrics(daemons)
    peer.connect(net.laptop, ADDRESS["site"], 80).close()
    # The application may be connected before the relay has heard of it.
    wait_until(lambda: metrics(daemons)[name % ("count", "accept")] >
               before[name % ("count", "accept")], "the flow is open")
    after = metrics(daemons)
    for step in ("connect", "handshake", "accept"):
        count = name % ("count", step)
        assert after[count] == before[count] + 1
        assert after[name % ("sum", step)] > before[name % ("sum", step)]
        full = 'routed_setup_seconds_bucket{step="%s",le="+Inf"}' % step
        assert after[full] == after[count]
    assert after['routed_flows_limit{network="tcp"}'] == 8192


def test_metrics_by_http(net, daemons):
    """The same names, at most a second old."""
    begun = 'routed_flows_begun_total{network="tcp"}'
    wanted = metrics(daemons)

    def served():
        return net.laptop.out(
            ["curl", "-sS", "-i", "http://127.0.0.1:9154/metrics"])
    assert "application/openmetrics-text" in served()
    wait_until(lambda: f"{begun} {wanted[begun]:.0f}\n" in served(),
               "what was counted is served")
    names = set(re.findall(r"^(routed_\S+) ", served(), re.MULTILINE))
    assert names == set(wanted)
