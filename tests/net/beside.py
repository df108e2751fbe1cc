# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of other programs beside us have in common.

                          router
              ______________|____________________
             /          /        \\               \\
    laptop 192.168.7.2  proxy    site             vpn 192.0.2.2
    dnsd, routed,                knows who asks   10.66.0.1 inside,
    the other program                             unbound: *.office.example

Laptop and vpn have the programs that `./setup check` unpacks, over /usr.  The
site tells by which way a request came: "laptop", "proxy" or "vpn".
"""
import contextlib
import difflib
import json
import re
import subprocess

import pytest
import topology
from recipes import Recipe
from topology import TOP, Ersatz, Machine, wait_until

PEERS = TOP / "build/peers"
needs_peers = pytest.mark.skipif(
    not (PEERS / "done").exists(),
    reason="there are no peers (./setup check unpacks them)")
VPN = {"router": "192.0.2.1", "address": "192.0.2.2", "inner": "10.66.0.1",
       "router6": "2001:db8:4::1", "address6": "2001:db8:4::2"}
# The pair of the recipes' PublicKey, and one for the laptop.
SERVER_KEY = "QK9OSWcRB3JrmQaaWJosnVNwPWHOCfjdcWoATpvHvEY="
SERVER_PUBLIC = "ht73uzdB+/A392QIIs/NCjxoWZx29TQSKNxQxL3rbCc="
LAPTOP_KEY = "qIhh5nQJHoSpWsDXXw14h3K0dAQKB8iZy8pXj4nLSlI="
LAPTOP_PUBLIC = "JjqK2NFQVWWKXoxW/Ev6AO3AG7g4PplwDWvWWk/TixY="


def command(words):
    """Outside of any machine; what it says is shown if it fails."""
    result = subprocess.run([str(word) for word in words], text=True,
                            stdin=subprocess.DEVNULL, capture_output=True,
                            timeout=60)
    assert result.returncode == 0, f"{words}\n{result.stderr}"


def has_peers(machine):
    """The unpacked programs, where they would be if they were installed."""
    machine.run(["mount", "-t", "overlay", "overlay", "-o",
                 f"lowerdir={PEERS}/usr:/usr", "/usr"])


def start_bus(machine):
    """The bus of the system, of this machine alone."""
    machine.run("""
        getent passwd messagebus > /dev/null || useradd --system messagebus
        mkdir -p /run/dbus
        dbus-daemon --system --fork --nopidfile
    """)


class Beside(topology.Network):
    def __init__(self):
        super().__init__()
        try:
            self._add_vpn()
            self.start_site()
            self.start_microsocks()
            has_peers(self.laptop)
        except BaseException:
            self.close()
            raise

    def _add_vpn(self):
        self.machines["vpn"] = Machine("vpn", self.folder)
        has_peers(self.vpn)
        topology.ROUTER["vpn"] = VPN["router"]
        topology.ADDRESS["vpn"] = VPN["address"]
        topology.ROUTER6["vpn"] = VPN["router6"]
        topology.ADDRESS6["vpn"] = VPN["address6"]
        self._connect("vpn")
        self.vpn.sysctl(net__ipv4__ip_forward=1,
                        net__ipv6__conf__all__forwarding=1)
        self.vpn.run("""nft '
            table inet nat {
            chain post {
                type nat hook postrouting priority 100
                oifname eth0 masquerade
            }
            }'""")
        names = self.router.path("/etc/unbound.conf").read_text().replace(
            "remote-control:", '    local-data: "www.office.example. 60 IN A '
            f'{topology.ADDRESS["site"]}"\n'
            f'    local-data: "box.office.example. 60 IN A {VPN["inner"]}"\n'
            '    local-data: "box.tail.ts.net. 60 IN A 100.64.0.1"\n'
            "remote-control:")
        self.vpn.path("/etc/unbound.conf").write_text(names)
        self.vpn.start(["unbound", "-d", "-c", "/etc/unbound.conf"],
                       log="unbound")
        self.vpn.wait_listening(53, "udp")

    def start_wireguard(self, peer=LAPTOP_PUBLIC):
        """The server of the VPN; the key of the laptop is in its file."""
        vpn = self.vpn
        vpn.path("/etc/server.key").write_text(SERVER_KEY + "\n")
        vpn.run("wireguard-go wg0; "
                "wg set wg0 listen-port 51820 private-key /etc/server.key "
                f"peer {peer} "
                "allowed-ips 10.66.0.2/32,fd66::2/128,100.64.0.2/32; "
                f"ip addr add {VPN['inner']}/24 dev wg0;"
                "ip addr add fd66::1/64 dev wg0;"
                "ip addr add 100.64.0.1/32 dev wg0;"
                "ip addr add 100.100.100.100/32 dev wg0;"
                "ip link set wg0 up;"
                "ip route add 100.64.0.2 dev wg0 src 100.100.100.100")
        folder = self.laptop.path("/etc/wireguard")
        folder.mkdir(exist_ok=True)
        (folder / "wg0.key").write_text(LAPTOP_KEY + "\n")

    def way_to(self, name, version=4):
        """By which way a request of the laptop comes to the site."""
        answer = self.laptop.run(
            f"curl -{version} -sS -m 10 http://{name}/who", check=False)
        seen = answer.stdout.split()[:1]
        for one in topology.ADDRESS:
            if seen in ([topology.ADDRESS[one]], [topology.ADDRESS6[one]]):
                return one
        return (answer.stdout + answer.stderr).strip()

    def objects(self):
        """Rules, routes, nftables and switches of everybody but us."""
        run = self.laptop.out
        parts = [
            "\n".join(line for command in (
                "ip -4 rule show", "ip -6 rule show",
                "ip -4 route show table all", "ip -6 route show table all")
                for line in sorted(run(command).splitlines())
                if "proto 198" not in line and "ersatz" not in line),
            re.sub(r"^table inet ersatz.*?^}\n", "",
                   run("nft -s list ruleset"), flags=re.DOTALL | re.MULTILINE),
            run("grep -H . /proc/sys/net/ipv4/conf/*/rp_filter "
                "/proc/sys/net/ipv4/conf/*/src_valid_mark "
                "/proc/sys/net/ipv4/ip_forward | grep -v ersatz")]
        return "\n".join(" ".join(line.split())
                         for line in "\n".join(parts).splitlines())


