# SPDX-License-Identifier: BSD-2-Clause
"""What a router is asked besides: one arm, published ports, MTUs, firewalls.

    one arm                              behind us
    device 192.168.7.9 --.               device 10.77.0.2 --- lan0 box --- router
    box    192.168.7.2 --+- router       container 172.30.0.2 -- br0 box --- router

In the one-armed network all three are on one segment and the router is the
box's way out; the device has the box as its gateway.
"""
import re

import peer
import pytest
from recipes import Recipe
from test_gateway import (BOX, BOX6, CONFIG, DEVICE, PROXY, Scene, ask_direct,
                          passes)
from topology import ADDRESS, ADDRESS6, ROUTER, Ersatz, Machine, wait_until

ARM, ARM6 = "192.168.7.9", "2001:db8:7::9"
ARM_CONFIG = Recipe("A BYPASS GATEWAY ON THE SEGMENT OF THE ROUTER").config
LOOP_CONFIG = ARM_CONFIG.replace("rules:", """rules:
  - IP-CIDR,192.0.2.0/24,DIRECT
  - IP-CIDR,2001:db8:66::/48,DIRECT""")
CONTAINER = "172.30.0.2"


def one_arm(net):
    """The router's port to the laptop becomes a switch with two."""
    device = net.machines["device"] = Machine("device", net.folder)
    device.sysctl(net__ipv6__conf__default__accept_dad=0,
                  net__ipv6__conf__default__accept_ra=0)
    net.router.run(["ip", "link", "add", "device", "type", "veth", "peer",
                    "name", "eth0", "netns", str(device.holder.pid)])
    net.router.run(
        "ip link add br0 type bridge; ip link set laptop master br0;"
        "ip link set device master br0; ip link set device up;"
        "ip addr flush dev laptop scope global;"
        f"ip addr add {ROUTER['laptop']}/24 dev br0;"
        "ip addr add 2001:db8:7::1/64 dev br0 nodad; ip link set br0 up")
    device.run(f"ip addr add {ARM}/24 dev eth0;"
               f"ip addr add {ARM6}/64 dev eth0 nodad; ip link set eth0 up;"
               f"ip route add default via {ADDRESS['laptop']};"
               f"ip -6 route add default via {ADDRESS6['laptop']}")
    device.path("/etc/resolv.conf").write_text(
        f"nameserver {ADDRESS['laptop']}\n")
    device.run("nft add table inet t;"
               "nft add counter inet t seen;"
               "nft 'add chain inet t in { type filter hook input priority 0; }';"
               "nft add rule inet t in icmp type redirect counter name seen;"
               "nft add rule inet t in icmpv6 type nd-redirect "
               "counter name seen")
    device.wait_settled()
    return device


def redirects(device):
    text = device.out("nft list counters table inet t")
    return int(re.search(r"packets (\d+)", text)[1])


def who(device, name, family=4):
    return device.out(f"curl -{family} -sS -m 60 http://{name}/who").split()[0]


def test_one_arm(net, site):
    """Served, and nobody tells the device of the other router."""
    net.start_microsocks()
    device = one_arm(net)
    box, daemons = net.laptop, Ersatz(net.laptop, ARM_CONFIG)
    box.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1)
    device.run(f"ping -c 2 -i 0.2 -W 30 {ADDRESS['site']}", check=False)
    wait_until(lambda: redirects(device), "the control: a redirect")
    device.run("ip route flush cache; nft reset counters table inet t")
    box.sysctl(net__ipv4__ip_forward=0, net__ipv6__conf__all__forwarding=0)
    daemons.up()
    assert who(device, "site.example") in PROXY
    assert who(device, f"[{ADDRESS6['site']}]", 6) == ADDRESS6["proxy"]
    ask_direct(box, device)
    for _ in range(2):
        assert who(device, "direct.example") == ADDRESS["laptop"]
        assert who(device, "direct.example", 6) == ADDRESS6["laptop"]
    assert redirects(device) == 0
    daemons.down()


def test_loop_is_stopped_and_named(net, site):
    """The router sends back to us what we send to it."""
    device = one_arm(net)
    net.router.run(f"ip route add 192.0.2.0/24 via {ADDRESS['laptop']};"
                   f"ip -6 route add 2001:db8:66::/48 via {ADDRESS6['laptop']}")
    daemons = Ersatz(net.laptop, LOOP_CONFIG).up()
    status = daemons.command("routed", "--status")
    assert "came back" not in net.laptop.out(status)
    before = 0
    for target in ("192.0.2.5", "2001:db8:66::5"):
        def counted(target=target):
            device.run(f"ping -c 1 -W 1 {target}", check=False)
            seen = re.search(r"(\d+) packets of ours came back",
                             net.laptop.out(status))
            return seen and int(seen[1]) > before and int(seen[1])
        before = wait_until(counted, f"what went to {target} is counted")
    told = net.laptop.run(daemons.command("routed", "--doctor"), check=False)
    assert told.returncode == 1 and "came back to it" in told.stdout
    wait_until(lambda: "came back to it" in net.laptop.log("routed"),
               "the log has it")
    assert net.laptop.log("routed").count("came back to it") == 1
    daemons.down()


