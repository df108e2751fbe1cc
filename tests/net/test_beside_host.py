# SPDX-License-Identifier: BSD-2-Clause
"""Firewalls, containers and managers of the network beside us.

The network is that of beside.py; a container or guest is one more machine:

    guest 172.17.0.2 (or 192.168.122.2) ---- docker0 (virbr0) of the laptop

ufw, firewalld and systemd-networkd are the programs themselves, Docker and
libvirt their rules; in either order of start and stop.
"""
import contextlib
import sys

import beside
import pytest
from beside import PEERS, Case
from topology import ADDRESS, Machine, wait_until

PORT = 8080


class Host(Case):
    def check_alone(self):
        self.reaches("direct.example", "laptop")
        self.check_served()

    def check_both(self):
        self.reaches("site.example", "proxy")
        self.reaches("direct.example", "laptop")
        self.check_served()

    def check_served(self):
        """Who asks this host from outside is answered."""
        wait_until(lambda: self.net.router.run(
            f"curl -sS -m 5 http://{ADDRESS['laptop']}:{PORT}/",
            check=False).stdout == "served\n", "the laptop serves", 60)

    def check_refused(self, port):
        """Is the firewall there at all?"""
        assert self.net.router.run(
            f"curl -sS -m 1 http://{ADDRESS['laptop']}:{port}/",
            check=False).returncode != 0


class Ufw(Host):
    title = "UFW"
    finding = "beside-ufw"

    def up(self):
        self.recipe.run(self.laptop, "ufw")

    def check_alone(self):
        super().check_alone()
        self.check_refused(PORT + 1)

    def down(self):
        # It leaves its chains behind, empty.
        self.laptop.run("ufw --force disable;"
                        "nft delete table ip filter;"
                        "nft delete table ip6 filter")


class Firewalld(Host):
    title = "FIREWALLD"
    finding = "beside-firewalld"

    def up(self):
        self.recipe.run(self.laptop, "firewall-offline-cmd")
        self.process = self.laptop.start(
            ["firewalld", "--nofork", "--nopid"], log="firewalld")
        wait_until(lambda: "public_allow" in self.laptop.out(
            "nft list table inet firewalld 2>&1 || :"),
            "firewalld has its rules", 60)

    def check_alone(self):
        super().check_alone()
        self.check_refused(PORT + 1)

    def down(self):
        self.laptop.kill(self.process)
        self.laptop.run("firewall-offline-cmd --remove-port=8080/tcp")


DOCKER_RULES = """
    iptables -P FORWARD DROP
    iptables -N DOCKER; iptables -N DOCKER-ISOLATION-STAGE-1
    iptables -N DOCKER-ISOLATION-STAGE-2; iptables -N DOCKER-USER
    iptables -A FORWARD -j DOCKER-USER
    iptables -A FORWARD -j DOCKER-ISOLATION-STAGE-1
    iptables -A FORWARD -o docker0 -m conntrack \\
        --ctstate RELATED,ESTABLISHED -j ACCEPT
    iptables -A FORWARD -o docker0 -j DOCKER
    iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
    iptables -A FORWARD -i docker0 -o docker0 -j ACCEPT
    iptables -A DOCKER -d 172.17.0.2 ! -i docker0 -o docker0 -p tcp \\
        --dport 80 -j ACCEPT
    iptables -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 \\
        -j DOCKER-ISOLATION-STAGE-2
    iptables -A DOCKER-ISOLATION-STAGE-1 -j RETURN
    iptables -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
    iptables -A DOCKER-ISOLATION-STAGE-2 -j RETURN
    iptables -A DOCKER-USER -j RETURN
    iptables -t nat -N DOCKER
    iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
    iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype \\
        --dst-type LOCAL -j DOCKER
    iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 \\
        -j MASQUERADE
    iptables -t nat -A DOCKER -i docker0 -j RETURN
    iptables -t nat -A DOCKER ! -i docker0 -p tcp --dport 8088 -j DNAT \\
        --to-destination 172.17.0.2:80
"""
LIBVIRT_RULES = """
    for c in INP OUT FWI FWO FWX; do iptables -N LIBVIRT_$c; done
    iptables -A INPUT -j LIBVIRT_INP; iptables -A OUTPUT -j LIBVIRT_OUT
    iptables -A FORWARD -j LIBVIRT_FWX; iptables -A FORWARD -j LIBVIRT_FWI
    iptables -A FORWARD -j LIBVIRT_FWO
    iptables -A LIBVIRT_INP -i virbr0 -p udp --dport 53 -j ACCEPT
    iptables -A LIBVIRT_OUT -o virbr0 -p udp --dport 68 -j ACCEPT
    iptables -A LIBVIRT_FWI -d 192.168.122.0/24 -o virbr0 -m conntrack \\
        --ctstate RELATED,ESTABLISHED -j ACCEPT
    iptables -A LIBVIRT_FWI -o virbr0 -j REJECT
    iptables -A LIBVIRT_FWO -s 192.168.122.0/24 -i virbr0 -j ACCEPT
    iptables -A LIBVIRT_FWO -i virbr0 -j REJECT
    iptables -A LIBVIRT_FWX -i virbr0 -o virbr0 -j ACCEPT
    iptables -t nat -N LIBVIRT_PRT
    iptables -t nat -A POSTROUTING -j LIBVIRT_PRT
    iptables -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 -d 224.0.0.0/24 \\
        -j RETURN
    iptables -t nat -A LIBVIRT_PRT -s 192.168.122.0/24 \\
        ! -d 192.168.122.0/24 -j MASQUERADE
"""


