# SPDX-License-Identifier: BSD-2-Clause
"""What DESIGN section 6 says of the kernel, asked of the kernel.

    laptop eth0 192.168.7.2 ---- router ---- site, proxy
           ersatz0 198.18.0.1 (a TUN that swallows what enters it)

The routing state is held by route_host, which is routed without its relay.
"""
import re
import socket
import subprocess

import pytest
from topology import (ADDRESS, ADDRESS6, BUILD, PATIENCE, ROUTER, ROUTER6,
                      wait_until)

TUN = "ersatz0"
POOL, POOL6 = "198.18.7.7", "2001:2::77"
CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rules: [ "MATCH,proxy" ]
routed: {{ resolver: off }}
"""


class Host:
    """route_host on a machine."""

    def __init__(self, machine, config=CONFIG):
        self.machine = machine
        self.before = machine.state()
        machine.path("/etc/ersatz.yaml").write_text(config)
        machine.run(["mkdir", "-p", "/run/ersatz", "/var/lib/ersatz"])
        self.log = open(machine.folder / "logs" / "route_host", "ab")
        self.process = subprocess.Popen(
            machine.enter([BUILD / "tests/net/route_host",
                           "/etc/ersatz.yaml"]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            text=True, start_new_session=True)
        machine.processes.append(self.process)
        self.answer = self.process.stdout.readline().strip()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
        status = self.process.wait(timeout=PATIENCE)
        self.log.close()
        return status

    def kill(self):
        self.machine.kill(self.process, 9)
        self.log.close()


@pytest.fixture
def host(net):
    captured = Host(net.laptop)
    assert captured.answer == "ready"
    yield captured
    assert captured.stop() == 0
    assert net.laptop.state() == captured.before
    # Nothing was added that was there already.
    assert "File exists" not in net.laptop.log("route_host")


def way(machine, target, *how):
    """The device that the kernel chooses, or its refusal."""
    family = ["-6"] if ":" in target else []
    result = machine.run(["ip", *family, "route", "get", target, *how],
                         check=False)
    found = re.search(r"dev (\S+)", result.stdout)
    if result.returncode == 0 and found:
        return found.group(1)
    return result.stderr.strip().removeprefix("RTNETLINK answers: ")


def source(machine, target, device=None):
    """The address that a connected UDP socket of the machine gets."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with machine.socket(family, socket.SOCK_DGRAM) as udp:
        if device:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE,
                           device.encode())
        udp.connect((target, 9))
        return udp.getsockname()[0]


def priorities(machine, family="-4"):
    text = machine.out(["ip", family, "rule", "show"])
    return [int(line.split(":")[0]) for line in text.splitlines()]


# --- lookups -------------------------------------------------------------

def test_sockets_without_an_address_enter_the_tun(net, host):
    for far, own in ((ADDRESS["site"], "198.18.0.1"),
                     (ADDRESS6["site"], "2001:2::1")):
        assert way(net.laptop, far) == TUN
        assert source(net.laptop, far) == own


def test_sockets_bound_to_the_uplink_leave_by_it(net, host):
    for far, own in ((ADDRESS["site"], ADDRESS["laptop"]),
                     (ADDRESS6["site"], ADDRESS6["laptop"])):
        assert way(net.laptop, far, "oif", "eth0") == "eth0"
        assert source(net.laptop, far, "eth0") == own


def test_sockets_with_an_address_stay_where_they_are(net, host):
    assert way(net.laptop, ADDRESS["site"], "from",
               ADDRESS["laptop"]) == "eth0"
    assert way(net.laptop, ADDRESS6["site"], "from",
               ADDRESS6["laptop"]) == "eth0"
    assert way(net.laptop, ADDRESS["site"], "from", "198.18.0.1") == TUN
    assert way(net.laptop, ADDRESS6["site"], "from", "2001:2::1") == TUN


@pytest.mark.parametrize("near", [
    ROUTER["laptop"], ROUTER6["laptop"], "192.168.7.200", "2001:db8:7::99",
    "224.0.0.251"])
def test_the_link_is_reached_directly(net, host, near):
    assert way(net.laptop, near) == "eth0"


def test_link_local_and_multicast_of_ipv6_keep_their_link(net, host):
    for near in ("fe80::99", "ff02::fb"):
        assert way(net.laptop, near, "oif", "eth0") == "eth0"


