# SPDX-License-Identifier: BSD-2-Clause
"""routed --flows --watch, as somebody at a terminal sees and uses it."""
import fcntl
import json
import os
import pty
import socket
import struct
import subprocess
import termios
import threading

import peer
import pytest
from topology import ADDRESS, PATIENCE, Ersatz, wait_until


class Terminal:
    """A program on a terminal of 30 lines and 140 columns."""

    def __init__(self, machine, command):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 30, 140, 0, 0))
        self.master = master
        self.seen = ""
        self.process = subprocess.Popen(
            machine.enter(command), stdin=slave, stdout=slave, stderr=slave,
            env=dict(os.environ, TERM="xterm-256color"))
        os.close(slave)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self.master, 4096)
            except OSError:
                return
            if not data:
                return
            self.seen += data.decode(errors="replace")

    def type(self, text):
        """Types; what is seen from now on is new."""
        self.seen = ""
        os.write(self.master, text.encode())

    def wait_for(self, text):
        wait_until(lambda: text in self.seen, f"'{text}' is on the screen")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=PATIENCE)
        os.close(self.master)


@pytest.fixture
def terminal(net, ersatz):
    screen = Terminal(net.laptop, ersatz.command("routed", "--flows",
                                                 "--watch"))
    yield screen
    screen.close()


def test_flows_are_watched_sorted_filtered_and_closed(net, ersatz, terminal):
    terminal.wait_for("no flows")
    server = peer.listen(net.site, 7001, socket.AF_INET6)
    fake = net.laptop.out("getent ahostsv4 site.example").split()[0]
    client = peer.connect(net.laptop, fake, 7001)
    accepted = server.accept()[0]
    accepted.sendall(b"x" * 5000)
    terminal.wait_for("site.example:7001")
    terminal.wait_for("4.9 KiB")
    # The program is this one, seen by its socket.
    terminal.wait_for(f"/{os.getpid()}")
    # How it came about: the rule, and what each step took.
    terminal.wait_for("MATCH,proxy")
    terminal.wait_for("proxy ")
    terminal.wait_for(" us")
    terminal.wait_for(f"{fake}:7001")
    terminal.type("s")
    terminal.wait_for("bytes")
    terminal.type("/nobody\r")
    terminal.wait_for("no flow has that text")
    terminal.type("/\x1b")
    terminal.wait_for("site.example:7001")
    terminal.type("c")
    terminal.wait_for("(y/n)")
    terminal.type("n")
    terminal.wait_for("q quit")
    accepted.sendall(b"y")
    # A flow that nobody closed goes on; the control for what follows.
    while not client.recv(8192).endswith(b"y"):
        pass
    terminal.type("c")
    terminal.wait_for("(y/n)")
    terminal.type("y")
    with pytest.raises(ConnectionResetError):
        while client.recv(8192):
            pass
    terminal.wait_for("no flows")
    terminal.type("q")
    assert terminal.process.wait(timeout=PATIENCE) == 0
    for sock in (client, accepted, server):
        sock.close()


def close_flow(net, ersatz, *words, user=None):
    return net.laptop.run(ersatz.command("routed", "--close", *words),
                          check=False, user=user)


def test_a_flow_is_closed_by_its_id(net, ersatz):
    """From the command line: by all of the id, or by how it begins."""
    server = peer.listen(net.site, 7001, socket.AF_INET6)
    fake = net.laptop.out("getent ahostsv4 site.example").split()[0]
    clients = [peer.connect(net.laptop, fake, 7001) for _ in range(2)]
    far = {}
    for _ in clients:
        accepted = server.accept()[0]
        far[accepted.recv] = accepted

    def flows():
        lines = net.laptop.out(ersatz.command(
            "routed", "--flows", "--json")).splitlines()
        return {line["src"]: line for line in map(json.loads, lines)}

    def flow_of(client):
        address, port = client.getsockname()[:2]
        return flows()[f"{address}:{port}"]

    for client in clients:
        client.sendall(b"x")
    wait_until(lambda: all(f["state"] == "open" for f in flows().values()),
               "both are open")
    first, second = map(flow_of, clients)
    assert first["id"] != second["id"] and len(first["id"]) == 8
    assert first["id"] in net.laptop.out(ersatz.command("routed", "--flows"))
    # Not by who is not root; not one that is not there, nor any at all.
    assert close_flow(net, ersatz, first["id"], user="ersatz").returncode == 1
    for word in ("nonsense", ""):
        result = close_flow(net, ersatz, word)
        assert (result.returncode, result.stdout) == (1, "")
        assert "there is no such flow" in result.stderr
    result = close_flow(net, ersatz, first["id"])
    assert (result.returncode, result.stderr) == (0, "")
    assert f"closed tcp {first['src']} to {fake}:7001 (site.example)" in \
        result.stdout
    with pytest.raises(ConnectionResetError):
        clients[0].recv(1)
    assert [f["id"] for f in flows().values()] == [second["id"]]
    # The other one goes on, until it is its turn.
    clients[1].sendall(b"y")
    assert json.loads(close_flow(net, ersatz, second["id"][:4], "--json")
                      .stdout)["id"] == second["id"]
    with pytest.raises(ConnectionResetError):
        clients[1].recv(1)
    for sock in (*clients, *far.values(), server):
        sock.close()


def test_a_flow_of_udp_is_closed_too(net, site):
    """The application finds the port unreachable, and may begin anew."""
    daemons = Ersatz(net.laptop, Ersatz.DEFAULT.replace(
        "rules:\n", "rules:\n  - DST-PORT,7002,DIRECT\n")).up()
    client = net.laptop.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server = net.site.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", 7002))
    for sock in (client, server):
        sock.settimeout(PATIENCE)
    client.connect((ADDRESS["site"], 7002))
    client.send(b"one")
    assert server.recv(10) == b"one"
    flow = json.loads(net.laptop.out(daemons.command(
        "routed", "--flows", "--json")).splitlines()[0])
    assert flow["network"] == "udp"
    assert close_flow(net, daemons, flow["id"]).returncode == 0
    with pytest.raises(ConnectionRefusedError):
        client.recv(10)
    assert "no flows" in net.laptop.out(daemons.command("routed", "--flows"))
    client.send(b"two")
    assert server.recv(10) == b"two"
    for sock in (client, server):
        sock.close()
    daemons.down()


def test_only_root_closes_flows(net, ersatz):
    request = json.dumps({"verb": "close", "network": "tcp",
                          "src": "198.18.0.1:1", "dst": "198.18.0.3:1"})
    command = (f"printf '%s\\n' '{request}' | "
               "socat -t 2 - UNIX-CONNECT:/run/ersatz/routed.sock")
    assert json.loads(net.laptop.out(command)) == {"end": True}
    refused = json.loads(net.laptop.out(command, user="ersatz"))
    assert "error" in refused


def test_without_a_terminal_each_round_is_printed(net, ersatz):
    process = net.laptop.start(
        ersatz.command("routed", "--flows", "--watch", "--json"), log="rounds")
    wait_until(lambda: net.laptop.log("rounds").count('{"round":true}') >= 2,
               "two rounds")
    net.laptop.kill(process)
