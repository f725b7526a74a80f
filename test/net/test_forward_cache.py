"""The cache of the forward proxy: what is its own beside what it has in common with the reverse proxy's (test_cache_*.py)."""

import json
import subprocess

import pytest

import cache_site
from cache_site import HOST, OTHER_HOST
from proxy_servers import wait_for
from service import binary

FRESH = "Cache-Control: max-age=60"


@pytest.fixture(scope="module")
def cached_site(janitor_process):
    del janitor_process
    yield from cache_site.sites("forward")


@pytest.fixture
def configured(cached_site):
    """configured(more): more of the section from now on, until the test ends."""
    service = cached_site.service

    def more(text):
        service.reload(cached_site.config + text)

    yield more
    service.reload(cached_site.config)


def test_who_shows_a_cookie_may_be_somebody(thing):
    """What is for him is not for others unless the answer says so, and what others got is asked for again, with his cookie."""
    mine = "Cookie: session=1"
    thing.tells(200, FRESH, 'ETag: "1"')
    assert thing.texts(2, mine) == ["1", "2"]
    assert "detail=authorization" in thing.ask(mine).said
    assert thing.texts(2) == ["4", "4"]
    thing.confirms(FRESH, then=["X-New: 1"])
    got = thing.ask(mine)
    assert got.text == "4" and "fwd-status=304" in got.said and thing.asked[-1].fields["Cookie"] == "session=1"
    assert thing.ask().hit
    of = thing.at("/public")
    of.tells(200, "Cache-Control: public, max-age=60")
    assert of.texts(2, mine) == ["1", "1"] and of.ask().text == "1"


def test_who_is_known_by_his_connection_is_somebody(thing):
    """By Negotiate and NTLM nothing in the requests that follow says who it is (RFC 4559 6)."""
    thing.tells(200, FRESH, "WWW-Authenticate: Negotiate oRQ=")
    assert thing.texts(2) == ["1", "2"]
    assert "detail=authorization" in thing.ask().said
    of = thing.at("/public")
    of.tells(200, "Cache-Control: public, max-age=60", "WWW-Authenticate: Negotiate oRQ=")
    assert of.texts(2) == ["1", "1"]
    of.tells(200, "Connection: close")
    of.ask("Cache-Control: no-cache")


def test_one_address_in_several_spellings_is_one_to_people(thing):
    """To an origin they may differ: each spelling of the path has an answer of its own, and a purge takes them all. The host has one."""
    site = thing.site
    for path in ("/a/b", "/a/./b", "/a/%62", "/a//b"):
        of = thing.at(path)
        site.origin.script[of.path] = lambda _: (200, [FRESH], str(len(site.origin.seen)))
        assert of.is_kept()
    client = site.connect()
    try:
        got = client.http
        with site.host.inside():
            got.connect()
        got.request("GET", f"http://WWW.Home.ARPA.:80{thing.path}/a/b", headers={"Host": "ignored.home.arpa"})
        assert "hit" in got.getresponse().getheader("Cache-Status")
    finally:
        client.close()
    status, told = site.service.control("POST", f"/cache/purge?url=http://{HOST}{thing.path}/a/b")
    assert status == 200 and told["purged"] >= 3


def test_an_encoded_slash_is_kept_and_purged(thing):
    of = thing.at("/@scope%2Fname")
    of.tells(200, FRESH)
    assert of.is_kept()
    url = f"http://{HOST}{of.path.replace('%', '%25')}"
    assert thing.site.service.control("POST", f"/cache/purge?url={url}")[1]["purged"] == 1 and not of.ask().hit


def test_hosts_are_apart(thing):
    thing.tells(200, FRESH)
    assert [thing.ask().text, thing.ask(host=OTHER_HOST).text, thing.ask().text] == ["1", "2", "1"]
    assert thing.ask().fields["Via"] == "1.1 gatehouse" and thing.ask(host=OTHER_HOST).hit


