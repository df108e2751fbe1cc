# SPDX-License-Identifier: BSD-2-Clause
"""The resolver beside its peers: unbound, dnsmasq, and the bare echo, which
only turns packets round.  One core for the server, one for who asks, which must
have time left ("asker idle"), or the rate would be its own.

The machine's speed drifts by more than what is to be seen.  So each run is
short, and beside a run of the echo with the same questions; of the ratios of
such pairs the median is printed, and the quartiles.

On a machine that has other things to do the rate says little; the CPU time of
a query is then the better measure, and 1 / CPU the rate of a whole core.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from statistics import median, quantiles

from topology import Ersatz, wait_until

ROUNDS = int(os.environ.get("ROUNDS", 3))
PAIRS = int(os.environ.get("PAIRS", 15))
SECONDS = os.environ.get("SECONDS", "0.2")
NAMES = 10000
RULES = 300000
ECHO = 5301  # its port
RATE = 60000  # new names a second, that are wanted
# In front of servers and of who asks: "chrt -f 10" on a busy machine.
PREFIX = os.environ.get("PREFIX", "").split()

CONFIG = """\
outbounds:
  proxy: { type: socks5, server: 203.0.113.2:1080 }
upstreams:
  home: { servers: [127.0.0.1:5310] }
rules:
%s  - DOMAIN-SUFFIX,real.example.net,DIRECT
  - MATCH,proxy
dnsd: { listen: ["127.0.0.1:%d"] }
"""

UNBOUND = """\
server:
    num-threads: 1
    so-reuseport: no
    interface: 127.0.0.1@5302
    so-rcvbuf: 4m
    directory: "/etc"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    do-not-query-localhost: no
    module-config: "iterator"
    msg-cache-size: 64m
    rrset-cache-size: 64m
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@5310
remote-control:
    control-enable: no
"""


class Bench:
    """Servers on CPU 0, queries on CPU 1, on one machine."""

    def __init__(self, machine, tool, title, row):
        self.machine = machine
        self.tool, self.title, self.row = tool, title, row
        self.first = 0  # names from there on are new
        self.turn = 1

    def start(self, command, port, log):
        process = self.machine.start(
            [*PREFIX, "taskset", "-c", "0", *command], log=log)
        self.machine.wait_listening(port, "udp")
        # taskset and nsenter have become the program: the id is its own.
        return process

    @staticmethod
    def cpu_us(process):
        """On the CPU, to the nanosecond, all threads."""
        tasks = pathlib.Path(f"/proc/{process.pid}/task").glob("*/schedstat")
        return sum(int(t.read_text().split()[0]) for t in tasks) / 1000

    def ask(self, process, port, prefix, first, count, seconds=SECONDS,
            window=256, rate=0):
        """(answers a second, us CPU each, p50, p99, lost and failed, and
        what part of the time who asks had nothing to do).

        The echo's answers have no address: they do not count as failed.
        """
        before = self.cpu_us(process)
        words = self.machine.out(
            [*PREFIX, "taskset", "-c", "1", self.tool("queries"), "127.0.0.1",
             str(port), prefix, str(first), str(count), str(seconds),
             str(window), *([str(rate)] if rate else [])], timeout=300).split()
        answers, p50, p99, count, lost, failed, idle = map(float, words)
        used = self.cpu_us(process) - before
        if port == ECHO:
            failed = 0
        return (answers, used / max(count, 1), p50, p99, int(lost + failed),
                idle)

    def new_names(self, count):
        self.first += count
        return self.first - count

    def pair(self, echo, line):
        """A run of the echo, and one of that server with the same questions,
        turned round every time."""
        process, port, prefix = line
        both = [(echo, ECHO), (process, port)]
        self.turn = -self.turn
        runs = [self.ask(*server, prefix, 0, NAMES)
                for server in both[::self.turn]]
        return runs[::self.turn]

    def print(self, what, runs, of_echo, wanted=""):
        """Of these runs, and ratios to the echo, the middle."""
        def middle(at, digits=0):
            return f"{median(r[at] for r in runs):.{digits}f}"

        self.row(what, middle(0), of_echo, middle(1, 2), middle(2), middle(3),
                 sum(r[4] for r in runs), middle(5, 2), f"   {wanted}")


def servers(bench):
    """Peers that have the same names in their caches."""
    machine = bench.machine
    bench.start([bench.tool("queries"), "answer", "127.0.0.1", "5310"], 5310,
                "answer")
    machine.path("/etc/unbound.conf").write_text(UNBOUND)
    return {
        "echo": bench.start([bench.tool("echo"), "127.0.0.1", str(ECHO)],
                            ECHO, "echo"),
        "unbound": bench.start(["unbound", "-d", "-c", "/etc/unbound.conf"],
                               5302, "unbound"),
        "dnsmasq": bench.start(
            ["dnsmasq", "-k", "-C", "/dev/null", "-p", "5304", "-R", "-h",
             "--listen-address=127.0.0.1", "--bind-interfaces",
             "--server=127.0.0.1#5310", "--cache-size=20000",
             "--dns-forward-max=1000", "-u", "root"], 5304, "dnsmasq"),
    }


def disk_folder():
    """On the disk, not on a tmpfs: the machine's /var/lib is one."""
    disk = pathlib.Path(tempfile.mkdtemp(prefix="ersatz-bench-",
                                         dir="/var/tmp"))
    shutil.chown(disk, "ersatz", "ersatz")
    return disk


