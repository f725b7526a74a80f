"""RFC 9111 sections 4 to 4.2 against the real proxy: what is used again, for whom, and how long.
test_cache_rfc9111.py checks that no sentence is missing."""

import pytest

from cache_site import HOST, OTHER_HOST

DAY = 86400
FRESH = "Cache-Control: max-age=60"


# ---- 4


def test_another_address_is_another_thing(thing):
    """4: "When presented with a request, a cache MUST NOT reuse a stored response unless:"
    4: "the presented target URI ... and that of the stored response match"
    """
    thing.tells(200, FRESH)
    assert thing.ask().text == "1"
    for n, options in enumerate(({"query": "?"}, {"query": "?a"}, {"query": "?A"}, {"query": "?a=1&b=2"}, {"query": "?b=2&a=1"},
                                 {"host": OTHER_HOST}), 2):
        assert thing.ask(**options).text == str(n), options
        assert thing.ask(**options).hit
    thing.at("/").tells(200, body="below")
    assert thing.at("/").ask().text == "below" and thing.ask().text == "1"


def test_the_method_decides(thing):
    """4: "the request method associated with the stored response allows it to be used for the presented request"
    4: "A cache MUST write through requests with methods that are unsafe ... to the origin server; i.e., a cache is not
    allowed to generate a reply to such a request before having forwarded the request and having received a corresponding
    response."
    """
    thing.tells(200, FRESH, 'ETag: "1"')
    assert thing.ask(method="HEAD").text == ""
    assert thing.ask().text == "2", "what came for HEAD has no content"
    head = thing.ask(method="HEAD")
    assert head.hit and head.fields["Content-Length"] == "1"
    for n, method in enumerate(("OPTIONS", "POST", "PUT", "DELETE", "PATCH", "BREW"), 3):
        got = thing.ask('If-None-Match: "1"', "Cache-Control: only-if-cached", method=method, body=b"x")
        assert (got.status, got.text) == (200, str(n)) and thing.asked[-1].method == method
        assert thing.asked[-1].fields["If-None-Match"] == '"1"'


def test_no_cache_is_validated(thing):
    """4: "the stored response does not contain the no-cache directive ... unless it is successfully validated"
    4: "the stored response is one of the following:"
    5.2.2.4: "The no-cache response directive, in its unqualified form (without an argument), indicates that the response
    MUST NOT be used to satisfy any other request without forwarding it for validation and receiving a successful response"
    """
    for n, value in enumerate(("no-cache, max-age=60", "max-age=60, NO-CACHE", "no-cache=, max-age=60", "no-cache, s-maxage=60",
                               'no-cache="X-Own", no-cache, max-age=60', "no-cache, max-age=60, stale-while-revalidate=60")):
        of = thing.at(f"/{n}")
        of.confirms(f"Cache-Control: {value}", then=[f"Cache-Control: {value}"])
        assert of.texts(3, "Cache-Control: max-stale") == ["1"] * 3 and of.times == 3, value
        of.does(lambda _: None)
        assert of.ask().status >= 500


@pytest.mark.parametrize("value", ['no-cache="X-Own, x-other"', 'no-cache="X-Own", no-cache="x-other"'])
def test_no_cache_with_names_keeps_the_rest(thing, value):
    """Of 5.2.2.4: the fields are left out, or all is validated."""
    thing.tells(200, FRESH, f"Cache-Control: {value}", "X-Own: 1", "X-Other: 1", "X-Stays: 1", 'ETag: "1"')
    thing.ask()
    got = thing.ask()
    assert got.fields["X-Stays"] == "1"
    assert thing.times == 2 or ("X-Own" not in got.fields and "X-Other" not in got.fields)


