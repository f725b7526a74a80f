"""Our own side of a handshake, by the WireGuard paper (5.4), in Python alone: every key that comes to be is known."""

import base64
import hashlib
import hmac
import os
import struct
import time

from tunnels import sign


def x25519(private, public):
    """The ladder of RFC 7748, 5."""
    p = 2**255 - 19
    k = int.from_bytes(private, "little") & ~7 & (2**255 - 1) | 2**254
    u = int.from_bytes(public, "little") & (2**255 - 1)
    x2, z2, x3, z3 = 1, 0, u, 1
    for t in reversed(range(255)):
        bit = k >> t & 1
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        da, cb = (x3 - z3) * (x2 + z2) % p, (x3 + z3) * (x2 - z2) % p
        aa, bb = (x2 + z2) ** 2 % p, (x2 - z2) ** 2 % p
        x3, z3 = (da + cb) ** 2 % p, u * (da - cb) ** 2 % p
        x2, z2 = aa * bb % p, (aa - bb) * (aa + 121665 * (aa - bb)) % p
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(32, "little")


def public_of(private):
    return x25519(private, (9).to_bytes(32, "little"))


def chacha20(key, counter):
    """RFC 8439 2.3, with a nonce of zeros."""
    start = [*struct.unpack("<12I", b"expand 32-byte k" + key), counter, 0, 0, 0]
    v = list(start)

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
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(v, start)))


def seal(key, text, more=b""):
    """RFC 8439 2.8, of at most 64 octets."""
    text = bytes(a ^ b for a, b in zip(text, chacha20(key, 1)))
    padded = b"".join(part + bytes(-len(part) % 16) for part in (more, text))
    padded += struct.pack("<QQ", len(more), len(text))
    once = chacha20(key, 0)
    r = int.from_bytes(once[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    sum_ = 0
    for i in range(0, len(padded), 16):
        sum_ = (sum_ + int.from_bytes(padded[i : i + 16] + b"\1", "little")) * r % (2**130 - 5)
    tag = (sum_ + int.from_bytes(once[16:32], "little")) % 2**128
    return text + tag.to_bytes(16, "little")


def hashed(data):
    return hashlib.blake2s(data).digest()


def derive(n, key, data):
    secret, keys = hmac.digest(key, data, hashlib.blake2s), [b""]
    for i in range(n):
        keys.append(hmac.digest(secret, keys[-1] + bytes([i + 1]), hashlib.blake2s))
    return keys[1:]


class Session:
    """A handshake with who has the public key, both keys in base64. passing: what is of use during the handshake alone;
    keys: those of the session."""

    def __init__(self, private, public):
        self.private, self.theirs = base64.b64decode(private), base64.b64decode(public)
        self.ephemeral, self.index = os.urandom(32), os.urandom(4)
        self.passing, self.keys = {}, {}

    def mix(self, name, private, public, n=2):
        """The chain goes on by an agreement; the key with it, if there is to be one."""
        agreed = x25519(private, public)
        self.chain, *key = derive(n, self.chain, agreed)
        self.passing.update({f"agreement {name}": agreed, f"chain {name}": self.chain})
        if key:
            self.passing[f"key {name}"] = key[0]
        return key

    def initiation(self):
        self.chain = hashed(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
        said = hashed(hashed(self.chain + b"WireGuard v1 zx2c4 Jason@zx2c4.com") + self.theirs)
        ours = public_of(self.ephemeral)
        (self.chain,) = derive(1, self.chain, ours)
        said = hashed(said + ours)
        (key,) = self.mix("of ephemeral and static", self.ephemeral, self.theirs)
        static = seal(key, public_of(self.private), said)
        said = hashed(said + static)
        self.chain, key = derive(2, self.chain, x25519(self.private, self.theirs))
        self.passing["chain of statics"], self.passing["key of statics"] = self.chain, key
        now = time.time_ns()
        stamp = struct.pack(">QI", 2**62 + 10 + now // 10**9, now % 10**9)
        message = b"\1\0\0\0" + self.index + ours + static + seal(key, stamp, said) + bytes(32)
        return sign(message, base64.b64encode(self.theirs))

    def answered(self, response, preshared=bytes(32)):
        """Returns the keepalive that confirms the session."""
        theirs = response[12:44]
        assert len(response) == 92 and response[:4] == b"\2\0\0\0" and response[8:12] == self.index
        (self.chain,) = derive(1, self.chain, theirs)
        self.mix("of ephemerals", self.ephemeral, theirs, 1)
        self.mix("of static and ephemeral", self.private, theirs, 1)
        self.chain, tau, key = derive(3, self.chain, preshared)
        self.passing.update({"last chain": self.chain, "last hash": tau, "last key": key})
        send, receive = derive(2, self.chain, b"")
        self.keys = {"from us": send, "to us": receive}
        return b"\4\0\0\0" + response[4:8] + bytes(8) + seal(send, b"")