def test_pools_enter_the_tun_whoever_asks(net, host):
    for pool in (POOL, POOL6):
        assert way(net.laptop, pool) == TUN
        assert way(net.laptop, pool, "uid", "12345") == TUN
    assert way(net.laptop, POOL, "from", ADDRESS["laptop"]) == TUN
    assert way(net.laptop, POOL6, "from", ADDRESS6["laptop"]) == TUN


def test_addresses_of_the_tun_are_our_own(net, host):
    for own in ("198.18.0.1", "2001:2::1"):
        assert way(net.laptop, own) == "lo"


def test_tun_has_no_link_local_address_and_cubic_routes(net, host):
    assert "fe80" not in net.laptop.out(f"ip addr show dev {TUN}")
    for family in ("-4", "-6"):
        routes = net.laptop.out(
            f"ip {family} route show table all dev {TUN} proto 198")
        assert routes.count("congctl cubic") == 5
        assert "scope link" not in routes


def test_kernel_of_paper_agrees_with_the_real_one(net, host):
    compare = BUILD / "tests/net/route_compare"
    if not compare.exists():
        pytest.skip("built without cmocka")
    net.laptop.run("ip rule add fwmark 0x2a lookup main prio 4995;"
                   "ip -6 rule add uidrange 12345-12345 lookup main prio 4995;"
                   "ip route add 10.0.0.0/8 via 192.168.7.66")
    assert host.say("udp 4 5555") == "ok"
    wait_until(lambda: "5555" in net.laptop.out("ip rule"), "rule 4991")
    wait_until(lambda: way(net.laptop, "10.1.2.3") == "eth0", "the throw")
    assert net.laptop.out([compare]) == "compared 144\n"
    net.laptop.run("ip rule del prio 4995; ip -6 rule del prio 4995;"
                   "ip route del 10.0.0.0/8")


# --- other programs ------------------------------------------------------

def test_next_hops_are_found_on_their_link(net, host):
    net.laptop.run(f"ip route add default via {ROUTER['laptop']} metric 77")
    net.laptop.run("ip -6 route add default via "
                   f"{ROUTER6['laptop']} metric 77")
    for family, gateway in (("-4", ROUTER), ("-6", ROUTER6)):
        route = net.laptop.out(f"ip {family} route show default metric 77")
        assert f"via {gateway['laptop']} dev eth0" in route
        net.laptop.run(f"ip {family} route del default metric 77")


@pytest.mark.parametrize("far", [
    ROUTER["laptop"], ROUTER6["laptop"], ADDRESS["site"], ADDRESS6["site"]])
def test_ping_bound_to_the_uplink_is_answered(net, host, far):
    net.laptop.run(["ping", "-I", "eth0", "-c", "1", "-W", "30", far])


def test_neighbours_by_link_local_address(net, host):
    text = net.router.out("ip -6 addr show dev laptop scope link")
    near = re.search(r"inet6 (fe80\S+)/", text).group(1)
    net.laptop.run(["ping", "-6", "-c", "1", "-W", "30", f"{near}%eth0"])


def answered(net, server, seconds=PATIENCE):
    """Does the site get an answer from a wildcard UDP server at home?"""
    family = server.family
    target = ADDRESS if family == socket.AF_INET else ADDRESS6
    with net.site.socket(family, socket.SOCK_DGRAM) as client:
        client.bind((target["site"], 0))
        client.sendto(b"ping", (target["laptop"], 5555))
        data, peer = server.recvfrom(64)
        server.sendto(data, peer)
        client.settimeout(seconds)
        try:
            return client.recvfrom(64)[1][0] == target["laptop"]
        except TimeoutError:
            return False


@pytest.mark.parametrize("family", [4, 6])
def test_udp_server_on_the_wildcard_address_keeps_its_address(
        net, host, family):
    af = socket.AF_INET if family == 4 else socket.AF_INET6
    with net.laptop.socket(af, socket.SOCK_DGRAM) as server:
        server.settimeout(PATIENCE)
        server.bind(("", 5555))
        assert not answered(net, server, 0.5), "the control: it is lost"
        assert host.say(f"udp {family} 5555") == "ok"
        wait_until(lambda: 4991 in priorities(net.laptop, f"-{family}"),
                   "rule 4991")
        assert answered(net, server)


