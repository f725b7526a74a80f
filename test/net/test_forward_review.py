"""What runs is judged again by what is in force: tunnels by CONNECT over HTTP/1.1 and HTTP/2, by SOCKS, and associations, after a reload,
another policy, and when hours end. What may go on is not touched."""

import asyncio
import base64
import contextlib
import socket
import time

import pytest

import proxy_h2
from forward_site import CLIENT, PROXY, WEB, Site
from proxy_servers import wait_for
from service import Service
from test_forward_socks import ANN, Association, Echo, EchoDatagrams, ask5, exactly
from test_forward_tunnels import Heard, hello

PORT = "  connect-ports: [443, 7777]\n"


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site(PORT)
        names = ("a.example.com", "b.example.com", "heard.example.com")
        made.names.zone |= {name: [WEB[n]] for n, name in enumerate(names)}
        made.started += [Echo(made.web, WEB[n], 7777) for n in range(2)]
        made.heard = Heard(made.web, WEB[2], 443)
        made.started.append(made.heard)
        yield made
    finally:
        if made:
            made.close()


def reload(site, more="", clients="10.0.0.0/24", without=None):
    config = site.config.replace("clients: [10.0.0.0/24]", f"clients: [{clients}]") + PORT
    site.service.reload(config.replace(without, "") + more if without else config + more)


@pytest.fixture(autouse=True)
def as_before(site):
    yield
    reload(site)


def echoes(made, word=b"word"):
    made.sendall(word)
    return exactly(made, len(word)) == word


def opened(site, target="a.example.com:7777"):
    status, made = site.tunnel(target)
    made.settimeout(10)
    assert status == 200 and echoes(made)
    return made


def is_cut(made, within_s=5):
    """By a reset, or for a program that waits so: without a word from it."""
    made.settimeout(within_s)
    try:
        return made.recv(1) == b""
    except ConnectionResetError:
        return True


def lines(site, cause, detail=None):
    return [one for one in site.log() if one.get("cause") == cause and one.get("detail") == detail]


def test_who_is_no_client_any_more_is_cut(site):
    before, cut = len(lines(site, "rule", "clients")), site.metric("cut_total")
    made = [opened(site), opened(site), ask5(site, WEB[1], 7777)[1]]
    with Association(site) as association:
        reload(site)  # which changes nothing for them
        assert all(echoes(one) for one in made) and site.metric("cut_total") == cut
        reload(site, clients="10.0.0.99")
        # None of them says anything.
        assert all(is_cut(one) for one in [*made, association.connection])
    wait_for(lambda: len(lines(site, "rule", "clients")) == before + 3 and site.metric("cut_total") == cut + 4)
    for one in made:
        one.close()


def test_a_rule_cuts_those_that_it_is_about_and_no_others(site):
    gone, stays = opened(site), opened(site, "b.example.com:7777")
    by_socks, by_address = ask5(site, "a.example.com", 7777)[1], ask5(site, WEB[0], 7777)[1]
    reload(site, "  access: {rules: [{action: deny, to: a.example.com}]}\n")
    assert is_cut(gone) and is_cut(by_socks)
    assert echoes(stays) and echoes(by_address)
    wait_for(lambda: len(lines(site, "rule", "rule 1")) == 2)
    # Addresses are those that the names had.
    reload(site, f"  access: {{rules: [{{action: deny, to: {WEB[1]}}}]}}\n")
    assert is_cut(stays) and echoes(by_address)
    reload(site, f"  access: {{rules: [{{action: allow, to: {WEB[1]}}}], otherwise: deny}}\n")
    assert is_cut(by_address)
    for one in (gone, stays, by_socks, by_address):
        one.close()


def test_ports_and_what_is_spoken_hold_for_what_runs(site):
    made, by_socks = opened(site), ask5(site, WEB[0], 7777)[1]
    assert echoes(by_socks)
    reload(site, without=", 7777")
    assert is_cut(made) and echoes(by_socks)
    wait_for(lambda: lines(site, "port"))
    site.service.reload(site.config.replace("socks: [v5, v4]", "socks: v4") + PORT)
    assert is_cut(by_socks)
    made.close()
    by_socks.close()


