# SPDX-License-Identifier: BSD-2-Clause
"""Whole machines out of namespaces, and the network that most tests use.

                          router (192.168.7.1, unbound on port 53)
                    ______/       |        \\______
                   /              |               \\
    laptop 192.168.7.2    proxy 203.0.113.2    site 198.51.100.2
           2001:db8:7::2        2001:db8:2::2       2001:db8:3::2
    dnsd, routed          microsocks :1080     nginx :80, knows who asks

Each machine is a holder process with its own network and mount namespace:
/etc is an overlay over the real one, /run and /var/lib are empty, so that the
daemons run with their default folders and a test may write resolv.conf, hosts
or passwd as it likes.  The name site.example is known to the proxy alone,
direct.example to the router's resolver alone.  Whatever a test starts ends
with the machine, by process id.
"""
import contextlib
import ctypes
import difflib
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ERSATZ_BUILD", TOP / "build")).resolve()

ROUTER = {"laptop": "192.168.7.1", "proxy": "203.0.113.1",
          "site": "198.51.100.1"}
ADDRESS = {"laptop": "192.168.7.2", "proxy": "203.0.113.2",
           "site": "198.51.100.2"}
ROUTER6 = {"laptop": "2001:db8:7::1", "proxy": "2001:db8:2::1",
           "site": "2001:db8:3::1"}
ADDRESS6 = {"laptop": "2001:db8:7::2", "proxy": "2001:db8:2::2",
            "site": "2001:db8:3::2"}

# How long a test waits for what has to come: for ever, but for a failure.  A
# machine of two processors with twenty busy programs needs seconds for what
# takes it milliseconds alone.
PATIENCE = 60.0


def wait_until(claim, what, seconds=PATIENCE):
    """Polls until claim() is true; fails the test by name if it never is."""
    end = time.monotonic() + seconds
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.01)


