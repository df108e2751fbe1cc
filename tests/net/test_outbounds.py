# SPDX-License-Identifier: BSD-2-Clause
"""Outbounds of each kind, with the real servers that people run.

    laptop                              proxy                      site
    dnsd, routed                        dante :1081 (login)        nginx :80
    ss-local :1085 --------------------> ss-server :8388
    ssh -D :1086 ----------------------> sshd :22
    socat unix:/run/proxy.sock --------> microsocks :1080 (no pipelining)
                                        tinyproxy :8888 (login), squid :3128

NAME.example is the site for those who ask the proxy, and goes through NAME.
"""
import contextlib
import errno
import json
import os
import signal
import threading

import peer
from topology import ADDRESS, ADDRESS6, PATIENCE, ROUTER, Ersatz, wait_until

USER, PASSWORD = "carrier", "secret-word"

OUTBOUNDS = f"""\
  microsocks: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
  dante:
    type: socks5
    server: "{ADDRESS['proxy']}:1081"
    username: {USER}
    password-file: password
  shadowsocks: {{ type: socks5, server: 127.0.0.1:1085 }}
  ssh: {{ type: socks5, server: 127.0.0.1:1086 }}
  tor: {{ type: socks5, server: 127.0.0.1:1087 }}
  unix: {{ type: socks5, server: "unix:/run/proxy.sock" }}
  tinyproxy:
    type: http
    server: "{ADDRESS['proxy']}:8888"
    username: {USER}
    password-file: password
  squid: {{ type: http, server: "{ADDRESS['proxy']}:3128" }}
"""
SERVERS = ("microsocks", "dante", "shadowsocks", "ssh", "unix", "tinyproxy",
           "squid")


def write_password(machine, text=PASSWORD):
    machine.path("/etc/ersatz").mkdir(exist_ok=True)
    machine.path("/etc/ersatz/password").write_text(text + "\n")
    machine.run("chgrp ersatz /etc/ersatz/password;"
                "chmod 640 /etc/ersatz/password")


def lines_of(daemons, *args):
    return [json.loads(line) for line in daemons.machine.out(
        daemons.command("routed", *args, "--json")).splitlines()]


def members(daemons):
    """{(group, member): line} of --status."""
    return {(line["group"], line["member"]): line
            for line in lines_of(daemons, "--status") if "group" in line}


def flows_of(daemons):
    return [line for line in lines_of(daemons, "--flows") if "dst" in line]


def fake_of(machine, name, version=4):
    return machine.out(f"getent ahostsv{version} {name}").split()[0]


def who(machine, name, version=4):
    """Which machine the site was asked by; None: it was not."""
    answer = machine.run(f"curl -{version} -sS http://{name}/who", check=False)
    seen = answer.stdout.split()[:1]
    for one in ADDRESS:
        if seen in ([ADDRESS[one]], [ADDRESS6[one]]):
            return one
    return None


def error_of(machine, address, port, timeout=PATIENCE):
    """The name of what connect() says; "connected", "timeout"."""
    try:
        peer.connect(machine, address, port, timeout).close()
    except OSError as error:  # without a number it is our own time-out
        return errno.errorcode[error.errno] if error.errno else "timeout"
    return "connected"


def start_dante(net):
    net.proxy.run(f"useradd --system {USER}; "
                  f"echo '{USER}:{PASSWORD}' | chpasswd")
    net.proxy.path("/etc/danted.conf").write_text("""\
logoutput: stderr
internal: eth0 port = 1081
external: eth0
socksmethod: username
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 protocol: tcp }
""")
    net.proxy.start(["danted", "-f", "/etc/danted.conf"], log="danted")
    net.proxy.wait_listening(1081)


def start_tinyproxy(machine, user="nobody", login=True, port=8888):
    machine.path("/etc/tinyproxy-test.conf").write_text(
        f"User {user}\nPort {port}\nTimeout 600\nMaxClients 200\n"
        + (f'BasicAuth {USER} {PASSWORD}\n' if login else ""))
    process = machine.start(
        ["tinyproxy", "-d", "-c", "/etc/tinyproxy-test.conf"],
        log="tinyproxy")
    machine.wait_listening(port)
    return process


