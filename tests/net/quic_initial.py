# SPDX-License-Identifier: BSD-2-Clause
"""QUIC Initial packets as a client makes them (RFC 9001, RFC 9369).

A second implementation, by another library than the relay's, so that a
mistake in one of the two is seen.
"""
import os
import struct

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

VERSION_1, VERSION_2 = 1, 0x6b3343cf
SALTS = {VERSION_1: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a",
         VERSION_2: "0dede3def700a6db819381be6e269dcbf9bd2ed9"}
LABELS = {VERSION_1: "quic", VERSION_2: "quicv2"}


def _label(secret, label, size):
    text = b"tls13 " + label.encode()
    info = struct.pack("!HB", size, len(text)) + text + b"\0"
    return HKDFExpand(hashes.SHA256(), size, info).derive(secret)


def _keys(version, target):
    extract = hmac.HMAC(bytes.fromhex(SALTS[version]), hashes.SHA256())
    extract.update(target)
    secret = _label(extract.finalize(), "client in", 32)
    name = LABELS[version]
    return (_label(secret, f"{name} key", 16), _label(secret, f"{name} iv", 12),
            _label(secret, f"{name} hp", 16))


def _number(value):
    if value < 64:
        return struct.pack("!B", value)
    return struct.pack("!H", value | 0x4000)


def crypto(offset, data):
    return b"\x06" + _number(offset) + _number(len(data)) + data


def seal(frames, version=VERSION_1, target=None, number=0, number_size=4):
    """One datagram of 1200 bytes with these frames in it."""
    target = target if target is not None else os.urandom(8)
    key, iv, hp = _keys(version, target)
    first = (0xd0 if version == VERSION_2 else 0xc0) | (number_size - 1)
    head = struct.pack("!BIB", first, version, len(target)) + target + b"\0\0"
    size = 1200 - len(head) - 2
    head += struct.pack("!H", size | 0x4000)
    tail = number.to_bytes(number_size, "big")
    frames += bytes(size - number_size - 16 - len(frames))
    nonce = (int.from_bytes(iv, "big") ^ number).to_bytes(12, "big")
    sealed = AESGCM(key).encrypt(nonce, frames, head + tail)
    sample = sealed[4 - number_size:20 - number_size]
    mask = Cipher(algorithms.AES(hp), modes.ECB()).encryptor().update(sample)
    packet = bytearray(head + tail + sealed)
    packet[0] ^= mask[0] & 0x0f
    for i in range(number_size):
        packet[len(head) + i] ^= mask[1 + i]
    return bytes(packet)


def client_hello(name, more=b""):
    """A ClientHello with little in it but the name; `more`: extensions."""
    host = name.encode()
    entry = struct.pack("!BH", 0, len(host)) + host
    names = struct.pack("!H", len(entry)) + entry
    extensions = more + struct.pack("!HH", 0, len(names)) + names
    body = (b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" +
            struct.pack("!H", len(extensions)) + extensions)
    return b"\1" + len(body).to_bytes(3, "big") + body
