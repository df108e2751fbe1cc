# SPDX-License-Identifier: BSD-2-Clause
"""OpenVPN beside us, with `redirect-gateway def1`.

The network is that of beside.py; the certificates are made here.
"""
import contextlib
import os
import signal

import beside
import pytest
from beside import Case
from topology import wait_until

SERVER = """\
dev tun0
server 10.66.0.0 255.255.255.0
topology subnet
port 1194
proto udp
dh none
ca ca.crt
cert server.crt
key server.key
keepalive 10 60
"""


def make_certificates(folder):
    """A CA, and one certificate of each kind out of it."""
    folder.mkdir(parents=True)
    make = beside.command
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
           "-nodes", "-days", "2"]
    make(["openssl", "req", "-x509", *new, "-subj", "/CN=ca", "-keyout",
          folder / "ca.key", "-out", folder / "ca.crt"])
    for name in ("server", "client"):
        make(["openssl", "req", "-x509", *new, "-subj", f"/CN={name}",
              "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key",
              "-addext", f"extendedKeyUsage={name}Auth",
              "-addext", "keyUsage=digitalSignature",
              "-keyout", folder / f"{name}.key",
              "-out", folder / f"{name}.crt"])


class OpenVpn(Case):
    title = "OPENVPN"
    finding = "vpn-openvpn"

    def up(self):
        self.recipe.run(self.laptop, "openvpn")
        wait_until(lambda: "128.0.0.0/1" in self.laptop.out("ip route show"),
                   "OpenVPN is connected", 60)

    def down(self):
        pid = int(self.laptop.path("/run/openvpn.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"),
                   "OpenVPN has ended", 60)

    def check_alone(self):
        self.reaches("direct.example", "vpn")

    def check_both(self):
        self.reaches("site.example", "proxy")
        self.reaches("direct.example", "vpn")
        self.reaches("www.office.example", "vpn")


pytestmark = beside.needs_peers


@contextlib.contextmanager
def network():
    with contextlib.closing(beside.Beside()) as net:
        keys = net.laptop.path("/etc/openvpn/office")
        make_certificates(keys)
        for name in ("ca.crt", "server.crt", "server.key"):
            net.vpn.path(f"/etc/{name}").write_bytes(
                (keys / name).read_bytes())
        net.vpn.path("/etc/server.conf").write_text(SERVER)
        net.vpn.start(["openvpn", "--cd", "/etc", "--config", "server.conf"],
                      log="openvpn")
        net.vpn.wait_listening(1194, "udp")
        yield net


last, net = beside.lasting(network)


@pytest.mark.parametrize("order", [beside.other_first, beside.ersatz_first])
def test_openvpn(net, order):
    order(OpenVpn(net))