class Machine:
    """A network and a mount namespace, and what runs in them."""

    living = []
    last_words = []  # (title, text) of the logs of those that were closed

    def __init__(self, name, folder):
        self.name = name
        self.folder = pathlib.Path(folder) / name
        self.processes = []
        for part in ("etc", "logs"):
            (self.folder / part).mkdir(parents=True)
        ready = self.folder / "ready"
        etc = self.folder / "etc"
        script = f"""
            set -e
            cd /
            mount -t tmpfs -o mode=755 tmpfs {etc}
            mkdir {etc}/upper {etc}/work
            mount -t overlay overlay -o \
                lowerdir=/etc,upperdir={etc}/upper,workdir={etc}/work /etc
            mount -t tmpfs -o mode=755 tmpfs /run
            mkdir -p /run/netns /run/sshd
            mount -t tmpfs -o mode=755 tmpfs /var/lib
            rm -f /etc/resolv.conf
            : > /etc/resolv.conf
            getent passwd ersatz > /dev/null || useradd --system \
                --no-create-home --shell /usr/sbin/nologin ersatz
            ip link set lo up
            : > {ready}
            exec sleep infinity
        """
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private",
             "sh", "-c", script], stdin=subprocess.DEVNULL)
        wait_until(lambda: ready.exists() or self.holder.poll() is not None,
                   f"machine '{name}' is made")
        assert self.holder.poll() is None, f"machine '{name}' is not made"
        self.path("/etc/hosts").write_text(
            f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {name}\n")
        Machine.living.append(self)

    def path(self, inside):
        """The same file as seen from outside of the machine."""
        return pathlib.Path(f"/proc/{self.holder.pid}/root{inside}")

    def enter(self, command, user=None):
        prefix = ["nsenter", f"--target={self.holder.pid}", "--net", "--mount",
                  "--root", "--wd"]
        if user:
            prefix += ["setpriv", f"--reuid={user}", f"--regid={user}",
                       "--clear-groups"]
        if isinstance(command, str):
            command = ["sh", "-c", command]
        return prefix + [str(word) for word in command]

    def run(self, command, check=True, timeout=200, user=None, **more):
        """Runs to its end; the result has returncode, stdout, stderr."""
        result = subprocess.run(self.enter(command, user), text=True,
                                stdin=subprocess.DEVNULL,
                                capture_output=True, timeout=timeout, **more)
        if check and result.returncode != 0:
            raise AssertionError(
                f"{self.name}$ {command}\nexit {result.returncode}\n"
                f"{result.stdout}{result.stderr}")
        return result

    def out(self, command, **more):
        return self.run(command, **more).stdout

    def start(self, command, log=None, user=None, **more):
        """Starts in the background; it ends with the machine."""
        path = self.folder / "logs" / (log or f"{len(self.processes)}")
        with open(path, "ab") as file:
            process = subprocess.Popen(self.enter(command, user),
                                       stdin=subprocess.DEVNULL, stdout=file,
                                       stderr=subprocess.STDOUT,
                                       start_new_session=True, **more)
        self.processes.append(process)
        return process

    def log(self, name):
        file = self.folder / "logs" / name
        return file.read_text(errors="replace") if file.exists() else ""

    def log_ends(self, lines=60):
        """(title, text) of each log that has something in it."""
        for file in sorted((self.folder / "logs").glob("*")):
            text = self.log(file.name).splitlines()[-lines:]
            if text:
                yield f"{self.name}: log of {file.name}", "\n".join(text)

    def sysctl(self, **values):
        """Dots of the key are written as two underscores."""
        for key, value in values.items():
            self.run(["sysctl", "-qw", f"{key.replace('__', '.')}={value}"])

    def listens(self, port, network="tcp"):
        flag = "-Hltn" if network == "tcp" else "-Hlun"
        return self.out(["ss", flag, f"sport = :{port}"]).strip() != ""

    def wait_listening(self, port, network="tcp"):
        wait_until(lambda: self.listens(port, network),
                   f"{self.name} listens on {network} port {port}")

    def wait_settled(self):
        """Until eth0 has its link-local address; it comes by itself."""
        wait_until(lambda: "local fe80" in self.out(
            "ip -6 route show table local"), f"the link of {self.name}")

    def socket(self, *args, **more):
        """A socket of this process inside the machine's network."""
        with in_network(self.holder.pid):
            return socket.socket(*args, **more)

    def state(self):
        """All that a start and a stop must leave as it was; but for a route
        that the kernel makes of each link, in its own time."""
        commands = ["ip -4 rule show", "ip -6 rule show",
                    "ip -4 route show table all",
                    "ip -6 route show table all",
                    "ip -d link show", "ip addr show", "tc qdisc show",
                    "cd /proc/sys/net; grep . ipv4/conf/*/rp_filter "
                    "ipv4/conf/*/src_valid_mark ipv4/conf/*/*forwarding "
                    "ipv4/conf/*/*_redirects "
                    "ipv6/conf/*/*forwarding ipv6/conf/*/accept_ra "
                    "ipv6/conf/*/accept_redirects ipv4/ip_forward "
                    "ipv4/icmp_errors_use_inbound_ifaddr",
                    "nft list ruleset",
                    "ls -l --time-style=+ /etc/resolv.conf",
                    "cat /etc/resolv.conf"]
        text = "".join(f"# {c}\n{self.out(c)}" for c in commands)
        return "\n".join(_without_timers(line) for line in text.splitlines()
                         if "multicast ff00::/8" not in line)

    def kill(self, process, signum=signal.SIGTERM):
        """Ends what start() started, nsenter and all below it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signum)
        process.wait(timeout=PATIENCE)

    def pids(self):
        """Processes whose network namespace is this machine's own."""
        own = os.readlink(f"/proc/{self.holder.pid}/ns/net")
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) != self.holder.pid:
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{entry}/ns/net") == own:
                        yield int(entry)

    def close(self):
        if self in Machine.living:
            Machine.living.remove(self)
            Machine.last_words.extend(self.log_ends())
        for process in reversed(self.processes):
            if process.poll() is None:
                self.kill(process, signal.SIGKILL)
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.holder.kill()
        self.holder.wait(timeout=PATIENCE)


def _without_timers(line):
    """IPv6 lifetimes and ages move by themselves."""
    words = line.split()
    for i, word in enumerate(words[:-1]):
        if (word in ("expires", "valid_lft", "preferred_lft", "age") or
                word.endswith("_timer")):  # of a bridge
            words[i + 1] = "-"
    return " ".join(words)


