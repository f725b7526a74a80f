"""What else a cache has to do against the real proxy: preconditions, parts and dates (RFC 9110), stale answers (RFC 5861), what it
tells (RFC 9211), directives for it alone (RFC 9213)."""

import re
import time

import pytest

from proxy_servers import wait_for

FRESH = "Cache-Control: max-age=60"
LONG = "Cache-Control: max-age=6000"


# ---- RFC 9110 13 and 14: preconditions and parts of what is kept


def test_the_order_of_preconditions(thing):
    """13.2.2: If-None-Match, then If-Modified-Since without it, then Range with If-Range."""
    modified, earlier, later = (f"{thing.clock.date(s)}" for s in (-100, -150, -50))
    thing.tells(200, LONG, 'ETag: "a"', f"Last-Modified: {modified}", f"Date: {thing.clock.date()}", body="0123456789")
    thing.ask()
    part, whole, same = (206, "12"), (200, "0123456789"), (304, "")
    for lines, wanted in (
        ((), part),
        (('If-None-Match: "a"',), same),
        (('If-None-Match: "b"',), part),
        (('If-None-Match: "b"', f"If-Modified-Since: {later}"), part),
        ((f"If-Modified-Since: {later}",), same),
        ((f"If-Modified-Since: {earlier}",), part),
        (('If-None-Match: "a"', 'If-Range: "b"'), same),
        (('If-None-Match: "b"', 'If-Range: "b"'), whole),
        (('If-Range: "a"',), part),
        (('If-Range: W/"a"',), whole),
        (('If-Range: "a", "b"',), whole),
        ((f"If-Range: {modified}",), part),
        ((f"If-Range: {earlier}",), whole),
        ((f"If-Range: {later}",), whole),
        (("If-Range: odd",), whole),
    ):
        got = thing.ask("Range: bytes=1-2", *lines)
        assert (got.status, got.text) == wanted, lines
        got = thing.ask("Range: bytes=1-2", *lines, method="HEAD")
        assert got.status == (304 if wanted == same else 200), "14.2: only for GET"
    assert thing.ask('If-Range: "b"').text == "0123456789" and thing.times == 1


def test_a_weak_tag_is_none_for_if_range(thing):
    """13.1.5: "a client MUST NOT generate an If-Range header field containing an entity tag that is marked as weak", and a date
    counts only where it is a strong validator."""
    now = thing.clock.date()
    thing.tells(200, LONG, 'ETag: W/"a"', f"Last-Modified: {now}", f"Date: {now}", body="0123456789")
    thing.ask()
    for value in ('W/"a"', '"a"', now):
        assert thing.ask("Range: bytes=1-2", f"If-Range: {value}").text == "0123456789", value
    assert thing.ask("Range: bytes=1-2").status == 206 and thing.times == 1


def test_fields_of_a_part(thing):
    """15.3.7: "a sender MUST generate all of the representation header fields that would have been sent in a 200 (OK) response", and
    Content-Length is of the part."""
    thing.tells(200, LONG, 'ETag: "a"', f"Expires: {thing.clock.date(60)}", "Content-Location: /x", "Vary: X-A", "Content-Type: a/b",
                "Content-Language: ko", body="0123456789")
    whole = thing.ask()
    got = thing.ask("Range: bytes=8-20")
    assert (got.status, got.text, got.fields["Content-Length"]) == (206, "89", "2") and got.fields["Content-Range"] == "bytes 8-9/10"
    for name in ("ETag", "Expires", "Content-Location", "Vary", "Content-Type", "Content-Language", "Cache-Control"):
        assert got.fields[name] == whole.fields[name], name
    assert "Date" in got.fields and got.age is not None


def test_several_parts_are_the_whole(thing):
    """14.2: "A server MAY ignore the Range header field": it is for several ranges, which nobody needs from a cache."""
    thing.tells(200, LONG, body="0123456789")
    thing.ask()
    assert thing.ask("Range: bytes=0-1,5-6").text == "0123456789"
    assert thing.ask("Range: bytes=0-1,50-60").text == "01", "one of them lies inside"
    assert thing.ask("Range: bytes=20-,50-60").status == 416


@pytest.mark.parametrize("status", [203, 204, 301, 404, 410])
def test_conditions_and_parts_are_for_200(thing, status):
    """13.2.1: conditions are ignored where without them the answer would be another than 2xx; and no 304 but of a 200 is right."""
    thing.tells(status, LONG, 'ETag: "a"', "Location: /x", body="0123456789")
    text = thing.ask().text
    got = thing.ask('If-None-Match: "a"', "Range: bytes=1-2")
    assert (got.status, got.text) == (status, text) and got.hit