class Lasting:
    def __init__(self, make):
        self.make, self.stack, self.net = make, None, None

    def get(self):
        if not self.stack:
            with contextlib.ExitStack() as stack:
                self.net = stack.enter_context(self.make())
                self.stack = stack.pop_all()
        return self.net

    def drop(self):
        stack, self.stack = self.stack, None
        if stack:
            stack.close()


def lasting(make):
    """Two fixtures of a module: its network, which is made once, and anew
    after a test that failed: nobody knows what that has left."""
    @pytest.fixture(scope="module")
    def last():
        last = Lasting(make)
        yield last
        last.drop()

    @pytest.fixture
    def net(request, last):
        yield last.get()
        if getattr(request.node, "has_failed", False):
            last.drop()
    return last, net


class Case:
    """One other program on the laptop, by its recipe."""
    title = None
    finding = None

    def __init__(self, net):
        self.net = net
        self.laptop = net.laptop
        self.recipe = Recipe(self.title)
        self.recipe.write(self.laptop)
        self.ersatz = Ersatz(self.laptop, self.recipe.config)

    def up(self):
        raise NotImplementedError

    def down(self):
        raise NotImplementedError

    def check_alone(self):
        """The other program works, without us."""

    def check_both(self):
        """Both work."""

    def check_us(self):
        """We work without the other program."""
        self.reaches("site.example", "proxy")

    def reaches(self, name, way, version=4):
        """The first packets may be lost: a tunnel shakes hands."""
        seen = []

        def is_there():
            seen.append(self.net.way_to(name, version))
            return seen[-1] == way
        try:
            wait_until(is_there, f"'{name}' by '{way}'", 60)
        except AssertionError:
            raise AssertionError(f"'{name}': {seen[-1]}, not {way}\n"
                                 + self.laptop.log("routed")) from None

    def pings(self, name):
        """A tunnel that has just come may not be known to everybody yet."""
        wait_until(lambda: self.laptop.run(
            ["ping", "-c", "1", "-W", "5", name], check=False)
            .returncode == 0, f"an answer of '{name}'", 60)

    def doctor(self):
        lines = self.laptop.run(
            self.ersatz.command("routed", "--json", "--doctor"),
            check=False).stdout.splitlines()
        return {line["finding"]: line for line in map(json.loads, lines)}

    def check_found(self):
        found = self.doctor()
        assert self.finding is None or self.finding in found, found
        assert not [f for f in found.values() if f["broken"]], found

    def start_us(self):
        self.ersatz.start("dnsd")
        self.ersatz.start("routed")

    def stop_us(self):
        self.ersatz.stop("routed")
        self.ersatz.stop("dnsd")


def difference(before, after):
    before, after = [
        re.sub(r"packets \d+ bytes \d+|_timer [\d.]+", "", text).splitlines()
        for text in (before, after)]
    return "\n".join(difflib.unified_diff(before, after, "before", "after",
                                          n=0, lineterm=""))


def same(before, after):
    text = difference(before, after)
    assert not text, text


def become_same(before, find):
    """For what a daemon goes on setting up after it has said so."""
    last = []

    def is_same():
        last.append(difference(before, find()))
        return not last[-1]
    try:
        wait_until(is_same, "the state before", 60)
    except AssertionError:
        raise AssertionError(last[-1]) from None


def other_first(case):
    """The other comes first, goes last; and once goes while we run."""
    net, bare = case.net, case.laptop.state()
    case.up()
    case.check_alone()
    theirs, state = net.objects(), case.laptop.state()
    case.start_us()
    case.check_both()
    case.check_found()
    same(theirs, net.objects())
    case.stop_us()
    same(state, case.laptop.state())
    case.check_alone()
    case.start_us()
    case.check_both()
    case.down()
    case.check_us()
    case.stop_us()
    same(bare, case.laptop.state())


def ersatz_first(case):
    """We come first; the other comes, goes, comes again, and we go first."""
    net, bare = case.net, case.laptop.state()
    case.start_us()
    case.check_us()
    case.up()
    case.check_both()
    case.down()
    case.check_us()
    case.up()
    theirs = net.objects()
    case.check_both()
    case.check_found()
    case.stop_us()
    same(theirs, net.objects())
    case.check_alone()
    case.down()
    same(bare, case.laptop.state())