@contextlib.contextmanager
def in_network(pid):
    """This thread, for a moment, in the network namespace of a process."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    other = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        _setns(other)
        yield
    finally:
        _setns(own)
        os.close(own)
        os.close(other)


def _setns(fd):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")


class Network:
    """laptop, router, proxy and site, as the picture above has them."""

    def __init__(self, folder=None):
        self.machines = {}
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="ersatz-"))
        self.folder.chmod(0o755)
        try:
            for name in ("router", "laptop", "proxy", "site"):
                self.machines[name] = Machine(name, self.folder)
            for name in ("laptop", "proxy", "site"):
                self._connect(name)
            for name in ("laptop", "proxy", "site"):
                self.machines[name].wait_settled()
            self.router.sysctl(net__ipv4__ip_forward=1,
                               net__ipv6__conf__all__forwarding=1)
            self._start_resolver()
        except BaseException:
            self.close()
            raise

    def __getattr__(self, name):
        if name == "machines" or name not in self.machines:
            raise AttributeError(name)
        return self.machines[name]

    def _connect(self, name):
        machine, router = self.machines[name], self.machines["router"]
        for host in (machine, router):
            host.sysctl(net__ipv6__conf__default__accept_dad=0,
                        net__ipv6__conf__default__accept_ra=0)
        router.run(["ip", "link", "add", name, "type", "veth", "peer", "name",
                    "eth0", "netns", str(machine.holder.pid)])
        router.run(f"ip addr add {ROUTER[name]}/24 dev {name};"
                   f"ip addr add {ROUTER6[name]}/64 dev {name} nodad;"
                   f"ip link set {name} up")
        machine.run(f"ip addr add {ADDRESS[name]}/24 dev eth0;"
                    f"ip addr add {ADDRESS6[name]}/64 dev eth0 nodad;"
                    "ip link set eth0 up;"
                    f"ip route add default via {ROUTER[name]};"
                    f"ip -6 route add default via {ROUTER6[name]}")
        machine.path("/etc/resolv.conf").write_text(
            f"nameserver {ROUTER[name]}\n")
        # The kernel makes it in its own time; a state taken before would
        # differ from the one after.
        wait_until(lambda: "local fe80" in machine.out(
            "ip -6 route show table local"), "the link-local address is there")

    def _start_resolver(self):
        """The resolver that the laptop had before us: unbound at home."""
        records = "".join(f'    local-data: "{record}"\n' for record in (
            f"direct.example. 300 IN A {ADDRESS['site']}",
            f"direct.example. 300 IN AAAA {ADDRESS6['site']}",
            "text.example. 300 IN TXT home",
            f"home.example. 300 IN A {ROUTER['laptop']}"))
        self.router.path("/etc/unbound.conf").write_text(f"""\
server:
    directory: "/etc"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    interface: 0.0.0.0
    interface: ::0
    access-control: 0.0.0.0/0 allow
    access-control: ::/0 allow
    module-config: "iterator"
    local-zone: "." static
{records}
remote-control:
    control-enable: no
""")
        self.router.start(["unbound", "-d", "-c", "/etc/unbound.conf"],
                          log="unbound")
        self.router.wait_listening(53, "udp")

    def start_site(self, has_ipv6=True):
        """nginx; /who answers with the address that the request came from."""
        root = self.folder / "www"
        root.mkdir(exist_ok=True)
        root.chmod(0o755)
        (root / "index.html").write_text("welcome to the site\n")
        self.site.path("/etc/nginx.conf").write_text(f"""\
