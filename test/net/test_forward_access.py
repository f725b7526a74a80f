"""Who may go where through the forward proxy: each attempt of test/data/proxy/inside.txt against the real one, with listeners
inside that nobody may reach; rules by client, user, destination and port; names and passwords, by TLS only.

    client 10.0.0.10 --- 10.0.0.1 gateway 9.0.0.1 --- 9.0.0.10 web
"""

import asyncio
import base64
import pathlib
import selectors
import socket
import threading
import time

import pytest

import proxy_h2
from forward_site import CLIENT, PROXY, WEB, Site, field
from proxy_servers import wait_for

ATTEMPTS = [
    line.rstrip("\n").split("\t")
    for line in (pathlib.Path(__file__).parents[1] / "data/proxy/inside.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
# "right" by SHA-512 crypt.
ANN = "$6$rounds=5000$saltsalt$gzY3OAolfMFSB9Ld7iMdOQlViFqO3IOPeU0zkHsD.58tcMxRAFD0Qjfi2sjus3i.8aqWarEvFPREqzp18Jm291"
USERS = f'users: {{ann: "{ANN}", ben: "{ANN}"}}'


class Trap:
    """Servers inside, on all addresses of a host: who got through to one is written down."""

    def __init__(self, host, ports):
        self.reached, self.selector = [], selectors.DefaultSelector()
        with host.inside():
            for port in ports:
                listening = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
                self.selector.register(listening, selectors.EVENT_READ)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                made, _ = key.fileobj.accept()
                self.reached.append(made.getsockname())
                made.close()


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site()
        made.origin = made.serve()
        made.other = made.serve(WEB[1])
        made.traps = [Trap(made.gateway, [80, 443, 631, 8080]), Trap(made.client, [80, 443, 8080])]
        yield made
    finally:
        if made:
            made.close()


def addresses_of(text):
    return text.replace("@own6", "2a00:9::1").replace("@own", "9.0.0.1").split(",")


def name_of(method, target):
    rest = target.split("://", 1)[-1].split("/", 1)[0]
    return rest.rsplit(":", 1)[0].lower()


def converse(site, method, target):
    """(status, the head) of an attempt as it is written, octet by octet."""
    verb = "CONNECT" if method == "CONNECT" else "GET"
    answer = site.converse(f"{verb} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head = answer.split(b"\r\n\r\n", 1)[0].decode("latin-1")
    return int(head.split()[1]), head


def follow(site, target):
    """A client that is sent there by a server outside."""
    site.origin.pages["/away"] = (302, {"Location": target}, b"")
    told = "%{http_code} %header{proxy-status}"
    words = ["--location", "--noproxy", "", "--output", "/dev/null", "--write-out", told, "http://www.example.com/away"]
    done = site.client.run("curl", "-sS", "--proxy", f"http://{PROXY}:3128", *words)
    status, _, head = done.stdout.partition(" ")
    # 302: curl itself takes it for no host at all, and goes nowhere.
    return 400 if status == "302" else int(status), head


def is_refused(status, head, why):
    if why == "spelling":
        return status in (400, 403, 421, 501)
    if why == "port":
        return status == 403
    # Of two reasons the proxy tells one: that a port is closed, or that the kernel takes the address for its own.
    return status == 403 and any(word in head for word in (f'details="{why}"', 'details="own"', "http_request_denied"))


def test_each_attempt_to_reach_the_inside_is_refused(site):
    assert len(ATTEMPTS) >= 100
    moving, wrong = [], []
    for method, target, answers, why in ATTEMPTS:
        first, *later = answers.split(";")
        if answers != "-":
            site.names.zone[name_of(method, target)] = addresses_of(first)
        if later:
            moving.append((method, target, later, why))
            continue
        status, head = follow(site, target) if method == "REDIRECT" else converse(site, method, target)
        # curl writes a Host for [::1] that is no host, which is 400 (RFC 9112 3.2).
        if not is_refused(status, head, why) and not (method == "REDIRECT" and status == 400):
            wrong.append((method, target, why, head))
    assert not wrong, wrong
    assert not any(trap.reached for trap in site.traps), [trap.reached for trap in site.traps]
    rebind(site, moving)


def rebind(site, moving):
    """Names that are outside when they are judged first, and inside when they are asked for anew."""
    site.names.ttl = 1
    for method, target, _, _ in moving:
        converse(site, method, target)
    for method, target, later, _ in moving:
        site.names.zone[name_of(method, target)] = addresses_of(later[-1])
    for method, target, later, why in moving:
        if addresses_of(later[-1]) == ["8.8.8.8"]:  # the other way round: was refused first
            continue
        wait_for(lambda method=method, target=target, why=why: is_refused(*converse(site, method, target), why))
    site.names.ttl = 60
    assert not any(trap.reached for trap in site.traps), [trap.reached for trap in site.traps]


def test_the_traps_catch_who_gets_through(site):
    """Else the test above says nothing."""
    site.reload("  allow-inside: [10.0.0.10]\n")
    site.converse(b"GET http://10.0.0.10:8080/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    wait_for(lambda: any(at[1] == 8080 for at in site.traps[1].reached))
    site.traps[1].reached.clear()
    site.reload()


def test_our_own_address_behind_a_translator_is_our_own(site):
    """A NAT64 would bring it back to us."""
    for host in ("[64:ff9b::9.0.0.1]", "[64:ff9b::900:1]"):
        status, head = converse(site, "GET", f"http://{host}:8080/")
        assert status == 403 and 'details="own"' in head


# ---- rules


def rules(*lines, more=""):
    return "  access:\n" + more + "    rules:\n" + "".join(f"      - {{{line}}}\n" for line in lines)


def test_the_first_rule_that_fits_decides(site):
    site.names.zone |= {"a.example.org": [WEB[0]], "x.a.example.org": [WEB[0]], "b.example.org": [WEB[0]]}
    site.reload(
        rules(
            "action: allow, to: [x.a.example.org]",
            'action: deny, to: ["*.a.example.org", a.example.org], reason: "not here"',
            "action: deny, from: 10.0.0.99, to: b.example.org",
        )
    )
    assert site.ask("http://x.a.example.org/")[0] == 200
    assert site.ask("http://b.example.org/")[0] == 200
    asked = len(site.names.asked)
    for host in ("a.example.org", "y.a.example.org", "A.Example.ORG."):
        status, fields, text = site.ask(f"http://{host}/")
        assert status == 403 and "http_request_denied" in fields["Proxy-Status"]
        assert "not here" in text
    assert len(site.names.asked) == asked  # nobody is asked for what is refused anyway
    status, made = site.tunnel("a.example.org:443")
    made.close()
    assert status == 403
    wait_for(lambda: any(line.get("cause") == "rule" and line.get("host") == "a.example.org" for line in site.log()))
    site.reload(rules("action: deny, from: 10.0.0.0/24, to: b.example.org"))
    assert site.ask("http://b.example.org/")[0] == 403
    site.reload()


def test_a_rule_about_addresses_holds_for_names(site):
    site.names.zone |= {"one.example.org": [WEB[1]], "mixed.example.org": [WEB[0], WEB[1]]}
    site.reload(rules(f"action: deny, to: {WEB[1]}"))
    assert site.ask("http://www.example.com/")[0] == 200
    for host in ("one.example.org", "mixed.example.org", WEB[1], f"[::ffff:{WEB[1]}]"):
        assert site.ask(f"http://{host}/")[0] == 403
    site.reload(rules(f"action: allow, to: {WEB[1]}", more="    otherwise: deny\n"))
    assert site.ask("http://one.example.org/")[0] == 200
    for host in ("www.example.com", "mixed.example.org"):
        assert site.ask(f"http://{host}/")[0] == 403
    site.reload()


def test_the_page_says_whom_to_ask_in_the_client_s_language(site):
    site.names.zone["no.example.org"] = [WEB[0]]
    rule = 'action: deny, to: no.example.org, reason: "<수업 중>"'
    site.reload('  contact: "Anna & Ben, 123"\n  privacy: strict\n' + rules(rule))
    pages = {}
    for language in ("ko-KR,ko;q=0.9", "en", "de"):
        status, fields, text = site.ask("http://no.example.org/", fields={"Accept-Language": language})
        assert status == 403 and "default-src 'none'" in fields["Content-Security-Policy"]
        pages[language[:2]] = (fields["Content-Language"], text.encode("latin-1").decode("utf-8"))
    for tag, text in pages.values():
        assert "Anna &#38; Ben, 123" in text and "&#60;수업 중&#62;" in text and f'<html lang="{tag}">' in text
    assert pages["ko"][0] == "ko" and "이 프록시의 규칙이" in pages["ko"][1] and "문의" in pages["ko"][1]
    assert pages["en"] == pages["de"] and "Whom to ask" in pages["en"][1]
    # What the core says of its own accord too, behind the edits that make all clients' languages one.
    site.names.zone["dead.example.org"] = ["9.0.0.14"]
    _, _, text = site.ask("http://dead.example.org/", fields={"Accept-Language": "ko"})
    assert "서버에 닿을 수 없었습니다" in text.encode("latin-1").decode("utf-8")
    site.reload()


def test_a_rule_holds_in_its_hours(site):
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    today = time.localtime().tm_wday
    # Neither today nor tomorrow, which may begin meanwhile.
    others = [days[(today + n) % 7] for n in range(2, 6)]
    rule = "action: deny, to: www.example.com, times: {days: [%s]}"
    site.reload(rules(rule % ", ".join(others)))
    assert site.ask("http://www.example.com/")[0] == 200
    site.reload(rules(rule % ", ".join(days)))
    assert site.ask("http://www.example.com/")[0] == 403
    site.reload()


def test_groups_want_a_policy(site):
    site.service.configure(site.config + rules("action: deny, groups: [kids]"))
    assert site.service.control("POST", "/reload")[0] == 409
    assert "`policy: on`" in site.service.log()
    site.reload()


# ---- users


def credentials(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


async def by_tls(site, authorization):
    """(status, fields) of a request by HTTP/2 to the HTTPS proxy."""
    connection = await proxy_h2.connect(site.client, PROXY, 3129, "proxy.home.arpa")
    fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"www.example.com"), (b":path", b"/u")]
    if authorization:
        fields.append((b"proxy-authorization", authorization.encode()))
    connection.send(1, fields)
    assert await connection.read(lambda c: 1 in c.ended)
    connection.close()
    return connection.statuses[1], dict(connection.fields[1])


def test_who_signs_in_is_let_through_by_tls(site):
    site.reload(f"  access:\n    {USERS}\n    realm: the proxy\n    otherwise: sign-in\n")
    ask = lambda authorization: asyncio.run(by_tls(site, authorization))  # noqa: E731
    status, fields = ask(None)
    told = {(k.decode() if isinstance(k, bytes) else k): (v.decode() if isinstance(v, bytes) else v) for k, v in fields.items()}
    assert status == 407 and told["proxy-authenticate"] == 'Basic realm="the proxy", charset="UTF-8"'
    for authorization in (credentials("ann", "wrong"), credentials("nobody", "right"), "Bearer x", "Basic !"):
        assert ask(authorization)[0] == 407
    seen = len(site.origin.seen)
    assert ask(credentials("ann", "right"))[0] == 200
    assert ask(credentials("ann", "right"))[0] == 200  # from what was found right
    assert ask(credentials("ann", "wrong"))[0] == 407
    assert len(site.origin.seen) == seen + 2
    assert all(field(told, "proxy-authorization") == [] for told in site.origin.seen)
    wait_for(lambda: any(line.get("user") == "ann" for line in site.log()))
    site.reload()


def test_no_password_is_taken_in_the_clear(site):
    more = f"  access:\n    {USERS}\n    otherwise: sign-in\n"
    site.reload(more)
    for authorization in (None, credentials("ann", "right")):
        fields = {"Proxy-Authorization": authorization} if authorization else {}
        status, told, text = site.ask("http://www.example.com/", fields=fields)
        assert status == 403 and "Proxy-Authenticate" not in told and "TLS" in text
    site.reload(more + "    clear-passwords: yes\n")
    assert site.ask("http://www.example.com/")[0] == 407
    assert site.ask("http://www.example.com/", fields={"Proxy-Authorization": credentials("ann", "right")})[0] == 200
    done = site.client.run("curl", "-sS", "--fail", "--proxy", f"http://ann:right@{PROXY}:3128", "http://www.example.com/curl")
    assert done.returncode == 0, done.stderr
    site.reload()


def test_a_tunnel_wants_the_password_too(site):
    server = site.serve(WEB[0], 443, site.tls("www.example.com"))
    site.reload(f"  access:\n    {USERS}\n    otherwise: sign-in\n")
    ca = str(site.authority.pem)
    words = ["--proxy-cacert", ca, "--cacert", ca, "--resolve", f"proxy.home.arpa:3129:{PROXY}", "https://www.example.com/t"]

    def curl(who):
        told = ["--write-out", "%{http_connect}"]
        return site.client.run("curl", "-sS", "--proxy", f"https://{who}proxy.home.arpa:3129", *told, *words).stdout

    assert curl("") == "407"
    assert curl("ann:wrong@") == "407"
    told = curl("ann:right@")
    assert '"/t"' in told and told.endswith("200")
    site.reload()
    server.stop()
    site.started.remove(server)


def test_a_rule_asks_who_it_is_only_where_it_matters(site):
    site.names.zone["s.example.org"] = [WEB[0]]
    site.reload(
        rules(
            "action: allow, users: [ann], to: s.example.org",
            "action: deny, to: s.example.org",
            more=f"    {USERS}\n    clear-passwords: yes\n",
        )
    )

    def ask(host, name):
        fields = {"Proxy-Authorization": credentials(name, "right")} if name else {}
        return site.ask(f"http://{host}/", fields=fields)[0]

    assert ask("www.example.com", None) == 200
    assert ask("s.example.org", None) == 407
    assert ask("s.example.org", "ann") == 200
    assert ask("s.example.org", "ben") == 403
    site.reload()


def test_passwords_are_not_guessed_for_long(site):
    """Last of those that sign in: this client has no more tries for a while."""
    site.reload(f"  access:\n    {USERS}\n    otherwise: sign-in\n    clear-passwords: yes\n")

    def ask(password):
        return site.ask("http://www.example.com/", fields={"Proxy-Authorization": credentials("ann", password)})

    assert ask("right")[0] == 200
    told = [ask(f"guess-{n}") for n in range(15)]
    statuses = [status for status, _, _ in told]
    assert statuses == sorted(statuses) and set(statuses) == {407, 429}
    assert told[-1][1]["Retry-After"] == "10"
    assert ask("right")[0] == 200  # what was found right before needs no try
    assert ask("guess-0")[0] == 429
    site.reload()


def test_the_log_names_neither_password_nor_its_record(site):
    text = site.service.log() + "".join(str(line) for line in site.log())
    assert "right" not in text and "saltsalt" not in text
    assert CLIENT in text  # it is the log that was looked at