def signed_in(site, name):
    with site.client.inside():
        made = socket.create_connection((PROXY, 3128), 10)
    said = base64.b64encode(f"{name}:right".encode()).decode()
    made.sendall(f"CONNECT a.example.com:7777 HTTP/1.1\r\nHost: a.example.com:7777\r\nProxy-Authorization: Basic {said}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += exactly(made, 1)
    assert head.startswith(b"HTTP/1.1 200"), head
    return made


def test_who_is_no_user_any_more_is_cut(site):
    access = f"  access:\n    users: {{ann: '{ANN}', ben: '{ANN}'}}\n    clear-passwords: yes\n    otherwise: sign-in\n"
    reload(site, access)
    ann, ben = signed_in(site, "ann"), signed_in(site, "ben")
    reload(site, access.replace("ben:", "bea:"))
    assert is_cut(ben) and echoes(ann)
    wait_for(lambda: lines(site, "rule", "users"))
    # Nobody signed in: now somebody must.
    reload(site, access + "    rules: [{action: deny, users: [ann]}]\n")
    assert is_cut(ann)
    reload(site)
    nobody = opened(site)
    reload(site, access)
    assert is_cut(nobody)
    for one in (ann, ben, nobody):
        one.close()


def test_a_stream_is_cut_and_its_connection_goes_on(site):
    async def by_http2():
        connection = await proxy_h2.connect(site.client, PROXY, 3129, "proxy.home.arpa")
        for stream, target in ((1, "a.example.com:7777"), (3, "b.example.com:7777")):
            block = connection.encoder.encode([(":method", "CONNECT"), (":authority", target)])
            connection.writer.write(proxy_h2.frame(proxy_h2.HEADERS, proxy_h2.END_HEADERS, stream, block))
            assert await connection.read(lambda c, stream=stream: c.statuses.get(stream) == 200)
        await asyncio.get_running_loop().run_in_executor(None, reload, site, "  access: {rules: [{action: deny, to: a.example.com}]}\n")
        assert await connection.read(lambda c: 1 in c.ended)
        assert 3 not in connection.ended
        connection.close()

    asyncio.run(by_http2())


def test_what_was_asked_for_by_tls_is_judged_again_too(site):
    reload(site, "  access: {rules: [{action: deny, to: y.example.com}]}\n")  # else nobody looks
    before = len(site.heard.all)
    said, silent = (site.tunnel("heard.example.com:443")[1] for _ in range(2))
    said.sendall(hello("x.example.com"))
    wait_for(lambda: site.heard.since(before) == [hello_of(site, before)])
    reload(site, "  access: {rules: [{action: deny, to: x.example.com}]}\n")
    assert is_cut(said)
    wait_for(lambda: lines(site, "sni-rule", "rule 1"))
    # Who has said nothing yet is judged by what is in force when he does.
    silent.sendall(hello("x.example.com"))
    assert is_cut(silent)
    assert len(site.heard.since(before)) == 1
    said.close()
    silent.close()


def hello_of(site, before):
    return next(iter(site.heard.since(before)), None)


def test_what_waited_while_the_rules_changed_is_judged_by_the_new_ones(site):
    site.names.zone["late.example.com"] = [WEB[0]]
    site.names.held |= {("late.example.com", kind) for kind in ("A", "AAAA")}
    with site.client.inside():
        made = socket.create_connection((PROXY, 3128), 10)
    made.sendall(b"CONNECT late.example.com:7777 HTTP/1.1\r\nHost: late.example.com:7777\r\n\r\n")
    wait_for(lambda: len(site.names.waiting) == 2)
    reload(site, "  access: {rules: [{action: deny, to: late.example.com}]}\n")
    site.names.release()
    assert made.recv(100).startswith(b"HTTP/1.1 403")
    made.close()


def test_hours_that_begin_cut_what_runs(site):
    # The next minute but one: what is opened meanwhile is opened before it.
    begin = time.localtime(time.time() + 75)
    end = time.localtime(time.time() + 3600)
    hours = f"{{from: '{begin.tm_hour:02}:{begin.tm_min:02}', to: '{end.tm_hour:02}:{end.tm_min:02}'}}"
    reload(site, f"  access: {{rules: [{{action: deny, to: a.example.com, times: {hours}}}]}}\n")
    made, stays = opened(site), opened(site, "b.example.com:7777")
    assert is_cut(made, 80) and echoes(stays)
    now = time.localtime(time.time())  # without an argument it goes by a coarser clock, which is behind
    assert (now.tm_hour, now.tm_min) == (begin.tm_hour, begin.tm_min) and now.tm_sec <= 3
    made.close()
    stays.close()


POLICY = """global:
  state: %s
policy:
  groups: {site: {clients: {addresses: [%s]}}}
  lists: {blocked: {file: $DIR/blocked.txt}, quiet: {lines: ["never.example.com"]}}
  rules: [{groups: [site], lists: [blocked, quiet]}]
"""


def test_another_policy_cuts_what_it_blocks():
    made = None
    try:
        made = Site("  policy: on\n" + PORT)
        made.names.zone |= {"a.example.com": [WEB[0]], "b.example.com": [WEB[1]]}
        made.started += [Echo(made.web, WEB[n], 7777) for n in range(2)]
        config = POLICY % (made.service.folder / "state", CLIENT)
        policy = Service(made.gateway, "policy", config, {"blocked.txt": "other.example.com\n"}).start()
        with contextlib.closing(opened(made)) as gone, contextlib.closing(opened(made, "b.example.com:7777")) as stays:
            policy.write({"blocked.txt": "a.example.com\n"})
            assert is_cut(gone, 20) and echoes(stays)
            wait_for(lambda: lines(made, "blocked", "blocked"))
        policy.stop()
    finally:
        if made:
            made.close()


def test_another_policy_is_that_of_quotas_too():
    """Whom they are for is known by its groups: what runs counts from then on, and no more when that is over."""
    made = None
    try:
        made = Site("  policy: on\n  quotas: [{name: site, groups: [site], by: group, bytes: 100M, every: day}]\n" + PORT)
        made.names.zone |= {"a.example.com": [WEB[0]]}
        made.started += [Echo(made.web, WEB[0], 7777), EchoDatagrams(made.web, WEB[0], 5300)]
        config = POLICY % (made.service.folder / "state", "%s")
        policy = Service(made.gateway, "policy", config % "10.0.0.99", {"blocked.txt": "other.example.com\n"}).start()

        def used():
            return sum(c["up"] + c["down"] for c in made.service.control("GET", "/quotas")[1]["clients"])

        with contextlib.closing(opened(made)) as tunnel, Association(made) as a:

            def tunnel_counts():
                before = used()
                assert echoes(tunnel)
                return used() - before == 8

            def datagrams_count():
                before = used()
                a.send(WEB[0], 5300, b"datagram")
                assert a.receive()[2] == b"datagram"
                return used() - before == 16

            # Before there was a policy nobody knew of whom it is not.
            for clients, counts in (("10.0.0.99", False), (CLIENT, True), ("10.0.0.99", False)):
                policy.reload(config % clients)
                wait_for(lambda counts=counts: tunnel_counts() == counts)
                wait_for(lambda counts=counts: datagrams_count() == counts)
        policy.stop()
    finally:
        if made:
            made.close()
