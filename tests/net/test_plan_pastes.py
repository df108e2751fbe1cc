# SPDX-License-Identifier: BSD-2-Clause
"""What --plan prints, pasted into a shell, is what a start does.

    device 10.77.0.2 --- lan0 10.77.0.1 laptop 192.168.7.2 --- router

The text is asked for as nobody in particular and run as root; the kernel then
has to have what it has under the daemon, and, after ersatz_undo, what it had
before.
"""
import pytest
import topology
from test_gateway import CONFIG as GATEWAY
from test_gateway import Scene

PROXY = topology.Ersatz.DEFAULT
CONFIGS = {
    "plain": PROXY,
    "gateway": GATEWAY,
    "gateway-closed": GATEWAY.replace("routed: {",
                                      "routed: { on-crash: closed,"),
    "closed": PROXY + "routed: { on-crash: closed }\n",
    "exempt": PROXY + """\
routed:
  serve: [5060]
  ipv6: off
  exempt:
    uid: [107, 1000-1999]
    mark: [0x2a, 0x80000/0xff0000]
    address: [192.0.2.0/24, "2001:db8:9::/48"]
    interface: [lan0]
""",
    "prefixes": PROXY.replace("rules:", "rules:\n"
                              "  - IP-CIDR,20.0.0.0/8,DIRECT,no-resolve\n"
                              "  - IP-CIDR6,2a00::/12,DIRECT,no-resolve"),
    "fake": PROXY + "routed: { capture: fake, "
                    "include: { address: [10.20.0.0/16] } }\n",
    "main": PROXY + "routed: { mode: main, "
                    "exempt: { address: 192.0.2.0/24 } }\n",
}


@pytest.fixture
def scene(net):
    net.start_microsocks()
    return Scene(net)


def made(machine):
    """All that one start may make; not what the kernel adds to a TUN with
    somebody at its other end."""
    text = machine.out(
        "for f in 4 6; do ip -$f rule show; ip -$f route show table all; done;"
        "ip -o addr show dev ersatz0 | sed 's/^[0-9]*: //';"
        "nft -s list table inet ersatz;"
        "nft -s list table inet ersatz_gateway 2> /dev/null;"
        "cd /proc/sys/net; grep . ipv4/conf/*/forwarding ipv4/ip_forward "
        "ipv6/conf/*/forwarding ipv6/conf/*/accept_ra "
        "ipv4/conf/*/src_valid_mark")
    added = ("fe80", "ff00::/8", "/ersatz", "ersatz-v")
    return [line.replace(" linkdown", "").strip()
            for line in text.splitlines()
            if "ersatz" not in line or not any(word in line
                                               for word in added)]


@pytest.mark.parametrize("name", CONFIGS)
def test_plan_pastes(scene, name):
    box, daemons = scene.box, scene.daemons
    daemons.write(CONFIGS[name])
    before = box.state()
    plan = box.out(daemons.command("routed", "--plan"), user="65534")
    path = box.path("/run/plan.sh")
    path.write_text(f"set -e\n{plan}")
    box.run("sh /run/plan.sh")
    pasted = made(box)
    # Undone by another shell, which is given the function alone.
    undo = plan[plan.index("ersatz_undo()"):]
    path.write_text(f"set -e\n{undo}\nersatz_undo\n")
    box.run("sh /run/plan.sh")
    assert box.state() == before

    daemons.up()
    assert made(box) == pasted
    daemons.down()
