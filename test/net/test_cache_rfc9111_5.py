"""RFC 9111 section 5 against the real proxy: fields and directives. test_cache_rfc9111.py checks that no sentence is
missing."""

import gzip
from pathlib import Path

import pytest

DAY = 86400
FRESH = "Cache-Control: max-age=60"


# ---- 5.1


@pytest.mark.parametrize("lines", [["Age: 50, 999999"], ["Age: 50", "Age: 999999"], ["Age: 50,odd"], ["Age: , 50"]])
def test_of_several_ages_the_first(thing, lines):
    """5.1: "Although it is defined as a singleton header field, a cache encountering a message with a list-based Age field
    value SHOULD use the first member of the field value, discarding subsequent ones."
    """
    thing.tells(200, "Cache-Control: max-age=100", *lines)
    thing.ask()
    got = thing.ask()
    assert got.hit and 50 <= got.age < 70 and got.fields.get_all("Age") == [str(got.age)]
    thing.clock.move(50)
    assert not thing.ask().hit


@pytest.mark.parametrize("line", ["Age: odd", "Age: -50", "Age: 50.5", "Age: ", "Age: 0x10", "Age: odd, 999999", 'Age: "50"'])
def test_an_age_that_is_none_is_ignored(thing, line):
    """5.1: "If the field value (after discarding additional members, as per above) is invalid (e.g., it contains something
    other than a non-negative integer), a cache SHOULD ignore the field."
    """
    thing.tells(200, "Cache-Control: max-age=100", line)
    thing.ask()
    got = thing.ask()
    assert got.hit and got.age < 20


# ---- 5.2


def test_directives_are_passed_on(thing):
    """5.2: "A proxy, whether or not it implements a cache, MUST pass cache directives through in forwarded messages, regardless
    of their significance to that application, since the directives might apply to all recipients along the request/response
    chain."
    """
    asked = ["max-age=5, odd", 'no-transform, x="a, b"', "min-fresh=1, max-stale"]
    told = ['max-age=60, odd=1, private="x-y"', 's-maxage=5, stale-if-error=9, community="UCI"']
    thing.tells(200, *(f"Cache-Control: {value}" for value in told))
    got = thing.ask(*(f"Cache-Control: {value}" for value in asked))
    assert ", ".join(thing.asked[-1].fields.get_all("Cache-Control")) == ", ".join(asked)
    assert ", ".join(got.fields.get_all("Cache-Control")) == ", ".join(told)
    again = thing.ask()
    assert again.hit and ", ".join(again.fields.get_all("Cache-Control")) == ", ".join(told)
    for method in ("POST", "HEAD"):
        thing.ask("Cache-Control: no-cache, odd", method=method)
        assert thing.asked[-1].fields["Cache-Control"] == "no-cache, odd"


# ---- 5.2.1: "advisory; caches MAY implement them". This one does.


def test_max_age_of_the_client(thing):
    """5.2.1.1: "The max-age request directive indicates that the client prefers a response whose age is less than or equal to
    the specified number of seconds. Unless the max-stale request directive is also present, the client does not wish to receive
    a stale response."
    """
    thing.tells(200, "Cache-Control: max-age=600", "Age: 100", 'ETag: "1"')
    assert thing.ask().text == "1"
    assert thing.ask("Cache-Control: max-age=130").text == "1"
    assert thing.ask("Cache-Control: max-age=99").text == "2"
    assert thing.ask("Cache-Control: max-age=0").text == "3"


def test_max_stale_of_the_client(thing):
    """5.2.1.2: "If a value is present, then the client is willing to accept a response that has exceeded its freshness lifetime by
    no more than the specified number of seconds. If no value is assigned to max-stale, then the client will accept a stale
    response of any age."
    """
    thing.tells(200, FRESH, 'ETag: "1"')
    thing.ask()
    thing.clock.move(100)
    assert [thing.ask(f"Cache-Control: {wish}").text for wish in ("max-stale=60", "max-stale", "max-stale=30")] == ["1", "1", "2"]


