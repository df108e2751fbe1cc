# SPDX-License-Identifier: BSD-2-Clause
"""How fast it is, beside what it could be at best, in the same run.

    make bench [ONLY="dns tcp udp memory"]

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
import shutil
import subprocess
import sys
import tempfile
import time
from statistics import median

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "net"))
import topology  # noqa: E402
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

def dnsperf(machine, port, file, seconds=None, pid=None):
    """(queries a second, microseconds of server CPU a query, lost)."""
    command = ["taskset", "-c", "1", "dnsperf", "-s", "127.0.0.1", "-p",
               str(port), "-d", str(file), "-c", "8", "-q", "400", "-t", "2"]
    command += ["-l", str(seconds)] if seconds else ["-n", "1"]
    before = cpu_of(pid)
    text = machine.out(command, timeout=120)
    used = cpu_of(pid) - before
    done = int(re.search(r"Queries completed: +(\d+)", text).group(1))
    lost = int(re.search(r"Queries lost: +(\d+)", text).group(1))
    rate = float(re.search(r"Queries per second: +([\d.]+)", text).group(1))
    return rate, used / max(done, 1) * 1e6, lost


def names_file(folder, name, count):
    file = folder / name
    file.write_text("".join(f"{name}{i}.example.net A\n"
                            for i in range(count)))
    return file


def start_on_cpu0(machine, command, port, log):
    process = machine.start(["taskset", "-c", "0", *command], log=log)
    machine.wait_listening(port, "udp")
    # taskset and nsenter have become the program: the id is its own.
    return process


def bench_dns(stage):
    machine = stage.laptop
    old = names_file(stage.folder, "old", 10000)
    new = [names_file(stage.folder, f"new{i}-", 100000) for i in range(3)]

    title("DNS: one core for the server, one for dnsperf")
    row("", "queries/s", "of the echo", "us CPU each", "lost")
    echo = start_on_cpu0(machine, [tool("echo"), "127.0.0.1", "5301"], 5301,
                         "echo")
    floor, each, lost = dnsperf(machine, 5301, old, 5, echo.pid)
    row("bare recvmmsg echo", f"{floor:.0f}", "1.00", f"{each:.1f}", lost)
    machine.kill(echo)

    records = "".join(f'    local-data: "old{i}.example.net. 1 IN A 10.0.0.1"\n'
                      for i in range(10000))
    machine.path("/etc/unbound.conf").write_text(f"""\
server:
    num-threads: 1
    so-reuseport: no
    interface: 127.0.0.1@5302
    directory: "/etc"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    local-zone: "example.net." static
{records}
remote-control:
    control-enable: no
