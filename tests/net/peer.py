# SPDX-License-Identifier: BSD-2-Clause
"""A TCP peer in the test itself: one thread that plays one role.

The roles live here, because what a test asserts about half-close and reset
depends on exactly when each side sends and closes.
"""
import contextlib
import hashlib
import socket
import struct
import threading

from topology import PATIENCE

BLOCK = bytes(range(256)) * 256  # 64 KiB


def listen(machine, port, family=socket.AF_INET):
    server = machine.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
    server.listen(512)
    return server


def connect(machine, address, port, timeout=PATIENCE):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    client = machine.socket(family, socket.SOCK_STREAM)
    client.settimeout(timeout)
    client.connect((address, port))
    return client


def send_blocks(sock, size):
    """Sends `size` bytes; the digest of what was sent."""
    digest = hashlib.sha256()
    while size > 0:
        block = BLOCK[:min(size, len(BLOCK))]
        sock.sendall(block)
        digest.update(block)
        size -= len(block)
    return digest.hexdigest()


def receive_all(sock):
    """Reads until the other side has closed; (size, digest)."""
    digest, size = hashlib.sha256(), 0
    while True:
        block = sock.recv(1 << 18)
        if not block:
            return size, digest.hexdigest()
        digest.update(block)
        size += len(block)


def receive_exactly(sock, size):
    got = bytearray()
    while len(got) < size:
        block = sock.recv(min(size - len(got), 1 << 18))
        assert block, "the other side hung up"
        got += block
    return bytes(got)


class Background:
    """Does something in a thread; join() gives its value or its error."""

    def __init__(self, work):
        self.value = None
        self.error = None
        self.thread = threading.Thread(target=self._run, args=(work,),
                                       daemon=True)
        self.thread.start()

    def _run(self, work):
        try:
            self.value = work()
        except Exception as error:  # handed to the test by join()
            self.error = error

    def join(self):
        self.thread.join(2 * PATIENCE)
        assert not self.thread.is_alive(), "it never finished"
        if self.error:
            raise self.error
        return self.value


def reset(sock):
    """Closes with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


class Role:
    """Accepts one connection and plays `play(sock)`; join() gives its value."""

    def __init__(self, machine, port, play, family=socket.AF_INET):
        self.server = listen(machine, port, family)
        self.server.settimeout(PATIENCE)
        self.value = None
        self.error = None
        self.thread = threading.Thread(target=self._run, args=(play,),
                                       daemon=True)
        self.thread.start()

    def _run(self, play):
        try:
            sock, _ = self.server.accept()
            with contextlib.closing(sock):
                sock.settimeout(PATIENCE)
                self.value = play(sock)
        except Exception as error:  # handed to the test by join()
            self.error = error
        finally:
            self.server.close()

    def join(self):
        self.thread.join(2 * PATIENCE)
        assert not self.thread.is_alive(), "the peer never finished"
        if self.error:
            raise self.error
        return self.value