def test_a_part_that_is_not_here_is_the_origins(thing):
    """A request for a part of what is not kept goes as it is, and what comes is passed on."""

    def script(asked):
        assert asked.fields["Range"] == "bytes=1-2" and asked.fields["If-Range"] == '"a"'
        return 206, [LONG, 'ETag: "a"', "Content-Range: bytes 1-2/10"], "12"

    thing.does(script)
    got = thing.ask("Range: bytes=1-2", 'If-Range: "a"')
    assert (got.status, got.text, got.fields["Content-Range"]) == (206, "12", "bytes 1-2/10")


def test_a_date_is_of_when_it_came(thing):
    """6.6.1: "A recipient with a clock that receives a response message without a Date header field MUST record the time it was
    received and append a corresponding Date header field to the message's header section if it is cached or forwarded
    downstream." """
    thing.tells(200, LONG)
    thing.ask()
    first = thing.ask().fields["Date"]
    thing.clock.move(100)
    again = thing.ask()
    assert again.hit and again.fields.get_all("Date") == [first] and again.age >= 100
    moment = time.mktime(time.strptime(first, "%a, %d %b %Y %H:%M:%S GMT")) - time.timezone
    assert abs(moment + 100 - (time.time() + thing.clock.ahead)) < 30


# ---- RFC 5861


SWR = "Cache-Control: max-age=60, stale-while-revalidate=30"


def test_stale_while_revalidate(thing):
    """3: "its presence in an HTTP response indicates that caches MAY serve the response in which it appears after it becomes stale, up
    to the indicated number of seconds ... caches SHOULD attempt to revalidate it while still serving stale responses (i.e., without
    blocking)"."""
    thing.tells(200, SWR, 'ETag: "1"')
    assert thing.ask().text == "1"
    thing.clock.move(70)
    entered, release = thing.held()
    got = thing.ask()
    assert got.hit and got.text == "1" and got.age >= 70 and entered.wait(20)
    for _ in range(3):
        assert thing.ask().text == "1"
    assert thing.times == 2, "it is asked for once"
    assert thing.ask("Cache-Control: only-if-cached, max-age=10").status == 504, "not for who wants something fresh"
    release.set()
    wait_for(lambda: thing.ask().text == "2")
    assert thing.ask().hit and thing.times == 2


def test_stale_while_revalidate_ends(thing):
    thing.tells(200, SWR, 'ETag: "1"')
    assert thing.ask().text == "1"
    thing.clock.move(91)
    got = thing.ask()
    assert got.text == "2" and "fwd=stale" in got.said


def test_a_renewal_asks_as_the_client_did_but_by_our_conditions(thing):
    date = f"Last-Modified: {thing.clock.date(-100)}"
    thing.confirms(SWR, date, "Vary: X-A", "X-Old: 1", etag='"v"', then=["Cache-Control: max-age=600", "X-New: 1"])
    thing.ask("X-A: 1")
    thing.clock.move(70)
    got = thing.ask("X-A: 1", "X-Own: 2", 'If-None-Match: "v"', "Range: bytes=0-0", method="HEAD")
    assert got.status == 304
    wait_for(lambda: "X-New" in thing.ask("X-A: 1").fields)
    asked = thing.asked[-1]
    assert thing.times == 2 and asked.method == "GET" and asked.fields["X-A"] == "1" and asked.fields["X-Own"] == "2"
    assert asked.fields.get_all("If-None-Match") == ['"v"'] and asked.fields["If-Modified-Since"] in date
    assert "Range" not in asked.fields
    got = thing.ask("X-A: 1")
    assert got.hit and got.fields["X-Old"] == "1" and got.text == "1" and got.age < 30


@pytest.mark.parametrize("trouble", ["dies", "503", "no-store", "large", "tears"])
def test_a_renewal_that_brings_nothing(thing, trouble):
    """What is stale stays for its time; what may not be kept any more goes."""
    thing.tells(200, SWR, 'ETag: "1"')
    thing.ask()
    thing.clock.move(70)
    if trouble == "503":
        thing.tells(503)
    elif trouble == "no-store":
        thing.tells(200, "Cache-Control: no-store")
    elif trouble == "large":
        thing.tells(200, SWR, body="x" * (2 << 20))
    else:
        answer = None if trouble == "dies" else b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\n\r\nhalf"
        thing.does(lambda _: answer)
    assert thing.ask().text == "1"
    wait_for(lambda: thing.times >= 2)
    if trouble in ("no-store", "large"):
        wait_for(lambda: thing.ask().text != "1")
    else:
        assert thing.ask().text == "1"
    thing.tells(200, FRESH, body="new")
    thing.clock.move(100)
    assert thing.ask().text == "new"


