"""Names of which one family's addresses come later than the other's, or of which not all addresses have their turn: who is led to them,
and that all are judged."""

import time

import pytest

from forward_site import WEB, WEB6, Site


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site()
        made.origin = made.serve()
        yield made
    finally:
        if made:
            made.close()


def late(site, name, addresses, first):
    """A name whose AAAA comes after a request had to do without: the status of that request, and (status, fields, told) when the
    addresses were there; None: a busy machine let the proxy give up asking before."""
    for i in range(10):
        at = f"{name}{i}.example.com"
        site.names.zone[at] = addresses
        site.names.held.add((at, "AAAA"))
        connection = site.connect()  # of one worker
        try:
            assert site.ask(f"http://{at}/", connection=connection)[0] == first
            site.names.release()
            until = time.monotonic() + 3
            while time.monotonic() < until:
                answer = site.ask(f"http://{at}/", connection=connection)
                if answer[0] != first:
                    return answer
        finally:
            connection.close()
    return None


def test_an_address_that_comes_late_is_gone_to_by_who_comes_later(site):
    server = site.serve(WEB6[1])
    # Nobody listens at the one that is told at once.
    assert late(site, "late", [WEB[3], WEB6[1]], 502)[2]["at"] == WEB6[1]
    server.stop()
    site.started.remove(server)


def test_an_address_that_comes_late_is_judged_like_all(site):
    status, fields, _ = late(site, "rebinds", [WEB[0], "fd00::1"], 200)
    assert status == 403 and "destination_ip_prohibited" in fields["Proxy-Status"]


def test_addresses_that_are_never_dialled_are_judged_too(site):
    many = [f"9.0.1.{n}" for n in range(1, 13)]  # no way leads there
    site.names.zone["crowd.example.com"] = many
    assert site.ask("http://crowd.example.com/")[0] == 502
    # The name server shuffles: in some of these the one inside stands behind all that would be tried.
    for i in range(20):
        name = f"crowd{i}.example.com"
        site.names.zone[name] = [*many, "10.0.0.20"]
        status, fields, _ = site.ask(f"http://{name}/")
        assert status == 403 and "destination_ip_prohibited" in fields["Proxy-Status"]