def bridge_of_containers(net):
    """As Docker makes it, with its rules: drop, accept, masquerade, DNAT."""
    box = net.laptop
    container = net.machines["container"] = Machine("container", net.folder)
    box.run("ip link add br0 type bridge; ip addr add 172.30.0.1/24 dev br0;"
            "ip link set br0 up")
    box.run(["ip", "link", "add", "veth1", "type", "veth", "peer", "name",
             "eth0", "netns", str(container.holder.pid)])
    box.run("ip link set veth1 master br0; ip link set veth1 up")
    container.run(f"ip addr add {CONTAINER}/24 dev eth0; ip link set eth0 up;"
                  "ip route add default via 172.30.0.1")
    container.path("/etc/resolv.conf").write_text("nameserver 203.0.113.99\n")
    box.sysctl(net__ipv4__ip_forward=1)
    box.path("/run/docker").write_text(f"""
table ip nat {{
    chain PREROUTING {{
        type nat hook prerouting priority dstnat;
        fib daddr type local jump DOCKER
    }}
    chain POSTROUTING {{
        type nat hook postrouting priority srcnat;
        ip saddr 172.30.0.0/24 oifname != "br0" masquerade
    }}
    chain DOCKER {{ iifname != "br0" tcp dport 8080 dnat to {CONTAINER}:80
    }}
}}
table ip filter {{
    chain FORWARD {{
        type filter hook forward priority filter; policy drop;
        jump DOCKER-USER
        oifname "br0" ct state related,established accept
        iifname != "br0" oifname "br0" ip daddr {CONTAINER} tcp dport 80 accept
        iifname "br0" oifname != "br0" accept
    }}
    chain DOCKER-USER {{ }}
}}
""")
    box.run("nft -f /run/docker")
    container.wait_settled()
    return container


@pytest.mark.parametrize("filtering", (0, 1))
def test_container_and_published_port(net, site, filtering):
    """`gateway: auto`, and Docker's rules replayed."""
    net.start_microsocks()
    container = bridge_of_containers(net)
    net.laptop.sysctl(net__ipv4__conf__all__rp_filter=filtering)
    daemons = Ersatz(net.laptop).up()
    assert "br0" in net.laptop.out(daemons.command("routed", "--status"))
    assert who(container, "site.example") in PROXY
    assert who(container, ADDRESS["site"]) == ADDRESS["proxy"]
    ask_direct(net.laptop, container)
    assert who(container, "direct.example") == ADDRESS["laptop"]
    server = peer.listen(container, 80)
    near = peer.connect(net.site, ADDRESS["laptop"], 8080)
    far, asker = server.accept()
    assert asker[0] == ADDRESS["site"]
    assert passes(near, far), "the reply leaves by the uplink"
    daemons.down()
    assert passes(near, far)


def replayed(name):
    """Rules of others that let nothing through which they do not know."""
    return {
        "plain": "table inet f {\n chain through {\n"
                 "  type filter hook forward priority 0; policy drop;\n"
                 "  ct state established,related accept\n }\n}\n",
        "docker": "table ip filter {\n chain FORWARD {\n"
                  "  type filter hook forward priority 0; policy drop;\n"
                  "  jump DOCKER-USER\n }\n chain DOCKER-USER {\n }\n}\n",
        "ufw": "table ip filter {\n chain FORWARD {\n"
               "  type filter hook forward priority 0; policy drop;\n"
               "  jump ufw-before-forward\n  jump ufw-user-forward\n }\n"
               " chain ufw-before-forward {\n"
               "  ct state related,established accept\n }\n"
               " chain ufw-user-forward {\n }\n}\n",
        "firewalld": "table inet firewalld {\n chain filter_FORWARD {\n"
                     "  type filter hook forward priority 10; policy accept;\n"
                     "  ct state { established, related } accept\n"
                     "  ct status dnat accept\n"
                     "  jump filter_FORWARD_POLICIES\n"
                     "  reject with icmpx type admin-prohibited\n }\n"
                     " chain filter_FORWARD_POLICIES {\n }\n}\n",
    }[name]


# What the command comes to, where the program is not at hand.
OPENED = {
    "docker": "nft insert rule ip filter DOCKER-USER iifname lan0 oifname "
              "ersatz0 accept; nft insert rule ip filter DOCKER-USER "
              "iifname ersatz0 oifname lan0 accept",
    "ufw": "nft add rule ip filter ufw-user-forward iifname lan0 oifname "
           "ersatz0 accept; nft add rule ip filter ufw-user-forward "
           "iifname ersatz0 oifname lan0 accept",
    "firewalld": "nft add rule inet firewalld filter_FORWARD_POLICIES "
                 "oifname ersatz0 accept",
}
COMMANDS = {
    "docker": "iptables -I DOCKER-USER -i lan0 -o ersatz0 -j ACCEPT",
    "ufw": "ufw route allow in on lan0 out on ersatz0",
    "firewalld": "firewall-cmd --permanent --zone trusted --add-interface",
    "plain": "nft insert rule inet f through iifname lan0 oifname ersatz0 accept",
}


