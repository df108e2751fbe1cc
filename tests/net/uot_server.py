# SPDX-License-Identifier: BSD-2-Clause
"""A SOCKS5 server that carries UDP over TCP, version 2, as sing-box
describes it; Debian has none.  It runs in the test itself, a thread a stream.
"""
import contextlib
import select
import socket
import struct
import threading

import peer
from peer import receive_exactly

HOST = b"sp.v2.udp-over-tcp.arpa"
FAMILIES = {4: socket.AF_INET, 16: socket.AF_INET6}


def read_address(stream, types):
    """(host, port); `types` are those of IPv4, IPv6 and a name."""
    kind = receive_exactly(stream, 1)[0]
    if kind == types[2]:
        host = receive_exactly(stream, receive_exactly(stream, 1)[0]).decode()
    else:
        size = {types[0]: 4, types[1]: 16}[kind]
        host = socket.inet_ntop(FAMILIES[size], receive_exactly(stream, size))
    return host, struct.unpack(">H", receive_exactly(stream, 2))[0]


class UotServer:
    """`requests` and `asked` are what clients wanted, in their order."""

    def __init__(self, machine, names, port=1080, login=None):
        self.machine, self.names, self.login = machine, names, login
        self.requests, self.asked, self.streams = [], [], []
        self.server = peer.listen(machine, port)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                stream, _ = self.server.accept()
                self.streams.append(stream)
                threading.Thread(target=self._serve, args=(stream,),
                                 daemon=True).start()

    def _greet(self, stream):
        version, count = receive_exactly(stream, 2)
        methods = receive_exactly(stream, count)
        assert version == 5
        if self.login is None:
            assert 0 in methods
            stream.sendall(b"\5\0")
            return
        assert 2 in methods
        stream.sendall(b"\5\2")
        words = []
        receive_exactly(stream, 1)
        for _ in range(2):
            words.append(receive_exactly(
                stream, receive_exactly(stream, 1)[0]).decode())
        stream.sendall(b"\1\0" if tuple(words) == self.login else b"\1\1")
        assert tuple(words) == self.login

    def _serve(self, stream):
        with contextlib.suppress(OSError, AssertionError), stream:
            self._greet(stream)
            head = receive_exactly(stream, 3)
            host, port = read_address(stream, (1, 4, 3))
            assert head == b"\5\1\0"
            assert (host.encode(), port) == (HOST, 0)
            stream.sendall(b"\5\0\0\1" + bytes(6))
            assert receive_exactly(stream, 1) == b"\0"
            self.requests.append(read_address(stream, (1, 4, 3)))
            self._carry(stream)

    def _carry(self, stream):
        # Mapped addresses, so that one mapping is for both families.
        sock = self.machine.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        with sock:
            sock.bind(("::", 0))
            while True:
                ready, _, _ = select.select([stream, sock], [], [])
                if stream in ready:
                    self._forward(stream, sock)
                if sock in ready:
                    data, sender = sock.recvfrom(65535)
                    stream.sendall(self.frame(sender[0], sender[1], data))

    def _forward(self, stream, sock):
        host, port = read_address(stream, (0, 1, 2))
        size, = struct.unpack(">H", receive_exactly(stream, 2))
        data = receive_exactly(stream, size) if size else b""
        self.asked.append((host, port))
        address = self.names.get(host, host)
        if ":" not in address:
            address = f"::ffff:{address}"
        sock.sendto(data, (address, port))

    @staticmethod
    def frame(host, port, data):
        host = host.removeprefix("::ffff:")
        packed = (b"\1" + socket.inet_pton(socket.AF_INET6, host)
                  if ":" in host else b"\0" + socket.inet_aton(host))
        return packed + struct.pack(">HH", port, len(data)) + data

    def end_streams(self):
        for stream in self.streams:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.end_streams()
