# SPDX-License-Identifier: BSD-2-Clause
"""The host beside us: its own programs work as without us, and none of our
own packets comes back to us."""
import contextlib
import json
import os
import signal
import socket
import threading

import pytest
from topology import ADDRESS, ADDRESS6, PATIENCE, ROUTER, Ersatz, wait_until


def loops(daemons):
    text = daemons.machine.out(daemons.command("routed", "--status", "--json"))
    return [json.loads(line)["loops"] for line in text.splitlines()
            if "loops" in json.loads(line)]


@pytest.fixture
def capture(net, ersatz):
    """Counts what enters the TUN toward the SOCKS server."""
    process = net.laptop.start(
        ["tcpdump", "-i", "ersatz0", "-U", "-n", "-l",
         f"host {ADDRESS['proxy']} or host {ADDRESS6['proxy']}"],
        log="tcpdump")
    wait_until(lambda: "listening on" in net.laptop.log("tcpdump"),
               "tcpdump listens")
    return process


def seen(net):
    return net.laptop.log("tcpdump").count(" > ")


def test_our_own_connections_never_enter_the_tun(net, ersatz, capture):
    for _ in range(20):
        net.laptop.out("curl -sS http://site.example/")
    assert seen(net) == 0
    # The control: somebody else's connection to that very address does.
    net.laptop.run(f"curl -sS -m 2 http://{ADDRESS['proxy']}:1080/",
                   check=False)
    wait_until(lambda: seen(net) > 0, "the control is seen")
    assert loops(ersatz) == [0]


def test_nor_when_the_uplink_changes_its_address_under_load(
        net, ersatz, capture):
    stop = threading.Event()
    fetched = []

    def load():
        while not stop.is_set():
            fetched.append(net.laptop.run(
                "curl -4 -sS -m 5 http://site.example/", check=False).stdout)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for last in (31, 32, 33, 2):
        have = len(fetched)
        net.laptop.run("ip -4 addr flush dev eth0;"
                       f"ip addr add 192.168.7.{last}/24 dev eth0;"
                       f"ip route add default via {ROUTER['laptop']}")
        wait_until(lambda: "welcome to the site\n" in fetched[have:],
                   "names are carried from the new address")
    stop.set()
    for thread in threads:
        thread.join()
    assert seen(net) == 0
    assert loops(ersatz) == [0]


def test_default_route_can_be_added(net, ersatz):
    net.laptop.run(f"ip route add default via {ROUTER['laptop']} metric 50")
    route = net.laptop.out("ip route show default")
    assert f"via {ROUTER['laptop']} dev eth0 metric 50" in route
    net.laptop.run("ip route del default metric 50")


def test_ping_bound_to_the_uplink(net, ersatz):
    for far in (ROUTER["laptop"], ADDRESS["site"], ADDRESS6["site"]):
        answer = net.laptop.out(["ping", "-I", "eth0", "-c", "1", "-W", "30",
                                 far])
        assert "1 received" in answer


def test_neighbours_over_link_local_addresses(net, ersatz):
    line = net.router.out("ip -6 -o addr show dev laptop scope link")
    fe80 = line.split()[3].split("/")[0]
    answer = net.laptop.out(["ping", "-c", "1", "-W", "30", f"{fe80}%eth0"])
    assert "1 received" in answer


def test_lan_is_reached_directly(net, ersatz):
    answer = net.laptop.out(["ping", "-c", "1", "-W", "30", ROUTER["laptop"]])
    assert "1 received" in answer
    assert "NXDOMAIN" in net.laptop.out(
        ["dig", f"@{ROUTER['laptop']}", "nothing.example"])


def test_dhcp_lease_is_got_and_renewed(net, site):
    """dnsmasq at the router; the client renews when it is told to."""
    net.router.start(
        ["dnsmasq", "-d", "--conf-file=/dev/null", "--port=0", "--user=root",
         "--interface=laptop", "--bind-interfaces", "--log-dhcp",
         "--dhcp-range=192.168.7.100,192.168.7.120,255.255.255.0,2m",
         "--dhcp-leasefile=/run/leases", "--pid-file="], log="dnsmasq")
    net.router.wait_listening(67, "udp")
    client = net.laptop.start(
        ["udhcpc", "-f", "-i", "eth0", "-s", "/bin/true"], log="udhcpc")

    def leases():
        # As the client counts them: it must have seen one to ask again.
        return net.laptop.log("udhcpc").count("obtained from")

    wait_until(lambda: leases() == 1, "a first lease")
    net.start_microsocks()
    daemons = Ersatz(net.laptop).up()
    for count in (2, 3):
        children = net.laptop.out(["pgrep", "-g", str(client.pid), "udhcpc"])
        net.laptop.run(["kill", "-USR1", children.split()[0]])
        wait_until(lambda: leases() >= count, "the lease is renewed")
    assert net.router.log("dnsmasq").count("DHCPACK(") >= 3
    daemons.down()


@pytest.mark.parametrize("when", ("before", "after"))
@pytest.mark.parametrize("version", (4, 6))
def test_udp_server_on_the_wildcard_address(net, site, when, version):
    """Its answers leave from the address that was asked."""
    def serve():
        net.laptop.start(["socat", f"UDP{version}-RECVFROM:9999,fork",
                          "EXEC:cat"], log="socat")
        net.laptop.wait_listening(9999, "udp")

    net.start_microsocks()
    if when == "before":
        serve()
    daemons = Ersatz(net.laptop).up()
    if when == "after":
        serve()
    far = ADDRESS if version == 4 else ADDRESS6
    family = socket.AF_INET if version == 4 else socket.AF_INET6

    def answers(seconds):
        with net.site.socket(family, socket.SOCK_DGRAM) as client:
            client.settimeout(seconds)
            client.connect((far["laptop"], 9999))
            client.send(b"hello")
            with contextlib.suppress(TimeoutError):
                return client.recv(100) == b"hello"
        return False

    if when == "before":
        assert answers(PATIENCE)
    else:
        # A server that came later is found by its first answer.
        wait_until(lambda: answers(1), "the server answers")
    daemons.down()