def start_squid(machine):
    # It looks for the name of this host, and would wait for an answer.
    machine.path("/etc/resolv.conf").write_text("")
    machine.path("/etc/squid-test.conf").write_text(f"""\
http_port 3128
visible_hostname proxy
dns_nameservers {ROUTER['proxy']}
http_access allow all
cache deny all
access_log none
cache_log /run/squid-test/log
pid_filename none
coredump_dir /run/squid-test
cache_effective_user nobody
via off
""")
    machine.run("mkdir /run/squid-test; chown nobody /run/squid-test")
    machine.start(["squid", "-N", "-f", "/etc/squid-test.conf"], log="squid")
    machine.wait_listening(3128)


def start_shadowsocks(net):
    secret = ["-k", "secret", "-m", "aes-256-gcm"]
    net.proxy.start(["ss-server", "-s", "0.0.0.0", "-p", "8388", *secret],
                    log="ss-server")
    net.proxy.wait_listening(8388)
    net.laptop.start(["ss-local", "-s", ADDRESS["proxy"], "-p", "8388", "-b",
                      "127.0.0.1", "-l", "1085", *secret], log="ss-local")
    net.laptop.wait_listening(1085)


def start_ssh(net, port=1086):
    proxy, laptop = net.proxy, net.laptop
    proxy.run("ssh-keygen -q -t ed25519 -N '' -f /etc/ssh-host-key")
    laptop.run("ssh-keygen -q -t ed25519 -N '' -f /etc/ssh-key")
    key = laptop.path("/etc/ssh-key.pub").read_text()
    proxy.path("/etc/authorized").write_text(key)
    proxy.start(["/usr/sbin/sshd", "-D", "-f", "/dev/null", "-h",
                 "/etc/ssh-host-key", "-o", "StrictModes=no", "-o",
                 "AuthorizedKeysFile=/etc/authorized", "-o",
                 "PermitRootLogin=yes", "-o", "UsePAM=no", "-o",
                 "PidFile=none"], log="sshd")
    proxy.wait_listening(22)
    laptop.start(["ssh", "-N", "-D", f"127.0.0.1:{port}", "-F", "/dev/null",
                  "-i", "/etc/ssh-key", "-o", "StrictHostKeyChecking=no",
                  "-o", "UserKnownHostsFile=/dev/null", "-o",
                  "BatchMode=yes", f"root@{ADDRESS['proxy']}"], log="ssh")
    laptop.wait_listening(port)


def start_tor(machine):
    """Without a network it never has a circuit, yet its port is there."""
    machine.run("mkdir -p /run/tor; chmod 700 /run/tor")
    machine.start(["tor", "--SocksPort", "127.0.0.1:1087", "--DataDirectory",
                   "/run/tor", "--SocksTimeout", "5"], log="tor")
    machine.wait_listening(1087)


def start_socat(machine, to=f"{ADDRESS['proxy']}:1080"):
    process = machine.start(
        ["socat", "UNIX-LISTEN:/run/proxy.sock,fork,mode=666", f"TCP:{to}"],
        log="socat")
    wait_until(lambda: machine.path("/run/proxy.sock").exists(),
               "socat listens")
    return process


def start_all(net):
    for server in SERVERS:  # squid reads this when it starts
        net.knows_site(net.proxy, f"{server}.example", has_ipv6=False)
    net.start_microsocks()
    start_dante(net)
    start_tinyproxy(net.proxy)
    start_squid(net.proxy)
    start_shadowsocks(net)
    start_ssh(net)
    start_socat(net.laptop)
    write_password(net.laptop)


def move_both_ways(net, name, size, port):
    """`size` bytes up, then the same down; True if they are right."""
    def play(sock):
        head = peer.receive_exactly(sock, size)
        sock.sendall(head)

    role = peer.Role(net.site, port, play)
    client = peer.connect(net.laptop, fake_of(net.laptop, name), port)
    body = os.urandom(size)
    sender = peer.Background(lambda: client.sendall(body))
    got = peer.receive_exactly(client, size)
    sender.join()
    role.join()
    client.close()
    return got == body