def test_min_fresh_of_the_client(thing):
    """5.2.1.3: "That is, the client wants a response that will still be fresh for at least the specified number of seconds." """
    thing.tells(200, "Cache-Control: max-age=100", 'ETag: "1"')
    assert [thing.ask(f"Cache-Control: min-fresh={s}").text for s in (0, 60, 80, 101)] == ["1", "1", "1", "2"]


def test_no_cache_of_the_client(thing):
    """5.2.1.4: "The no-cache request directive indicates that the client prefers a stored response not be used to satisfy the
    request without successful validation on the origin server."
    """
    thing.confirms("Cache-Control: max-age=600", then=["X-New: 1"])
    assert thing.ask().text == "1"
    got = thing.ask("Cache-Control: no-cache")
    assert got.text == "1" and got.fields["X-New"] == "1" and thing.times == 2


def is_written(site, text):
    """A file of the service has it."""
    files = [path for path in Path(site.service.folder).rglob("*") if path.is_file()]
    return any(text.encode() in path.read_bytes() for path in files)


def objects(thing):
    status, told = thing.site.service.control("GET", f"/cache?limit=1000&prefix=http://www.home.arpa{thing.path}")
    assert status == 200
    return told["objects"]


def test_no_store_of_the_client(thing):
    """5.2.1.5: "The no-store request directive indicates that a cache MUST NOT store any part of either this request or any
    response to it."
    5.2.1.5: ""MUST NOT store" in this context means that the cache MUST NOT intentionally store the information in non-volatile
    storage and MUST make a best-effort attempt to remove the information from volatile storage as promptly as possible after
    forwarding it."
    """
    secret = "the client's own answer"
    thing.tells(200, FRESH, 'ETag: "1"', body=secret)
    for n in range(1, 3):
        assert thing.ask("Cache-Control: no-store", "X-Own: the client's own wish").text == secret and thing.times == n
    assert not objects(thing) and not is_written(thing.site, "client's own")
    # "if a request containing this directive is satisfied from a cache, ..."
    assert thing.is_kept()
    assert thing.ask("Cache-Control: no-store").text == secret and thing.times == 3
    # What it asks anew is not kept, and what is kept stays for others, as it was.
    thing.clock.move(61)
    thing.tells(200, FRESH, 'ETag: "2"', body="another")
    assert thing.ask("Cache-Control: no-store").text == "another"
    assert [one["etag"] for one in objects(thing)] in ([], ['"1"'])


def test_only_if_cached(thing):
    """5.2.1.7: "Caches that honor this request directive SHOULD, upon receiving it, respond with either a stored response
    consistent with the other constraints of the request or a 504 (Gateway Timeout) status code."
    """
    thing.tells(200, FRESH, 'ETag: "1"', "Vary: X-A")
    only = "Cache-Control: only-if-cached"
    assert thing.ask(only).status == 504 and thing.times == 0
    assert thing.ask().text == "1"
    assert thing.ask(only).text == "1"
    assert thing.ask(only, "X-A: 1").status == 504
    assert thing.ask(f"{only}, max-age=0", method="HEAD").status in (200, 504)
    assert thing.ask(f"{only}, no-cache").status == 504
    thing.clock.move(61)
    assert thing.ask(only).status == 504 and thing.ask(f"{only}, max-stale").text == "1" and thing.times == 1


# ---- 5.2.2


def test_directives_of_answers_are_obeyed(thing):
    """5.2.2: "A cache MUST obey the Cache-Control directives defined in this section."

    Each has its test in these files; here is the end of max-age. 5.2.2.1: "The max-age response directive indicates that the
    response is to be considered stale after its age is greater than the specified number of seconds."
    """
    thing.tells(200, "Cache-Control: max-age=600", 'ETag: "1"')
    assert thing.ask().text == "1"
    thing.clock.move(580)
    assert thing.ask().text == "1"
    thing.clock.move(21)
    assert thing.ask().text == "2"


