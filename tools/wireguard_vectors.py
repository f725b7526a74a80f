#!/usr/bin/python3
"""Writes src/proto/wireguard/vectors_test.h: handshakes, cookies and transport messages as the WireGuard paper
(Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel", 5.4) makes them out of fixed keys. Run by hand; the
result is committed. Shares nothing with our code: hashes are Python's, the cipher and the curve those of
python3-cryptography, HChaCha20 is below; clang-format-14 gives the file its form."""

import hashlib
import hmac
import pathlib
import struct
import subprocess

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

OUT = pathlib.Path(__file__).resolve().parent.parent / "src/proto/wireguard/vectors_test.h"


def HASH(data):
    return hashlib.blake2s(data).digest()


def MAC(key, data):
    return hashlib.blake2s(data, key=key, digest_size=16).digest()


def HMAC(key, data):
    return hmac.new(key, data, hashlib.blake2s).digest()


def KDF(n, key, data):
    secret, keys = HMAC(key, data), [b""]
    for i in range(n):
        keys.append(HMAC(secret, keys[-1] + bytes([i + 1])))
    return keys[1:]


def AEAD(key, counter, text, associated):
    return ChaCha20Poly1305(key).encrypt(bytes(4) + struct.pack("<Q", counter), text, associated)


def PUB(private):
    public = X25519PrivateKey.from_private_bytes(private).public_key()
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def DH(private, public):
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))


def hchacha20(key, nonce):
    """draft-irtf-cfrg-xchacha 2.2"""
    v = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def quarter(a, b, c, d):
        for add, to, mix, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            v[add] = (v[add] + v[to]) & 0xFFFFFFFF
            x = v[mix] ^ v[add]
            v[mix] = (x << bits | x >> (32 - bits)) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *v[:4], *v[12:])


def XAEAD(key, nonce, text, associated):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(bytes(4) + nonce[16:], text, associated)


def clamped(seed):
    key = bytearray(HASH(seed.encode()))
    key[0] &= 248
    key[31] = key[31] & 127 | 64
    return bytes(key)


def macs(message, receiver, cookie=None):
    message += MAC(HASH(b"mac1----" + receiver), message)
    return message + (MAC(cookie, message) if cookie else bytes(16))


def handshake(label, preshared):
    """All of one, named fields in the order in which they come to be."""
    v = {}
    static_i, static_r = clamped(label + " static initiator"), clamped(label + " static responder")
    ephemeral_i, ephemeral_r = clamped(label + " ephemeral initiator"), clamped(label + " ephemeral responder")
    public_i, public_r = PUB(static_i), PUB(static_r)
    timestamp = bytes.fromhex("400000006747e2fc" + "3b000000")
    sender_i, sender_r = 0x01020304, 0xFFEEDDCC
    v.update(static_i=static_i, static_r=static_r, public_i=public_i, public_r=public_r)
    v.update(ephemeral_i=ephemeral_i, ephemeral_r=ephemeral_r, preshared=preshared, timestamp=timestamp)

    chain = HASH(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
    hashed = HASH(chain + b"WireGuard v1 zx2c4 Jason@zx2c4.com")
    hashed = HASH(hashed + public_r)
    (chain,) = KDF(1, chain, PUB(ephemeral_i))
    hashed = HASH(hashed + PUB(ephemeral_i))
    chain, key = KDF(2, chain, DH(ephemeral_i, public_r))
    static = AEAD(key, 0, public_i, hashed)
    hashed = HASH(hashed + static)
    chain, key = KDF(2, chain, DH(static_i, public_r))
    sealed_timestamp = AEAD(key, 0, timestamp, hashed)
    hashed = HASH(hashed + sealed_timestamp)
    initiation = struct.pack("<II", 1, sender_i) + PUB(ephemeral_i) + static + sealed_timestamp
    v["initiation"] = macs(initiation, public_r)

    v["secret"] = HASH(b"secret of the responder")
    v["source"] = bytes.fromhex("c6336407" + "ca6c")
    v["nonce"] = HASH(b"nonce of the reply")[:24]
    cookie = MAC(v["secret"], v["source"])
    mac1 = v["initiation"][-32:-16]
    v["cookie_reply"] = (
        struct.pack("<II", 3, sender_i)
        + v["nonce"]
        + XAEAD(HASH(b"cookie--" + public_r), v["nonce"], cookie, mac1)
    )
    v["initiation_again"] = macs(initiation, public_r, cookie)

    (chain,) = KDF(1, chain, PUB(ephemeral_r))
    hashed = HASH(hashed + PUB(ephemeral_r))
    (chain,) = KDF(1, chain, DH(ephemeral_r, PUB(ephemeral_i)))
    (chain,) = KDF(1, chain, DH(ephemeral_r, public_i))
    chain, tau, key = KDF(3, chain, preshared)
    hashed = HASH(hashed + tau)
    response = struct.pack("<III", 2, sender_r, sender_i) + PUB(ephemeral_r) + AEAD(key, 0, b"", hashed)
    v["response"] = macs(response, public_i)

    v["key_i"], v["key_r"] = KDF(2, chain, b"")
    # What each seals with these keys: an empty keepalive, and 32 bytes as the packet of a large counter.
    v["keepalive"] = struct.pack("<IIQ", 4, sender_r, 0) + AEAD(v["key_i"], 0, b"", b"")
    v["packet"] = bytes(range(32))
    counter = 0x0123456789AB
    v["transport"] = struct.pack("<IIQ", 4, sender_i, counter) + AEAD(v["key_r"], counter, v["packet"], b"")
    return v


def main():
    cases = [handshake("plain", bytes(32)), handshake("preshared", HASH(b"a preshared key"))]
    lines = [
        "/* Made by tools/wireguard_vectors.py from the paper, without our code: two handshakes (the second",
        " * with a preshared key) and what belongs to them, as hexadecimal text. Knows no test. */",
        "#ifndef PROTO_WIREGUARD_VECTORS_TEST_H",
        "#define PROTO_WIREGUARD_VECTORS_TEST_H",
        "",
        "enum { VECTOR_SENDER_I = 0x01020304 };",
        "#define VECTOR_SENDER_R 0xffeeddccu",
        "#define VECTOR_COUNTER  UINT64_C(0x0123456789ab)",
        "",
        "static const struct wg_vector {",
        "".join(f"const char *{name};" for name in cases[0]),
        "} wg_vectors[] = {",
    ]
    for case in cases:
        lines.append("{")
        for name, value in case.items():
            text = value.hex()
            lines.append(f".{name} = " + "\n".join(f'"{text[i:i + 64]}"' for i in range(0, len(text), 64)) + ",")
        lines.append("},")
    lines += ["};", "", "#endif", ""]
    OUT.write_text("\n".join(lines))
    subprocess.run(["clang-format-14", "-i", str(OUT)], check=True)


main()