user root;
worker_processes 1;
pid /run/nginx.pid;
error_log /run/nginx.error warn;
events {{ worker_connections 2048; }}
http {{
    access_log /run/nginx.access;
    client_body_temp_path /run/nginx-body;
    proxy_temp_path /run/nginx-proxy;
    fastcgi_temp_path /run/nginx-fastcgi;
    uwsgi_temp_path /run/nginx-uwsgi;
    scgi_temp_path /run/nginx-scgi;
    client_max_body_size 0;
    server {{
        listen 80 backlog=4096;
        listen [::]:80 backlog=4096 ipv6only=on;
        root {root};
        location = /who {{ return 200 "$remote_addr $host\\n"; }}
    }}
}}
""")
        self.site.run(["nginx", "-c", "/etc/nginx.conf"])
        self.site.wait_listening(80)
        self.knows_site(self.proxy, has_ipv6=has_ipv6)
        return root

    @staticmethod
    def knows_site(machine, name="site.example", has_ipv6=True):
        """The name of the site, in the hosts file of that machine alone."""
        hosts = machine.path("/etc/hosts")
        lines = f"{ADDRESS['site']} {name}\n"
        if has_ipv6:
            lines += f"{ADDRESS6['site']} {name}\n"
        hosts.write_text(hosts.read_text() + lines)

    def start_microsocks(self, machine=None, port=1080, *more, user=None):
        machine = machine or self.proxy
        process = machine.start(
            ["microsocks", "-i", "::", "-p", str(port), *more],
            log="microsocks", user=user)
        machine.wait_listening(port)
        return process

    def close(self):
        for machine in reversed(list(self.machines.values())):
            machine.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Ersatz:
    """Both daemons on one machine."""

    DEFAULT = f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
rules:
  - DOMAIN-SUFFIX,direct.example,DIRECT
  - DOMAIN-SUFFIX,rejected.example,REJECT
  - IP-CIDR,192.168.0.0/16,DIRECT,no-resolve
  - MATCH,proxy
"""

    def __init__(self, machine, config=DEFAULT):
        self.machine = machine
        self.config = "/etc/ersatz/ersatz.yaml"
        machine.path("/etc/ersatz").mkdir(exist_ok=True)
        self.write(config)
        self.programs = {name: BUILD / name / name
                         for name in ("dnsd", "routed")}
        self.started = {}
        self.before = None
        self.is_taken_over = False  # by a test, on purpose

    def write(self, config):
        self.machine.path(self.config).write_text(config)

    def program(self, name):
        return str(self.programs[name])

    def command(self, name, *args):
        return [self.program(name), "-c", self.config, *args]

    def up(self):
        """Starts both; returns when they are ready."""
        self.before = self.machine.state()
        self.start("dnsd")
        self.start("routed")
        return self

    def start(self, name, *args, **more):
        """In the foreground, so that its log is kept; ready after."""
        process = self.machine.start(self.command(name, "-f", *args), log=name,
                                     **more)
        self.started[name] = process
        wait_until(lambda: process.poll() is not None or
                   self.machine.run(self.command(name, "--status"),
                                    check=False).returncode == 0,
                   f"{name} is ready")
        if process.poll() is not None:
            raise AssertionError(f"{name} ended:\n{self.machine.log(name)}")
        return process

    def pid(self, name):
        """Of the daemon itself, from its lock file."""
        return int(self.machine.path(f"/run/ersatz/{name}.pid").read_text())

    def kill(self, name, signum=signal.SIGKILL):
        os.kill(self.pid(name), signum)
        self.started.pop(name).wait(timeout=PATIENCE)

    def stop(self, name):
        process = self.started.pop(name, None)
        if process is None:
            return
        if process.poll() is None:
            os.kill(self.pid(name), signal.SIGTERM)
        status = process.wait(timeout=PATIENCE)
        log = self.machine.log(name)
        assert status == 0, f"{name}: exit {status}\n{log}"
        # Of a process that was killed by its own filter nobody else tells.
        assert self.is_taken_over or "which it never needs" not in log, log

    def down(self):
        """Stops both; everything must then be as it was before."""
        self.stop("routed")
        self.stop("dnsd")
        if self.before is not None:
            self.assert_as_before()
            self.before = None

    def assert_as_before(self):
        """Byte for byte; what differs is shown."""
        differs = difflib.unified_diff(
            self.before.splitlines(), self.machine.state().splitlines(),
            "before", "after", n=0, lineterm="")
        text = "\n".join(differs)
        assert not text, text

    def recover(self):
        return self.machine.run(self.command("routed", "--recover"))

    def relay_pid(self):
        """The relay is routed executed again: 'routed: relay'."""
        for pid in self.machine.pids():
            with contextlib.suppress(OSError):
                line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                if line.startswith(b"routed: relay"):
                    return pid
        return None


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