def test_many_renewals_at_once(thing):
    """More than one worker makes at once: the rest have it the old way."""
    things = [thing.at(f"/{n}") for n in range(300)]
    for of in things:
        of.tells(200, SWR, body="old")
        of.ask()
        of.tells(200, FRESH, body="new")
    thing.clock.move(70)
    assert {of.ask().text for of in things} <= {"old", "new"}
    wait_for(lambda: {of.ask().text for of in things} == {"new"})
    assert all(of.times == 2 for of in things)


def test_stale_if_error(thing):
    """4: "when an error is encountered, a cached stale response MAY be used to satisfy the request", and an error is "any situation that
    would result in a 500, 502, 503, or 504 HTTP response status code being returned"."""
    for n, trouble in enumerate((500, 502, 503, 504, None)):
        of = thing.at(f"/{n}")
        of.tells(200, "Cache-Control: max-age=60, stale-if-error=600", 'ETag: "1"')
        assert of.ask().text == "1"
        thing.clock.move(100)
        if trouble:
            of.tells(trouble)
        else:
            of.does(lambda _: None)
        got = of.ask()
        assert (got.status, got.text) == (200, "1") and got.age >= 100 and of.times >= 2
        assert of.ask("Cache-Control: no-cache").status >= 500
        # What the origin means is no error.
        of.tells(404)
        assert of.ask().status == 404


def test_stale_if_error_ends(thing):
    thing.tells(200, "Cache-Control: max-age=60, stale-if-error=30", 'ETag: "1"')
    thing.ask()
    thing.tells(503)
    thing.clock.move(80)
    assert thing.ask().text == "1"
    thing.clock.move(20)
    assert thing.ask().status == 503


def test_stale_if_error_of_the_client(thing):
    """4: it "can also be used in a request"."""
    thing.tells(200, FRESH, 'ETag: "1"')
    thing.ask()
    thing.clock.move(80)
    thing.tells(503)
    assert thing.ask("Cache-Control: stale-if-error=10").status == 503
    assert thing.ask("Cache-Control: stale-if-error=60").text == "1"


# ---- RFC 9211

MEMBER = re.compile(r"""(?P<name>[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*)
    (?:;\ *(?:hit|stored|collapsed|
              fwd=(?P<fwd>bypass|method|uri-miss|vary-miss|miss|request|stale|partial)|
              fwd-status=(?P<status>[1-5]\d\d)|ttl=-?\d{1,15}|detail=[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*))*""", re.VERBOSE)


def status_of(answer):
    """The parameters of the member of ours, which is the last of the list."""
    member = answer.fields.get_all("Cache-Status")[-1]
    assert MEMBER.fullmatch(member), member
    name, *parameters = [part.strip() for part in member.split(";")]
    assert name == "gatehouse"
    told = dict(part.partition("=")[::2] for part in parameters)
    assert len(told) == len(parameters) and not ("hit" in told and "fwd" in told), "2.2: never both"
    return told


def test_cache_status_of_each_kind(thing):
    """2: what became of the request, in the words of the registry."""
    thing.confirms("Cache-Control: max-age=100", "Vary: X-A")
    told = status_of(thing.ask())
    assert (told["fwd"], told["fwd-status"]) == ("uri-miss", "200") and "stored" in told
    told = status_of(thing.ask())
    assert "hit" in told and 50 <= int(told["ttl"]) <= 100 and not {"stored", "fwd-status"} & set(told)
    assert status_of(thing.ask("X-A: 1"))["fwd"] == "vary-miss"
    thing.clock.move(110)
    told = status_of(thing.ask("Cache-Control: max-stale"))
    assert "hit" in told and -50 < int(told["ttl"]) <= -10, "2.3: negative when it is stale"
    told = status_of(thing.ask())
    assert (told["fwd"], told["fwd-status"]) == ("stale", "304")
    told = status_of(thing.ask("Cache-Control: no-cache"))
    assert (told["fwd"], told["fwd-status"]) == ("request", "304")
    assert status_of(thing.ask(method="POST"))["fwd"] == "method"
    of = thing.at("/not")
    of.tells(200, "Cache-Control: no-store")
    told = status_of(of.ask())
    assert "stored" not in told and told["fwd"] == "uri-miss" and told["detail"] == "no-store"