def test_rules_and_routes_of_others_are_not_touched(net):
    net.laptop.run("""
        ip rule add from 203.0.113.99 lookup 300 priority 100
        ip rule add fwmark 0x99 lookup 300 priority 4990
        ip rule add iif eth0 lookup 300 priority 5001 protocol static
        ip -6 rule add to 2001:db8:99::/48 lookup 300 priority 5300
        ip route add default via 192.168.7.1 table 300
        ip route add throw 10.9.0.0/16 table 300 proto 99
        ip -6 route add unreachable 2001:db8:66::/48 table 300
        ip route add 10.77.0.0/16 via 192.168.7.1 table 199
        ip rule add to 198.18.0.0/15 lookup 196 priority 4990""")
    captured = Host(net.laptop)
    assert captured.answer == "ready"
    text = net.laptop.out("ip rule; ip -6 rule; ip route show table 300")
    for mine in ("203.0.113.99", "0x99", "2001:db8:99::/48", "10.9.0.0/16"):
        assert mine in text
    assert captured.stop() == 0
    assert net.laptop.state() == captured.before


# --- exemptions ----------------------------------------------------------

def test_exempt_user_goes_by_main_or_nowhere(net, host):
    assert host.say("uids 12345 12345") == "ok"
    wait_until(lambda: 4993 in priorities(net.laptop, "-6"), "rule 4993")
    for far in (ADDRESS["site"], ADDRESS6["site"]):
        assert way(net.laptop, far, "uid", "12345") == "eth0"
        assert way(net.laptop, far, "uid", "12346") == TUN
    net.laptop.run("ip -6 route del default")
    assert way(net.laptop, ADDRESS6["site"],
               "uid", "12345") == "Network is unreachable"
    assert way(net.laptop, ADDRESS6["site"], "uid", "12346") == TUN
    net.laptop.run(f"ip -6 route add default via {ROUTER6['laptop']}")


def test_far_end_is_thrown_at_once_and_no_flow_in_the_tun_moves(net, host):
    for far, own in ((ADDRESS["site"], "198.18.0.1"),
                     (ADDRESS6["site"], "2001:2::1")):
        assert way(net.laptop, far) == TUN
        assert host.say(f"far {far}") == "ok"
        assert way(net.laptop, far) == "eth0"
        assert way(net.laptop, far, "from", own) == TUN
        # It is there already.
        assert host.say(f"far {far}") == "ok"


def test_private_routes_by_hand_win_and_pushed_ones_do_not(net, host):
    net.laptop.run("ip route add 10.1.0.0/16 via 192.168.7.66;"
                   "ip route add 10.2.0.0/16 via 192.168.7.66 proto dhcp;"
                   "ip route add 203.0.112.0/20 via 192.168.7.66 proto dhcp;"
                   "ip route add 198.51.0.0/16 via 192.168.7.66")
    wait_until(lambda: way(net.laptop, "10.1.1.1") == "eth0", "the throw")
    for far in ("10.2.1.1", ADDRESS["proxy"], ADDRESS["site"]):
        assert way(net.laptop, far) == TUN
    net.laptop.run("ip route del 10.1.0.0/16; ip route del 10.2.0.0/16;"
                   "ip route del 203.0.112.0/20; ip route del 198.51.0.0/16")


def test_prefixes_of_a_vpn_and_of_tables_of_others_win(net, host):
    net.laptop.run("""
        ip tuntap add vpn0 mode tun
        ip addr add 10.66.0.2/24 dev vpn0
        ip link set vpn0 up
        ip route add 203.0.113.0/24 dev vpn0
        ip route add 0.0.0.0/2 dev vpn0
        ip rule add lookup 52 priority 5270
        ip route add 198.51.100.0/24 dev vpn0 table 52""")
    wait_until(lambda: way(net.laptop, ADDRESS["site"]) == "vpn0",
               "the throw of table 52")
    assert way(net.laptop, ADDRESS["proxy"]) == "vpn0"
    assert way(net.laptop, "10.66.0.9") == "vpn0"
    assert way(net.laptop, "1.1.1.1") == TUN
    # And a full tunnel beside us is not our way out.
    assert way(net.laptop, "1.1.1.1", "oif", "eth0") == "eth0"
    net.laptop.run("ip rule del priority 5270; ip link del vpn0;"
                   "ip route flush table 52")


# --- what changes while we run -------------------------------------------