def start_dnsd(bench, port, state, rules=""):
    daemons = Ersatz(bench.machine, CONFIG % (rules, port))
    run = f"/run/ersatz-{port}"
    process = bench.start(daemons.command(
        "dnsd", "-f", "--state", str(state), "--run", run), port,
        f"dnsd-{port}")
    wait_until(lambda: bench.machine.run(daemons.command(
        "dnsd", "--run", run, "--status"), check=False).returncode == 0,
        "dnsd is ready", 60)
    return process


def spread(ratios):
    """Their median, and where the middle half of them lies."""
    if len(ratios) < 4:
        return f"{median(ratios):.2f}"
    low, middle, high = quantiles(ratios, n=4)
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def compare_rates(bench, peers, dnsd):
    lines = {"unbound, cached, 1 thread": (peers["unbound"], 5302, "old"),
             "dnsmasq, cached": (peers["dnsmasq"], 5304, "old"),
             "dnsd, repeated fake names": (dnsd, 5303, "old"),
             "dnsd, cached real names": (dnsd, 5303, "n.real")}
    for line in [*lines.values()] * 2:
        bench.ask(*line, 0, NAMES, 0)
    pairs = {what: [] for what in lines}
    for _ in range(PAIRS):
        for what, line in lines.items():
            pairs[what].append(bench.pair(peers["echo"], line))
    echoes = [echo for of in pairs.values() for echo, _ in of]
    bench.print("bare recvmmsg echo", echoes, "")
    unbound = median(r[1] for _, r in pairs["unbound, cached, 1 thread"])
    for what, of in pairs.items():
        bench.print(what, [r for _, r in of],
                    spread([r[0] / e[0] for e, r in of]),
                    f"0.9 of echo, {unbound:.2f} us"
                    if what.startswith("dnsd") else "")