def test_cache_status_of_others_stays_before_ours(thing):
    """2: "The first member represents the cache closest to the origin server, and the last member represents the cache closest to the
    user"."""
    thing.tells(200, FRESH, "Cache-Status: inner; hit; ttl=5")
    for _ in range(2):
        members = ", ".join(thing.ask().fields.get_all("Cache-Status")).split(", ")
        assert members[0] == "inner; hit; ttl=5" and members[1].startswith("gatehouse;") and len(members) == 2


def test_who_waited_for_another_was_collapsed(thing):
    """2.6: "The collapsed parameter indicates whether this request was collapsed together with one or more other forward requests"."""
    thing.tells(200, FRESH)
    entered, release = thing.held()
    first = thing.beside()
    assert entered.wait(20)
    others = [thing.beside() for _ in range(3)]
    deadline = time.monotonic() + 20
    while thing.site.service.control("GET", "/status")[1]["requests_running"] < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    release.set()
    assert "collapsed" not in status_of(first.join())
    for other in others:
        told = status_of(other.join())
        assert "collapsed" in told and told["fwd"] == "uri-miss" and other.answer.text == "1"
    assert thing.times == 1


def test_who_waited_for_what_is_not_for_him_goes_himself(thing):
    """RFC 9111 4: "if the cache cannot use the returned response for some or all of the collapsed requests, it will need to forward the
    requests in order to satisfy them"."""
    for n, line in enumerate(("Cache-Control: no-store", "Cache-Control: private, max-age=60", "Vary: X-A")):
        of = thing.at(f"/{n}")
        of.tells(200, FRESH, line)
        entered, release = of.held()
        first = of.beside("X-A: 0")
        assert entered.wait(20)
        others = [of.beside(f"X-A: {k}") for k in (1, 2)]
        release.set()
        texts = sorted([first.join().text, *(other.join().text for other in others)])
        assert texts == ["1", "2", "3"] and of.times == 3, line


# ---- RFC 9213


@pytest.mark.parametrize("targeted, other, kept", [
    ("max-age=60", "no-store", True), ("no-store", "max-age=60", False), ("private", "public, max-age=60", False),
    ("max-age=0", "max-age=60", False), ("public, max-age=60", "private", True), ("max-age=60", "max-age=0, no-cache", True),
    ("max-age=60;a=1, odd=tok/en, x=\"a,b\"", "no-store", True), ("no-cache=\"X-Own\", max-age=60", "no-store", True),
    ("", "no-store", False), ("max-age=60, &&&", "no-store", False), ("MAX-AGE=60", "no-store", False),
    ("max-age=\"60\"", "no-store", False), ("max-age=60.0", "no-store", False), ("max-age=60, max-age=0", "max-age=60", False),
])
def test_directives_for_caches_like_this_one(thing, targeted, other, kept):
    """2.2: "the cache MUST select the first (in target-list order) field with a valid, non-empty value and use its value to determine
    the caching policy for the response, and it MUST ignore the Cache-Control and Expires header fields in that response, unless no
    valid, non-empty value is available from the listed header fields"."""
    expires = thing.clock.date(-60 if kept else 60)
    thing.tells(200, f"CDN-Cache-Control: {targeted}", f"Cache-Control: {other}", f"Expires: {expires}", 'ETag: "1"', "X-Own: 1")
    assert thing.is_kept() == kept
    assert thing.ask().fields["Cache-Control"] == other, "for the client's own cache"


def test_a_client_that_stays_gets_all_of_this(thing):
    """Not a byte of one answer is another's: pairs of all kinds on one connection."""
    client = thing.site.connect()
    try:
        thing.tells(200, LONG, 'ETag: "a"', body="0123456789")
        thing.ask(client=client)
        for lines, text in (((), "0123456789"), (('If-None-Match: "a"',), ""), (("Range: bytes=3-4",), "34"), (("Range: bytes=99-",), "")):
            for method in ("GET", "HEAD"):
                assert thing.ask(*lines, method=method, client=client).text == (text if method == "GET" else "")
        assert thing.times == 1
    finally:
        client.close()
