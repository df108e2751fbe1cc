# SPDX-License-Identifier: BSD-2-Clause
"""How fast it is, beside what it could be at best, in the same run.

    make bench [ONLY="dns tcp udp memory rules truth"]

or of the third: streams, requests, leftovers, flood, direct.

Two machines out of namespaces, joined by a veth: the laptop has dnsd, routed
and the applications; far has the SOCKS server (tests/bench/socksd) and what is
fetched.  Ratios matter, not the absolute numbers.  Nothing here can fail a
build: a benchmark prints, a test asserts.
"""
import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from statistics import median

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "net"))
import topology  # noqa: E402
from bench_truth import bench_truth  # noqa: E402
from topology import BUILD, Ersatz, Machine, wait_until  # noqa: E402

FAR = "203.0.113.2"
HERTZ = os.sysconf("SC_CLK_TCK")
PAIRS = int(os.environ.get("PAIRS", 5))

CONFIG = f"""\
outbounds:
  proxy: {{ type: socks5, server: {FAR}:1080 }}
rules:
  - MATCH,proxy
"""


class Stage:
    """laptop and far, and a folder for both."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ersatz-bench-"))
        self.folder.chmod(0o755)
        self.laptop = Machine("laptop", self.folder)
        self.far = Machine("far", self.folder)
        self.laptop.run(["ip", "link", "add", "eth0", "type", "veth", "peer",
                         "name", "eth0", "netns", str(self.far.holder.pid)])
        for machine, last in ((self.laptop, 1), (self.far, 2)):
            machine.run(f"ip addr add 203.0.113.{last}/24 dev eth0;"
                        "ip link set eth0 up")
            # Else a benchmark of new connections measures used-up ports.
            machine.sysctl(net__ipv4__ip_local_port_range="1024 65535",
                           net__ipv4__tcp_tw_reuse=1)
        self.laptop.wait_settled()
        # Off the link, or it would be reached without the TUN.
        self.far.run("ip addr add 198.51.100.2/32 dev lo")
        self.laptop.run(f"ip route add default via {FAR}")
        self.laptop.path("/etc/resolv.conf").write_text(f"nameserver {FAR}\n")

    def close(self):
        self.laptop.close()
        self.far.close()
        shutil.rmtree(self.folder, ignore_errors=True)


SITE = "198.51.100.2"


def tool(name):
    return str(BUILD / "tests" / "bench" / name)


def cpu_of(pid):
    """User and system seconds of a process."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    fields = words.split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def cpu_of_machine():
    """Seconds that the processors were not idle; all of them together."""
    fields = [int(f) for f in
              pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / HERTZ


def memory_of(pid):
    """Proportional set size, MB."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss: *(\d+)", text, re.M).group(1)) / 1024


def title(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}",
          flush=True)


def row(*cells):
    print("  " + f"{cells[0]:<34}" + "".join(f"{c:>14}" for c in cells[1:]),
          flush=True)


# --- names ------------------------------------------------------------------

def names_file(folder, name, count):
    file = folder / name
    file.write_text("".join(f"{name}{i}.example.net A\n"
                            for i in range(count)))
    return file


def bench_names(stage):
    import bench_dns
    bench_dns.bench_dns(stage, tool, title, row)


# --- connections ------------------------------------------------------------

CARRIERS = ("kernel", "user")


@contextlib.contextmanager
def captured(stage, carrier="auto", flows=8192):
    daemons = Ersatz(stage.laptop, CONFIG + f"routed: {{ carrier: {carrier}, "
                     f"flows: {flows} }}\n").up()
    try:
        yield daemons
    finally:
        daemons.down()


def proxychains(machine):
    machine.path("/etc/proxychains4.conf").write_text(
        f"strict_chain\nquiet_mode\n[ProxyList]\nsocks5 {FAR} 1080\n")
    return ["proxychains4", "-q", "-f", "/etc/proxychains4.conf"]


def paired(stage, measure, pairs=PAIRS):
    """What measure(prefix, relay) gives: {"floor": [...], "kernel": ...}.

    In turn, since the machine's own speed drifts.
    """
    results = {"floor": []}
    for _ in range(pairs):
        results["floor"].append(measure(proxychains(stage.laptop), None))
        for carrier in CARRIERS:
            with captured(stage, carrier) as daemons:
                results.setdefault(carrier, []).append(
                    measure([], daemons.relay_pid()))
    return results


def middle(results, key):
    return median(result[key] for result in results)


def ratio(results, carrier, key):
    """The median of the pairs' own ratios."""
    return median(ours[key] / floor[key] for ours, floor in
                  zip(results[carrier], results["floor"]))


def iperf(stage, prefix, streams, is_down, relay, site=SITE):
    # One server a test: a server still busy with the last one refuses.
    stage.far.start(["iperf3", "-s", "-1", "-B", SITE], log="iperf3")
    stage.far.wait_listening(5201)
    command = prefix + ["iperf3", "-c", site, "-t", "2", "-J", "-P",
                        str(streams)] + (["-R"] if is_down else [])
    relay_before = cpu_of(relay) if relay else 0
    before = cpu_of_machine()
    result = json.loads(stage.laptop.out(command, timeout=60))
    used = cpu_of_machine() - before
    relay_used = (cpu_of(relay) if relay else 0) - relay_before
    summary = result["end"]["sum_received"]
    gib = summary["bytes"] / (1 << 30)
    return {"rate": summary["bits_per_second"] / 1e9,
            "relay": relay_used / gib, "machine": used / gib}


def bench_throughput(stage):
    title(f"TCP: iperf3, {PAIRS} rounds of 2 s each, medians; floor = the "
          "application speaks SOCKS itself")
    print("  wanted: kernel 0.90 of the floor's rate, user 0.75; machine at "
          "most 1.20 of its CPU;\n  the relay at most 0.20 s/GiB up and 0.35 "
          "down, user 0.50 and 0.65")
    row("", "Gbit/s", "of the floor", "relay s/GiB", "machine s/GiB",
        "of the floor")
    for streams in (1, 8):
        for is_down in (False, True):
            results = paired(stage, lambda prefix, relay: iperf(
                stage, prefix, streams, is_down, relay))
            what = f"{streams} stream{'s' * (streams > 1)} " + (
                "down" if is_down else "up")
            for name, ours in results.items():
                row(f"{what}: {name}", f"{middle(ours, 'rate'):.2f}",
                    f"{ratio(results, name, 'rate'):.2f}",
                    f"{middle(ours, 'relay'):.2f}",
                    f"{middle(ours, 'machine'):.2f}",
                    f"{ratio(results, name, 'machine'):.2f}")


def requests(machine, prefix, *arguments):
    words = machine.out(prefix + [tool("requests"), *map(str, arguments)],
                        timeout=120).split()
    return [float(word) for word in words]


def bench_requests(stage):
    title(f"Small requests and new connections, {PAIRS} rounds, medians")
    print("  wanted: kept, 1: p50 at most 1.30 of the floor's, p99 below 500 "
          "us; kept, 64: 0.70 of the\n  floor's rate, 13 us of relay; new: "
          "1.50 of the floor's rate, p50 below 2,500 us, 100 us;\n  connect: "
          "a p50 at most 60 us above the floor's")
    row("", "per second", "of the floor", "p50 us", "of the floor", "p99 us",
        "relay us each", "failed")
    for what, arguments in (
            ("kept, 1 connection", ("kept", SITE, 7000, 1, 2)),
            ("kept, 64 connections", ("kept", SITE, 7000, 64, 2)),
            ("new, 32 in flight", ("new", SITE, 7000, 32, 8000)),
            ("connect, one by one", ("connect", SITE, 7000, 1, 2000))):
        def measure(prefix, relay):
            before = cpu_of(relay) if relay else 0
            start = time.monotonic()
            rate, p50, p99, failed = requests(stage.laptop, prefix,
                                              *arguments)
            done = rate * (time.monotonic() - start)
            used = (cpu_of(relay) - before if relay else 0) / done * 1e6
            return {"rate": rate, "p50": p50, "p99": p99, "failed": failed,
                    "relay": used}

        results = paired(stage, measure)
        for name, ours in results.items():
            row(f"{what}: {name}", f"{middle(ours, 'rate'):.0f}",
                f"{ratio(results, name, 'rate'):.2f}",
                f"{middle(ours, 'p50'):.0f}",
                f"{ratio(results, name, 'p50'):.2f}",
                f"{middle(ours, 'p99'):.0f}", f"{middle(ours, 'relay'):.0f}",
                f"{sum(o['failed'] for o in ours):.0f}")
        if arguments[0] == "connect":
            for name in CARRIERS:
                added = median(o["p50"] - f["p50"] for o, f in
                               zip(results[name], results["floor"]))
                row(f"a held SYN adds: {name}", "", "", f"{added:.0f}")


def bpf_memory_of(pid):
    """What the kernel holds for a process' maps and programs, KB; the maps
    are two indexes and two listeners: entries of flows there are none."""
    return sum(int(size) for file in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir()
               for size in re.findall(r"^memlock:\s*(\d+)", file.read_text(),
                                      re.M)) / 1024


def inner_sockets(routed):
    """Sockets of TCP in the relay's own namespace, which only routed's
    descriptor leads to."""
    mine = os.readlink(f"/proc/{routed}/ns/net")
    for fd in pathlib.Path(f"/proc/{routed}/fd").iterdir():
        if fd.readlink().name.startswith("net:[") and str(fd.readlink()) != mine:
            text = subprocess.run(
                ["nsenter", f"--net={fd}", "cat", "/proc/net/sockstat"],
                text=True, capture_output=True, check=True).stdout
            words = re.search(r"^TCP: (.*)", text, re.M).group(1).split()
            figures = dict(zip(words[::2], map(int, words[1::2])))
            return figures["inuse"] + figures["tw"]
    raise AssertionError("routed has no inner namespace")


def bench_leftovers(stage):
    count = int(os.environ.get("CONNECTIONS", 100000))
    title(f"What {count:,} connections leave behind in relay and kernel")
    print("  wanted: nothing")
    row("", "descriptors", "flows", "MB", "inner sockets", "BPF, KB")
    with captured(stage) as daemons:
        routed, relay = daemons.pid("routed"), daemons.relay_pid()

        def flows():
            return json.loads(stage.laptop.out(daemons.command(
                "routed", "--status", "--json")))["flows_now"]

        def line(what):
            wait_until(lambda: flows() == 0, "the last ones have ended")
            # The two listeners.
            wait_until(lambda: inner_sockets(routed) <= 2, "so have sockets")
            row(what, len(os.listdir(f"/proc/{relay}/fd")), flows(),
                f"{memory_of(relay):.2f}", inner_sockets(routed),
                f"{bpf_memory_of(routed):.0f}")

        # The first ones make what all share: pipes, caches, pages of tables.
        requests(stage.laptop, [], "new", SITE, 7000, 32, 20000)
        line("after 20,000")
        requests(stage.laptop, [], "new", SITE, 7000, 32, count)
        line(f"after {count:,} more")


def flooded(stage, device, rate):
    """Gbit/s of one stream while SYNs pour into the device; SYNs a second."""
    stage.far.start(["iperf3", "-s", "-1", "-B", SITE], log="iperf3")
    stage.far.wait_listening(5201)
    stream = subprocess.Popen(
        stage.laptop.enter(["iperf3", "-c", SITE, "-t", "4", "-i", "0.5",
                            "-J"]), stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    # From nobody: answers to them are no work of this machine.
    sent = stage.laptop.out([BUILD / "tests/net/syns", device, "0.0.0.0", SITE,
                             rate, 3])
    steps = json.loads(stream.communicate()[0])["intervals"]
    return (median(step["sum"]["bits_per_second"] for step in steps[3:])
            / 1e9, int(sent) / 3)


def bench_flood(stage):
    rounds = min(PAIRS, 3)
    title(f"200,000 SYNs a second at the TUN, {rounds} rounds, medians; "
          "floor = the same into a void")
    print("  wanted: 0.80 of the floor for the stream that was there before")
    row("", "Gbit/s", "of the floor", "SYNs/s")
    stage.laptop.run("ip link add void0 type veth peer name void1;"
                     "ip link set void0 addrgenmode none up;"
                     "ip link set void1 addrgenmode none up")
    stage.laptop.wait_settled()
    for carrier in CARRIERS:
        floor, ours = [], []
        for _ in range(rounds):
            for device, results in (("void0", floor), ("ersatz0", ours)):
                with captured(stage, carrier):
                    results.append(flooded(stage, device, 200000))
        for what, results in (("floor", floor), ("ersatz", ours)):
            of_floor = median(o[0] / f[0] for o, f in zip(results, floor))
            row(f"{carrier}: {what}", f"{median(r[0] for r in results):.2f}",
                f"{of_floor:.2f}", f"{median(r[1] for r in results):.0f}")
    stage.laptop.run("ip link del void0")


def bench_direct(stage):
    """A DIRECT name against no Ersatz at all."""
    title(f"A DIRECT name: iperf3, {PAIRS} rounds of 2 s each, medians")
    print("  wanted: 0.97 of no Ersatz")
    row("", "Gbit/s", "of none", "", "machine s/GiB")
    stage.far.path("/etc/unbound.conf").write_text(f"""\
server:
    interface: {FAR}
    access-control: 0.0.0.0/0 allow
    directory: "/etc"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    module-config: "iterator"
    local-zone: "." static
    local-data: "direct.example. 300 IN A {SITE}"
remote-control:
    control-enable: no
""")
    stage.far.start(["unbound", "-d", "-c", "/etc/unbound.conf"], log="unbound")
    stage.far.wait_listening(53, "udp")
    config = CONFIG.replace("rules:\n",
                            "rules:\n  - DOMAIN,direct.example,DIRECT\n")
    for is_down in (False, True):
        none, ours = [], []
        for _ in range(PAIRS):
            none.append(iperf(stage, [], 1, is_down, None))
            daemons = Ersatz(stage.laptop, config).up()
            ours.append(iperf(stage, [], 1, is_down, daemons.relay_pid(),
                              "direct.example"))
            daemons.down()
        way = "down" if is_down else "up"
        row(f"1 stream {way}: none", f"{middle(none, 'rate'):.2f}", "1.00", "",
            f"{middle(none, 'machine'):.2f}")
        of_none = median(o["rate"] / n["rate"] for o, n in zip(ours, none))
        row(f"1 stream {way}: DIRECT", f"{middle(ours, 'rate'):.2f}",
            f"{of_none:.2f}", "", f"{middle(ours, 'machine'):.2f}")


def start_peer(stage):
    stage.far.start([tool("requests"), "serve", SITE, "7000"], log="requests")
    stage.far.wait_listening(7000)


def start_socksd(stage):
    stage.far.start([tool("socksd"), FAR, "1080"], log="socksd")
    stage.far.wait_listening(1080)


TCP = {"streams": bench_throughput, "requests": bench_requests,
       "leftovers": bench_leftovers, "flood": bench_flood,
       "direct": bench_direct}


def bench_tcp(stage, wanted=tuple(TCP)):
    start_socksd(stage)
    start_peer(stage)
    for name in wanted:
        TCP[name](stage)


# --- datagrams --------------------------------------------------------------

def datagrams(machine, way, rate, train, proxy=()):
    """(sent, arrived, seconds)."""
    words = machine.out([tool("datagrams"), way, SITE, "7001", "1200",
                         str(rate), "3", str(train), *proxy]).split()
    return int(words[0]), int(words[1]), float(words[2])


def bench_udp(stage):
    title("UDP: 1,200 bytes, 3 s; floor = the application speaks SOCKS itself")
    print("  wanted: 100,000 a second up and 70,000 down, 4 us each; 200 Mbit/s "
          "without loss")
    row("", "sent/s", "arrived/s", "of the floor", "relay us each", "lost")
    stage.far.start([tool("datagrams"), "proxy", FAR, "1080"], log="proxy")
    stage.far.wait_listening(1080)
    stage.far.start([tool("datagrams"), "peer", SITE, "7001"], log="peer")
    stage.far.wait_listening(7001, "udp")
    with captured(stage) as daemons:
        relay = daemons.relay_pid()
        for what, way, rate, train in (
                ("up, all that goes", "up", 0, 1),
                ("up, 100,000 a second", "up", 100000, 1),
                ("up, trains of 16", "up", 0, 16),
                ("down, all that goes", "down", 0, 1),
                ("down, 70,000 a second", "down", 70000, 1),
                ("down, trains of 16", "down", 0, 16),
                ("up, 200 Mbit/s", "up", 20833, 1),
                ("down, 200 Mbit/s", "down", 20833, 1)):
            sent, floor, seconds = datagrams(stage.laptop, way, rate, train,
                                             (FAR, "1080"))
            row(f"{what}: floor", f"{sent / seconds:.0f}",
                f"{floor / seconds:.0f}", "1.00", "-",
                f"{1 - floor / sent:.2%}")
            before = cpu_of(relay)
            sent, arrived, seconds = datagrams(stage.laptop, way, rate, train)
            each = (cpu_of(relay) - before) / max(arrived, 1) * 1e6
            row(f"{what}: ersatz", f"{sent / seconds:.0f}",
                f"{arrived / seconds:.0f}", f"{arrived / floor:.2f}",
                f"{each:.2f}", f"{1 - arrived / sent:.2%}")


# --- memory -----------------------------------------------------------------

def raise_descriptors(wanted):
    """Everything started later inherits it, as of a unit's LimitNOFILE."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (wanted, max(wanted, most)))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


DESCRIPTORS = raise_descriptors(1 << 17)


def most_connections(wanted):
    """Of the relay, two descriptors each; it may have fewer than wanted, and
    keeps some for UDP."""
    return min(wanted, DESCRIPTORS * 2 // 5)


class Held:
    """So many connections that are open and idle."""

    def __init__(self, machine, count):
        self.process = subprocess.Popen(
            machine.enter([tool("requests"), "hold", SITE, "7000",
                           str(count)]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "held\n"

    def close(self):
        self.process.communicate("")


def bench_memory(stage):
    machine = stage.laptop
    title("Memory: proportional set size, MB")
    print("  wanted of the relay: 4 idle, 10 with 1,000 connections, 60 with "
          "20,000")
    row("", "dnsd", "routed", "spawner", "relay")

    def line(what, daemons):
        routed = daemons.pid("routed")
        relay = daemons.relay_pid()
        others = [p for p in machine.pids()
                  if pathlib.Path(f"/proc/{p}/exe").exists() and
                  os.readlink(f"/proc/{p}/exe").endswith("/routed/routed")
                  and p not in (routed, relay)]
        row(what, *(f"{memory_of(p):.1f}" for p in
                    (daemons.pid("dnsd"), routed, *others[:1], relay)))

    # Six descriptors a connection: as many servers as it takes.
    for _ in range(6 * most_connections(20000) // DESCRIPTORS + 2):
        stage.far.start([tool("socksd"), FAR, "1080"], log="socksd")
    stage.far.wait_listening(1080)
    start_peer(stage)
    daemons = Ersatz(machine, CONFIG + "routed: { flows: 32768 }\n").up()
    line("idle", daemons)
    file = names_file(stage.folder, "many", 100000)
    machine.out(["dnsperf", "-s", "127.0.0.1", "-d", str(file), "-n", "1"],
                timeout=120)
    line("100,000 names", daemons)
    for count in (1000, most_connections(20000)):
        held = Held(machine, count)
        line(f"and {count:,} connections", daemons)
        held.close()
    daemons.down()


def bench_rules(stage):
    print("== rules: load, memory, one verdict; beside a table of texts")
    print(stage.laptop.out([tool("rules")], cwd=stage.folder), end="")


def main():
    parts = {"dns": bench_names, "tcp": bench_tcp, "udp": bench_udp,
             "memory": bench_memory, "rules": bench_rules}
    wanted = sys.argv[1:] or list(parts)
    for name in wanted:
        if name == "truth":
            bench_truth()
            continue
        stage = Stage()
        try:
            if name in TCP:
                bench_tcp(stage, [name])
            else:
                parts[name](stage)
        finally:
            stage.close()


if __name__ == "__main__":
    main()
