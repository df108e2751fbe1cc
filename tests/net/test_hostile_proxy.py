# SPDX-License-Identifier: BSD-2-Clause
"""Proxies that lie, dawdle or babble: refused within bounds, and said so.

Each of the proxies below listens at a port of its own, and the name pN.example
goes through number N.
"""
import contextlib
import os
import re
import threading

import peer
import pytest
from test_outbounds import error_of, fake_of, lines_of
from topology import ADDRESS, PATIENCE, Ersatz, wait_until

FLOOD = b"x" * (4 << 20)

UNREACHABLE = {"EHOSTUNREACH", "ENETUNREACH"}

# What it says, whether it then hangs up, what connect() says, what is logged.
SOCKS = (
    (b"", True, UNREACHABLE, "the server hung up"),
    (b"", False, UNREACHABLE, "the proxy says nothing"),
    (b"\5", True, UNREACHABLE, "the server hung up"),
    (b"\5", False, UNREACHABLE, "the proxy says nothing"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, UNREACHABLE,
     "the server speaks no SOCKS5"),
    (FLOOD, False, UNREACHABLE, "the server speaks no SOCKS5"),
    (b"\5\7", False, UNREACHABLE, "a method that was not offered"),
    (b"\5\xff", True, UNREACHABLE, "wants another way to log in"),
    (b"\5\0" + b"\4\0\0\1" + FLOOD, False, UNREACHABLE,
     "the reply is not of SOCKS5"),
    (b"\5\0" + b"\5\0\0\x63" + FLOOD, False, UNREACHABLE,
     "an unknown address"),
    (b"\5\0" + b"\5\0\0\3\xff" + b"n" * 200, True, UNREACHABLE,
     "hung up on the request"),
    (b"\5\0" + b"\5\0\0\1\0", False, UNREACHABLE, "timed out"),
    (b"\5\0" + b"\5\5", True, {"ECONNREFUSED"}, "connection refused"),
    (b"\5\0" + b"\5\x63\0\1" + bytes(6), False, UNREACHABLE,
     "an unknown reply"),
)
HTTP = (
    (b"", True, UNREACHABLE, "the proxy hung up"),
    (b"", False, UNREACHABLE, "timed out"),
    (b"\5\0", False, UNREACHABLE, "speaks no HTTP"),
    (FLOOD, False, UNREACHABLE, "speaks no HTTP"),
    (b"HTTP/1.1 200 " + FLOOD, False, UNREACHABLE, "has no end"),
    (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 99999, False, UNREACHABLE,
     "has no end"),
    (b"HTTP/1.1 100 Continue\r\n\r\n" * 9999, False, UNREACHABLE,
     "has no end"),
    (b"HTTP/1.1 200 OK\r\nA: b", True, UNREACHABLE, "the proxy hung up"),
    (b"HTTP/1.1 407 Who\r\n" + b"A: b\r\n" * 99, False, UNREACHABLE,
     "timed out"),
    (b"HTTP/1.1 503 No\r\n\r\n" + FLOOD, False, UNREACHABLE, "status 503"),
    (b"HTTP/1.1 999 No\r\n\r\n", False, UNREACHABLE, "speaks no HTTP"),
)
# Those that only a time-out ends have to be heard before it is over.
SILENCE = ("the proxy says nothing", "timed out")


def cases():
    for kind, lies in (("socks5", SOCKS), ("http", HTTP)):
        for limit, is_silent in (("60s", False), ("4s", True)):
            yield kind, [lie for lie in lies
                         if (lie[3] in SILENCE) == is_silent], limit


class Liar:
    """Says the same to everybody, and reads all that comes."""

    def __init__(self, machine, port, text, hangs_up):
        self.server = peer.listen(machine, port)
        self.text, self.hangs_up = text, hangs_up
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.server.accept()
                threading.Thread(target=self._play, args=(sock,),
                                 daemon=True).start()

    def _play(self, sock):
        with contextlib.suppress(OSError):
            sock.settimeout(PATIENCE)
            sock.recv(3)  # the whole of a greeting without a login
            sock.sendall(self.text)
            while not self.hangs_up and sock.recv(65536):
                pass
        # What was not read would make the end a reset.
        with contextlib.suppress(OSError):
            sock.settimeout(0)
            sock.recv(65536)
        sock.close()


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith(
            "VmRSS")).split()[1])


@pytest.mark.parametrize("kind,lies,limit", cases())
def test_lies_are_refused_and_told(net, site, kind, lies, limit):
    laptop = net.laptop
    net.start_microsocks()
    liars = [Liar(net.proxy, 2000 + i, text, hangs_up)
             for i, (text, hangs_up, _, _) in enumerate(lies)]
    outbounds = "".join(
        f"  p{i}: {{ type: {kind}, server: \"{ADDRESS['proxy']}:{2000 + i}\""
        " }\n" for i in range(len(lies)))
    rules = "".join(f"  - DOMAIN,p{i}.example,p{i}\n"
                    for i in range(len(lies)))
    daemons = Ersatz(laptop, f"""\
log: info
outbounds:
  good: {{ type: socks5, server: "{ADDRESS['proxy']}:1080" }}
{outbounds}
rules:
{rules}
  - MATCH,good
routed: {{ connect-timeout: {limit} }}
""").up()
    assert laptop.out("curl -sS http://site.example/").startswith("welcome")
    relay = daemons.relay_pid()
    files, memory = len(os.listdir(f"/proc/{relay}/fd")), resident_kib(relay)

    def try_one(i):
        return error_of(laptop, fake_of(laptop, f"p{i}.example"), 80)

    workers = [peer.Background(lambda i=i: try_one(i))
               for i in range(len(lies))]
    for i, worker in enumerate(workers):
        assert worker.join() in lies[i][2], lies[i][3]
    # How much is logged has a limit; what is, names the right reason.
    told = re.findall(r"'p(\d+)'.*: (.*)", laptop.log("routed"))
    assert len(told) >= min(3, len(lies))
    for i, reason in told:
        assert lies[int(i)][3] in reason
    # Nothing is left over, and nobody else has noticed.
    wait_until(lambda: len(os.listdir(f"/proc/{relay}/fd")) <= files + 2,
               "all descriptors are closed")
    assert resident_kib(relay) < memory + 2048
    assert daemons.relay_pid() == relay
    assert laptop.out("curl -sS http://site.example/").startswith("welcome")
    wait_until(lambda: lines_of(daemons, "--status")[0]["flows_now"] == 0,
               "no flow is left")
    for liar in liars:
        liar.server.close()
    daemons.down()
