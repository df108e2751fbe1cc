# SPDX-License-Identifier: BSD-2-Clause
"""The ways to an upstream: groups of outbounds, proxies on Unix sockets; and
libcurl, which all but the plainest of them need.

    laptop (a network of its own)
      test --> dnsd --+--> microsocks 127.0.0.1:1081, as 127.0.0.81 --+
                      +--> microsocks 127.0.0.1:1082, as 127.0.0.82 --+--> unbound
                      +--> socat /run/socks.sock, /run/web.sock --> proxies
"""
import itertools
import os
import re
import shutil
import subprocess

import dns.message
import pytest
from test_encrypted import resolver  # noqa: F401
from test_upstream import (addresses, ede, is_failure,
                           laptop)  # noqa: F401
from topology import wait_until

SERVERS = ("127.0.0.1:5300", "tls://127.0.0.1:8853#dns.example",
           "https://127.0.0.1:8443/dns-query#dns.example")

GROUP = """\
outbounds:
  one: { type: socks5, server: 127.0.0.1:1081 }
  two: { type: socks5, server: 127.0.0.1:1082 }
  inner: { type: latency, members: [two],
           probe: { destination: "www.example.com:443" } }
  auto: { type: fallback, members: [one, inner] }
"""


def start_socks(machine, port):
    process = machine.start(["microsocks", "-i", "127.0.0.1", "-p", port,
                             "-b", f"127.0.0.{port % 100}"],
                            log=f"socks{port}")
    machine.wait_listening(port)
    return process


@pytest.mark.parametrize("server", SERVERS)
def test_a_group_goes_on_by_its_next_member(resolver, server):  # noqa: F811
    laptop, machine = resolver.laptop, resolver.machine  # noqa: F811
    numbers = itertools.count()
    first = start_socks(machine, 1081)
    start_socks(machine, 1082)
    resolver.start([server], more="via: auto", outbounds=GROUP)

    def way():
        """An answer, and from whom the server had the question."""
        name = f"n{next(numbers)}.many.example"
        answer = laptop.ask(name, use_edns=0)
        assert addresses(answer) == ["192.0.2.7"], ede(answer)
        return wait_until(lambda: re.findall(
            rf"info: (\S+) {name}\. A IN", machine.log("unbound")), name)[-1]

    # A slow machine may have the second one answer for a while.
    wait_until(lambda: way() == "127.0.0.81", "the first way", seconds=60)
    # Without its first member each question is answered all the same.
    machine.kill(first)
    for _ in range(3):
        assert way() == "127.0.0.82"

    def is_broken():
        servers = laptop.control(verb="status")[1]["servers"]
        assert " via one" in servers and " via two" in servers
        return " via one (does not answer)" in servers
    wait_until(is_broken, "the first is known to be broken", seconds=60)
    # And what is well again is found, by a question of our own, and taken.
    start_socks(machine, 1081)
    wait_until(lambda: not is_broken(), "it is found to be well", seconds=60)
    wait_until(lambda: way() == "127.0.0.81", "it is taken", seconds=60)


def test_a_group_without_any_member_that_answers_says_so(
        resolver):  # noqa: F811
    laptop = resolver.laptop  # noqa: F811
    resolver.start([SERVERS[0]], more="via: auto", outbounds=GROUP)
    answer = laptop.ask("www.example", use_edns=0)
    assert is_failure(answer) and " via " in ede(answer)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kind", ["socks5", "http"])
def test_a_proxy_may_be_on_a_unix_socket(resolver, server, kind):  # noqa: F811
    laptop, machine = resolver.laptop, resolver.machine  # noqa: F811
    if kind == "socks5":
        port = 1081
        start_socks(machine, port)
    else:
        port = 8888
        machine.path("/etc/tinyproxy.conf").write_text(
            f"Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\n")
        machine.start(["tinyproxy", "-d", "-c", "/etc/tinyproxy.conf"],
                      log="web")
        machine.wait_listening(port)
    socat = machine.start(["socat", "unix-listen:/run/proxy.sock,fork,mode=666",
                           f"tcp:127.0.0.1:{port}"], log="socat")
    wait_until(lambda: machine.path("/run/proxy.sock").exists(), "the socket")
    outbounds = (f"outbounds: {{ web: {{ type: {kind}, "
                 'server: "unix:/run/proxy.sock" } }')
    resolver.start([server], more="via: web", outbounds=outbounds)
    answer = laptop.ask("www.example", use_edns=0)
    assert addresses(answer) == ["192.0.2.1"], ede(answer)
    assert resolver.connections(port) == 1
    # The control: without it there is no answer.
    machine.kill(socat)
    resolver.restart([server], more="via: web", outbounds=outbounds)
    assert is_failure(laptop.ask("www.example", use_edns=0))