""")
    unbound = start_on_cpu0(machine, ["unbound", "-d", "-c",
                                      "/etc/unbound.conf"], 5302, "unbound")
    rate, each, lost = dnsperf(machine, 5302, old, 5, unbound.pid)
    row("unbound, local data, 1 thread", f"{rate:.0f}", f"{rate / floor:.2f}",
        f"{each:.1f}", lost)
    machine.kill(unbound)

    daemons = Ersatz(machine, CONFIG +
                     "dnsd: { listen: ['127.0.0.1:5303'] }\n")
    dnsd = start_on_cpu0(machine, daemons.command("dnsd", "-f"), 5303, "dnsd")
    dnsperf(machine, 5303, old, None, dnsd.pid)
    rate, each, lost = dnsperf(machine, 5303, old, 5, dnsd.pid)
    row("dnsd, repeated names", f"{rate:.0f}", f"{rate / floor:.2f}",
        f"{each:.1f}", lost)
    # On the disk, not on a tmpfs: the machine's /var/lib is one.
    machine.kill(dnsd)
    disk = pathlib.Path(tempfile.mkdtemp(prefix="ersatz-bench-", dir="/var/tmp"))
    shutil.chown(disk, "ersatz", "ersatz")
    dnsd = start_on_cpu0(machine, daemons.command("dnsd", "-f", "--state",
                                                  str(disk)), 5303, "dnsd")
    for number, file in enumerate(new):
        rate, each, lost = dnsperf(machine, 5303, file, None, dnsd.pid)
        if number == 1:
            row("dnsd, new names, durable", f"{rate:.0f}",
                f"{rate / floor:.2f}", f"{each:.1f}", lost)
            break
    machine.kill(dnsd)
    shutil.rmtree(disk)


# --- connections ------------------------------------------------------------

@contextlib.contextmanager
def captured(stage):
    daemons = Ersatz(stage.laptop, CONFIG).up()
    try:
        yield daemons
    finally:
        daemons.down()


def proxychains(machine):
    machine.path("/etc/proxychains4.conf").write_text(
        f"strict_chain\nquiet_mode\n[ProxyList]\nsocks5 {FAR} 1080\n")
    return ["proxychains4", "-q", "-f", "/etc/proxychains4.conf"]


def iperf(stage, prefix, streams, is_down, relay):
    """(Gbit/s, relay CPU s/GiB, whole machine's CPU s/GiB)."""
    # One server a test: a server still busy with the last one refuses.
    stage.far.start(["iperf3", "-s", "-1", "-B", SITE], log="iperf3")
    stage.far.wait_listening(5201)
    command = prefix + ["iperf3", "-c", SITE, "-t", "2", "-J", "-P",
                        str(streams)] + (["-R"] if is_down else [])
    relay_before = cpu_of(relay) if relay else 0
    before = cpu_of_machine()
    result = json.loads(stage.laptop.out(command, timeout=60))
    used = cpu_of_machine() - before
    relay_used = (cpu_of(relay) if relay else 0) - relay_before
    summary = result["end"]["sum_received"]
    gib = summary["bytes"] / (1 << 30)
    return summary["bits_per_second"] / 1e9, relay_used / gib, used / gib


def bench_throughput(stage):
    title(f"TCP: iperf3, {PAIRS} pairs of 2 s each, medians; floor = the "
          "application speaks SOCKS itself")
    row("", "Gbit/s", "of the floor", "relay s/GiB", "machine s/GiB")
    for streams in (1, 8):
        for is_down in (False, True):
            # In turn, since the machine's own speed drifts.
            floors, ours = [], []
            for _ in range(PAIRS):
                floors.append(iperf(stage, proxychains(stage.laptop),
                                    streams, is_down, None))
                with captured(stage) as daemons:
                    ours.append(iperf(stage, [], streams, is_down,
                                      daemons.relay_pid()))
            ratio = median(o[0] / f[0] for o, f in zip(ours, floors))
            what = f"{streams} stream{'s' * (streams > 1)} " + (
                "down" if is_down else "up")
            row(f"{what}: floor", f"{median(f[0] for f in floors):.2f}",
                "1.00", "-", f"{median(f[2] for f in floors):.2f}")
            row(f"{what}: ersatz", f"{median(o[0] for o in ours):.2f}",
                f"{ratio:.2f}", f"{median(o[1] for o in ours):.2f}",
                f"{median(o[2] for o in ours):.2f}")


def requests(machine, prefix, *arguments):
    words = machine.out(prefix + [tool("requests"), *map(str, arguments)],
                        timeout=120).split()
    return [float(word) for word in words]


def bench_requests(stage):
    title("Small requests and new connections")
    row("", "per second", "of the floor", "p50 us", "p99 us", "relay us each",
        "failed")
    stage.far.start([tool("requests"), "serve", SITE, "7000"], log="requests")
    stage.far.wait_listening(7000)
    for what, arguments in (
            ("kept, 1 connection", ("kept", SITE, 7000, 1, 4)),
            ("kept, 64 connections", ("kept", SITE, 7000, 64, 4)),
            ("new, 32 in flight", ("new", SITE, 7000, 32, 20000))):
        floor, p50, p99, failed = requests(
            stage.laptop, proxychains(stage.laptop), *arguments)
        row(f"{what}: floor", f"{floor:.0f}", "1.00", f"{p50:.0f}",
            f"{p99:.0f}", "-", f"{failed:.0f}")
        with captured(stage) as daemons:
            relay = daemons.relay_pid()
            before, start = cpu_of(relay), time.monotonic()
            rate, p50, p99, failed = requests(stage.laptop, [], *arguments)
            done = rate * (time.monotonic() - start)
            each = (cpu_of(relay) - before) / done * 1e6
        row(f"{what}: ersatz", f"{rate:.0f}", f"{rate / floor:.2f}",
            f"{p50:.0f}", f"{p99:.0f}", f"{each:.0f}", f"{failed:.0f}")


def bench_tcp(stage):
    stage.far.start([tool("socksd"), FAR, "1080"], log="socksd")
    stage.far.wait_listening(1080)
    bench_throughput(stage)
    bench_requests(stage)


# --- datagrams --------------------------------------------------------------

def datagrams(machine, way, rate, train, proxy=()):
    """(sent, arrived, seconds)."""
    words = machine.out([tool("datagrams"), way, SITE, "7001", "1200",
                         str(rate), "3", str(train), *proxy]).split()
    return int(words[0]), int(words[1]), float(words[2])


def bench_udp(stage):
    title("UDP: 1,200 bytes, 3 s; floor = the application speaks SOCKS itself")
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

def bench_memory(stage):
    machine = stage.laptop
    title("Memory: proportional set size, MB")
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

    if not stage.far.listens(1080):
        stage.far.start([tool("socksd"), FAR, "1080"], log="socksd")
        stage.far.wait_listening(1080)
    if not stage.far.listens(7000):
        stage.far.start([tool("requests"), "serve", SITE, "7000"])
        stage.far.wait_listening(7000)
    daemons = Ersatz(machine, CONFIG).up()
    line("idle", daemons)
    file = names_file(stage.folder, "many", 100000)
    machine.out(["dnsperf", "-s", "127.0.0.1", "-d", str(file), "-n", "1"],
                timeout=120)
    line("100,000 names", daemons)
    holder = subprocess.Popen(
        machine.enter([tool("requests"), "hold", SITE, "7000", "1000"]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: holder.stdout.readline() == "held\n",
               "1,000 connections are open", seconds=60)
    line("and 1,000 connections", daemons)
    holder.communicate("")
    daemons.down()


def main():
    parts = {"dns": bench_dns, "tcp": bench_tcp, "udp": bench_udp,
             "memory": bench_memory}
    wanted = sys.argv[1:] or list(parts)
    for name in wanted:
        stage = Stage()
        try:
            parts[name](stage)
        finally:
            stage.close()


if __name__ == "__main__":
    main()
