# SPDX-License-Identifier: BSD-2-Clause
"""dnsd asks by TLS, by HTTPS, and through a proxy.

    laptop (a network of its own)
      test --> dnsd 127.0.0.1:53 --> unbound 127.0.0.1: 5300 (UDP, TCP)
                     |                                  8853 (TLS)
                     |                                  8443 (HTTPS, HTTP/2)
                     +-> microsocks 127.0.0.1:1080 --> the same

Its certificate is for dns.example, signed by an authority of the test's own.
"""
import json
import socket
import ssl
import struct
import subprocess
import threading

import dns.message
import dns.rcode
import pytest
from test_upstream import (addresses, ede, is_failure,
                           laptop)  # noqa: F401
from topology import PATIENCE

RULES = 'rules: ["MATCH,DIRECT"]'


def tls_folder(machine):
    """Where dnsd may read, too: /etc/tls for the machine."""
    folder = machine.path("/etc/tls")
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def certificate(folder, names):
    """ca.pem, and cert.pem with key.pem for those names."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True,
                       cwd=folder)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-subj", "/CN=the test's own", "-days", "30",
            "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj",
            "/CN=dns.example")
    (folder / "names").write_text(f"subjectAltName={names}\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey",
            "ca.key", "-CAcreateserial", "-days", "30", "-extfile",
            "names", "-out", "cert.pem")
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (folder / name).chmod(0o644)


class Resolver:
    """unbound with all four kinds of ports."""

    def __init__(self, laptop):  # noqa: F811
        self.machine = laptop.machine
        self.laptop = laptop
        certificate(tls_folder(self.machine), "DNS:dns.example")
        self.machine.path("/etc/unbound.conf").write_text(f"""\
server:
    interface: 127.0.0.1@5300
    interface: 127.0.0.1@8853
    interface: 127.0.0.1@8443
    tls-port: 8853
    https-port: 8443
    tls-service-key: "/etc/tls/key.pem"
    tls-service-pem: "/etc/tls/cert.pem"
    directory: "/etc"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    log-queries: yes
    local-zone: "example." static
    local-data: "www.example. 300 IN A 192.0.2.1"
    local-zone: "many.example." redirect
    local-data: "many.example. 300 IN A 192.0.2.7"
    local-zone: "loop.example." redirect
remote-control:
    control-enable: no