def test_age_is_told(thing):
    """4: "When a stored response is used to satisfy a request without validation, a cache MUST generate an Age header
    field ..., replacing any present in the response with a value equal to the stored response's current_age"
    """
    thing.tells(200, "Cache-Control: max-age=600", "Age: 100", 'ETag: "1"')
    assert thing.ask().age == 100, "of another cache"
    for moved in (0, 7, 30):
        thing.clock.move(moved)
        for options in ({}, {"method": "HEAD"}):
            got = thing.ask(**options)
            assert got.hit and got.fields.get_all("Age") == [str(got.age)]
        conditional = thing.ask('If-None-Match: "1"')
        assert conditional.status == 304 and got.age <= conditional.age <= got.age + 9
    assert 137 <= got.age < 160 and thing.times == 1


@pytest.mark.parametrize("first, second, used", [(-100, -1, "2"), (-1, -100, "1")])
def test_of_two_the_most_recent(thing, first, second, used):
    """4: "When more than one suitable response is stored, a cache MUST use the most recent one (as determined by the Date
    header field)."
    """
    thing.tells(200, "Cache-Control: max-age=600", "Vary: X-A", f"Date: {thing.clock.date(first)}")
    assert thing.ask("X-A: 1", "X-B: 2").text == "1"
    thing.tells(200, "Cache-Control: max-age=600", "Vary: X-B", f"Date: {thing.clock.date(second)}")
    assert thing.ask("X-A: 2", "X-B: 1").text == "2"
    assert thing.ask("X-A: 1", "X-B: 1").text == used and thing.times == 2


# ---- 4.1


def test_vary_parts_what_is_kept(thing):
    """4.1: "When a cache receives a request that can be satisfied by a stored response and that stored response contains a
    Vary header field ..., the cache MUST NOT use that stored response without revalidation unless all the presented request
    header fields nominated by that Vary field value match those fields in the original request"
    """
    thing.tells(200, FRESH, "Vary: X-A, x-b", "Vary: Accept-Language")
    asked = (("X-A: 1",), ("X-A: 2",), ("X-A: 1", "X-B: 1"), (), ("X-A: ",), ("X-A: 1", "Accept-Language: de"), ("X-A: 1, 1",),
             ("X-A: A",), ("X-A: a",))
    for _ in range(2):
        for n, fields in enumerate(asked, 1):
            assert thing.ask(*fields, "X-Other: whatever").text == str(n), fields
    assert thing.times == len(asked)


@pytest.mark.parametrize("name, first, second", [
    ("X-A", ["1,2"], ["1 , 2"]),
    ("X-A", ["1, 2"], ["1", "2"]),
    ("X-A", [" 1"], ["1  "]),
    ("Accept-Encoding", ["gzip, br"], ["br,GZIP"]),
    ("Accept-Encoding", ["gzip;q=1"], ["gzip; q=1"]),
    ("accept-LANGUAGE", ["de, en;q=0.5"], ["de,en;q=0.5"]),
])
def test_fields_that_mean_the_same_match(thing, name, first, second):
    """4.1: "adding or removing whitespace, where allowed in the header field's syntax"
    4.1: "combining multiple header field lines with the same field name"
    4.1: "normalizing both header field values in a way that is known to have identical semantics"
    """
    thing.tells(200, FRESH, f"Vary: {name}")
    assert thing.ask(*(f"{name}: {value}" for value in first)).text == "1"
    assert thing.ask(*(f"{name}: {value}" for value in second)).text == "1" and thing.times == 1


@pytest.mark.parametrize("vary", ["*", "X-A, *", "*, X-A", " * "])
def test_vary_by_everything_never_matches(thing, vary):
    """4.1: "A stored response with a Vary header field value containing a member "*" always fails to match." """
    thing.tells(200, FRESH, f"Vary: {vary}", 'ETag: "1"')
    assert thing.texts(2, "X-A: 1") == ["1", "2"]


def test_an_answer_without_vary_does_not_hide_others(thing):
    """4.1: "When a cache has multiple stored responses for a target URI and one or more omits the Vary header field, the
    cache SHOULD choose the most recent ... stored response with a valid Vary field value."
    """
    thing.tells(200, "Cache-Control: max-age=600", "Vary: Accept-Language", f"Date: {thing.clock.date(-50)}")
    assert thing.ask("Accept-Language: de").text == "1"
    thing.tells(200, "Cache-Control: max-age=600", f"Date: {thing.clock.date()}")
    assert thing.ask().text == "2"
    assert thing.ask("Accept-Language: de").text == "1" and thing.times == 2


