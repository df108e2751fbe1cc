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
from topology import PATIENCE, wait_until


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