def library():
    """The path of the real one."""
    text = subprocess.run(["ldconfig", "-p"], check=True, text=True,
                          capture_output=True).stdout
    return next(line.split(" => ")[1] for line in text.splitlines()
                if line.split()[:1] == ["libcurl.so.4"])


def test_a_library_that_is_missing_is_an_error_of_check(
        resolver):  # noqa: F811
    laptop, machine = resolver.laptop, resolver.machine  # noqa: F811
    resolver.start([SERVERS[1]])
    assert machine.run(laptop.ersatz.command("dnsd", "--check")).stdout
    laptop.ersatz.stop("dnsd")
    machine.run(["mount", "--bind", "/dev/null",
                 os.path.realpath(library())])
    for daemon in ("dnsd", "routed"):
        check = machine.run(laptop.ersatz.command(daemon, "--check"),
                            check=False)
        assert check.returncode == 1 and "correct" not in check.stdout
        assert "ersatz.yaml:3: " in check.stderr, check.stderr
        assert "needs libcurl" in check.stderr
    # Whoever starts it nevertheless is told, and every question answered.
    laptop.ersatz.start("dnsd")
    answer = laptop.ask("www.example", use_edns=0)
    assert is_failure(answer) and "library" in ede(answer)
    assert "cannot load libcurl" in machine.log("dnsd")
    # What does not need it is right without it.
    laptop.ersatz.stop("dnsd")
    resolver.start([SERVERS[0]])
    check = machine.run(laptop.ersatz.command("dnsd", "--check"))
    assert "correct" in check.stdout


SLOW = """\
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void wait_for_test(void)
{
	char c;
	int fd = open("/etc/slow/go", O_RDONLY);

	(void)!read(fd, &c, 1);
	close(fd);
}
"""


def make_slow_library(machine):
    """One that loads when a byte comes through a FIFO, and is the real one."""
    folder = machine.path("/etc/slow")
    folder.mkdir()
    folder.chmod(0o755)
    with open(library(), "rb") as file:
        real = file.read()
    # Under another name, so that both can be in one process.
    assert b"\0libcurl.so.4\0" in real
    (folder / "libcurl.so.9").write_bytes(
        real.replace(b"\0libcurl.so.4\0", b"\0libcurl.so.9\0"))
    (folder / "slow.c").write_text(SLOW)
    os.mkfifo(folder / "go")
    for name in ("libcurl.so.9", "go"):
        (folder / name).chmod(0o644)
    machine.run([shutil.which("gcc") or "cc", "-shared", "-fPIC",
                 "-Wl,-soname,libcurl.so.4", "-Wl,--no-as-needed",
                 "-Wl,-rpath,/etc/slow", "-o", "/etc/slow/libcurl.so.4",
                 "/etc/slow/slow.c", "/etc/slow/libcurl.so.9"])
    return folder / "go"


def test_nobody_waits_while_a_library_is_loaded(resolver):  # noqa: F811
    """But who asks what needs it, and is answered when it is there."""
    laptop, machine = resolver.laptop, resolver.machine  # noqa: F811
    go = make_slow_library(machine)
    laptop.ersatz.write(f"""\
outbounds: {{ proxy: {{ type: socks5, server: 192.0.2.9:1080 }} }}
upstreams:
  home:
    servers: ["{SERVERS[1]}"]
    ca-file: /etc/tls/ca.pem
rules: ["DOMAIN-SUFFIX,many.example,DIRECT", "MATCH,proxy"]
dnsd: {{ timeout: 60s }}
""")
    laptop.ersatz.start("dnsd", env={**os.environ,
                                     "LD_LIBRARY_PATH": "/etc/slow"})
    query = dns.message.make_query("a.many.example", "A")
    with laptop.client() as client:
        client.send(query.to_wire())
        for i in range(20):
            answer = laptop.ask(f"n{i}.fake.example")
            assert addresses(answer)[0].startswith("198.18.")
        with open(go, "wb") as file:
            file.write(b".")
        answer = dns.message.from_wire(client.recv(65535))
    assert query.is_response(answer)
    assert addresses(answer) == ["192.0.2.7"], ede(answer)
