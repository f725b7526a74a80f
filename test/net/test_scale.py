"""Zones as large as real ones: a signed root with some 1,440 delegations, and a TLD with 1,000,000. How long
they take to load and what they take of memory is printed; only that they serve is judged."""

import hashlib
import time

import pytest

import ask
import topology
from service import Service

TLDS = 1440
DELEGATIONS = 1_000_000
DO = {"want_dnssec": True, "payload": 1232}


@pytest.fixture
def host(net):
    return net.host("host")


def address(n):
    """A pair of addresses out of the documentation's, for server number n."""
    return f"198.51.100.{n % 254 + 1}", f"2001:db8:51::{n:x}"


def tld_names():
    """Names like the root's: two letters, words, and names in letters of other scripts."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    two = [a + b for a in letters for b in letters][:310]
    words = [
        f"word{hashlib.sha256(str(n).encode()).hexdigest()[: 3 + n % 12]}"
        for n in range(TLDS - 460)
    ]
    scripts = [f"xn--{hashlib.sha256(b'x%d' % n).hexdigest()[:8]}" for n in range(150)]
    return sorted({*two, *words, *scripts})


def root_zone(names):
    yield "$ORIGIN .\n$TTL 172800\n"
    yield ". 86400 SOA a.root-servers.net. nstld.example. 2026112300 1800 900 604800 86400\n"
    for n in range(13):
        server = f"{chr(ord('a') + n)}.root-servers.net."
        four, six = address(n)
        yield f". 518400 NS {server}\n{server} 518400 A {four}\n{server} 518400 AAAA {six}\n"
    for at, name in enumerate(names):
        for n in range(2 + at % 5):
            four, six = address(100 + at * 7 + n)
            server = f"{chr(ord('a') + n)}.nic.{name}."
            yield f"{name}. NS {server}\n{server} A {four}\n{server} AAAA {six}\n"
        if at % 10:
            digest = hashlib.sha256(name.encode()).hexdigest()
            yield f"{name}. 86400 DS {10000 + at} 8 2 {digest}\n"


def started(host, config, files, timeout):
    """A service with the files, and how long it took to be ready."""
    service = Service(host, "authority", config, files)
    start = time.monotonic()
    service.start(timeout=timeout)
    return service, time.monotonic() - start


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        kib = next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))
    return kib / 1024


def tell(capsys, service, what, seconds):
    zone = service.control("GET", "/zones")[1]["zones"][0]
    with capsys.disabled():
        print(
            f"\n{what}: {zone['records']} records, {zone['names']} names; ready after {seconds:.1f} s, "
            f"{resident_mib(service.pid):.0f} MiB resident, {zone['bytes'] / 2**20:.0f} MiB of them the zone"
        )
    return zone


# ---- the root


def sign(folder, text):
    """The zone signed with NSEC, by ldns, as bytes."""
    (folder / "root.zone").write_text(text)
    keygen = ["ldns-keygen", "-a", "ECDSAP256SHA256", "-r", "/dev/urandom"]
    keys = [
        topology.command("env", "-C", folder, *keygen, *more, ".").strip() for more in ([], ["-k"])
    ]
    topology.command(
        *("env", "-C", folder, "ldns-signzone", "-o", ".", "-f", "signed.zone", "root.zone"),
        *keys,
        timeout=120,
    )
    return (folder / "signed.zone").read_bytes()


def kinds(answer, section):
    return [record.split()[2] for record in ask.records(answer, section)]


def key(name):
    """By which names are in order (RFC 4034 6.1)."""
    return [label.encode() for label in reversed(name.lower().rstrip(".").split(".")) if label]


def covers(record, name):
    owner, _, _, following = record.split()[:4]
    return key(owner) < key(name) and (key(name) < key(following) or following == ".")


def test_a_signed_root_serves(host, tmp_path, capsys):
    names = tld_names()
    assert len(names) >= TLDS - 20
    signed = sign(tmp_path, "".join(root_zone(names)))
    config = "authority:\n  listen: [127.0.0.1:53]\n  zones:\n    - {origin: ., file: root.zone}\n"
    service, seconds = started(host, config, {"root.zone": signed}, 60)
    zone = tell(capsys, service, "signed root", seconds)
    assert zone["denial"] == "NSEC"

    def query(name, kind="A", **more):
        return ask.dns_query(host, "127.0.0.1", name, kind, **more)

    for at in range(0, len(names), 97):
        name = names[at]
        answer = query(f"www.example.{name}", **DO)
        assert ask.rcode(answer) == "NOERROR"
        assert "AA" not in ask.flags(answer)
        assert answer.answer == []
        servers = [r.split()[3] for r in ask.records(answer, "authority") if r.split()[2] == "NS"]
        assert sorted(servers) == [f"{chr(ord('a') + n)}.nic.{name}." for n in range(2 + at % 5)]
        # A signed delegation has its DS, an unsigned one the NSEC that says so; either with its signature.
        assert ("DS" in kinds(answer, "authority")) == bool(at % 10)
        assert ("NSEC" in kinds(answer, "authority")) == (at % 10 == 0)
        assert "RRSIG" in kinds(answer, "authority")
        glue = ask.records(query(f"www.example.{name}"), "additional")
        assert {r.split()[0] for r in glue if r.split()[2] == "A"} == set(servers)

    for missing in ("nothing", "zzzzzz", "a0", "www.no-such-tld"):
        answer = query(missing, **DO)
        assert ask.rcode(answer) == "NXDOMAIN"
        assert "AA" in ask.flags(answer)
        proof = [r for r in ask.records(answer, "authority") if r.split()[2] == "NSEC"]
        assert any(covers(record, missing) for record in proof)
        assert any(record.startswith(". ") for record in proof)  # that there is no wildcard
        assert kinds(answer, "authority").count("RRSIG") >= 2

    for kind in ("SOA", "NS", "DNSKEY", "NSEC"):
        answer = query(".", kind, tcp=True, **DO)
        assert (
            kinds(answer, "answer").count(kind)
            == {"SOA": 1, "NS": 13, "DNSKEY": 2, "NSEC": 1}[kind]
        )
        assert "RRSIG" in kinds(answer, "answer")
    assert service.stop() == 0


# ---- a TLD


def tld_zone(lines):
    """Half of the delegations name shared servers outside, half have servers of their own below them, with glue
    for every tenth of all."""
    lines.append(
        "$ORIGIN tld.\n$TTL 172800\n@ 900 SOA a.nic hostmaster.nic 1 1800 900 604800 900\n"
    )
    lines.append("@ NS a.nic\n@ NS b.nic\na.nic A 198.51.100.20\nb.nic A 198.51.100.21\n")
    for n in range(DELEGATIONS):
        if n % 10 == 0:
            lines.append(f"d{n} NS ns1.d{n}\nd{n} NS ns2.d{n}\nns1.d{n} A 192.0.2.{n % 250 + 1}\n")
            lines.append(f"ns2.d{n} A 203.0.113.{n % 250 + 1}\n")
        else:
            lines.append(
                f"d{n} NS ns1.host{n % 5000}.example.\nd{n} NS ns2.host{n % 5000}.example.\n"
            )


def test_a_million_delegations_serve(host, capsys):
    lines = []
    tld_zone(lines)
    text = "".join(lines).encode()
    config = "authority:\n  listen: [127.0.0.1:53]\n  zones:\n    - {origin: tld, file: tld.zone}\n"
    service, seconds = started(host, config, {"tld.zone": text}, 120)
    del lines, text
    zone = tell(capsys, service, "TLD", seconds)
    assert zone["names"] >= DELEGATIONS
    assert zone["records"] == 5 + 2 * DELEGATIONS + 2 * DELEGATIONS // 10
    for n in (0, 1, 9, 10, 499_990, 777_777, 999_990, 999_999):
        answer = ask.dns_query(host, "127.0.0.1", f"www.d{n}.tld")
        assert ask.rcode(answer) == "NOERROR"
        assert "AA" not in ask.flags(answer)
        assert answer.answer == []
        servers = sorted(record.split()[3] for record in ask.records(answer, "authority"))
        glue = {
            record.split()[0]: record.split()[3] for record in ask.records(answer, "additional")
        }
        if n % 10 == 0:
            assert servers == [f"ns1.d{n}.tld.", f"ns2.d{n}.tld."]
            assert glue == {
                servers[0]: f"192.0.2.{n % 250 + 1}",
                servers[1]: f"203.0.113.{n % 250 + 1}",
            }
        else:
            assert servers == [f"ns{k}.host{n % 5000}.example." for k in (1, 2)]
            assert glue == {}
    for missing in ("d1000000.tld", "nothing.tld", "d.tld", "d00.tld"):
        answer = ask.dns_query(host, "127.0.0.1", missing)
        assert ask.rcode(answer) == "NXDOMAIN"
        assert "AA" in ask.flags(answer)
        assert [record.split()[2] for record in ask.records(answer, "authority")] == ["SOA"]
    # Reloaded under queries: an unchanged file is not read again.
    start = time.monotonic()
    service.reload()
    with capsys.disabled():
        print(f"TLD: reloaded unchanged in {time.monotonic() - start:.2f} s")
    answer = ask.dns_query(host, "127.0.0.1", "www.d5.tld")
    assert ask.rcode(answer) == "NOERROR"
    assert service.stop() == 0