def test_real_servers(net, site):
    """Each is asked by name, tells the truth of what it can, moves bytes."""
    start_all(net)
    start_tor(net.laptop)
    rules = "".join(f"  - DOMAIN,{s}.example,{s}\n" for s in SERVERS)
    rules += "".join(f"  - DOMAIN,none.{s}.example,{s}\n" for s in SERVERS)
    daemons = Ersatz(net.laptop, f"""\
outbounds:
{OUTBOUNDS}
rules:
{rules}
  - DOMAIN,hidden.example,tor
routed: {{ connect-timeout: 8s }}
""").up()
    laptop = net.laptop
    assert {s: who(laptop, f"{s}.example") for s in SERVERS} == {
        s: "proxy" for s in SERVERS}
    # The second time some of them are spoken to in one packet.
    assert {s: who(laptop, f"{s}.example") for s in SERVERS} == {
        s: "proxy" for s in SERVERS}

    closed = {s: error_of(laptop, fake_of(laptop, f"{s}.example"), 81)
              for s in SERVERS}
    vague = {"EHOSTUNREACH"}
    assert closed["microsocks"] == closed["unix"] == "ECONNREFUSED"
    assert closed["dante"] == "ECONNREFUSED"
    assert closed["squid"] == "ECONNREFUSED"
    assert closed["tinyproxy"] in vague  # it says 500, whatever it was
    assert closed["ssh"] in vague        # OpenSSH says 1, or hangs up
    # ss-local says yes before it knows; what follows is a reset or an end.
    assert closed["shadowsocks"] in {"connected", "ECONNRESET"}

    unknown = {s: error_of(laptop, fake_of(laptop, f"none.{s}.example"), 80)
               for s in SERVERS if s != "shadowsocks"}
    assert set(unknown.values()) == vague, unknown

    moved = {s: move_both_ways(net, f"{s}.example", 4 << 20, 7000 + i)
             for i, s in enumerate(SERVERS)}
    assert all(moved.values()), moved

    # tor has no circuit: an answer, or our own limit, and not a hang.
    assert error_of(laptop, fake_of(laptop, "hidden.example"), 80) in (
        "EHOSTUNREACH", "ENETUNREACH", "ECONNREFUSED")
    assert lines_of(daemons, "--status")[0]["loops"] == 0
    daemons.down()


def test_wrong_login_is_refused_and_logged(net, site):
    start_dante(net)
    start_tinyproxy(net.proxy)
    for name in ("dante.example", "tinyproxy.example"):
        net.knows_site(net.proxy, name, has_ipv6=False)
    write_password(net.laptop, "wrong")
    daemons = Ersatz(net.laptop, f"""\
outbounds:
{OUTBOUNDS}
rules:
  - DOMAIN,dante.example,dante
  - DOMAIN,tinyproxy.example,tinyproxy
""").up()
    for name in ("dante.example", "tinyproxy.example"):
        assert error_of(net.laptop, fake_of(net.laptop, name), 80) == \
            "EHOSTUNREACH"
        wait_until(lambda: f"'{name.split('.')[0]}' for '{name}' port 80: "
                   in net.laptop.log("routed"), "the reason is logged")
    assert net.laptop.log("routed").count(
        "refuses username or password") == 2
    assert "secret" not in net.laptop.log("routed")
    write_password(net.laptop)
    os.kill(daemons.pid("routed"), 1)
    wait_until(lambda: who(net.laptop, "tinyproxy.example") == "proxy",
               "the new password is used")
    daemons.down()


