# SPDX-License-Identifier: BSD-2-Clause
"""routed --explain for one sender, and that the packet then goes that way.

The proxy is a device behind the laptop here: it is moved to the laptop's
second interface, as a phone on its hotspot.

    phone 10.9.0.2 --- lan0 10.9.0.1 laptop eth0 --- router --- site
"""
import json
import re

import pytest
from topology import ADDRESS, Ersatz, Machine

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  auto: {{ type: fallback, members: [proxy] }}
rules:
  - UID,65534,REJECT
  - SRC-IP-CIDR,10.9.0.9/32,REJECT
  - DOMAIN-SUFFIX,direct.example,DIRECT
  - DOMAIN-SUFFIX,auto.example,auto
  - MATCH,proxy
routed:
  exempt: {{ uid: [4242] }}
"""


@pytest.fixture
def phone(net):
    """Another host, that sends by the laptop."""
    machine = Machine("phone", net.folder)
    net.machines["phone"] = machine
    net.laptop.run(["ip", "link", "add", "lan0", "type", "veth", "peer", "name",
                    "eth0", "netns", str(machine.holder.pid)])
    net.laptop.run("ip addr add 10.9.0.1/24 dev lan0; ip link set lan0 up")
    machine.run("ip addr add 10.9.0.2/24 dev eth0; ip link set eth0 up;"
                "ip route add default via 10.9.0.1")
    return machine


@pytest.fixture
def daemons(net, site, phone):
    net.start_microsocks()
    daemons = Ersatz(net.laptop, CONFIG)
    daemons.up()
    yield daemons
    daemons.down()


def explain(daemons, *words, **more):
    return json.loads(daemons.machine.out(
        daemons.command("routed", "--json", "--explain", *words), **more))


def kernel(machine, words):
    """The same in the words of ip(8): device, table, gateway."""
    text = machine.out(["ip", "route", "get", *words.split()])
    found = {key: re.search(rf" {key} (\S+)", text)
             for key in ("dev", "table", "via")}
    return {key: match and match[1] for key, match in found.items()}


FAR = ADDRESS["site"]


def test_kernel_and_rules_are_asked_for_the_sender(net, daemons):
    """What is told is what 'ip route get' says under the same conditions."""
    cases = [
        ([FAR, "80", "--uid", "1000"], f"{FAR} uid 1000"),
        ([FAR, "80", "--uid", "4242"], f"{FAR} uid 4242"),
        ([FAR, "80", "--from", ADDRESS["laptop"]],
         f"{FAR} from {ADDRESS['laptop']}"),
        ([FAR, "53/udp", "--uid", "0"],
         f"{FAR} uid 0 ipproto udp dport 53"),
    ]
    for words, question in cases:
        told = explain(daemons, *words)
        says = kernel(net.laptop, question)
        assert told["device"] == says["dev"], words
        assert str(told["table"]) == (says["table"] or "254"), words
        assert told["gateway"] == says["via"], words

    told = explain(daemons, FAR, "80", "--uid", "1000")
    assert (told["device"], told["outbound"]) == ("ersatz0", "proxy")
    assert told["way"] == (
        f"this host, user 1000 -> table 197 -> ersatz0 -> relay -> 'proxy' "
        f"{ADDRESS['proxy']}:1080 -> eth0 via 192.168.7.1")
    assert (told["exit_device"], told["exit_gateway"]) == ("eth0",
                                                           "192.168.7.1")
    # Positive control: another user has another rule, one another route.
    told = explain(daemons, FAR, "80", "--uid", "65534")
    assert (told["outbound"], told["line"]) == ("REJECT", 5)
    assert told["way"].endswith("-> relay -> REJECT")
    told = explain(daemons, FAR, "80", "--uid", "4242")
    assert (told["carried"], told["way"]) == (
        False,
        "this host, user 4242 -> table main -> eth0 via 192.168.7.1")
    assert "depends on who sends it" in explain(daemons, FAR, "80")["reason"]
    # And so it is.
    url = f"http://{FAR}/who"
    assert net.laptop.out(["curl", "-s", url], user="4242").startswith(
        ADDRESS["laptop"])
    assert net.laptop.out(["curl", "-s", url], user="1000").startswith(
        ADDRESS["proxy"])
    assert net.laptop.run(["curl", "-s", url], user="65534",
                          check=False).returncode != 0


def test_names_show_their_way_too(net, daemons):
    told = explain(daemons, "new.example", "80", "--uid", "0")
    assert told["way"] == (
        f"this host, user 0 -> dnsd -> relay -> 'proxy' "
        f"{ADDRESS['proxy']}:1080 -> eth0 via 192.168.7.1")
    told = explain(daemons, "www.direct.example", "80", "--uid", "0")
    assert told["way"] == "this host, user 0 -> dnsd -> its real address"
    told = explain(daemons, "auto.example", "80", "--uid", "0")
    assert "-> 'proxy' " in told["way"]
    text = net.laptop.out(daemons.command("routed", "--explain", "new.example",
                                          "80", "--uid", "0"))
    assert text.splitlines()[-1].startswith("  way        this host, user 0")


def test_what_comes_in_is_asked_about_as_that(net, daemons):
    """Another host's packet, by its address or by the interface."""
    told = explain(daemons, FAR, "80", "--iif", "lan0")
    assert (told["from"], told["iif"]) == ("10.9.0.2", "lan0")
    assert "does this host forward?" in told["reason"]
    net.laptop.sysctl(net__ipv4__ip_forward=1)
    by_address = explain(daemons, FAR, "80", "--from", "10.9.0.2")
    by_link = explain(daemons, FAR, "80", "--iif", "lan0", "--from",
                      "10.9.0.2")
    assert by_address == by_link
    says = kernel(net.laptop, f"{FAR} from 10.9.0.2 iif lan0")
    assert by_link["device"] == says["dev"]
    assert by_link["way"].startswith("10.9.0.2 -> lan0 -> ")
    net.laptop.sysctl(net__ipv4__ip_forward=0)


