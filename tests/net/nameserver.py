# SPDX-License-Identifier: BSD-2-Clause
"""A name server whose conduct the test decides, honest or hostile.

It answers by UDP and TCP on one port, in a thread of the test itself.  The
conduct is a function that gets each Query and sends whatever it likes, from
wherever it likes, as often as it likes.
"""
import select
import socket
import struct
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
from topology import PATIENCE

GOOD = "192.0.2.1"
FORGED = "192.0.2.66"


class Query:
    """One message that came in, and the ways to answer it."""

    def __init__(self, server, wire, peer, connection=None):
        self.server = server
        self.wire = wire
        self.peer = peer
        self.connection = connection
        self.message = dns.message.from_wire(wire)
        self.question = self.message.question[0]
        self.name = self.question.name
        self.is_tcp = connection is not None

    def send(self, message, source=None):
        """Sends bytes or a message, by UDP from any socket."""
        wire = message
        if not isinstance(message, bytes):
            wire = message.to_wire(max_size=65535)
        if self.is_tcp:
            self.connection.sendall(struct.pack("!H", len(wire)) + wire)
        else:
            (source or self.server.udp).sendto(wire, self.peer)

    def reply(self, address=GOOD, rcode=dns.rcode.NOERROR, name=None,
              records=None):
        """The reply that an honest server would make."""
        message = dns.message.make_response(self.message,
                                            recursion_available=True)
        message.set_rcode(rcode)
        name = name or self.name
        if records is not None:
            message.answer = records
        elif address and rcode == dns.rcode.NOERROR:
            kind = "AAAA" if ":" in address else "A"
            if dns.rdatatype.to_text(self.question.rdtype) == kind:
                message.answer = [dns.rrset.from_text(name, 60, "IN", kind,
                                                      address)]
        return message


def honest(query):
    query.send(query.reply())


def silent(_):
    pass


def says(rcode):
    return lambda query: query.send(query.reply(rcode=rcode))


def gives(address):
    return lambda query: query.send(query.reply(address))


class Nameserver:
    def __init__(self, machine, port, conduct=honest, address="127.0.0.1"):
        self.conduct = conduct
        self.queries = []
        self.canaries = []  # "do you lead back to us?"; never answered
        self.probes = []    # "are you well again?"
        self.errors = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.udp = machine.socket(family, socket.SOCK_DGRAM)
        self.udp.bind((address, port))
        self.other = machine.socket(family, socket.SOCK_DGRAM)
        self.other.bind((address, 0))
        self.tcp = machine.socket(family, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, port))
        self.tcp.listen(64)
        self.wake, self._stop = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            ready, _, _ = select.select([self.udp, self.tcp, self._stop], [],
                                        [])
            if self._stop in ready:
                return
            if self.udp in ready:
                wire, peer = self.udp.recvfrom(65535)
                self._take(wire, peer)
            if self.tcp in ready:
                self._accept()

    def _accept(self):
        connection, peer = self.tcp.accept()
        with connection:
            connection.settimeout(PATIENCE)
            try:
                size, = struct.unpack("!H", self._exactly(connection, 2))
                self._take(self._exactly(connection, size), peer, connection)
            except OSError as error:
                self.errors.append(error)

    @staticmethod
    def _exactly(connection, size):
        data = b""
        while len(data) < size:
            part = connection.recv(size - len(data))
            if not part:
                raise ConnectionError("closed early")
            data += part
        return data

    def _take(self, wire, peer, connection=None):
        query = Query(self, wire, peer, connection)
        # What dnsd asks for itself is no query of a client.
        if query.name.labels[0].startswith(b"ersatz-canary-"):
            self.canaries.append(query)
            return
        (self.queries if query.name != dns.name.root else
         self.probes).append(query)
        try:
            self.conduct(query)
        except Exception as error:  # looked at by close()
            self.errors.append(error)

    def close(self):
        self.wake.send(b"x")
        self.thread.join(timeout=PATIENCE)
        for sock in (self.udp, self.other, self.tcp, self.wake, self._stop):
            sock.close()
        assert not self.errors, self.errors
