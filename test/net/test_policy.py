"""The policy as it is obeyed: by the resolver on the small internet of test_resolver.py, asked with dig, and by the forward proxy."""

import pytest

import ask
from forward_site import WEB, Site
from proxy_servers import wait_for
from test_forward_socks import NOT_ALLOWED, SUCCEEDED, Association, EchoDatagrams, code5
from service import Service
from test_resolver import RESOLVER_AT, WWW, Internet, at, resolver_config

POLICY = """global:
  state: {state}
policy:
  groups:
    clients: {{clients: {{addresses: [{client}]}}}}
    strangers: {{clients: {{addresses: [198.51.100.0/24]}}}}
  lists:
{lists}
  rules:
    - {{groups: [clients], lists: [blocked], reason: "Ask Alice."}}
    - {{groups: [clients], action: safe-search, engines: [bing]}}
    - {{groups: [strangers], names: ["||*^"]}}
"""
LISTS = """    blocked:
      lines:
        - "||elsewhere.net^"
        - mail.example.com
        - "||n1*.example.com^"
        - "||short.example.com^"
        - "@@||short.example.com^"
"""


def obeyed(service, host, client, lists=LISTS):
    """A policy service beside it, whose folder it reads."""
    config = POLICY.format(state=service.folder / "state", client=client, lists=lists)
    return Service(host, "policy", config).start()


def resolver(net, how="{}", lists=LISTS):
    internet = Internet(net)
    internet.resolve(f"  policy: {how}\n")
    internet.policy = obeyed(internet.resolver, internet.hosts["resolver"], at("client"), lists)
    wait_for(lambda: internet.resolver.control("GET", "/policy")[1]["obeyed"])
    wait_for(lambda: ask.rcode(internet.ask("mail.example.com", "TXT")) == "NXDOMAIN" or how != "{}")
    return internet


def dig(internet, *words):
    return internet.client.run("dig", f"@{RESOLVER_AT}", *words).stdout


def test_the_resolver_blocks_names_and_aliases_of_them(net):
    internet = resolver(net)
    told = dig(internet, "mail.example.com")
    assert "status: NXDOMAIN" in told and "EDE: 15 (Blocked)" in told
    for name in ("www.elsewhere.net", "n17.example.com", "far.example.com"):  # the last is an alias
        for how in ("+notcp", "+tcp", "+tcp"):
            told = dig(internet, how, name)
            assert "status: NXDOMAIN" in told and "EDE: 15 (Blocked)" in told, (name, how)
    # Exact is exact, an exception holds, and all else is as ever.
    assert ask.rcode(internet.ask("x.mail.example.com")) == "NXDOMAIN"
    assert "EDE" not in dig(internet, "x.mail.example.com")
    assert internet.values("short.example.com") == ["192.0.2.2"]
    assert internet.values("www.example.com") == WWW
    # Whose groups have no such rule is answered; the alias was remembered for all.
    other = ask.dns_query(internet.hosts["com1"], RESOLVER_AT, "far.example.com")
    assert ask.values(other) == ["198.51.100.5"]
    assert ask.values(internet.ask("www.bing.com", "CNAME"), "CNAME") == ["strict.bing.com."]
    # What is of mail is not of search.
    assert "strict.bing.com" in dig(internet, "bing.com", "HTTPS") and "strict" not in dig(internet, "bing.com", "MX")
    status, why = internet.resolver.control("GET", f"/policy/why?name=n17.example.com&client={at('client')}")
    assert status == 200 and why["verdict"] == "block" and why["groups"] == ["clients"]
    assert (why["list"], why["line"], why["text"]) == ("blocked", 3, "||n1*.example.com^")
    assert why["reason"] == "Ask Alice." and why["rule"] == 1
    why = internet.resolver.control("GET", "/policy/why?name=x.example&client=198.51.100.9")[1]
    assert (why["list"], why["text"]) == ("rule 3", "||*^")
    shown = internet.resolver.control("GET", "/policy")[1]
    assert shown["groups"] == ["clients", "strangers"]
    wait_for(lambda: internet.resolver.control("GET", "/policy")[1]["lists"][0]["blocked"] >= 11)
    metrics = internet.resolver.control("GET", "/metrics")[1]
    assert 'dns_policy_list_blocked_total{service="resolver",list="blocked"}' in metrics
    aliased = [line for line in metrics.split("\n") if line.startswith("gatehouse_dns_policy_aliased_total")]
    assert int(aliased[0].split()[-1]) == 3


def test_the_resolver_tells_no_address_or_that_of_a_page(net):
    internet = resolver(net, "{answer: zero, ttl: 7s}")
    wait_for(lambda: internet.values("mail.example.com") == ["0.0.0.0"])
    assert internet.values("mail.example.com", "AAAA") == ["::"]
    answer = internet.ask("mail.example.com")
    assert answer.answer[0].ttl == 7
    empty = internet.ask("mail.example.com", "MX")
    assert ask.rcode(empty) == "NOERROR" and not empty.answer
    internet.resolver.reload(resolver_config("  policy: {answer: page, page: 203.0.113.80}\n"))
    wait_for(lambda: internet.values("mail.example.com") == ["203.0.113.80"])
    assert internet.values("mail.example.com", "AAAA") == []
    internet.resolver.reload(resolver_config())  # off, without a restart
    wait_for(lambda: internet.values("mail.example.com") == ["192.0.2.25"])
    assert internet.resolver.control("GET", "/policy")[1] == {"obeyed": False}
    internet.resolver.reload(resolver_config("  policy: {}\n"))  # the sandbox sees into its folder already
    wait_for(lambda: ask.rcode(internet.ask("mail.example.com")) == "NXDOMAIN")
    assert "after a restart" not in internet.resolver.log()


