# SPDX-License-Identifier: BSD-2-Clause
"""What --doctor finds on a real host, and that its commands mend it.

    laptop eth0 192.168.7.2 ---- router

One network for all.  Each trouble is made, found, named and mended by the very
command that was printed; before and after there is nothing to find.  The rules
and routes of other VPNs are replayed: their programs need no kernel of ours.
"""
import json

import pytest
import topology
from topology import PATIENCE, ROUTER, Ersatz, wait_until

UNTOUCHED = "# "  # a change of the configuration is told as a comment


@pytest.fixture(scope="module")
def shared():
    network = topology.Network()
    network.start_microsocks()
    yield network
    network.close()


class Patient:
    def __init__(self, machine):
        self.machine = machine
        self.ersatz = Ersatz(machine)

    def examine(self, user=None):
        """The findings by name; the exit status has to agree with them."""
        result = self.machine.run(
            self.ersatz.command("routed", "--json", "--doctor"), check=False,
            user=user)
        found = [json.loads(line) for line in result.stdout.splitlines()]
        assert not result.stderr
        for finding in found:
            assert list(finding) == ["finding", "broken", "what", "why",
                                     "mend"]
        is_broken = any(finding["broken"] for finding in found)
        assert result.returncode == (1 if is_broken else 0), result.stdout
        return {finding["finding"]: finding for finding in found}

    def only(self, name, user=None):
        found = self.examine(user)
        assert list(found) == [name]
        return found[name]

    def mend(self, finding):
        """As one would: by pasting it, with our programs in the path."""
        folder = topology.BUILD / "routed"
        self.machine.run(f"PATH={folder}:$PATH; {finding['mend']}",
                         check=False)


@pytest.fixture
def patient(shared):
    patient = Patient(shared.laptop)
    shared.laptop.sysctl(net__ipv4__conf__all__rp_filter=0,
                         net__ipv4__conf__eth0__rp_filter=0)
    # The control: nothing is found on a host that has nothing.
    assert not patient.examine()
    yield patient
    assert not patient.examine()


TROUBLES = {
    "rp-filter": "sysctl -qw net.ipv4.conf.all.rp_filter=1",
    "pool-address": "ip addr add 198.18.4.1/24 dev eth0",
    "pool-route": "ip route add 198.19.0.0/16 via 192.168.7.1",
    "no-user": "sed -i '/^ersatz:/d' /etc/passwd /etc/shadow"
               " /etc/group /etc/gshadow",
    "ipv6-refused": "sysctl -qw net.ipv6.conf.default.disable_ipv6=1",
    "networkd": "mkdir -p /run/systemd/netif; : > /run/systemd/netif/state",
    "foreign-table": "nft add table inet ersatz",
    "firewall-input": """nft '
        table inet filter {
        chain input {
            type filter hook input priority 0; policy drop;
            iif lo accept
        }
        }'""",
    "firewall-masquerade": """sysctl -qw net.ipv4.ip_forward=1; nft '
        table ip nat {
        chain post {
            type nat hook postrouting priority 100
            masquerade
        }
        }'""",
}
AFTER = ("rm -rf /run/systemd/netif; nft flush ruleset;"
         "sysctl -qw net.ipv4.ip_forward=0")


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_is_found_and_mended_by_the_command(patient, name):
    laptop = patient.machine
    laptop.run(TROUBLES[name])
    finding = patient.only(name)
    assert finding["broken"] and finding["why"]
    patient.mend(finding)
    assert not patient.examine()
    laptop.run(AFTER)


def test_pool_of_ipv6(patient):
    patient.machine.run("ip -6 route add 2001:2::/64 via 2001:db8:7::1")
    patient.mend(patient.only("pool-route"))