# ---- 4.2


@pytest.mark.parametrize("change", [str.lower, str.upper, str.swapcase])
def test_dates_in_any_case(thing, change):
    """4.2: "Although all date formats are specified to be case-sensitive, a cache recipient SHOULD match the field value
    case-insensitively."
    """
    thing.tells(200, f"Expires: {change(thing.clock.date(60))}", f"Date: {change(thing.clock.date())}")
    assert thing.is_kept()
    thing.clock.move(61)
    assert thing.ask().text == "2"


def test_the_end_is_no_later_than_the_second_that_is_named(thing):
    """4.2: "If a cache recipient's internal implementation of time has less resolution than the value of an HTTP-date, the
    recipient MUST internally represent a parsed Expires date as the nearest time equal to or earlier than the received
    value."

    Ours has the same, a second. "The calculation to determine if a response is fresh is: response_is_fresh =
    (freshness_lifetime > current_age)".
    """
    date = thing.clock.date()
    thing.tells(200, f"Date: {date}", f"Expires: {thing.clock.date(1000)}", 'ETag: "1"')
    thing.ask()
    thing.clock.move(960)
    assert thing.ask().text == "1"
    thing.clock.move(40)
    assert thing.ask().text == "2"


@pytest.mark.parametrize("zone", ["EST", "UTC", "+0000", "KST", "GMT+9", "Z", "", "PST8PDT"])
def test_dates_of_other_zones_are_none(thing, zone):
    """4.2: "A cache recipient SHOULD consider a date with a zone abbreviation other than "GMT" to be invalid for
    calculating expiration."
    """
    thing.tells(200, f"Expires: {thing.clock.date(DAY).replace('GMT', zone).strip()}", 'ETag: "1"')
    assert thing.texts(2) == ["1", "2"]


@pytest.mark.parametrize("seconds, kept", [(60, True), (-60, False), (-9 * 3600, False), (9 * 3600, True)])
def test_the_zone_of_the_machine_does_not_count(thing, seconds, kept):
    """4.2: "A cache recipient MUST NOT allow local time zones to influence the calculation or comparison of an age or
    expiration time."

    The proxy runs in Korea's.
    """
    thing.tells(200, f"Expires: {thing.clock.date(seconds)}", f"Date: {thing.clock.date()}", 'ETag: "1"')
    assert thing.is_kept() == kept
    if kept:
        assert thing.ask().age < 30


def test_the_first_lifetime_counts(thing):
    """4.2.1, which has no such word but "use the first match", and for what comes twice "either the first occurrence should
    be used or the response should be considered stale"."""
    early, late = thing.clock.date(-60), thing.clock.date(600)
    for n, (fields, seconds) in enumerate((
        (["Cache-Control: s-maxage=100, max-age=1000"], 100), (["Cache-Control: max-age=1000, s-maxage=100"], 100),
        (["Cache-Control: max-age=100", f"Expires: {late}"], 100), (["Cache-Control: max-age=100", f"Expires: {early}"], 100),
        (["Cache-Control: max-age=100, max-age=1000"], 100), ([f"Expires: {early}", f"Expires: {late}"], 0),
        (["Cache-Control: max-age=0", "Cache-Control: max-age=1000"], 0), (["Cache-Control: max-age=x, max-age=100"], 0),
        (["Cache-Control: max-age=10.5"], 0), (["Cache-Control: max-age=-5"], 0), (["Cache-Control: max-age="], 0),
        (["Cache-Control: max-age"], 0), (['Cache-Control: max-age="100"'], 100), (["Cache-Control: MAX-age=100"], 100),
        (["Cache-Control:max-age=100 , odd"], 100), (["Cache-Control: ,, max-age=100 ,"], 100),
    )):
        of = thing.at(f"/{n}")
        of.tells(200, *fields, 'ETag: "1"')
        assert of.is_kept() == (seconds > 0), fields
        if seconds:
            thing.clock.move(seconds - 20)
            assert of.ask().hit, fields
            thing.clock.move(21)
            assert not of.ask().hit, fields