def test_without_the_tun_everything_is_direct_and_the_pool_refused(net, host):
    host.process.send_signal(19)  # nobody helps
    state = net.laptop.out("ip rule; ip -6 rule")
    net.laptop.run(f"ip link del {TUN}")
    for far in (ADDRESS["site"], ADDRESS6["site"]):
        assert way(net.laptop, far) == "eth0"
    for pool in (POOL, POOL6):
        assert way(net.laptop, pool) == "No route to host"
    assert net.laptop.out("ip rule; ip -6 rule") == state
    host.process.send_signal(18)
    assert host.say("tun-close") == "ok"
    assert host.say("tun-open") == "ok"
    wait_until(lambda: way(net.laptop, ADDRESS["site"]) == TUN,
               "the new TUN has its routes")
    wait_until(lambda: way(net.laptop, POOL6) == TUN, "in IPv6 too")


def test_flushed_rules_come_back_and_the_third_time_is_told(net, host):
    def whole():
        return net.laptop.out("ip rule; ip -6 rule; ip route show table all;"
                              "ip -6 route show table all |"
                              "grep -v 'multicast ff00::/8'")
    before = whole()
    for _ in range(3):
        net.laptop.run("for p in 4990 4998 4999 5000 5001 5002; do"
                       " ip rule del priority $p; ip -6 rule del priority $p;"
                       " ip -6 rule del priority $p; done;"
                       " ip route flush table 199", check=False)
        wait_until(lambda: whole() == before, "everything is back")
    rival = "removed again and again, by "
    wait_until(lambda: rival in net.laptop.log("route_host"), "it is told")
    log = net.laptop.log("route_host")
    assert "repaired" in log and log.count(rival) == 1
    assert re.match(r"captured 1 .* foreign 0 ", host.say("status"))


def test_tun_that_somebody_set_down_is_up_again(net, host):
    net.laptop.run(f"ip link set {TUN} down")
    for far in (ADDRESS["site"], ADDRESS6["site"]):
        wait_until(lambda: way(net.laptop, far) == TUN, "back in the TUN")
    assert "fe80" not in net.laptop.out(f"ip addr show dev {TUN}")


def test_exits_follow_the_uplink(net, host):
    """A second link with a better metric, and away again."""
    net.router.run(f"""
        ip link add wlan type veth peer name wlan0 netns {net.laptop.holder.pid}
        ip addr add 192.168.8.1/24 dev wlan
        ip link set wlan up""")
    net.laptop.run("""
        ip addr add 192.168.8.2/24 dev wlan0
        ip link set wlan0 up
        ip route del default
        ip route add default via 192.168.7.1 metric 600
        ip route add default via 192.168.8.1 metric 100""")
    wait_until(lambda: "oif wlan0 lookup 211" in net.laptop.out("ip rule"),
               "wlan0 is an exit")
    assert "default via 192.168.8.1 dev wlan0" in net.laptop.out(
        "ip route show table 211")
    assert way(net.laptop, ADDRESS["site"], "oif", "wlan0") == "wlan0"
    # IPv6 has its uplink at eth0 still, so that stays an exit.
    assert "oif eth0 lookup 210" in net.laptop.out("ip rule")
    net.laptop.run("ip link del wlan0")
    wait_until(lambda: "wlan0" not in net.laptop.out("ip rule"),
               "wlan0 is none any more")
    net.laptop.run("ip route del default;"
                   "ip route add default via 192.168.7.1")


def test_exit_follows_its_gateway(net, host):
    net.laptop.run("ip route replace default via 192.168.7.66")
    wait_until(lambda: "192.168.7.66" in net.laptop.out(
        "ip route show table 210"), "the exit table has the new gateway")
    net.laptop.run("ip route replace default via 192.168.7.1")
    wait_until(lambda: "192.168.7.66" not in net.laptop.out(
        "ip route show table 210"), "and the old one again")


def test_ipv6_is_captured_without_an_uplink_of_its_own(net):
    net.laptop.run("ip -6 route del default")
    captured = Host(net.laptop)
    assert captured.answer == "ready"
    assert source(net.laptop, ADDRESS6["site"]) == "2001:2::1"
    assert captured.stop() == 0
    assert net.laptop.state() == captured.before


def test_ipv6_that_is_off_stays_off(net):
    net.laptop.sysctl(net__ipv6__conf__all__disable_ipv6=1,
                      net__ipv6__conf__default__disable_ipv6=1)
    captured = Host(net.laptop)
    assert captured.answer == "ready"
    assert way(net.laptop, ADDRESS["site"]) == TUN
    assert priorities(net.laptop, "-6") == [0, 32766]
    assert captured.stop() == 0
    assert net.laptop.state() == captured.before


