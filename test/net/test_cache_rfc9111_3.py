"""RFC 9111 sections 1 and 3 against the real proxy: what may be stored, and how. test_cache_rfc9111.py checks that no
sentence is missing."""

import pytest

DAY = 86400


def test_numbers_too_large_are_large(thing):
    """1.2.2: "If a cache receives a delta-seconds value greater than the greatest integer it can represent, or if any
    of its subsequent calculations overflows, the cache MUST consider the value to be 2147483648 (2^31) or the greatest
    positive integer it can conveniently represent."
    """
    for n, most in enumerate(("2147483648", "4294967297", "18446744073709551617", "9" * 60)):
        of = thing.at(f"/{n}")
        of.tells(200, f"Cache-Control: max-age={most}")
        of.ask()
        thing.clock.move(30 * DAY)
        got = of.ask()
        assert got.hit and got.text == "1" and got.age >= 30 * DAY
        of = thing.at(f"/age{n}")
        of.tells(200, "Cache-Control: max-age=2147483648", f"Age: {most}")
        assert of.texts(2) == ["1", "2"], "an age without end is older than any lifetime"


# ---- 3


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "OPTIONS", "BREW"])
def test_only_methods_that_are_understood(thing, method):
    """3: "A cache MUST NOT store a response to a request unless:"
    3: "the request method is understood by the cache;"
    """
    thing.tells(200, "Cache-Control: public, max-age=60", "Content-Location: /elsewhere")
    assert thing.texts(2, method=method, body=b"x") == ["1", "2"]
    assert thing.ask().text == "3"