@pytest.mark.parametrize("trouble", ["dies", "tears", "away"])
def test_must_revalidate_without_an_origin(thing, trouble):
    """5.2.2.2: "The generated status code SHOULD be 504 (Gateway Timeout) unless another error status code is more
    applicable."
    """
    thing.confirms("Cache-Control: max-age=60, must-revalidate")
    thing.ask()
    thing.clock.move(61)
    if trouble == "away":
        thing.site.origin.refuse(True)
    else:
        thing.does(lambda _: None if trouble == "dies" else b"HTTP/1.1 200 O")
    try:
        got = thing.ask()
        assert got.status == 504 and got.text != "1"
    finally:
        thing.site.origin.refuse(False)


def test_must_revalidate_goes_with_authorization(thing):
    """5.2.2.2: "The must-revalidate directive also permits a shared cache to reuse a response to a request containing an
    Authorization header field, subject to the above requirement on revalidation"
    """
    thing.confirms("Cache-Control: max-age=60, must-revalidate", then=["X-New: 1"])
    mine = "Authorization: Basic YTpi"
    assert thing.texts(2, mine) == ["1", "1"] and thing.times == 1
    thing.clock.move(61)
    assert thing.ask(mine).fields["X-New"] == "1" and thing.times == 2


@pytest.mark.parametrize("status, kept", [(200, True), (404, True), (206, False), (299, False), (599, False)])
def test_must_understand(thing, status, kept):
    """5.2.2.3: "When a cache that implements the must-understand directive receives a response that includes it, the cache SHOULD
    ignore the no-store directive if it understands and implements the status code's caching requirements."
    """
    for n, value in enumerate(("must-understand, no-store, max-age=60", "max-age=60, no-store, Must-Understand")):
        of = thing.at(f"/{n}")
        of.tells(status, f"Cache-Control: {value}", *(["Content-Range: bytes 0-0/1"] if status == 206 else []))
        assert of.is_kept() == kept, value


def test_no_store_leaves_nothing(thing):
    """5.2.2.5: ""MUST NOT store" in this context means that the cache MUST NOT intentionally store the information in
    non-volatile storage and MUST make a best-effort attempt to remove the information from volatile storage as promptly as
    possible after forwarding it."
    """
    secret = "the origin's own answer"
    thing.tells(200, "Cache-Control: no-store, max-age=60", 'ETag: "1"', body=secret)
    assert thing.ask("X-Own: origin's own").text == secret and not objects(thing)
    assert not is_written(thing.site, "origin's own")
    # And what was kept before is not what the origin would say now.
    thing.tells(200, FRESH, 'ETag: "1"', body="old")
    thing.ask()
    thing.clock.move(61)
    thing.tells(200, "Cache-Control: no-store", body=secret)
    assert thing.ask().text == secret and not objects(thing)


def test_no_transform(thing):
    """5.2.2.6: "The no-transform response directive indicates that an intermediary (regardless of whether it implements a cache)
    MUST NOT transform the content"
    """
    text, takes = "word " * 2000, "Accept-Encoding: gzip"
    for n, value in enumerate(("max-age=60, no-transform", "NO-TRANSFORM, max-age=60")):
        of = thing.at(f"/{n}")
        of.tells(200, f"Cache-Control: {value}", "Content-Type: text/plain", body=text)
        for _ in range(2):
            got = of.ask(takes)
            assert got.text == text and "Content-Encoding" not in got.fields
    if thing.site.compresses:
        thing.tells(200, FRESH, "Content-Type: text/plain", body=text)
        for _ in range(2):
            got = thing.ask(takes)
            assert got.fields["Content-Encoding"] == "gzip" and gzip.decompress(got.body).decode() == text
        assert thing.ask().text == text and thing.times == 1


@pytest.mark.parametrize("names", ["X-Own", "x-own, X-Other", "X-OTHER,x-own", " X-Own , x-never"])
def test_private_with_names(thing, names):
    """5.2.2.7: "If a qualified private response directive is present, with an argument that lists one or more field names, then
    only the listed header fields are limited to a single user: a shared cache MUST NOT store the listed header fields if they are
    present in the original response but MAY store the remainder of the response message without those header fields"
    """
    thing.tells(200, f'Cache-Control: max-age=60, private="{names}"', "X-Own: 1", "X-Other: 1", "X-Own: 2", "X-Stays: 1")
    first, again = thing.ask(), thing.ask()
    assert first.fields.get_all("X-Own") == ["1", "2"], "he is the user"
    assert again.hit and again.fields["X-Stays"] == "1" and "X-Own" not in again.fields
    assert ("X-Other" in again.fields) == ("other" not in names.lower())


