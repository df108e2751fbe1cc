# SPDX-License-Identifier: BSD-2-Clause
"""Upstreams of every kind leave by the interface that they are bound to.

           left  192.0.2.1/30  ---  192.0.2.2
    laptop                                resolver: unbound at 198.51.100.53
           right 192.0.2.5/30  ---  192.0.2.6        53, 853 (TLS), 443 (HTTPS)

The default route by the left is the better one.  The resolver logs who asks.
"""
import json

import pytest
from test_encrypted import certificate, tls_folder
from test_upstream import addresses, ede, is_failure, laptop  # noqa: F401
from topology import Machine, wait_until

SERVER = "198.51.100.53"
NEAR = {"left": "192.0.2.1", "right": "192.0.2.5"}
FAR = {"left": "192.0.2.2", "right": "192.0.2.6"}
SERVERS = (SERVER, f"tcp://{SERVER}", f"tls://{SERVER}#dns.example",
           f"https://{SERVER}/dns-query#dns.example")


@pytest.fixture
def resolver(laptop, tmp_path):  # noqa: F811
    machine = Machine("resolver", tmp_path)
    try:
        certificate(tls_folder(machine), "DNS:dns.example")
        # The laptop knows the same authority.
        (tls_folder(laptop.machine) / "ca.pem").write_bytes(
            machine.path("/etc/tls/ca.pem").read_bytes())
        for link in NEAR:
            machine.run(["ip", "link", "add", "name", link, "type", "veth", "peer",
                         "name", link, "netns",
                         str(laptop.machine.holder.pid)])
            machine.run(f"ip addr add {FAR[link]}/30 dev {link};"
                        f"ip link set {link} up")
            laptop.machine.run(
                f"ip addr add {NEAR[link]}/30 dev {link};"
                f"ip link set {link} up;"
                f"ip route add default via {FAR[link]} dev {link} "
                f"metric {100 if link == 'left' else 200}")
        machine.run(f"ip addr add {SERVER}/32 dev lo")
        machine.path("/etc/unbound.conf").write_text(f"""\
server:
    interface: {SERVER}@53
    interface: {SERVER}@853
    interface: {SERVER}@443
    tls-port: 853
    https-port: 443
    tls-service-key: "/etc/tls/key.pem"
    tls-service-pem: "/etc/tls/cert.pem"
    access-control: 0.0.0.0/0 allow
    directory: "/etc"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    log-queries: yes
    local-zone: "example." redirect
    local-data: "example. 300 IN A 192.0.2.77"
remote-control:
    control-enable: no
""")
        machine.start(["unbound", "-d", "-c", "/etc/unbound.conf"],
                      log="unbound")
        for port in (53, 853, 443):
            machine.wait_listening(port)
        yield machine
    finally:
        machine.close()


def test_every_kind_of_server_is_asked_by_its_interface(laptop,  # noqa: F811
                                                        resolver):
    def askers(name):
        return {line.split("info: ")[1].split()[0]
                for line in resolver.log("unbound").splitlines()
                if f" {name}. A IN" in line}

    upstreams, rules, wanted = [], [], {}
    for number, server in enumerate(SERVERS):
        for way, link in (("", "left"), ("via: DIRECT", "left"),
                          ("interface: right", "right"),
                          ("via: out", "right")):
            word = f"u{number}-{len(upstreams)}"
            upstreams.append(
                f"  {word}: {{ servers: {json.dumps([server])}, "
                f"ca-file: /etc/tls/ca.pem{', ' if way else ''}{way} }}\n")
            rules.append(f"  - DOMAIN,{word}.example,DIRECT,upstream={word}\n")
            wanted[f"{word}.example"] = NEAR[link]
    laptop.ersatz.write(
        "outbounds: { out: { type: interface, interface: right } }\n"
        f"upstreams:\n{''.join(upstreams)}"
        f"rules:\n{''.join(rules)}dnsd: {{ timeout: 1s }}\n")
    laptop.ersatz.start("dnsd")
    for name, address in wanted.items():
        answer = laptop.ask(name, use_edns=0)
        assert addresses(answer) == ["192.0.2.77"], (name, ede(answer))
        wait_until(lambda: askers(name), f"{name} in the log")
        assert askers(name) == {address}, name
    # Without its link nobody is asked by another one.
    laptop.machine.run("ip link set right down")
    bound = [name for name, address in wanted.items() if address == NEAR["right"]]
    for name in bound:
        assert is_failure(laptop.ask(name, kind="AAAA", use_edns=0))
    assert not [name for name in bound
                if f" {name}. AAAA IN" in resolver.log("unbound")]
