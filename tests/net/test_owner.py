# SPDX-License-Identifier: BSD-2-Clause
"""Rules that ask whose flow it is: user, program and control group."""
import shutil

import control_groups
import pytest
import topology
from topology import ADDRESS

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  link: {{ type: interface, interface: eth0 }}
rules:
  - IP-CIDR,192.168.0.0/16,DIRECT,no-resolve
  - AND,((UID,2000-2999),(DST-PORT,80)),link
  - PROCESS-NAME,blocked,REJECT
  - CGROUP,{control_groups.NAME},link
  - PROCESS-PATH,/run/elsewhere,link
  - MATCH,proxy
"""


@pytest.fixture(scope="module")
def net():
    network = topology.Network()
    network.start_site()
    network.knows_site(network.proxy, "direct.example", has_ipv6=False)
    network.start_microsocks()
    for name in ("blocked", "elsewhere"):
        shutil.copy(shutil.which("curl"), network.laptop.path(f"/run/{name}"))
        network.laptop.path(f"/run/{name}").chmod(0o755)
    yield network
    network.close()


@pytest.fixture(scope="module")
def ersatz(net):
    daemons = topology.Ersatz(net.laptop, CONFIG).up()
    yield daemons
    daemons.down()


def who(net, program="curl", user=None):
    """Where the site sees the request come from; None: it was refused."""
    result = net.laptop.run([program, "-4", "-sS",
                             "http://direct.example/who"],
                            user=user, check=False)
    if result.returncode == 7:  # curl: could not connect
        return None
    assert result.returncode == 0, result.stderr
    return result.stdout.split()[0]


def test_by_user(net, ersatz):
    assert who(net) == ADDRESS["proxy"]
    assert who(net, user=2345) == ADDRESS["laptop"]
    assert who(net, user=3000) == ADDRESS["proxy"]


def test_by_program(net, ersatz):
    assert who(net, "/run/blocked") is None
    assert who(net, "/run/elsewhere") == ADDRESS["laptop"]
    # The user comes first in the list.
    assert who(net, "/run/blocked", user=2345) == ADDRESS["laptop"]
    assert who(net) == ADDRESS["proxy"]


@pytest.fixture
def group():
    with control_groups.made() as folder:
        yield folder


def test_by_control_group(net, ersatz, group):
    script = net.laptop.path("/run/in-group")
    script.write_text(
        "#!/bin/sh\n" + control_groups.inside(group, 'curl "$@"\n'))
    script.chmod(0o755)
    assert who(net, "/run/in-group") == ADDRESS["laptop"]
    # Positive control: the same program, but elsewhere.
    assert who(net) == ADDRESS["proxy"]


def test_udp_by_user(net, ersatz):
    """No UDP at microsocks: who goes there is told so, the others pass."""
    script = ("import socket, sys; s = socket.socket(socket.AF_INET, "
              "socket.SOCK_DGRAM); s.settimeout(float(sys.argv[1])); "
              "s.connect(('198.51.100.2', 80)); s.send(b'x'); "
              "print(s.recv(10))")
    net.site.start(["socat", "-u", "UDP-RECVFROM:80,fork",
                    "SYSTEM:cat >> /run/datagrams"])
    net.site.wait_listening(80, "udp")
    refused = net.laptop.run(["/usr/bin/python3", "-c", script, "60"],
                             check=False)
    assert "ConnectionRefusedError" in refused.stderr
    passed = net.laptop.run(["/usr/bin/python3", "-c", script, "1"],
                            check=False, user=2345)
    assert "ConnectionRefusedError" not in passed.stderr
    topology.wait_until(lambda: net.site.run(
        "cat /run/datagrams", check=False).stdout == "x", "the datagram")