def test_only_final_answers(thing):
    """3: "the response status code is final" """
    thing.does(lambda _: b"HTTP/1.1 103 Early Hints\r\nCache-Control: max-age=60\r\nLink: </a>\r\n\r\n"
               b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 1\r\n\r\n%d" % thing.times)
    assert thing.texts(2) == ["1", "2"]


@pytest.mark.parametrize("status", [206, 299, 304, 305, 418, 499, 599])
def test_only_statuses_that_are_understood(thing, status):
    """3: "if the response status code is 206 or 304, or the must-understand cache directive ... is present: the cache
    understands the response status code;"
    """
    fields = ["Cache-Control: max-age=60" + ("" if status in (206, 304) else ", must-understand")]
    if status == 206:
        fields.append("Content-Range: bytes 0-0/1")
    thing.tells(status, *fields, 'ETag: "1"')
    for _ in range(2):
        assert thing.ask('If-None-Match: "1"', "Range: bytes=0-0").status == status
    assert thing.times == 2
    thing.tells(200)
    assert thing.ask().text == "3"


def test_statuses_that_are_understood_are_kept(thing):
    """What the tests above would also pass without a cache."""
    for status in (200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 403, 404, 405, 410, 414, 500, 501, 502, 503, 504):
        of = thing.at(f"/{status}")
        of.tells(status, "Cache-Control: max-age=60, must-understand, no-store", "Location: /a", body="x")
        assert of.is_kept(), status


@pytest.mark.parametrize("fields, kept", [
    (["Cache-Control: no-store"], False),
    (["Cache-Control: NO-Store"], False),
    (["Cache-Control: max-age=60,no-store"], False),
    (["Cache-Control: no-store=never"], False),
    (["Cache-Control: max-age=60", "Cache-Control: no-store"], False),
    (['Cache-Control: a="no-store", max-age=60'], True),
    (['Cache-Control: a="b,no-store", max-age=60'], True),
])
def test_no_store_of_the_answer(thing, fields, kept):
    """3: "the no-store cache directive is not present in the response"
    5.2.2.5: "The no-store response directive indicates that a cache MUST NOT store any part of either the immediate
    request or the response and MUST NOT use the response to satisfy any other request."
    """
    thing.tells(200, *fields, f"Expires: {thing.clock.date(60)}", f"Last-Modified: {thing.clock.date(-DAY)}", 'ETag: "1"')
    assert thing.is_kept() == kept


@pytest.mark.parametrize("value, kept", [
    ("private", False), ("PRIVATE", False), ("private, s-maxage=60", False), ("public, private", False),
    ("private=", False), ('private=""', False), ('private="X-Own", private', False),
    ('private="X-Own"', True),
])
def test_private_answers(thing, value, kept):
    """3: "if the cache is shared: the private response directive is either not present or allows a shared cache to
    store a modified response;"
    5.2.2.7: "The unqualified private response directive indicates that a shared cache MUST NOT store the response
    (i.e., the response is intended for a single user)."
    """
    thing.tells(200, f"Cache-Control: max-age=60, {value}", 'ETag: "1"')
    assert thing.is_kept() == kept


@pytest.mark.parametrize("value, kept", [
    ("max-age=60", False), ("max-age=60, proxy-revalidate", False), ("max-age=60, immutable", False),
    ("max-age=60, public", True), ("max-age=60, must-revalidate", True), ("s-maxage=60", True),
])
def test_answers_to_who_proves_himself(thing, value, kept):
    """3: "if the cache is shared: the Authorization header field is not present in the request ... or a response
    directive is present that explicitly allows shared caching"
    """
    thing.tells(200, f"Cache-Control: {value}", 'ETag: "1"')
    assert thing.texts(2, "Authorization: Basic YTpi") == (["1", "1"] if kept else ["1", "2"])
    thing.tells(200, f"Cache-Control: {value}", 'ETag: "1"')
    assert thing.ask().text == ("1" if kept else "3")


def test_answers_need_a_mark(thing):
    """3: "the response contains at least one of the following:"
    3: "a public response directive"
    3: "an Expires header field"
    3: "a max-age response directive"
    3: "if the cache is shared: an s-maxage response directive"
    3: "a status code that is defined as heuristically cacheable"
    """
    old, later = f"Last-Modified: {thing.clock.date(-100 * DAY)}", f"Expires: {thing.clock.date(60)}"
    marks = {"public": ["Cache-Control: public", old], "expires": [later], "max-age": ["Cache-Control: max-age=60"],
             "s-maxage": ["Cache-Control: s-maxage=60"]}
    for status in (302, 303, 307, 400, 403, 500, 502, 503, 504):
        of = thing.at(f"/{status}")
        of.tells(status, old, 'ETag: "1"', "Cache-Control: private-but-not, unknown=60")
        assert not of.is_kept(), status
        for name, fields in marks.items():
            of = thing.at(f"/{status}/{name}")
            of.tells(status, *fields)
            assert of.is_kept(), (status, name)
    for status in (200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501):
        of = thing.at(f"/{status}")
        of.tells(status, old)
        assert of.is_kept(), status


# ---- 3.1


def test_all_fields_are_stored(thing):
    """3.1: "Caches MUST include all received response header fields - including unrecognized ones - when storing a
    response; this assures that new HTTP header fields can be successfully deployed."
    """
    own = ["X-Never-Seen: 1", "X-Never-Seen: 2, 3", "X-Empty:", "Link: </a>; rel=next", "Server: odd/1", "Pragma: x",
           "Content-Type: text/x-odd", "Content-Language: nl", "Warning: 199 - \"old\"", "Retry-After: 7", "Allow: GET",
           "Content-Security-Policy: default-src 'self'", "X-Bytes: \xe9\xfc", "Location: /elsewhere", "Vary: X-None",
           f"Date: {thing.clock.date()}", f"Expires: {thing.clock.date(60)}", f"Last-Modified: {thing.clock.date(-9)}"]
    thing.tells(200, "Cache-Control: max-age=60, odd=\"a, b\"", 'ETag: W/"odd"', *own)
    first, again = thing.ask(), thing.ask()
    assert again.hit and thing.times == 1

    def told(answer):
        return sorted((k.lower(), v) for k, v in answer.fields.items() if k.lower() not in ("age", "cache-status"))

    assert told(first) == told(again)
    for name, value in (line.split(":", 1) for line in own):
        assert value.strip() in again.fields.get_all(name), name


def test_fields_of_one_connection_and_of_a_proxy_are_not_stored(thing):
    """3.1: "Header fields that are specific to the proxy that a cache uses when forwarding a request MUST NOT be stored,
    unless the cache incorporates the identity of the proxy into the cache key."
    """
    gone = ["Proxy-Authenticate: Basic", "Proxy-Authentication-Info: x=1", "Proxy-Authorization: Basic YTpi",
            "X-Hop: 1", "Keep-Alive: timeout=5", "Upgrade: odd", "Proxy-Connection: close"]
    thing.tells(200, "Cache-Control: max-age=60", "Connection: X-Hop", "X-Stays: 1", *gone)
    thing.ask()
    got = thing.ask()
    assert got.hit and got.fields["X-Stays"] == "1"
    assert not [line for line in gone if line.split(":")[0] in got.fields]


def test_trailers_do_not_become_header_fields(thing):
    """3.1: "Caches MUST NOT combine trailer fields with header fields." """
    thing.does(lambda _: (200, ["Cache-Control: max-age=60", "Transfer-Encoding: chunked", "Trailer: X-Late", "X-Early: 1"],
                          "body", "X-Late: 1", "X-Early: 2", "Cache-Control: no-store", "Age: 999"))
    for n in range(2):
        got = thing.ask()
        assert got.text == "body" and got.hit == bool(n)
        assert "X-Late" not in got.fields and got.fields.get_all("X-Early") == ["1"]
    assert thing.times == 1 and got.age < 60


# ---- 3.2


def test_a_304_replaces_fields(thing):
    """3.2: "When doing so, the cache MUST add each header field in the provided response to the stored response,
    replacing field values that are already present, with the following exceptions:"
    4.3.4: "For each stored response identified, the cache MUST update its header fields with the header fields provided
    in the 304 (Not Modified) response"
    """
    modified = thing.clock.date(-40)
    thing.confirms("Cache-Control: max-age=10", "X-Two: a", "X-Two: b", "X-Old: 1", "Content-Type: text/old", "Link: </old>",
                   f"Last-Modified: {thing.clock.date(-50)}", "Set-Cookie2: old", body="body",
                   then=["Cache-Control: max-age=1000", "X-Two: c", "X-New: 1", "X-New: 2", "Content-Type: text/new",
                         "Content-Language: ko", "Content-Location: /there", "Content-Disposition: inline",
                         "Content-MD5: odd", f"Expires: {thing.clock.date(-5)}", f"Last-Modified: {modified}",
                         "Connection: X-Hop", "X-Hop: 1", "Content-Length: 4"])
    assert thing.ask().fields.get_all("X-Two") == ["a", "b"]
    thing.clock.move(11)
    fresh = thing.ask(), thing.ask()
    assert thing.times == 2 and fresh[1].hit
    for got in fresh:
        assert got.status == 200 and got.text == "body" and got.fields["Content-Length"] == "4"
        assert got.fields.get_all("X-Two") == ["c"] and got.fields.get_all("X-New") == ["1", "2"]
        assert (got.fields["X-Old"], got.fields["Link"], got.fields["Set-Cookie2"]) == ("1", "</old>", "old")
        assert got.fields["Content-Type"] == "text/new" and "X-Hop" not in got.fields
        assert got.fields.get_all("Last-Modified") == [modified]
        assert got.fields["Cache-Control"] == "max-age=1000"


def test_few_fields_are_left_as_they_were(thing):
    """3.2: "Caches in this situation MAY omit these header fields from updating stored responses on an exceptional basis
    but SHOULD limit such omission to those fields necessary to assure integrity of the stored response."

    Those here are what the bytes that are kept are: how they are coded, and how many.
    """
    odd = {"Content-Type": "a/b", "Content-Language": "ko", "Content-Location": "/x", "Content-MD5": "x", "ETag": 'W/"1"',
           "Content-Disposition": "inline", "Content-Security-Policy": "x", "Accept-Ranges": "none", "Digest": "x"}

    def script(asked):
        if asked.fields.get("If-None-Match"):
            return 304, [f"{k}: {v}" for k, v in odd.items()] + ["Content-Encoding: br", "Content-Range: bytes 0-1/2",
                                                                 "Content-Length: 77"], ""
        return 200, ["Cache-Control: max-age=10", 'ETag: W/"1"', "Content-Encoding: gzip"], "xyz"

    thing.does(script)
    thing.ask()
    thing.clock.move(11)
    got = thing.ask()
    assert thing.times == 2 and (got.status, got.text) == (200, "xyz")
    assert {k: got.fields.get(k) for k in odd} == odd
    assert got.fields["Content-Encoding"] == "gzip" and got.fields["Content-Length"] == "3"
    assert "Content-Range" not in got.fields


# ---- 3.3


def torn(fields="", body=b"half"):
    return b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n%s\r\n%s" % (fields.encode(), body)


@pytest.mark.parametrize("answer", [
    torn("Content-Length: 9\r\n"),
    torn("Transfer-Encoding: chunked\r\n", b"4\r\nhalf\r\n"),
    torn("Transfer-Encoding: chunked\r\n", b"9\r\nhalf"),
], ids=["length", "between chunks", "inside a chunk"])
def test_what_is_torn_is_not_stored(thing, answer):
    """3.3: "However, a cache MUST NOT store incomplete or partial-content responses if it does not support the Range and
    Content-Range header fields or if it does not understand the range units used in those fields."
    3.3: "A cache MUST NOT use an incomplete response to answer requests unless the response has been made complete, or
    the request is partial and specifies a range wholly within the incomplete response."
    """
    thing.does(lambda _: answer)
    with pytest.raises(Exception):  # noqa: B017 - incomplete, or reset
        thing.ask()
    thing.tells(200, "Cache-Control: max-age=60", body="whole")
    assert [thing.ask("Range: bytes=0-1").text, thing.ask().text] == ["whole", "whole"]


@pytest.mark.parametrize("range_", ["bytes 0-1/9", "lines 0-1/9", "bytes 0-1/*", "bytes */9", "bytes 5-1/9", ""])
def test_parts_are_not_stored(thing, range_):
    """Of 3.3 the same, for parts of any unit: this cache keeps wholes only."""
    thing.tells(206, "Cache-Control: max-age=60", 'ETag: "1"', *([f"Content-Range: {range_}"] if range_ else []))
    thing.ask("Range: bytes=0-1")
    thing.tells(200, body="whole one")
    assert [thing.ask().text, thing.ask("Range: bytes=0-1").text] == ["whole one"] * 2


def test_a_part_is_marked_as_one(thing):
    """3.3: "A cache MUST NOT send a partial response to a client without explicitly marking it using the 206 (Partial
    Content) status code."
    """
    thing.tells(200, "Cache-Control: max-age=60", 'ETag: "1"', body="0123456789")
    assert thing.ask("Range: bytes=2-3").text == "0123456789", "the origin does not do parts"
    for range_, part, where in (("2-3", "23", "2-3"), ("-1", "9", "9-9"), ("7-", "789", "7-9"), ("0-99", "0123456789", "0-9")):
        got = thing.ask(f"Range: bytes={range_}")
        assert (got.status, got.text, got.fields["Content-Range"]) == (206, part, f"bytes {where}/10")
    got = thing.ask("Range: bytes=10-")
    assert (got.status, got.text, got.fields["Content-Range"]) == (416, "", "bytes */10")
    for odd in ("lines=1-2", "bytes=3-2", "bytes=", "bytes=a-b", "bytes 1-2"):
        assert (thing.ask(f"Range: {odd}").status, thing.ask(f"Range: {odd}").text) == (200, "0123456789"), odd
    assert thing.times == 1


# ---- 3.5


@pytest.mark.parametrize("value, kept", [("max-age=60", False), ("public, max-age=60", True), ("s-maxage=60", True),
                                         ("max-age=60, must-revalidate", True)])
def test_answers_to_who_proved_himself_for_others(thing, value, kept):
    """3.5: "A shared cache MUST NOT use a cached response to a request with an Authorization header field ... to satisfy
    any subsequent request unless the response contains a Cache-Control field with a response directive ... that allows it
    to be stored by a shared cache, and the cache conforms to the requirements of that directive for that response."
    """
    thing.tells(200, f"Cache-Control: {value}", 'ETag: "1"')
    thing.ask("Authorization: Basic YTpi")
    assert thing.ask("Authorization: Basic YTpj").text == ("1" if kept else "2")
    assert thing.ask().text == ("1" if kept else "3")
    # That of s-maxage and must-revalidate is that nothing stale is used.
    thing.clock.move(61)
    before = thing.times
    assert thing.ask("Authorization: Basic YTpi", "Cache-Control: max-stale").text == str(before + 1) or value == "public, max-age=60"