def new_names(bench, dnsd, port):
    count = 36000 // ROUNDS  # both, and the next, fit into one pool
    runs = [bench.ask(dnsd, port, "new", bench.new_names(count), count, 0)
            for _ in range(ROUNDS)]
    bench.print("dnsd, new names, durable", runs, "", f"{RATE}/s, 12 us")
    paced = [bench.ask(dnsd, port, "new", bench.new_names(count), count, 0,
                       4096, RATE // 2) for _ in range(ROUNDS)]
    bench.print(f"  at half of {RATE}/s", paced, "", "p99 5000 us")


def compare_rules(bench, pairs):
    """What 300,000 rules change, by pairs of (without, with)."""
    for what, prefix in (("repeated fake names", "old"),
                         ("cached real names", "n.real"),
                         ("new names", "new")):
        runs = []
        for _ in range(ROUNDS if prefix == "new" else PAIRS):
            first = bench.new_names(4000) if prefix == "new" else 0
            runs.append([bench.ask(
                dnsd, port, prefix, first,
                *((4000, 0) if prefix == "new" else (NAMES,)))
                for dnsd, port in pairs])
        cpu = median(b[1] / a[1] for a, b in runs)
        rate = median(b[0] / a[0] for a, b in runs)
        bench.row(f"  {what}, of that without", f"{rate:.3f}", "",
                  f"{cpu:.3f}", "", "", "", "", "   0.95, CPU 1.05")


def longest_wait_ms(bench, port, while_true):
    """Of one who asks again and again, on the other core."""
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\3old\4real\0\0\1\0\1"
    sock = bench.machine.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", port))
    sock.settimeout(20)
    longest = count = 0
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {1})
    while while_true() or count < 1000:
        begin = time.monotonic()
        sock.send(query)
        sock.recv(512)
        longest = max(longest, time.monotonic() - begin)
        count += 1
    os.sched_setaffinity(0, cores)
    sock.close()
    return longest * 1000


def bench_reload(bench, port):
    """One core for the daemon, all that reads the lists included."""
    pid = int(bench.machine.path(
        f"/run/ersatz-{port}/dnsd.pid").read_text())
    log = bench.machine.folder / "logs" / f"dnsd-{port}"
    waits = {"reload": [], "none": []}
    for _ in range(ROUNDS):
        end = time.monotonic() + 0.3
        waits["none"].append(longest_wait_ms(
            bench, port, lambda: time.monotonic() < end))
        before = log.read_text().count("reloaded")
        os.kill(pid, signal.SIGHUP)
        waits["reload"].append(longest_wait_ms(
            bench, port,
            lambda: log.read_text().count("reloaded") == before))
    bench.row("  the longest wait during a reload",
              f"{max(waits['reload']):.1f} ms", "", "", "", "", "", "",
              f"   (without: {max(waits['none']):.1f} ms)")


def bench_rules(bench, without):
    """The same with a list of 300,000 names in front."""
    lists = bench.machine.path("/etc/ersatz/many.txt")
    lists.write_text("".join(f"host{i}.listed{i % 977}.example\n"
                             for i in range(RULES)))
    disk = disk_folder()
    start = time.monotonic()
    dnsd = start_dnsd(bench, 5305, disk, "  - RULE-SET,many.txt,DIRECT\n")
    took = time.monotonic() - start
    bench.row(f"dnsd, {RULES} rules: ready after", f"{took * 1000:.0f} ms",
              f"{memory_of(dnsd):.1f} MB")
    for prefix in ("old", "n.real", "n.real"):
        bench.ask(dnsd, 5305, prefix, 0, NAMES, 0)
    compare_rules(bench, ((without, 5303), (dnsd, 5305)))
    bench_reload(bench, 5305)
    bench.machine.kill(dnsd)
    shutil.rmtree(disk)


def memory_of(process, what="Pss"):
    """Proportional set size, or all that is resident ("Rss"), MB."""
    text = pathlib.Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines()
                if line.startswith(f"{what}:")) / 1024


def first_answer_ms(bench, command, port, name):
    """From exec to the first answer; asked every half of a millisecond."""
    labels = b"".join(bytes([len(p)]) + p for p in name.encode().split(b"."))
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"
    sock = bench.machine.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", port))
    sock.settimeout(0.0005)
    # A shell that waits for a line stands ready, so that only exec counts.
    holder = subprocess.Popen(
        bench.machine.enter(["sh", "-c", 'read go; exec "$@"', "sh",
                             *map(str, command)]),
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True)
    time.sleep(0.3)
    start = time.monotonic()
    holder.stdin.write(b"\n")
    holder.stdin.flush()
    while True:
        try:
            sock.send(query)
            sock.recv(512)
            break
        except OSError:
            if time.monotonic() - start > 20:
                raise
    took = (time.monotonic() - start) * 1000
    memory = memory_of(holder), memory_of(holder, "Rss")
    os.killpg(holder.pid, signal.SIGTERM)
    holder.wait()
    sock.close()
    return took, *memory