VPNS = {
    "vpn-wg-quick": (
        "ip tuntap add wg0 mode tun; ip link set wg0 up;"
        "ip route add default dev wg0 table 51820;"
        "ip rule add not fwmark 51820 table 51820;"
        "ip rule add table main suppress_prefixlength 0",
        "ip rule del not fwmark 51820 table 51820;"
        "ip rule del table main suppress_prefixlength 0;"
        "ip link del wg0", "wg0"),
    "vpn-tailscale": (
        "ip rule add pref 5210 fwmark 0x80000/0xff0000 table main;"
        "ip rule add pref 5230 fwmark 0x80000/0xff0000 table default;"
        "ip rule add pref 5250 fwmark 0x80000/0xff0000 unreachable;"
        "ip rule add pref 5270 table 52",
        "for p in 5210 5230 5250 5270; do ip rule del pref $p; done",
        "tailscale0"),
    "vpn-strongswan": ("ip rule add pref 220 table 220",
                       "ip rule del pref 220", "table 220"),
    "vpn-openvpn": (
        "ip tuntap add tun0 mode tun; ip link set tun0 up;"
        "ip route add 0.0.0.0/1 dev tun0; ip route add 128.0.0.0/1 dev tun0",
        "ip link del tun0", "tun0"),
}


@pytest.mark.parametrize("name", VPNS)
def test_other_vpn_is_named_and_is_nothing_broken(patient, name):
    up, down, what = VPNS[name]
    patient.machine.run(up)
    try:
        finding = patient.only(name, user="daemon")
        assert finding == patient.only(name)
        assert not finding["broken"] and what in finding["mend"]
    finally:
        patient.machine.run(down)


def test_other_resolver_is_found_and_ended(patient):
    laptop = patient.machine
    laptop.path("/etc/other.conf").write_text("""\
server:
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    interface: 0.0.0.0
remote-control:
    control-enable: no
""")
    other = laptop.start(["unbound", "-d", "-c", "/etc/other.conf"],
                         log="other")
    laptop.wait_listening(53, "udp")
    laptop.wait_listening(53)
    finding = patient.only("other-resolver")
    assert "'unbound' (process" in finding["what"]
    assert "0.0.0.0:53" in finding["what"]
    # One who may not see whose it is, sees that it is there.
    assert "user 0" in patient.only("other-resolver", "daemon")["what"]
    patient.mend(finding)
    other.wait(timeout=PATIENCE)


def test_udp_server_is_named_until_it_is_served(patient):
    server = patient.machine.socket(topology.socket.AF_INET,
                                    topology.socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", 514))
    finding = patient.only("udp-servers")
    assert "514" in finding["what"] and finding["mend"].startswith(UNTOUCHED)
    patient.ersatz.write(Ersatz.DEFAULT +
                         finding["mend"].split(": ", 1)[1] + "\n")
    assert not patient.examine()
    server.close()
    patient.ersatz.write(Ersatz.DEFAULT)


def test_broken_configuration_is_a_finding(patient):
    patient.ersatz.write("rules: [ nonsense ]\n")
    assert "--check" in patient.only("config")["mend"]
    patient.ersatz.write(Ersatz.DEFAULT)


def test_a_running_routed_and_what_it_leaves_when_killed(patient):
    laptop = patient.machine
    patient.ersatz.up()
    assert not patient.examine()
    assert not patient.examine("daemon")
    text = laptop.out(patient.ersatz.command("routed", "--doctor"))
    assert text == "nothing is in our way\n"
    resolv = laptop.path("/etc/resolv.conf")
    patient.ersatz.kill("routed")
    wait_until(lambda: patient.ersatz.relay_pid() is None, "the relay is gone")
    finding = patient.only("leftover")
    assert "'/etc/resolv.conf'" in finding["what"]
    patient.mend(finding)
    assert not patient.examine()

    patient.ersatz.write(Ersatz.DEFAULT + "routed: { resolver: off }\n")
    patient.ersatz.start("routed")
    finding = patient.only("resolv-conf")
    assert not finding["broken"] and ROUTER["laptop"] in finding["what"]
    before = resolv.read_text()
    patient.mend(finding)
    assert not patient.examine()
    resolv.write_text(before)
    patient.ersatz.write(Ersatz.DEFAULT)
    patient.ersatz.down()