def test_it_is_told_without_the_daemon_as_well(net, daemons):
    """But for the members of groups, which the relay knows."""
    words = (FAR, "80", "--uid", "4242")
    running = explain(daemons, *words)
    daemons.stop("routed")
    assert explain(daemons, *words) == running


@pytest.mark.parametrize("words", [
    ["--from", "2001:db8::1"], ["--iif", "none0"], ["--from", "10.9.0.300"]])
def test_a_sender_that_cannot_be_has_no_way(net, daemons, words):
    result = net.laptop.run(daemons.command("routed", "--json", "--explain",
                                            FAR, "80", *words), check=False)
    if result.returncode == 0:
        told = json.loads(result.stdout)
        assert "has no way" in told["reason"] and not told["carried"]
    else:
        assert "an address was expected" in result.stderr


def test_plan_and_recovery_are_lines_of_json(net, site):
    """The steps of the plan paste, in order, and their undoing in reverse."""
    daemons = Ersatz(net.laptop)
    before = net.laptop.state()
    lines = net.laptop.out(daemons.command("routed", "--json", "--plan"),
                           user="65534").splitlines()
    steps = [json.loads(line) for line in lines]
    assert [step["step"] for step in steps] == list(range(len(steps)))
    assert {"nftables", "throw", "tun", "capture"} <= {
        step["phase"] for step in steps}
    for step in steps:
        net.laptop.run(step["do"])
    assert kernel(net.laptop, f"{FAR} uid 1000")["dev"] == "ersatz0"
    for step in reversed(steps):
        if step["undo"]:
            net.laptop.run(step["undo"])
    assert net.laptop.state() == before

    command = daemons.command("routed", "--json", "--recover")
    told = json.loads(net.laptop.out(command))
    assert told == {"kept": False, "rules": 0, "routes": 0, "links": 0,
                    "tables": 0, "resolver": False, "connections": 0}
    net.start_microsocks()
    daemons.up()
    daemons.kill("routed")
    told = json.loads(net.laptop.out(command))
    assert told["rules"] > 5 and told["tables"] == 1 and told["resolver"]
    daemons.down()