""")
        self.process = self.machine.start(
            ["unbound", "-d", "-c", "/etc/unbound.conf"], log="unbound")
        for port in (5300, 8853, 8443):
            self.machine.wait_listening(port)

    def start(self, servers, more="", outbounds=""):
        self.laptop.ersatz.write(f"""\
{outbounds}
upstreams:
  home:
    servers: {json.dumps(servers)}
    ca-file: /etc/tls/ca.pem
    {more}
{RULES}
dnsd: {{ timeout: 4s }}
""")
        self.laptop.ersatz.start("dnsd")

    def restart(self, *args, **more):
        self.laptop.ersatz.stop("dnsd")
        self.start(*args, **more)

    def connections(self, port):
        """Those that stand, from the side that made them."""
        text = self.machine.out(["ss", "-Htn", "state", "established",
                                 f"dport = :{port}"])
        return len(text.splitlines())


@pytest.fixture
def resolver(laptop):  # noqa: F811
    return Resolver(laptop)


def ask_many(laptop, count, prefix):  # noqa: F811
    """All at once, from one socket; all are answered."""
    with laptop.client() as client:
        wanted = {}
        for i in range(count):
            name = f"{prefix}{i}.many.example"
            wanted[i] = dns.message.make_query(name, "A", id=i, use_edns=0)
            client.send(wanted[i].to_wire())
        while wanted:
            answer = dns.message.from_wire(client.recv(65535))
            assert wanted.pop(answer.id).is_response(answer)
            assert addresses(answer) == ["192.0.2.7"], ede(answer)


@pytest.mark.parametrize("servers, port", [
    (["tls://127.0.0.1:8853#dns.example"], 8853),
    (["https://127.0.0.1:8443/dns-query#dns.example"], 8443),
    (["tcp://127.0.0.1:5300"], 5300),
])
def test_one_connection_is_kept_and_shared(resolver, servers, port):
    laptop = resolver.laptop  # noqa: F811
    resolver.start(servers)
    answer = laptop.ask("www.example", use_edns=0)
    assert addresses(answer) == ["192.0.2.1"], ede(answer)
    assert laptop.ask("no.example").rcode() == dns.rcode.NXDOMAIN
    ask_many(laptop, 60, "n")
    assert resolver.connections(port) == 1
    # The server may close it: what comes then is asked on a new one.
    laptop.machine.kill(resolver.process)
    resolver.process = laptop.machine.start(
        ["unbound", "-d", "-c", "/etc/unbound.conf"], log="unbound")
    laptop.machine.wait_listening(port)
    ask_many(laptop, 20, "m")
    assert resolver.connections(port) == 1
    # A reload keeps the answers, and asks on a connection of its own.
    assert laptop.dnsd("--status").stdout.count("does not answer") == 0


def test_a_certificate_must_be_valid_and_name_the_server(resolver):
    laptop = resolver.laptop  # noqa: F811
    for scheme, port, path in (("tls", 8853, ""),
                               ("https", 8443, "/dns-query")):
        where = f"{scheme}://127.0.0.1:{port}{path}"
        resolver.restart([f"{where}#other.example"])
        answer = laptop.ask("www.example", use_edns=0)
        assert is_failure(answer)
        assert "other.example" in ede(answer)
        # By address: the certificate has none.
        resolver.restart([where])
        assert is_failure(laptop.ask("www.example"))
        # An authority that nobody knows.
        resolver.restart([f"{where}#dns.example"])
        assert addresses(laptop.ask("www.example")) == ["192.0.2.1"]
        laptop.ersatz.stop("dnsd")
        laptop.ersatz.write(f"""\
upstreams: {{ home: {{ servers: ["{where}#dns.example"] }} }}
{RULES}
""")
        laptop.ersatz.start("dnsd")
        answer = laptop.ask("www.example", use_edns=0)
        assert is_failure(answer) and "certificate" in ede(answer)


def test_names_of_servers_have_their_addresses_beside_them(resolver):
    laptop = resolver.laptop  # noqa: F811
    resolver.start(["tls://dns.example:8853",
                    "https://dns.example:8443/dns-query"],
                   more="addresses: [127.0.0.1]")
    assert addresses(laptop.ask("www.example")) == ["192.0.2.1"]
    status = laptop.dnsd("--status").stdout
    assert "tls://127.0.0.1:8853" in status
    assert "https://127.0.0.1:8443" in status
    printed = laptop.dnsd("--print-config").stdout
    assert "tls://127.0.0.1:8853#dns.example" in printed
    laptop.ersatz.write(f"""\