def print_start(bench, what, runs, wanted=""):
    bench.row(what, f"{median(r[0] for r in runs):.1f}",
              f"{min(r[0] for r in runs):.1f}",
              f"{median(r[1] for r in runs):.1f}",
              f"{median(r[2] for r in runs):.1f}", f"   {wanted}")


def bench_start(bench):
    bench.title("The first answer after exec, and memory then")
    bench.row("", "ms", "best", "MB (PSS)", "MB (RSS)", "   wanted")
    daemons = Ersatz(bench.machine, CONFIG % ("", 5306))
    for what, names, wanted in (
            ("dnsd, empty map", 0, "20 ms, 8 MB"),
            ("dnsd, 100,000 names", 100000, "150 ms, 30 MB")):
        disk = disk_folder()
        command = daemons.command("dnsd", "-f", "--state", str(disk), "--run",
                                  "/run/ersatz-5306")
        if names:
            dnsd = bench.start(command, 5306, "dnsd-5306")
            bench.ask(dnsd, 5306, "kept", 0, names, 0)
            bench.machine.kill(dnsd)
        runs = [first_answer_ms(bench, command, 5306, "kept000001.example.net")
                for _ in range(max(ROUNDS, 5))]
        print_start(bench, what, runs, wanted)
        shutil.rmtree(disk)
    unbound = ["unbound", "-d", "-c", "/etc/unbound2.conf"]
    bench.machine.path("/etc/unbound2.conf").write_text(
        UNBOUND.replace("5302", "5307").replace(
            '    module-config', '    local-data: "kept000001.example.net. A '
            '192.0.2.1"\n    module-config'))
    runs = [first_answer_ms(bench, unbound, 5307, "kept000001.example.net")
            for _ in range(max(ROUNDS, 5))]
    print_start(bench, "unbound", runs)


def bench_dump(bench, dnsd):
    """How long 100,000 rows take, and what it costs who is asked meanwhile."""
    bench.title("--dump-map, and dnsd meanwhile")
    bench.row("", "ms", "rows", "dnsd us each", "p99 us")
    daemons = Ersatz(bench.machine, CONFIG % ("", 5303))
    quiet = bench.ask(dnsd, 5303, "old", 0, NAMES, 1)
    bench.row("without", "", "", f"{quiet[1]:.2f}", f"{quiet[3]:.0f}")
    for form in ("table", "json", "csv", "hosts"):
        command = daemons.command("dnsd", f"--dump-map={form}", "--run",
                                  "/run/ersatz-5303", "--state",
                                  bench.state)
        start = time.monotonic()
        rows = bench.machine.out(command, timeout=60).count("\n")
        took = time.monotonic() - start
        dump = subprocess.Popen(
            bench.machine.enter(["sh", "-c", 'while "$@" > /dev/null; do :; '
                                 "done", "sh", *map(str, command)]),
            stdin=subprocess.DEVNULL, start_new_session=True)
        busy = bench.ask(dnsd, 5303, "old", 0, NAMES, 1)
        os.killpg(dump.pid, signal.SIGKILL)
        dump.wait()
        bench.row(form, f"{took * 1000:.0f}", rows, f"{busy[1]:.2f}",
                  f"{busy[3]:.0f}")


def bench_dns(stage, tool, title, row):
    bench = Bench(stage.laptop, tool, title, row)
    peers = servers(bench)
    disk = disk_folder()
    bench.state = str(disk)
    dnsd = start_dnsd(bench, 5303, disk)
    title("DNS: one core for the server, one for who asks")
    row("", "queries/s", "of the echo", "us CPU each", "p50 us", "p99 us",
        "lost", "asker idle", "   wanted")
    compare_rates(bench, peers, dnsd)
    new_names(bench, dnsd, 5303)
    bench_rules(bench, dnsd)
    bench_dump(bench, dnsd)
    bench.machine.kill(dnsd)
    shutil.rmtree(disk)
    bench_start(bench)