class Docker(Host):
    title = "DOCKER"
    finding = "beside-docker"
    bridge, network, rules = "docker0", "172.17.0", DOCKER_RULES

    def up(self):
        guest = self.net.machines["guest"]
        self.laptop.run(f"""
            set -e
            ip link add {self.bridge} type bridge
            ip addr add {self.network}.1/24 dev {self.bridge}
            ip link set {self.bridge} up
            ip link add veth0 type veth peer name eth0 \\
                netns {guest.holder.pid}
            ip link set veth0 master {self.bridge} up
            {self.rules}
        """)
        guest.run(f"""
            ip addr add {self.network}.2/24 dev eth0; ip link set eth0 up
            ip route add default via {self.network}.1
        """)

    def down(self):
        self.laptop.run(f"""
            ip link del veth0; ip link del {self.bridge}
            nft delete table ip filter; nft delete table ip nat
        """)

    def check_served(self):
        super().check_served()
        guest = self.net.machines["guest"]
        far = f"http://{ADDRESS['site']}/"
        wait_until(lambda: guest.run(f"curl -sS -m 5 {far}", check=False)
                   .stdout == "welcome to the site\n", "the guest goes out",
                   60)
        self.pings(f"{self.network}.2")
        self.check_published()

    def check_published(self):
        wait_until(lambda: self.net.router.run(
            f"curl -sS -m 5 http://{ADDRESS['laptop']}:8088/",
            check=False).stdout == "guest\n", "the published port", 60)


class Libvirt(Docker):
    title = "LIBVIRT"
    finding = "beside-libvirt"
    bridge, network, rules = "virbr0", "192.168.122", LIBVIRT_RULES

    def check_published(self):
        """It has none."""


NETWORKD_FILE = "/etc/systemd/networkd.conf.d/ersatz.conf"


class Networkd(Host):
    title = "SYSTEMD-NETWORKD"

    def __init__(self, net):
        super().__init__(net)
        self.process = None

    def start(self):
        laptop = self.laptop
        laptop.run("""
            getent passwd systemd-network > /dev/null ||
                useradd --system systemd-network
            mkdir -p /run/systemd/netif
            chown systemd-network:systemd-network /run/systemd/netif
        """)
        if self.process:
            laptop.kill(self.process)
        self.process = laptop.start(["/lib/systemd/systemd-networkd"],
                                    log="networkd")
        self.wait_configured()

    def wait_configured(self, times=None):
        """As often as that altogether; None: at all."""
        log = self.laptop.log
        wait_until(lambda: (not times or log("networkd").count(
            "eth0: Configuring with") >= times) and " configured" in
            self.laptop.out("networkctl --no-legend list eth0 || :"),
            "networkd has configured eth0", 60)

    def reconfigure(self):
        times = self.laptop.log("networkd").count("eth0: Configuring with")
        self.laptop.run("networkctl reconfigure eth0")
        self.wait_configured(times + 1)


@pytest.fixture
def alone(request):
    """One program in a network of its own: what it makes of eth0 stays."""
    net = beside.Beside()
    try:
        beside.start_bus(net.laptop)
        serve(net.laptop, PORT, "served")
        # It asks udev about each link, unless /sys says that there is none.
        net.laptop.run("mount -t sysfs -o ro sysfs /sys;"
                       "ip addr flush dev eth0 scope global")
        yield request.param(net)
    finally:
        net.close()


@pytest.mark.parametrize("alone", [Networkd], indirect=True)
def test_networkd_lets_our_rules_be(alone):
    networkd = alone
    laptop, theirs = networkd.laptop, networkd.recipe.files[NETWORKD_FILE]
    laptop.start("exec ip monitor rule", log="monitor")

    def deleted():
        """Those of an uplink may go by our own hand, with its route."""
        laptop.run("ip rule add pref 9 from 192.0.2.99 lookup 99;"
                   "ip rule del pref 9")
        seen = laptop.log("monitor").splitlines()
        # Up to the last one that was made for this: nothing is under way.
        if not seen or "192.0.2.99" not in seen[-1]:
            return None
        return [line for line in seen
                if line.startswith("Deleted") and "lookup 19" in line]

    def all_deleted():
        result = []
        wait_until(lambda: result.append(deleted()) or
                   result[-1] is not None, "the monitor is up to date", 60)
        return result[-1]

    # The control: without its file our rules go, and come back.
    laptop.path(NETWORKD_FILE).unlink()
    networkd.start()
    networkd.start_us()
    rules = laptop.out("ip rule show; ip -6 rule show")
    networkd.check_both()
    assert networkd.doctor()["networkd"]["broken"]
    assert not all_deleted()
    networkd.reconfigure()
    assert all_deleted()
    wait_until(lambda: laptop.out("ip rule show; ip -6 rule show") == rules,
               "the rules are back", 60)
    networkd.check_both()

    laptop.path(NETWORKD_FILE).write_text(theirs)
    networkd.start()
    seen = all_deleted()
    networkd.check_found()
    networkd.reconfigure()
    networkd.check_both()
    assert all_deleted() == seen
    wait_until(lambda: laptop.out("ip rule show; ip -6 rule show") == rules,
               "the rules are as they were", 60)
    networkd.stop_us()
    networkd.check_alone()


