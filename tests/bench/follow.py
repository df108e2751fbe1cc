# SPDX-License-Identifier: BSD-2-Clause
"""How soon a change of the uplinks is followed: until the exit table is right,
and until a flow that cannot live on is reset.

    ERSATZ_BUILD=build python3 tests/bench/follow.py [ROUNDS]

The network is that of tests/net/test_uplinks.py.  The time begins before the
process of ip(8) that makes the change; beside it is printed what that process
took, and when the kernel first told anybody: of a carrier that is lost it does
so at most once a second.
"""
import pathlib
import socket
import statistics
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "net"))
import test_uplinks as uplinks  # noqa: E402
from topology import ADDRESS6, ROUTER  # noqa: E402

PATIENCE_S = 10
WANTED_MS = 200


class Exits:
    """The gateways of our exit tables in IPv4, read in a fraction of a ms."""

    def __init__(self, machine):
        self.sock = machine.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.sock.bind((0, 0))

    def gateways(self):
        """{interface index: gateway}"""
        self.sock.send(struct.pack("=IHHIIB11x", 28, 26, 0x301, 1, 0,
                                   socket.AF_INET))
        found = {}
        while True:
            block = self.sock.recv(1 << 16)
            while block:
                length, kind = struct.unpack_from("=IH", block)
                if kind == 3:
                    return found
                self.take(block[16:length], found)
                block = block[(length + 3) & ~3:]

    @staticmethod
    def take(route, found):
        length, protocol = route[1], route[5]
        attributes, rest = {}, route[12:]
        while len(rest) >= 4:
            size, kind = struct.unpack_from("=HH", rest)
            attributes[kind] = rest[4:size]
            rest = rest[(size + 3) & ~3:]
        table = struct.unpack("=I", attributes.get(15, b"\0" * 4))[0]
        if protocol == 198 and length == 0 and 210 <= table < 242:
            found[struct.unpack("=I", attributes[4])[0]] = socket.inet_ntoa(
                attributes.get(5, b"\0" * 4))


def index(machine, link):
    return int(machine.out(f"ip -o link show {link}").split(":")[0])


class Stage:
    def __init__(self, net):
        self.net, self.laptop, self.router = net, net.laptop, net.router
        self.exits = Exits(net.laptop)
        self.events = net.laptop.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self.events.bind((0, 0x51))  # links, addresses and routes of IPv4
        self.events.setblocking(False)
        self.took = {}
        self.port = 7000

    def flow(self):
        self.port += 1
        return uplinks.Flow(self.net, self.port)

    def has_event(self):
        try:
            return bool(self.events.recv(1 << 16))
        except BlockingIOError:
            return False

    def measure(self, what, machine, command, is_right, flow=None):
        while self.has_event():
            pass
        begin = time.monotonic()
        process = machine.start(command.replace("\n", ""), log="ip")
        right = told = own = None
        ended = None if flow else 0.
        while None in (right, ended, told, own):
            now = time.monotonic() - begin
            assert now < PATIENCE_S, f"{what}: {right} {ended}"
            if told is None and self.has_event():
                told = now
            if own is None and process.poll() is not None:
                own = now
            if right is None and is_right():
                right = now
            if ended is None and flow.is_reset():
                ended = now
        self.took.setdefault(what, []).append((right, ended, own, told))
        if flow:
            flow.close()

    def has(self, link, gateway):
        at = index(self.laptop, link)
        return lambda: self.exits.gateways().get(at) == gateway

    def restore(self):
        uplinks.router_up(self.router, "laptop", "2001:db8:7::1")
        uplinks.bring_up(self.laptop, "eth0", uplinks.FIRST,
                         ADDRESS6["laptop"], 100)
        uplinks.leaves_by(self.laptop, uplinks.FIRST)
        time.sleep(.3)

    def round(self):
        laptop, router = self.laptop, self.router
        first, second = "192.168.7.1", "192.168.8.1"
        self.measure("the carrier is gone", router, "ip link set laptop down",
                     self.has("eth1", second), self.flow())
        self.restore()
        self.measure("the link is set down", laptop, "ip link set eth0 down",
                     self.has("eth1", second), self.flow())
        self.restore()
        self.measure(
            "the address is another one", laptop,
            "ip addr add 192.168.7.9/24 dev eth0;"
            f"ip addr del {uplinks.FIRST}/24 dev eth0;"
            "ip addr replace 192.168.7.9/24 dev eth0;"
            "ip route replace default via 192.168.7.1 dev eth0 metric 100",
            self.has("eth0", first), self.flow())
        laptop.run("ip addr del 192.168.7.9/24 dev eth0")
        self.restore()
        self.measure(
            "the default route is another one", laptop,
            "ip route replace default via 192.168.7.77 dev eth0 metric 100",
            self.has("eth0", "192.168.7.77"))
        self.restore()
        self.measure("the default route is gone", laptop,
                     "ip route del default via 192.168.7.1 metric 100",
                     self.has("eth1", second))
        self.restore()
        laptop.run("ip link set eth0 down")
        self.measure("a link of another name is up", laptop,
                     "ip link set eth0 name wan0; ip link set wan0 up;"
                     "ip route replace default via 192.168.7.1 dev wan0 "
                     "metric 100", self.has("eth0", first))
        self.measure("the link is deleted", laptop, "ip link del wan0",
                     self.has("eth1", second))
        router.run(["ip", "link", "add", "laptop", "type", "veth", "peer",
                    "name", "eth0", "netns", str(laptop.holder.pid)])
        router.run(f"ip addr add {ROUTER['laptop']}/24 dev laptop;"
                   "ip link set laptop up")
        self.measure("the link is made again", laptop,
                     f"ip link set eth0 up; ip addr add {uplinks.FIRST}/24 "
                     "dev eth0; ip route add default via 192.168.7.1 "
                     "metric 100", self.has("eth0", first))
        self.restore()

    def tell(self):
        print(f"{'ms, median (most)':36} {'exit table':>15} {'flow reset':>15}"
              f" {'ip(8)':>7} {'told':>7}   wanted: {WANTED_MS} after told")
        for what, rows in self.took.items():
            right, ended, own, told = [[row[i] * 1e3 for row in rows]
                                       for i in range(4)]
            print(f"{what:36} {statistics.median(right):7.1f} "
                  f"({max(right):5.1f}) {statistics.median(ended):7.1f} "
                  f"({max(ended):5.1f}) {statistics.median(own):7.1f} "
                  f"{statistics.median(told):7.1f}")


def main(rounds):
    fixture = uplinks.host
    make = getattr(fixture, "__wrapped__", None) or \
        fixture.__pytest_wrapped__.obj
    host = make()
    stage = Stage(next(host))
    try:
        for _ in range(rounds):
            stage.round()
        stage.tell()
    finally:
        host.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