def test_capture_fake_takes_the_pools_and_nothing_else(net):
    captured = Host(net.laptop, CONFIG.replace(
        "routed: {", "routed: { capture: fake,"))
    assert captured.answer == "ready"
    for pool, far in ((POOL, ADDRESS["site"]), (POOL6, ADDRESS6["site"])):
        assert way(net.laptop, pool) == TUN
        assert way(net.laptop, far) == "eth0"
    assert captured.stop() == 0
    assert net.laptop.state() == captured.before


# --- failure and recovery ------------------------------------------------

@pytest.mark.parametrize("obstacle, words", [
    ("ip rule add priority 100 lookup main", "comes before ours"),
    ("ip route add 0.0.0.0/1 via 192.168.7.1 table 199",
     "another program has what we need"),
    ("ip tuntap add ersatz0 mode tun", "busy")])
def test_what_cannot_be_captured_is_left_as_it_was(net, obstacle, words):
    net.laptop.run(obstacle)
    refused = Host(net.laptop)
    assert refused.answer.startswith("failed: ")
    assert words in refused.answer
    assert refused.stop() == 1
    assert net.laptop.state() == refused.before


def test_killed_leaves_the_net_reachable_and_the_next_start_cleans_up(net):
    net.laptop.run("ip rule add fwmark 0x99 lookup 300 priority 4990")
    killed = Host(net.laptop)
    assert killed.answer == "ready"
    killed.kill()
    for far in (ADDRESS["site"], ADDRESS6["site"]):
        wait_until(lambda: way(net.laptop, far) == "eth0", "it is direct")
    net.laptop.run(["ping", "-c", "1", "-W", "30", ADDRESS["site"]])
    assert net.laptop.state() != killed.before, "the control: leftovers"
    again = Host(net.laptop)
    assert again.answer == "ready"
    assert "removed what an earlier run left behind" in net.laptop.log(
        "route_host")
    assert again.stop() == 0
    assert net.laptop.state() == killed.before
    assert not net.laptop.path("/run/ersatz/routed.journal").exists()


def test_resolv_conf_is_taken_over_and_given_back(net):
    config = CONFIG.replace("resolver: off", "resolver: resolv.conf")
    text = "# mine\nsearch lan\nnameserver 192.168.7.1\n"
    net.laptop.path("/etc/resolv.conf").write_text(text)
    captured = Host(net.laptop, config)
    assert captured.answer == "ready"
    ours = net.laptop.path("/etc/resolv.conf").read_text()
    assert ours.startswith("# Written by routed (ersatz); the original is "
                           "/run/ersatz/resolv.conf.before\n"
                           "nameserver 127.0.0.1\nsearch lan\n")
    assert captured.stop() == 0
    assert net.laptop.state() == captured.before
    # Once more, killed: the next one gives back before it takes over.
    killed = Host(net.laptop, config)
    killed.kill()
    again = Host(net.laptop, CONFIG)
    assert net.laptop.path("/etc/resolv.conf").read_text() == text
    assert again.stop() == 0
    assert net.laptop.state() == captured.before


def test_journal_holds_every_change(net, host):
    journal = net.laptop.path("/run/ersatz/routed.journal").read_text()
    assert journal.startswith(f"ersatz-journal 1\ntun {TUN} ")
    objects = int(host.say("status").split()[3])
    assert journal.count("\nadd ") == objects
    assert journal.count("batch\n") == journal.count("end\n")


def test_plan_pastes_and_is_what_is_captured(net):
    """Made by hand, by nobody special, it is the same state."""
    laptop = net.laptop
    laptop.path("/etc/ersatz.yaml").write_text(CONFIG)
    plan = laptop.out(["setpriv", "--reuid=65534", "--regid=65534",
                       "--clear-groups", BUILD / "routed/routed",
                       "-c", "/etc/ersatz.yaml", "--plan"])

    def state():
        return laptop.out("ip rule; ip -6 rule; ip route show table all;"
                          "ip -6 route show table all;"
                          "nft list table inet ersatz;"
                          f"ip addr show dev {TUN} | grep -v '^[0-9]*:'")

    before = laptop.state()
    laptop.path("/run/plan").write_text("set -ex\n" + plan)
    laptop.run(["sh", "/run/plan"])
    pasted = state().replace(" linkdown", "")
    laptop.path("/run/plan").write_text("set -ex\n" + plan[
        plan.index("ersatz_undo() {"):] + "\nersatz_undo\n")
    laptop.run(["sh", "/run/plan"])
    assert laptop.state() == before
    captured = Host(laptop)
    assert captured.answer == "ready"
    assert state() == pasted
    assert captured.stop() == 0