@pytest.mark.parametrize("explicit", [["Cache-Control: max-age=0"], ["Expires: 0"], ["Cache-Control: s-maxage=0"],
                                      ["Expires: Thu, 01 Jan 1970 00:00:00 GMT"], ["Cache-Control: max-age=0, public"],
                                      ["Cache-Control: max-age=odd"]])
def test_no_guess_where_the_answer_says_it(thing, explicit):
    """4.2.2: "A cache MUST NOT use heuristics to determine freshness when an explicit expiration time is present in the
    stored response."
    """
    old = f"Last-Modified: {thing.clock.date(-100 * DAY)}"
    thing.tells(200, old, 'ETag: "1"', *explicit)
    assert thing.texts(2) == ["1", "2"]


def test_a_guess_is_a_tenth_of_the_age(thing):
    """4.2.2 goes on: "caches are encouraged to use a heuristic expiration value that is no more than some fraction of the
    interval since that time. A typical setting of this fraction might be 10%"."""
    thing.tells(200, f"Last-Modified: {thing.clock.date(-1000)}", f"Date: {thing.clock.date()}")
    assert thing.is_kept()
    thing.clock.move(80)
    assert thing.ask().hit
    thing.clock.move(21)
    assert not thing.ask().hit
    of = thing.at("/old")
    of.tells(200, f"Last-Modified: {thing.clock.date(-1000 * DAY)}")
    assert of.is_kept(query="?x")
    thing.clock.move(DAY + 1)
    assert not of.ask(query="?x").hit, "ours: a day at most"


# ---- 4.2.3


def test_age_counts_from_the_request(thing):
    """4.2.3: "A cache MUST interpret this value relative to the time the request was initiated, not the time that the
    response was received."
    """
    thing.tells(200, "Cache-Control: max-age=600", "Age: 10")
    entered, release = thing.held()
    waiting = thing.beside()
    assert entered.wait(20)
    thing.clock.move(100)
    release.set()
    waiting.join()
    got = thing.ask()
    assert got.hit and 110 <= got.age < 130


@pytest.mark.parametrize("fields, least", [(("Age: 50",), 50), (("Date: -70",), 70), (("Age: 50", "Date: -70"), 70),
                                           (("Age: 90", "Date: -70"), 90), (("Date: 70",), 0), ((), 0)])
def test_age_is_the_greater_of_two(thing, fields, least):
    """4.2.3: "corrected_initial_age = max(apparent_age, corrected_age_value);" """
    lines = [line if line[0] == "A" else f"Date: {thing.clock.date(int(line[6:]))}" for line in fields]
    thing.tells(200, "Cache-Control: max-age=600", *lines)
    thing.ask()
    thing.clock.move(5)
    got = thing.ask()
    assert got.hit and least + 5 <= got.age < least + 25


def test_a_304_sets_the_clock_anew(thing):
    """4.2.3: "The current_age of a stored response can then be calculated by adding the time (in seconds) since the stored
    response was last validated by the origin server to the corrected_initial_age."
    """
    for n, (lines, least) in enumerate((((), 0), (("Age: 40",), 40), (("Date: 0",), 0), (("Date: -30",), 30))):
        of = thing.at(f"/{n}")
        of.confirms("Cache-Control: max-age=100", f"Date: {thing.clock.date()}", "Age: 1")
        of.ask()
        thing.clock.move(200)
        then = [line if line[0] == "A" else f"Date: {thing.clock.date(int(line[6:]))}" for line in lines]
        of.confirms(then=then, etag='"1"')
        assert of.ask().text == "1" and of.times == 2
        thing.clock.move(5)
        got = of.ask()
        assert got.hit and least + 5 <= got.age < least + 25, lines