@pytest.mark.parametrize("name", ("plain", "docker", "ufw", "firewalld"))
def test_firewall_in_the_way_is_named(net, site, name):
    """At the start and by --doctor, with the command that opens the way."""
    net.start_microsocks()
    scene = Scene(net)
    scene.box.path("/run/rules").write_text(replayed(name))
    scene.box.run("nft -f /run/rules")
    scene.daemons.before = None
    scene.daemons.start("dnsd")
    scene.daemons.start("routed")
    address = f"http://{ADDRESS['site']}/who"
    assert scene.device.run(f"curl -sS -m 1 {address}",
                            check=False).returncode != 0
    doctor = scene.daemons.command("routed", "--doctor")
    told = scene.box.run(doctor, check=False)
    assert told.returncode == 1 and COMMANDS[name] in told.stdout, told.stdout
    assert COMMANDS[name] in scene.box.log("routed")
    mend = OPENED.get(name) or re.search(
        r"nft insert rule inet f .*", told.stdout)[0]
    scene.box.run(mend)
    assert scene.who(ADDRESS["site"]) == ADDRESS["proxy"]
    assert "lets nothing through" not in scene.box.run(doctor,
                                                       check=False).stdout
    scene.daemons.down()


def test_direct_names_of_devices_on_a_closed_host(net, site):
    """The relay sends them there directly; whatever else goes to the proxy."""
    net.start_microsocks()
    scene = Scene(net)
    scene.daemons.write(CONFIG.replace("routed: {",
                                       "routed: { on-crash: closed,"))
    scene.daemons.up()
    for family, site, box in ((4, ADDRESS["site"], ADDRESS["laptop"]),
                              (6, f"[{ADDRESS6['site']}]",
                               ADDRESS6["laptop"])):
        assert scene.who(site, family) in PROXY
        kind = "A" if family == 4 else "AAAA"

        def told(site=site, box=box, family=family, kind=kind):
            scene.device.run(f"dig +short direct.example {kind}")
            return scene.who(site, family) == box
        wait_until(told, "the relay knows it")
        assert scene.who("direct.example", family) == box
    scene.daemons.down()


def routed_lan(net, mtu=1500):
    """The router knows the way to the device, as an office's does."""
    scene = Scene(net)
    net.router.run(f"ip route add 10.77.0.0/24 via {ADDRESS['laptop']};"
                   f"ip -6 route add 2001:db8:77::/64 via {ADDRESS6['laptop']}")
    scene.box.run(f"ip link set lan0 mtu {mtu}")
    return scene


def test_errors_of_the_router_reach_who_sent(net, site):
    """Time Exceeded and Fragmentation Needed, to the far end and the device."""
    scene = routed_lan(net, 1400)
    scene.daemons.up()
    far = net.site
    for device, box in ((DEVICE, ADDRESS["laptop"]),
                        ("2001:db8:77::2", ADDRESS6["laptop"])):
        family = "-6" if ":" in device else "-4"
        told = far.run(f"ping {family} -c 1 -W 30 -M do -s 1420 {device}",
                       check=False).stdout
        assert re.search(r"mtu ?= ?1400", told), told
        assert box in told
        told = far.run(f"ping {family} -c 1 -W 30 -t 2 {device}",
                       check=False).stdout
        assert "Time" in told and box in told, told
    scene.ask_direct()
    for name, box in (("-4", BOX), ("-6", BOX6)):
        told = scene.device.run(f"ping {name} -c 1 -W 30 -t 1 direct.example",
                                check=False).stdout
        assert "Time" in told and box in told, told
    scene.daemons.down()


def test_uplink_of_pppoe(net, site):
    """1492 bytes: the segment size of a device's TCP fits, and who sends more
    in a datagram is told."""
    scene = Scene(net)
    scene.box.run("ip link set eth0 mtu 1492")
    net.site.run("nft add table inet t; nft 'add chain inet t in "
                 "{ type filter hook input priority 0; }'")
    for family, size in (("ipv4", 1452), ("ipv6", 1432)):
        net.site.run(f"nft add rule inet t in meta nfproto {family} tcp flags "
                     f"syn tcp option maxseg size {size} counter accept")
    scene.daemons.up()
    scene.ask_direct()
    for family, own in ((4, ADDRESS["laptop"]), (6, ADDRESS6["laptop"])):
        assert who(scene.device, "direct.example", family) == own
    text = net.site.out("nft list table inet t")
    assert re.findall(r"counter packets (\d+)", text) == ["1", "1"], text
    for family, size in ((4, 1470), (6, 1450)):
        told = scene.device.run(f"ping -{family} -c 1 -W 30 -M do -s {size} "
                                "direct.example", check=False).stdout
        assert re.search(r"mtu ?= ?1492", told), told
    scene.daemons.down()
