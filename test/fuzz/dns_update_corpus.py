#!/usr/bin/env python3
"""Writes signed requests and updates that the fuzz targets of TSIG and UPDATE start from (dnspython).

Usage: dns_update_corpus.py CORPUS-DIRECTORY   (holds dns_tsig_fuzz/ and dns_update_fuzz/)
The same input gives the same files.
"""
import pathlib
import sys
import unittest.mock

import dns.message
import dns.tsig
import dns.update

SECRET = bytes([1, 2, 3] + [0] * 29)
ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]


def updates():
    def new():
        u = dns.update.UpdateMessage("example.")
        u.id = 77
        return u

    u = new()
    u.add("host", 300, "A", "192.0.2.1")
    u.add("host", 300, "AAAA", "2001:db8::1")
    yield "add", u
    u = new()
    u.absent("host")
    u.present("ns", "A")
    u.present("ns", "A", "192.0.2.53")
    u.present("ns")
    u.absent("host", "CNAME")
    u.add("host", 300, "DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=")
    yield "prerequisites", u
    u = new()
    u.delete("host")
    u.delete("host", "A")
    u.delete("host", "A", "192.0.2.1")
    u.delete("@", "NS", "ns.example.")
    yield "delete", u
    u = new()
    u.replace("1.2.0.192.in-addr.example.", 60, "PTR", "host.example.")
    u.add("@", 60, "SOA", "ns.example. root.example. 5 1 1 1 1")
    u.add("alias", 60, "CNAME", "host.example.")
    yield "kinds", u


def main():
    root = pathlib.Path(sys.argv[1])
    with unittest.mock.patch("time.time", return_value=1700000000):
        for name, u in updates():
            (root / "dns_update_fuzz" / name).write_bytes(u.to_wire())
            for algorithm in ALGORITHMS if name == "add" else ALGORITHMS[2:3]:
                u.use_tsig(dns.tsig.Key("key.example.", SECRET, algorithm))
                (root / "dns_tsig_fuzz" / f"{name}-{algorithm}").write_bytes(u.to_wire())
        q = dns.message.make_query("example.", "AXFR")
        q.id = 7
        q.use_tsig(dns.tsig.Key("key.example.", SECRET, "hmac-sha256"))
        (root / "dns_tsig_fuzz" / "axfr").write_bytes(q.to_wire())


main()