def test_servers_on_this_host_are_not_captured(net, site):
    """By HTTP and by Unix socket, restarted while everything is captured."""
    laptop = net.laptop
    net.start_microsocks()
    for name in ("web.example", "unix.example"):
        net.knows_site(net.proxy, name, has_ipv6=False)
    net.knows_site(laptop, "web.example", has_ipv6=False)
    before = laptop.state()
    config = """\
outbounds:
  web: { type: http, server: 127.0.0.1:8888 }
  unix: { type: socks5, server: "unix:/run/proxy.sock" }
  auto: { type: fallback, members: [unix] }
rules:
  - DOMAIN,unix.example,auto
  - MATCH,web
"""
    daemons = Ersatz(laptop, config)
    refused = laptop.run(daemons.command("routed", "-f"), check=False)
    assert refused.returncode != 0
    assert "exempt" in refused.stderr
    assert laptop.state() == before
    laptop.run("useradd --system --no-create-home webber")
    web = start_tinyproxy(laptop, "webber", login=False)
    refused = laptop.run(daemons.command("routed", "-f"), check=False)
    assert "/run/proxy.sock" in refused.stderr
    unix = start_socat(laptop)
    daemons.up()
    for _ in range(2):
        assert who(laptop, "unix.example") == "proxy"
        assert who(laptop, ADDRESS["site"]) == "laptop"
        laptop.kill(web)
        laptop.kill(unix)
        laptop.path("/run/proxy.sock").unlink(missing_ok=True)
        # The control: it is these two that carry us.
        assert who(laptop, "unix.example") is None
        assert who(laptop, ADDRESS["site"]) is None
        web = start_tinyproxy(laptop, "webber", login=False)
        unix = start_socat(laptop)
    assert lines_of(daemons, "--status")[0]["loops"] == 0
    daemons.down()


class Listener:
    """A SOCKS server that notes what each connection says at first.

    With is_forgetful it loses what comes behind the greeting in its packet.
    """

    def __init__(self, machine, port=1089):
        self.machine = machine
        self.heard = []
        self.is_forgetful = False
        self.server = peer.listen(machine, port)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.server.accept()
                threading.Thread(target=self._play, args=(sock,),
                                 daemon=True).start()

    def _play(self, sock):
        with contextlib.suppress(OSError, AssertionError):
            sock.settimeout(PATIENCE)
            first = sock.recv(1000)
            self.heard.append(first)
            sock.sendall(b"\5\0")
            request = b"" if self.is_forgetful else first[3:]
            while len(request) < 10:
                request += sock.recv(1000)
            if request[3] == 1:  # our own trial; names are all the same
                sock.sendall(b"\5\5\0\1" + bytes(6))
                return
            sock.sendall(b"\5\0\0\1" + bytes(6))
            sock.recv(1000)
            sock.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")
        sock.close()

    def kinds(self):
        """"turn", "trial" or "packet" for each."""
        kinds = ["turn" if len(text) == 3 else
                 "trial" if text[6] == 1 else "packet" for text in self.heard]
        self.heard.clear()
        return kinds


def test_what_a_server_takes_is_learnt(net, site):
    """The first flow goes the long way, and so does one that gets lost."""
    laptop = net.laptop
    server = Listener(net.proxy)
    daemons = Ersatz(laptop, f"""\
outbounds:
  proxy: {{ type: socks5, server: "{ADDRESS['proxy']}:1089" }}
rules:
  - MATCH,proxy
""").up()

    def fetch():
        return laptop.out("curl -4 -sS http://site.example/")

    assert fetch() == "hello"
    wait_until(lambda: len(server.heard) == 2, "it is tried")
    assert server.kinds() == ["turn", "trial"]
    wait_until(lambda: fetch() == "hello" and server.kinds() == ["packet"],
               "it is used")

    # Another server in its place: the flow that finds out is not lost.
    server.is_forgetful = True
    assert fetch() == "hello"
    assert server.kinds()[:2] == ["packet", "turn"]
    assert fetch() == "hello"
    assert "packet" not in server.kinds()

    # After a reload nothing is known.
    server.is_forgetful = False
    os.kill(daemons.pid("routed"), signal.SIGHUP)
    wait_until(lambda: fetch() == "hello" and "packet" in server.kinds(),
               "it is learnt anew")
    server.server.close()
    daemons.down()