def test_a_policy_is_turned_on_by_a_restart_and_the_log_says_so(net):
    internet = Internet(net)
    internet.resolve()
    internet.resolver.reload(resolver_config("  policy: {}\n"))
    wait_for(lambda: "`policy` of the resolver is obeyed after a restart" in internet.resolver.log())


def test_the_resolver_follows_new_policies_and_pauses_and_keeps_the_last_good_one(net):
    internet = resolver(net)

    def blocked(name):
        return "EDE: 15" in dig(internet, name)

    assert blocked("mail.example.com")
    assert internet.policy.control("POST", "/pause?group=clients&seconds=600")[0] == 200
    wait_for(lambda: not blocked("mail.example.com"))
    assert internet.values("mail.example.com") == ["192.0.2.25"]
    assert internet.policy.control("POST", "/resume?group=clients")[0] == 200
    wait_for(lambda: blocked("mail.example.com"))
    config = (internet.policy.folder / "gatehouse.yaml").read_text()
    internet.policy.reload(config.replace("mail.example.com", "www.example.com"))
    wait_for(lambda: blocked("www.example.com"))
    assert not blocked("mail.example.com")
    # Nobody who makes it is needed, not even after a restart; what is torn is not believed.
    assert internet.policy.stop() == 0
    compiled = internet.resolver.folder / "state" / "policy" / "compiled"
    whole = compiled.read_bytes()
    torn = compiled.with_name("torn")
    torn.write_bytes(whole[:-1])
    torn.chmod(0o644)
    torn.rename(compiled)
    wait_for(lambda: "not good" in internet.resolver.log())
    assert blocked("www.example.com")
    torn.write_bytes(whole)
    torn.chmod(0o644)
    torn.rename(compiled)
    assert internet.resolver.stop() == 0
    internet.resolver.start()
    assert blocked("www.example.com")


@pytest.fixture
def site():
    made = Site("  policy: on\n")
    yield made
    made.close()


def test_the_forward_proxy_refuses_what_is_blocked_and_says_why(site):
    lists = '    blocked: {lines: ["||other.example.com^", "||n1*.example.com^"]}\n'
    policy = obeyed(site.service, site.gateway, "10.0.0.10", lists)
    server, strict = site.serve(), site.serve(WEB[1])
    site.names.zone.update({"n1.example.com": [WEB[0]], "www.bing.com": [WEB[0]], "strict.bing.com": [WEB[1]]})
    wait_for(lambda: site.ask("http://other.example.com/")[0] == 403)
    status, fields, page = site.ask("http://a.other.example.com/")
    assert status == 403 and "Ask Alice." in page and "blocked: blocked" in page
    assert 'error=http_request_denied; details="blocked"' in fields["Proxy-Status"]
    assert not [name for name, _ in site.names.asked if name == "a.other.example.com"]
    status, made = site.tunnel("other.example.com:443")
    made.close()
    assert status == 403
    assert site.ask("http://www.example.com/")[0] == 200
    # The engine is gone to under its safe name, and a connection to it is not taken for one to the other.
    told = site.ask("http://www.bing.com/q")[2]
    assert told["at"] == WEB[1] and ["host", "www.bing.com"] in told["fields"]
    # By SOCKS likewise, datagrams too.
    site.started.append(EchoDatagrams(site.web, WEB[0], 5300))
    site.started.append(EchoDatagrams(site.web, WEB[1], 5300))
    assert code5(site, "other.example.com", 80) == NOT_ALLOWED and code5(site, "www.example.com", 80) == SUCCEEDED
    with Association(site) as a:
        a.send("n1.example.com", 5300, b"blocked")
        a.send("www.bing.com", 5300, b"safe")
        assert a.receive() == (WEB[1], 5300, b"safe")
        a.send("www.example.com", 5300, b"as ever")
        assert a.receive() == (WEB[0], 5300, b"as ever")
    assert policy.control("POST", "/pause?group=clients&seconds=600")[0] == 200
    wait_for(lambda: site.ask("http://www.bing.com/q")[2]["at"] == WEB[0])
    assert site.ask("http://other.example.com/")[0] == 200
    assert policy.control("POST", "/resume?group=clients")[0] == 200
    wait_for(lambda: site.ask("http://other.example.com/")[0] == 403)
    assert site.ask("http://www.bing.com/q")[2]["at"] == WEB[1]
    rule = "  access: {rules: [{action: deny, groups: [%s], to: www.example.com}]}\n"
    site.reload("  policy: on\n" + rule % "clients")
    wait_for(lambda: site.ask("http://www.example.com/")[0] == 403)
    site.reload("  policy: on\n" + rule % "strangers")
    wait_for(lambda: site.ask("http://www.example.com/")[0] == 200)
    # A group that nobody knows is taken for the worse.
    site.reload("  policy: on\n" + rule % "unheard-of")
    wait_for(lambda: site.ask("http://www.example.com/")[0] == 403)
    site.reload("  policy: on\n")
    assert any(line.get("cause") == "blocked" for line in site.log()) or site.metric('refused_total{why="blocked"}') >= 3
    assert server.seen and strict.seen