def test_a_clock_that_goes_back_makes_nothing_young_again(thing):
    """Ages are never less than nothing: 4.2.3, "If the result is negative, the result is replaced by zero"."""
    thing.tells(200, FRESH, f"Date: {thing.clock.date(1000)}")
    thing.ask()
    thing.clock.move(-500)
    try:
        got = thing.ask()
        assert got.hit and got.age < 30
    finally:
        thing.clock.move(500)
    thing.clock.move(61)
    assert not thing.ask().hit


# ---- 4.2.4


@pytest.mark.parametrize("value", ["max-age=60, must-revalidate", "max-age=60, proxy-revalidate", "s-maxage=60",
                                   "max-age=60, no-cache"])
@pytest.mark.parametrize("trouble", ["dies", "503", "well"])
def test_nothing_stale_where_the_answer_forbids_it(thing, value, trouble):
    """4.2.4: "A cache MUST NOT generate a stale response if it is prohibited by an explicit in-protocol directive (e.g., by a
    no-cache response directive, a must-revalidate response directive, or an applicable s-maxage or proxy-revalidate response
    directive"
    5.2.2.2: "The must-revalidate response directive indicates that once the response has become stale, a cache MUST NOT
    reuse that response to satisfy another request until it has been successfully validated by the origin"
    5.2.2.2: "In all circumstances, a cache MUST NOT ignore the must-revalidate directive; in particular, if a cache is
    disconnected, the cache MUST generate an error response rather than reuse the stale response."
    5.2.2.8: "The proxy-revalidate response directive indicates that once the response has become stale, a shared cache MUST
    NOT reuse that response to satisfy another request until it has been successfully validated by the origin"
    5.2.2.10: "A shared cache MUST NOT reuse a stale response with s-maxage to satisfy another request until it has been
    successfully validated by the origin"
    """
    for host in filter(None, (HOST, thing.site.calm)):  # with rules that allow it as well, where there are such
        forbidden_stale(thing.at(f"/{host}"), value, trouble, host)


def forbidden_stale(thing, value, trouble, host):
    thing.confirms(f"Cache-Control: {value}")
    assert thing.ask(host=host).text == "1"
    thing.clock.move(61)
    if trouble == "dies":
        thing.does(lambda _: None)
    elif trouble == "503":
        thing.tells(503)
    for wish in ((), ("Cache-Control: max-stale",), ("Cache-Control: max-stale=999, stale-if-error=999",)):
        before = thing.times
        got = thing.ask(*wish, host=host)
        if trouble == "well":
            assert got.text == "1" and (thing.times > before or wish)
        else:
            assert got.status in (502, 503, 504) and got.text != "1" and thing.times > before


@pytest.mark.parametrize("trouble", ["dies", "503", "well"])
def test_nothing_stale_unless_somebody_allows_it(thing, trouble):
    """4.2.4: "A cache MUST NOT generate a stale response unless it is disconnected or doing so is explicitly permitted by the
    client or origin server (e.g., by the max-stale request directive ..., extension directives such as those defined in
    [RFC5861], or configuration in accordance with an out-of-band contract)."

    This one does not do so when it is disconnected either, unless the route is told to.
    """
    thing.tells(200, FRESH, 'ETag: "1"')
    assert thing.texts(2) == ["1", "1"]
    thing.tells(200, FRESH, 'ETag: "1"')
    if thing.site.calm:
        assert thing.ask(host=thing.site.calm).text == "2"
    thing.clock.move(70)
    if trouble == "dies":
        thing.does(lambda _: None)
    elif trouble == "503":
        thing.tells(503)
    stale = thing.ask("Cache-Control: max-stale=30")
    assert stale.hit and stale.text == "1" and stale.age >= 70
    assert not thing.ask("Cache-Control: max-stale=5").hit
    if trouble != "well":
        assert thing.ask("Cache-Control: max-stale").text == "1"
        assert thing.ask().status >= 500
        if thing.site.calm:
            assert thing.ask(host=thing.site.calm).text == "2", "by the route's stale-if-error"