def test_public_allows_a_guess(thing):
    """5.2.2.9: "If a response with the public directive has no explicit freshness information, it is heuristically cacheable" """
    thing.tells(302, "Cache-Control: public", f"Last-Modified: {thing.clock.date(-1000)}", "Location: /a")
    assert thing.is_kept()


def test_s_maxage_stands_before_others(thing):
    """5.2.2.10: "The s-maxage response directive indicates that, for a shared cache, the maximum age specified by this directive
    overrides the maximum age specified by either the max-age directive or the Expires header field."
    5.3: "Likewise, if a response includes the s-maxage directive ..., a shared cache recipient MUST ignore the Expires header
    field."
    """
    for n, (lines, kept) in enumerate(((["s-maxage=60, max-age=0"], True), (["max-age=600", "s-maxage=0"], False),
                                       (["s-maxage=60"], True), (["s-maxage=0"], False))):
        of = thing.at(f"/{n}")
        expires = thing.clock.date(-60 if kept else 600)
        of.tells(200, *(f"Cache-Control: {line}" for line in lines), f"Expires: {expires}", 'ETag: "1"')
        assert of.is_kept() == kept, lines


@pytest.mark.parametrize("value", ["odd", "odd=1", 'odd="max-age=0, no-store"', "no-stored", "maxage=0", "max-age-x=0", "x-no-cache",
                                   "post-check=0, pre-check=0", 'community="UCI"', "immutable", "private-ish", "=,;", '"no-store"'])
def test_what_is_not_known_is_ignored(thing, value):
    """5.2.3: "A cache MUST ignore unrecognized cache directives." """
    for n, line in enumerate((f"max-age=60, {value}", f"{value}, max-age=60")):
        of = thing.at(f"/{n}")
        of.tells(200, f"Cache-Control: {line}")
        assert of.is_kept(), line
        assert of.ask(f"Cache-Control: {value}").hit, line
    thing.tells(200, f"Cache-Control: private, {value}")
    assert not thing.is_kept()


# ---- 5.3


@pytest.mark.parametrize("value", ["0", "-1", "", "now", "never", "Sun, 32 Nov 2033 08:49:37 GMT", "2033-11-06T08:49:37Z", "9999999999",
                                   "Sun, 06 Nov 2033 08:49:37 GMT, Sun, 06 Nov 2034 08:49:37 GMT", "Sun, 06-Nov-2033 08:49:37 GMT"])
def test_what_is_no_date_is_over(thing, value):
    """5.3: "A cache recipient MUST interpret invalid date formats, especially the value "0", as representing a time in the past
    (i.e., "already expired")."
    """
    thing.tells(200, f"Expires: {value}", 'ETag: "1"', f"Last-Modified: {thing.clock.date(-100 * DAY)}")
    assert thing.texts(2) == ["1", "2"]


@pytest.mark.parametrize("seconds", [-1000, 1000])
def test_max_age_stands_before_expires(thing, seconds):
    """5.3: "If a response includes a Cache-Control header field with the max-age directive ..., a recipient MUST ignore the Expires
    header field."
    """
    thing.tells(200, FRESH, f"Expires: {thing.clock.date(seconds)}", 'ETag: "1"')
    assert thing.is_kept()
    thing.clock.move(61)
    assert not thing.ask().hit
    of = thing.at("/nought")
    of.tells(200, "Cache-Control: max-age=0", f"Expires: {thing.clock.date(seconds)}", 'ETag: "1"')
    assert not of.is_kept()


def test_pragma_and_warning_are_nothing_to_a_cache(thing):
    """5.4: "this specification deprecates Pragma", and 5.5: "This specification obsoletes it": none is made."""
    thing.tells(200, FRESH, "Pragma: no-cache", 'ETag: "1"')
    assert thing.is_kept()
    thing.clock.move(70)
    stale = thing.ask("Cache-Control: max-stale")
    assert stale.hit and "Warning" not in stale.fields