upstreams: {{ home: {{ servers: ["tls://dns.example"] }} }}
{RULES}
""")
    check = laptop.dnsd("--check", check=False)
    assert check.returncode != 0 and "no address of it" in check.stderr


def test_upstreams_are_asked_through_a_proxy(resolver):
    """The proxy gets the name, and there is no UDP beside it."""
    laptop = resolver.laptop  # noqa: F811
    machine = laptop.machine
    machine.path("/etc/hosts").write_text("127.0.0.1 dns.example\n")
    proxy = machine.start(["microsocks", "-i", "127.0.0.1", "-p", "1080"],
                          log="proxy")
    machine.wait_listening(1080)
    outbounds = ("outbounds: { proxy: { type: socks5, "
                 "server: 127.0.0.1:1080 } }")
    for server in ("tls://127.0.0.1:8853#dns.example", "127.0.0.1:5300",
                   "https://127.0.0.1:8443/dns-query#dns.example"):
        resolver.restart([server], more="via: proxy", outbounds=outbounds)
        answer = laptop.ask("www.example", use_edns=0)
        assert addresses(answer) == ["192.0.2.1"], ede(answer)
        ask_many(laptop, 20, "n")
        assert resolver.connections(1080) == 1
    assert "via proxy" in laptop.dnsd("--status").stdout
    # The control: without the proxy there is no answer.
    machine.kill(proxy)
    resolver.restart(["tls://127.0.0.1:8853#dns.example"], more="via: proxy",
                     outbounds=outbounds)
    answer = laptop.ask("www.example", use_edns=0)
    assert is_failure(answer) and "cannot ask" in ede(answer)


def test_an_http_proxy_will_do(resolver):
    laptop = resolver.laptop  # noqa: F811
    machine = laptop.machine
    machine.path("/etc/tinyproxy.conf").write_text("""\
Port 8888
Listen 127.0.0.1
Allow 127.0.0.1
""")
    machine.start(["tinyproxy", "-d", "-c", "/etc/tinyproxy.conf"],
                  log="proxy")
    machine.wait_listening(8888)
    outbounds = "outbounds: { web: { type: http, server: 127.0.0.1:8888 } }"
    for server in ("tls://127.0.0.1:8853#dns.example", "127.0.0.1:5300",
                   "https://127.0.0.1:8443/dns-query#dns.example"):
        resolver.restart([server], more="via: web", outbounds=outbounds)
        answer = laptop.ask("www.example", use_edns=0)
        assert addresses(answer) == ["192.0.2.1"], ede(answer)
        assert resolver.connections(8888) == 1


def test_what_is_not_needed_is_not_loaded(resolver):
    laptop = resolver.laptop  # noqa: F811

    def maps():
        with open(f"/proc/{laptop.ersatz.pid('dnsd')}/maps") as file:
            return file.read()

    resolver.start(["127.0.0.1:5300"])
    assert addresses(laptop.ask("www.example")) == ["192.0.2.1"]
    assert "libcurl" not in maps()
    resolver.restart(["tls://127.0.0.1:8853#dns.example"])
    assert addresses(laptop.ask("www.example")) == ["192.0.2.1"]
    assert "libcurl" in maps()


class TlsServer:
    """Takes TLS, and shows each query as it came."""

    def __init__(self, laptop, folder, port):  # noqa: F811
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.listener = laptop.machine.socket(socket.AF_INET,
                                              socket.SOCK_STREAM)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen()
        self.context = context
        self.seen = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            with self.context.wrap_socket(plain, server_side=True) as stream, \
                    stream.makefile("rb") as file:
                while head := file.read(2):
                    wire = file.read(struct.unpack("!H", head)[0])
                    self.seen.append(wire)
                    reply = dns.message.make_response(
                        dns.message.from_wire(wire)).to_wire()
                    stream.sendall(struct.pack("!H", len(reply)) + reply)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(timeout=PATIENCE)


def test_encrypted_queries_are_padded(laptop):  # noqa: F811
    folder = tls_folder(laptop.machine)
    certificate(folder, "DNS:dns.example,IP:127.0.0.1")
    server = TlsServer(laptop, folder, 8853)
    laptop.ersatz.write(f"""\
upstreams:
  home:
    servers: ["tls://127.0.0.1:8853"]
    ca-file: /etc/tls/ca.pem
{RULES}
""")
    laptop.ersatz.start("dnsd")
    for name in ("a.example", "a-name-that-is-longer.example", "b" * 60):
        assert laptop.ask(name).rcode() == dns.rcode.NOERROR
    laptop.ersatz.stop("dnsd")
    server.close()
    assert len(server.seen) >= 3
    assert {len(wire) for wire in server.seen} == {128}
    laptop.ersatz.start("dnsd")