def test_what_is_kept_opens_no_door(thing, configured):
    """A rule that forbids a way forbids what came by it, too."""
    thing.tells(200, FRESH)
    assert thing.texts(2) == ["1", "1"]
    configured("  ports: 8000\n")
    assert thing.ask().status == 403
    configured("")
    assert thing.ask().hit


def test_rules_of_the_configuration(thing, configured):
    plain = thing.at("/plain")
    plain.tells(200, body="x")
    assert not plain.is_kept()
    configured("  cache-rules: {default: 1m, ignore-arguments: [utm_source], by-headers: X-Country, bypass-cookies: no, status: no}\n")
    assert plain.is_kept() and plain.ask().said == ""
    assert plain.times == 3 and plain.is_kept(query="?utm_source=a&b=1") and plain.ask(query="?b=1&utm_source=c").age is not None
    before = plain.times
    plain.ask("X-Country: nl")
    assert plain.times == before + 1
    configured("  cache-rules: no\n")
    assert not thing.at("/plain").is_kept()


def test_without_the_section_nothing_is_kept(thing):
    site = thing.site
    thing.tells(200, FRESH)
    config = "\n".join(line for line in site.config.split("\n") if not line.startswith("  cache:"))
    site.service.reload(config)
    try:
        assert not thing.is_kept() and thing.ask().said == ""
    finally:
        site.service.reload(site.config)


def test_the_name_stands_in_cache_status(thing, configured):
    configured("  name: proxy.home.arpa\n")
    thing.tells(200, FRESH)
    assert thing.ask().said.startswith("proxy.home.arpa; fwd=uri-miss")
    assert thing.ask().fields["Via"] == "1.1 proxy.home.arpa"


def test_verbs_numbers_and_log(thing):
    site = thing.site
    thing.tells(200, FRESH, 'ETag: "1"', body="x" * 1000)
    entered, release = thing.held()
    first = thing.beside()
    assert entered.wait(20)
    assert not release.wait(0.05), "it takes the origin a while"
    release.set()
    first.join()

    def numbers():
        lines = site.service.control("GET", "/metrics")[1].splitlines()
        return {line.split()[0].removeprefix("gatehouse_forward_proxy_cache_"): int(line.split()[1])
                for line in lines if line.startswith("gatehouse_forward_proxy_cache_")}

    before = numbers()
    for _ in range(3):
        assert thing.ask().hit
    after = numbers()
    assert after["hits_total"] == before["hits_total"] + 3 and after["saved_bytes_total"] == before["saved_bytes_total"] + 3000
    assert after["saved_ms_total"] >= before["saved_ms_total"] + 3 * 50
    log = site.service.folder / "state" / "forward-proxy" / "access.log"

    def words():
        lines = log.read_text().split("\n")[:-1] if log.exists() else []  # the last may not be whole
        return [json.loads(line).get("cache") for line in lines]

    wait_for(lambda: words()[-3:] == ["hit"] * 3)

    def gatehouse(*words):
        command = [binary(), "proxy", "cache", *words, "-c", str(site.service.config_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    url = f"http://{HOST}{thing.path}"
    assert " s saved" in gatehouse("show") and url in gatehouse("show", url, "--forward")
    assert "max-age" in gatehouse("why", url)
    assert gatehouse("purge", url).startswith("1 ")
    assert "nothing of" in gatehouse("why", url)


def test_what_cannot_be_is_said(cached_site):
    path = cached_site.folder / "bad.yaml"
    section = "forward-proxy:\n  listen: 127.0.0.1:8080\n"
    for more, said in (("  cache: {memory: 1M, object: 1M}\n", "a quarter of `memory`"),
                       ("  cache-rules: {by-headers: \"a b\"}\n", "is no name"),
                       ("  cache: {memry: 1M}\n", "memory")):
        path.write_text(section + more)
        done = subprocess.run([binary(), "check", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode != 0 and said in done.stdout + done.stderr, done.stdout + done.stderr