class NetworkManager(Host):
    title = "NETWORKMANAGER"
    finding = "beside-networkmanager"

    def start(self):
        # Not as the manager of this host's name.
        self.laptop.run("mkdir -p /var/lib/NetworkManager; printf '[main]\\n"
                        "auth-polkit=false\\nhostname-mode=none\\n' > "
                        "/etc/NetworkManager/NetworkManager.conf")
        self.laptop.start(["unshare", "--uts", "NetworkManager", "--debug"],
                          log="NetworkManager")
        wait_until(lambda: self.laptop.run(
            "nmcli -g GENERAL.STATE device show eth0", check=False)
            .stdout.startswith("100"), "NetworkManager has eth0", 60)

    def resolver_is(self, address):
        """Ours in resolv.conf, with that address behind it."""
        def is_there():
            text = self.laptop.path("/etc/resolv.conf").read_text()
            return "by routed" in text and f"nameserver {address}\n" in text
        wait_until(is_there, f"the resolver of the network is {address}", 60)

    def set_resolver(self, address):
        self.laptop.run(f"nmcli connection modify home ipv4.dns {address};"
                        "nmcli device reapply eth0")


@pytest.mark.parametrize("alone", [NetworkManager], indirect=True)
def test_networkmanager_and_its_resolvers(alone):
    manager = alone
    laptop = manager.laptop
    manager.start()
    manager.check_alone()
    manager.start_us()
    theirs = manager.net.objects()
    manager.check_both()
    manager.check_found()
    assert "ersatz-v0:unmanaged" in laptop.out("nmcli -g DEVICE,STATE device")
    # More often than a quarrel may: it is no quarrel.
    for address in ("192.168.7.99", "192.168.7.98", "192.168.7.97",
                    "192.168.7.1"):
        manager.set_resolver(address)
        manager.resolver_is(address)
    manager.check_both()
    laptop.run("nmcli connection down home; nmcli connection up home")
    manager.check_both()
    manager.stop_us()
    beside.become_same(theirs, manager.net.objects)
    assert "NetworkManager" in laptop.path("/etc/resolv.conf").read_text()
    manager.check_alone()


pytestmark = beside.needs_peers


SERVER = """\
import socketserver, sys
class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.0 200 OK\\r\\n\\r\\n" +
                         sys.argv[2].encode() + b"\\n")
socketserver.ThreadingTCPServer(("", int(sys.argv[1])), Answer).serve_forever()
"""


def serve(machine, port, text):
    machine.start([sys.executable, "-c", SERVER, str(port), text],
                  log=f"serve {port}")
    machine.wait_listening(port)


@contextlib.contextmanager
def network():
    with contextlib.closing(beside.Beside()) as net:
        laptop = net.laptop
        net.machines["guest"] = Machine("guest", net.folder)
        serve(net.machines["guest"], 80, "guest")
        serve(laptop, PORT, "served")
        serve(laptop, PORT + 1, "not allowed")
        laptop.run(f"cp -an {PEERS}/etc/. /etc; cd /usr/share/ufw;"
                   "cp *.rules *.init ufw.conf /etc/ufw; mkdir /run/ufw;"
                   # What Docker and ufw set, and leave behind.
                   "sysctl -qw net.ipv4.ip_forward=1;"
                   "sysctl -qp /etc/ufw/sysctl.conf;"
                   "sed -i s/ENABLED=yes/ENABLED=no/ /etc/ufw/ufw.conf")
        beside.start_bus(laptop)
        yield net


last, net = beside.lasting(network)


@pytest.mark.parametrize("kind", [Ufw, Firewalld, Docker, Libvirt])
@pytest.mark.parametrize("order", [beside.other_first, beside.ersatz_first])
def test_beside(net, kind, order):
    order(kind(net))


def test_strict_rp_filter(net):
    """Named as broken (multicast that comes in is); the rest works."""
    case = Docker(net)
    net.laptop.sysctl(net__ipv4__conf__all__rp_filter=1)
    case.up()
    case.start_us()
    case.check_both()
    assert case.doctor()["rp-filter"]["broken"]
    case.stop_us()
    case.down()
    net.laptop.sysctl(net__ipv4__conf__all__rp_filter=0)