def test_foreign_events_do_not_disturb(net, ersatz):
    """Other programs' routes come and go; ours stay, theirs stay theirs."""
    captured = net.laptop.state()
    for number in range(1, 200):
        net.laptop.run(f"ip route add 10.9.{number}.0/24 via 192.168.7.1")
    for number in range(1, 200):
        net.laptop.run(f"ip route del 10.9.{number}.0/24")
    wait_until(lambda: net.laptop.state() == captured,
               "the state is the captured one again")


def test_our_rules_flushed_by_others_come_back(net, ersatz):
    captured = net.laptop.out("ip rule; ip -6 rule")
    net.laptop.run("ip rule del pref 5001; ip rule del pref 4990;"
                   "ip -6 rule del pref 5002")
    wait_until(lambda: net.laptop.out("ip rule; ip -6 rule") == captured,
               "the rules are back")


def mtu_of_tun(net):
    return json.loads(net.laptop.out("ip -j link show ersatz0"))[0]["mtu"]


def test_mtu_of_the_tun_follows_the_uplink(net, ersatz):
    assert mtu_of_tun(net) == 1500
    net.laptop.run("ip link set eth0 mtu 1400")
    wait_until(lambda: mtu_of_tun(net) == 1400, "the TUN has 1400")
    for name in ("-4", "-6"):
        assert net.laptop.out(["curl", name, "-sS", "http://site.example/"]) \
            == "welcome to the site\n"
    net.laptop.run("ip link set eth0 mtu 1500")
    wait_until(lambda: mtu_of_tun(net) == 1500, "the TUN has 1500 again")


def test_uplink_too_narrow_for_ipv6_takes_none_from_the_tun(net, site):
    net.laptop.run("ip link set eth0 mtu 1000")
    net.start_microsocks()
    daemons = Ersatz(net.laptop).up()
    assert mtu_of_tun(net) == 1280
    assert net.laptop.out("curl -4 -sS http://site.example/") \
        == "welcome to the site\n"
    daemons.down()


def test_resolv_conf_in_each_form(net):
    """A file, links to it from everywhere, and one that cannot be changed."""
    laptop = net.laptop
    path, real = "/etc/resolv.conf", "/run/elsewhere/resolv.conf"
    laptop.run(f"mkdir -p /run/elsewhere /run/systemd/resolve;"
               f"cp {path} {real}; cp {path} {path}.mine;"
               "echo 'nameserver 127.0.0.53' > "
               "/run/systemd/resolve/stub-resolv.conf")
    forms = (f"ln -sf ../run/systemd/resolve/stub-resolv.conf {path}",
             f"ln -sf {real} {path}",
             f"ln -sf /run/nowhere/resolv.conf {path}",
             f"rm {path}; cp {path}.mine {path}; chmod 600 {path}")
    daemons = Ersatz(laptop)
    for form in forms:
        laptop.run(form)
        before = laptop.out(f"ls -l --time-style=+ {path}; "
                            f"cat {path} {real} || :")
        daemons.start("routed")
        ours = laptop.out(f"stat -c %F:%a {path}; cat {path} {real}")
        assert ours.startswith("regular file:644\n# Written by routed"), form
        assert ours.endswith("\nnameserver 192.168.7.1\n"), "it is as it was"
        daemons.stop("routed")
        assert laptop.out(f"ls -l --time-style=+ {path}; "
                          f"cat {path} {real} || :") == before, form
    laptop.run(f"chattr +i {path}")
    refused = laptop.run(daemons.command("routed", "-f"), check=False)
    assert refused.returncode == 1
    assert f"'chattr -i {path}' lets us" in refused.stderr
    laptop.run(f"chattr -i {path}")
    daemons.start("routed")
    laptop.run(f"chattr +i {path}")
    os.kill(daemons.pid("routed"), signal.SIGTERM)
    daemons.started.pop("routed").wait(timeout=PATIENCE)
    assert "then 'routed --recover'" in laptop.log("routed")
    laptop.run(f"chattr -i {path}")
    daemons.recover()
    assert laptop.path(path).read_text() == "nameserver 192.168.7.1\n"


def test_diff_tells_what_is_not_as_it_should_be(net, ersatz):
    def diff(*more):
        return net.laptop.run(ersatz.command("routed", "--diff", *more),
                              check=False)

    wait_until(lambda: diff().returncode == 0, "all is as it should be")
    assert diff().stdout == ""
    net.laptop.run("ip route add 10.1.0.0/16 dev eth0 table 199")
    told = diff()
    assert told.returncode == 1
    assert told.stdout.startswith("foreign: ip route add 10.1.0.0/16 dev eth0")
    assert json.loads(diff("--json").stdout)["verdict"] == "foreign"
    net.laptop.run("ip route del 10.1.0.0/16 dev eth0 table 199")
    assert diff().returncode == 0
    stopped = net.laptop.run(ersatz.command(
        "routed", "--diff", "--run", "/run/nobody"), check=False)
    assert stopped.returncode == 1 and stopped.stderr
