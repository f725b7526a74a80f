"""What servers learn of a client of the forward proxy, at each level of privacy: each row of the manual's table, asked of a
server, and what only a site itself may learn.

    client 10.0.0.10 --- 10.0.0.1 gateway 9.0.0.1 --- 9.0.0.10 web
"""

import pathlib

import pytest

from forward_site import CLIENT, Site, field
from proxy_servers import wait_for

MANUAL = pathlib.Path(__file__).parents[2] / "doc/man/gatehouse-forward-proxy.1.scd"
LEVELS = ["none", "proxy", "anonymous", "strict"]
RULES = ("passed", "added", "dropped", "own site", "fixed")


def table():
    """[(field, of an answer, {level: rule})] as the manual has it."""
    rows, of_answer = [], False
    text = MANUAL.read_text("utf-8").split("# PRIVACY", 1)[1].split("```")[1]
    for line in text.splitlines():
        words = line.replace("own site", "own-site").split()
        of_answer = of_answer or line == "of answers:"
        if len(words) == 5:
            rows.append((words[0], of_answer, dict(zip(LEVELS, words[1:]))))
    return rows


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


def at(site, level):
    site.reload(f"  privacy: {level}\n")
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)


# Each row's field with a value of its own; those that the exchange itself needs have one that it understands.
VALUES = {"if-none-match": '"e"', "forwarded": "for=192.0.2.9", "x-forwarded-for": "192.0.2.9", "via": "1.1 before", "referer": "http://elsewhere.example/"}


def value_of(name):
    return VALUES.get(name, f"v-{name}")


def is_right(rule, sent, got):
    return {
        "passed": got == [sent],
        "added": ", ".join(got).startswith(sent + ", ") and len(", ".join(got)) > len(sent) + 2,
        "dropped": got == [],
        "own-site": got == [],
        "fixed": len(got) == 1 and got != [sent],
    }[rule]


@pytest.mark.parametrize("level", LEVELS)
def test_each_row_of_the_table_is_what_a_server_sees(site, level):
    at(site, level)
    rows = [(name.replace("*", "x"), rules[level]) for name, of_answer, rules in table() if not of_answer]
    assert len(rows) > 30
    _, _, told = site.ask("http://www.example.com/seen", fields={name: value_of(name) for name, _ in rows})
    wrong = [(name, rule, field(told, name)) for name, rule in rows if not is_right(rule, value_of(name), field(told, name))]
    assert not wrong


@pytest.mark.parametrize("level", LEVELS)
def test_each_row_of_answers_is_what_a_client_sees(site, level):
    at(site, level)
    rows = [(name, rules[level]) for name, of_answer, rules in table() if of_answer]
    assert rows
    site.origin.pages["/answer"] = (200, {name: value_of(name) for name, _ in rows}, b"")
    _, fields, _ = site.ask("http://www.example.com/answer")
    wrong = [(name, rule, fields.get_all(name)) for name, rule in rows if not is_right(rule, value_of(name), fields.get_all(name) or [])]
    assert not wrong


def test_who_the_client_is_is_told_by_one_level_alone(site):
    for level in LEVELS:
        at(site, level)
        _, _, told = site.ask("http://www.example.com/who")
        assert (CLIENT in str(told["fields"])) == (level == "none")
        assert (field(told, "via") != []) == (level in ("none", "proxy"))
    at(site, "none")
    _, _, told = site.ask("http://www.example.com/who", fields={"X-Forwarded-For": "192.0.2.9"})
    assert field(told, "x-forwarded-for") == [f"192.0.2.9, {CLIENT}"]
    assert field(told, "forwarded") == [f"for={CLIENT}"]


def test_a_referrer_stays_on_its_site(site):
    site.names.zone["img.www.example.com"] = site.names.zone["www.example.com"]
    at(site, "anonymous")

    def sent(referer, host):
        return field(site.ask(f"http://{host}/r", fields={"Referer": referer})[2], "referer")

    assert sent("http://www.example.com/a?b", "www.example.com") == ["http://www.example.com/a?b"]
    assert sent("http://www.example.com/a", "img.www.example.com") == ["http://www.example.com/a"]
    assert sent("http://other.example.com/a", "www.example.com") == []
    assert sent("http://x@www.example.com/a", "www.example.com") == []


def test_all_clients_look_alike(site):
    site.reload('  privacy: {level: strict, user-agent: "Everybody/1", accept-language: ko}\n')
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    seen = []
    for agent in ({"User-Agent": "curl/8", "Accept-Language": "de", "DNT": "1"}, {"Sec-CH-UA": '"x"'}, {}):
        _, _, told = site.ask("http://www.example.com/alike", fields=agent)
        seen.append(sorted(told["fields"]))
    assert seen[0] == seen[1] == seen[2]
    assert ["user-agent", "Everybody/1"] in seen[0] and ["accept-language", "ko"] in seen[0]
    site.reload()
