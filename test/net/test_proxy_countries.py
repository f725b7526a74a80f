"""Who the reverse proxy lets in by country, by a file in MaxMind's DB format that mmdblookup reads too."""

import contextlib
import subprocess

import pytest

import mmdb
import topology
from proxy_servers import ask
from service import Service

CONFIG = """global:
  log: {level: info}
reverse-proxy:
  listen: 127.0.0.1:8080
  workers: 1
  trusted: [127.0.0.1]
  countries: $DIR/geo/countries.mmdb
  routes:
    - {host: allow.home.arpa, answer: {status: 200, body: in}, guard: {allow-countries: [KR, NZ]}}
    - {host: deny.home.arpa, answer: {status: 200, body: in}, guard: {deny-countries: KR}}
    - {host: both.home.arpa, answer: {status: 200, body: in}, guard: {allow-countries: KR, deny: 192.0.2.7}}
"""
KR, NZ = ({"country": {"iso_code": code, "names": {"en": code}}} for code in ("KR", "NZ"))
NETWORKS = {
    "192.0.2.0/24": KR,
    "198.51.100.128/25": NZ,
    "2001:db8:1::/48": KR,
    "203.0.113.0/24": {"registered_country": {"iso_code": "KR"}},
    "203.0.114.0/24": {"country": {"names": {"en": "no code"}}},
}


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    try:
        service = Service(net.host("countries"), "reverse-proxy", CONFIG)
        (service.folder / "geo").mkdir()
        mmdb.write(service.folder / "geo/countries.mmdb", NETWORKS)
        yield service.start()
    finally:
        assert not net.close()


def status(site, name, client):
    return ask(site.host, "/", host=f"{name}.home.arpa", X_Forwarded_For=client)[0]


def test_another_reader_takes_the_file_too(site):
    looked = subprocess.run(["mmdblookup", "--file", site.folder / "geo/countries.mmdb", "--ip", "192.0.2.1", "country", "iso_code"],
                            capture_output=True, text=True, check=True)  # fmt: skip
    assert '"KR"' in looked.stdout


def test_countries_are_let_in_and_kept_out(site):
    for client, allow, deny in (
        ("192.0.2.1", 200, 403), ("198.51.100.129", 200, 200), ("198.51.100.127", 403, 200), ("2001:db8:1::7", 200, 403),
        ("2001:db8:2::7", 403, 200), ("203.0.113.9", 200, 403), ("203.0.114.9", 403, 200), ("127.0.0.1", 403, 200)):  # fmt: skip
        assert (status(site, "allow", client), status(site, "deny", client)) == (allow, deny), client
    assert status(site, "both", "192.0.2.1") == 200 and status(site, "both", "192.0.2.7") == 403


def test_a_reload_takes_another_file_and_refuses_what_is_none(site):
    path = site.folder / "geo/countries.mmdb"
    fresh = path.with_suffix(".new")
    mmdb.write(fresh, {"192.0.2.0/24": NZ})
    fresh.rename(path)
    assert status(site, "deny", "192.0.2.1") == 403
    site.reload(CONFIG)
    assert status(site, "deny", "192.0.2.1") == 200
    fresh.write_bytes(b"no such file" * 100)
    fresh.chmod(0o644)
    fresh.rename(path)
    with contextlib.suppress(Exception):
        site.reload(CONFIG)
    assert "the file of `countries` cannot be used" in site.log()
    assert status(site, "allow", "192.0.2.1") == 200
