"""RFC 9111 sections 4.3 and 4.4 against the real proxy: how what is kept is validated, and what makes it invalid.
test_cache_rfc9111.py checks that no sentence is missing."""

import pytest

from cache_site import OTHER_HOST

FRESH = "Cache-Control: max-age=60"


# ---- 4.3.1


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', '""', '"a,b\\"', None])
@pytest.mark.parametrize("modified", [-100, None])
def test_what_a_validation_asks_by(thing, tag, modified):
    """4.3.1: "MUST send the relevant entity tags (using If-Match, If-None-Match, or If-Range) if the entity tags were provided
    in the stored response(s) being validated."
    4.3.1: "SHOULD send the Last-Modified value (using If-Modified-Since) if the request is not for a subrange, a single stored
    response is being validated, and that response contains a Last-Modified value."
    """
    date = thing.clock.date(modified) if modified else None
    thing.tells(200, FRESH, *([f"ETag: {tag}"] if tag else []), *([f"Last-Modified: {date}"] if date else []))
    thing.ask("X-Own: 1")
    thing.clock.move(61)
    thing.ask("X-Own: 2", 'If-None-Match: "client"', "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", "Range: bytes=0-0")
    asked = thing.asked[-1]
    assert thing.times == 2 and asked.fields["X-Own"] == "2"
    if tag or date:
        assert asked.fields.get_all("If-None-Match") == ([tag] if tag else None)
        assert asked.fields.get_all("If-Modified-Since") == ([date] if date else None)
        assert not asked.fields["Range"], "what is asked for is the whole"


# ---- 4.3.2


def conditional(thing, *conditions, **options):
    got = thing.ask(*conditions, **options)
    assert got.status in (200, 304) and (got.text == "") == (got.status == 304)
    return got.status


def test_conditions_are_judged_by_what_is_kept(thing):
    """4.3.2: "If a cache receives a request that can be satisfied by reusing a stored 200 (OK) or 206 (Partial Content)
    response, as per Section 4, the cache SHOULD evaluate any applicable conditional header field preconditions received in
    that request with respect to the corresponding validators contained within the stored response."
    """
    modified, earlier, later = (thing.clock.date(s) for s in (-100, -101, -99))
    thing.tells(200, "Cache-Control: max-age=600", 'ETag: "a"', f"Last-Modified: {modified}", "Content-Type: a/b", "X-Own: 1",
                "Vary: X-A", "Content-Location: /c", f"Date: {thing.clock.date()}")
    thing.ask()
    for lines, status in (
        (('If-None-Match: "a"',), 304), (('If-None-Match: W/"a"',), 304), (('If-None-Match: "b"',), 200), (("If-None-Match: *",), 304),
        (('If-None-Match: "b", W/"c",  "a"',), 304), (('If-None-Match: "b"', 'If-None-Match: "a"'), 304), (("If-None-Match: a",), 200),
        ((f"If-Modified-Since: {modified}",), 304), ((f"If-Modified-Since: {later}",), 304), ((f"If-Modified-Since: {earlier}",), 200),
        (("If-Modified-Since: yesterday",), 200),
        (('If-None-Match: "b"', f"If-Modified-Since: {modified}"), 200), (('If-None-Match: "a"', f"If-Modified-Since: {earlier}"), 304),
    ):
        for method in ("GET", "HEAD"):
            assert thing.ask(*lines, method=method).status == status, lines
    assert thing.times == 1
    # RFC 9110 15.4.5: which fields a 304 has.
    got = thing.ask('If-None-Match: "a"')
    assert all(name in got.fields for name in ("Date", "ETag", "Vary", "Cache-Control", "Content-Location", "Age"))
    assert not any(name in got.fields for name in ("Content-Type", "Last-Modified", "Content-Encoding"))


@pytest.mark.parametrize("line", ['If-Match: "a"', 'If-Match: "b"', "If-Match: *", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"])
def test_conditions_for_the_origin_go_there(thing, line):
    """4.3.2: "A cache MUST NOT evaluate conditional header fields that only apply to an origin server, occur in a request with
    semantics that cannot be satisfied with a cached response, or occur in a request with a target resource for which it has no
    stored responses; such preconditions are likely intended for some other (inbound) server."
    """
    thing.tells(200, FRESH, 'ETag: "a"', f"Last-Modified: {thing.clock.date(-100)}")
    thing.ask()
    thing.does(lambda asked: (412, [], "no") if "If-Match" in asked.fields or "If-Unmodified-Since" in asked.fields else (200, [], "yes"))
    name, value = line.split(": ", 1)
    got = thing.ask(line, 'If-None-Match: "a"', "Range: bytes=0-0")
    assert (got.status, got.text) == (412, "no")
    assert thing.asked[-1].fields[name] == value and thing.asked[-1].fields["If-None-Match"] == '"a"'
    for method in ("POST", "PUT"):
        assert thing.ask(line, 'If-None-Match: "a"', method=method, body=b"x").text == "no"
        assert thing.asked[-1].fields["If-None-Match"] == '"a"'
    nothing = thing.at("/nothing")
    nothing.tells(200, body="x")
    assert nothing.ask("If-None-Match: *").text == "x" and nothing.asked[-1].fields["If-None-Match"] == "*"


@pytest.mark.parametrize("dated", [True, False])
def test_without_last_modified_the_date_counts(thing, dated):
    """4.3.2: "If a request contains an If-Modified-Since header field and the Last-Modified header field is not present in a
    stored response, a cache SHOULD use the stored response's Date field value (or, if no Date field is present, the time that
    the stored response was received) to evaluate the conditional."
    """
    at = -100 if dated else 0
    lines = [f"Date: {thing.clock.date(at)}"] if dated else []
    before, after = thing.clock.date(at - 5), thing.clock.date(at + 30)
    thing.tells(200, "Cache-Control: max-age=600", *lines)
    thing.ask()
    assert conditional(thing, f"If-Modified-Since: {after}") == 304
    assert conditional(thing, f"If-Modified-Since: {before}") == 200
    assert thing.times == 1


def test_what_the_origin_confirms_is_whole_for_who_has_another(thing):
    """4.3.2: "If the response to the forwarded request is 304 (Not Modified) and has an ETag field value with an entity tag
    that is not in the client's list, the cache MUST generate a 200 (OK) response for the client by reusing its corresponding
    stored response, as updated by the 304 response metadata"
    """
    thing.confirms(FRESH, "X-Old: 1", then=[FRESH, "X-New: 1"])
    assert thing.ask().text == "1"
    thing.clock.move(61)
    got = thing.ask('If-None-Match: "2", "3"')
    assert (got.status, got.text, got.fields["X-New"], got.fields["X-Old"]) == (200, "1", "1", "1") and thing.times == 2
    thing.clock.move(61)
    assert thing.ask('If-None-Match: "2", "1"').status == 304 and thing.times == 3


# ---- 4.3.3


def test_a_whole_answer_to_a_condition_is_the_answer(thing):
    """4.3.3: "A full response (i.e., one containing content) indicates that none of the stored responses nominated in the
    conditional request are suitable. Instead, the cache MUST use the full response to satisfy the request."
    """
    thing.tells(200, FRESH, 'ETag: "1"')
    assert thing.ask().text == "1"
    thing.clock.move(61)
    thing.tells(200, FRESH, 'ETag: "2"')
    assert thing.texts(2) == ["2", "2"]
    thing.clock.move(61)
    for status in (404, 410, 500, 503):
        thing.tells(status, body="gone")
        got = thing.ask('If-None-Match: "1", "2"')
        assert (got.status, got.text) == (status, "gone")


# ---- 4.3.4


@pytest.mark.parametrize("stored, told", [(['ETag: "1"'], 'ETag: "2"'), (['ETag: W/"1"'], 'ETag: "1"'),
                                          (["Last-Modified: -100"], 'ETag: "1"')])
def test_a_304_of_something_else_changes_nothing(thing, stored, told):
    """4.3.4: "If none of the initial set contains at least one of the same strong validators, then the cache MUST NOT use the
    new response to update any stored responses."
    """
    lines = [f"Last-Modified: {thing.clock.date(-100)}" if line[0] == "L" else line for line in stored]

    def script(asked):
        if asked.fields.get("If-None-Match") or asked.fields.get("If-Modified-Since"):
            return 304, [told, "Cache-Control: max-age=600", "X-New: 1"], ""
        return 200, [FRESH, *lines], str(thing.times)

    thing.does(script)
    assert thing.ask().text == "1"
    thing.clock.move(61)
    got = thing.ask()
    assert got.status == 200 and "X-New" not in got.fields and got.text == "3", "all of it was asked for"


def test_a_304_with_a_weak_validator_is_of_what_has_it(thing):
    """4.3.4: "If the new response contains no strong validators but does contain one or more weak validators, and those
    validators correspond to one of the initial set's stored responses, then the most recent of those matching stored responses
    is identified for update."
    """
    thing.confirms(FRESH, etag='W/"1"', then=["Cache-Control: max-age=600", "X-New: 1"])
    thing.ask()
    thing.clock.move(61)
    assert thing.ask().fields["X-New"] == "1" and thing.ask().hit


# ---- 4.3.5


def test_head_that_agrees_updates(thing):
    """4.3.5: "When a cache makes an inbound HEAD request for a target URI and receives a 200 (OK) response, the cache SHOULD
    update or invalidate each of its stored GET responses that could have been chosen for that request"
    4.3.5: "If a cache updates a stored response with the metadata provided in a HEAD response, the cache MUST use the header
    fields provided in the HEAD response to update the stored response"
    """
    modified = f"Last-Modified: {thing.clock.date(-100)}"
    thing.tells(200, FRESH, 'ETag: "1"', modified, "X-Old: 1", "X-Two: a", "X-Two: b")
    assert thing.ask().text == "1"
    thing.clock.move(61)
    thing.tells(200, "Cache-Control: max-age=600", 'ETag: "1"', modified, "X-New: 1", "X-Two: c", "Content-Length: 1")
    head = thing.ask(method="HEAD")
    assert head.fields["X-New"] == "1" and thing.times == 2
    got = thing.ask()
    assert got.hit and got.text == "1" and got.age < 30
    assert (got.fields["X-New"], got.fields["X-Old"], got.fields.get_all("X-Two")) == ("1", "1", ["c"])


@pytest.mark.parametrize("changed", [['ETag: "2"'], ['ETag: "1"', "Last-Modified: -50"], ['ETag: "1"', "Content-Length: 7"]])
def test_head_that_disagrees_makes_stale(thing, changed):
    """4.3.5: "For each of the stored responses that could have been chosen, if the stored response and HEAD response have
    matching values for any received validator fields (ETag and Last-Modified) and, if the HEAD response has a Content-Length
    header field, the value of Content-Length matches that of the stored response, the cache SHOULD update the stored response
    as described below; otherwise, the cache SHOULD consider the stored response to be stale."
    """
    thing.tells(200, "Cache-Control: max-age=600", 'ETag: "1"', f"Last-Modified: {thing.clock.date(-100)}")
    assert thing.texts(2) == ["1", "1"]
    lines = [f"Last-Modified: {thing.clock.date(-50)}" if line[0] == "L" else line for line in changed]
    thing.tells(200, "Cache-Control: max-age=600", *lines, *(() if "Length" in str(lines) else ("Content-Length: 1",)))
    assert thing.ask("Cache-Control: no-cache", method="HEAD").status == 200 and thing.times == 2
    thing.tells(200, "Cache-Control: max-age=600")
    got = thing.ask()
    assert thing.times == 3 and got.text == "3"


# ---- 4.4


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
@pytest.mark.parametrize("status", [200, 201, 204, 299, 301, 303, 399])
def test_methods_that_change_things_invalidate(thing, method, status):
    """4.4: "A cache MUST invalidate the target URI ... when it receives a non-error status code in response to an unsafe request
    method (including methods whose safety is unknown)."
    """
    thing.tells(200, FRESH, "Vary: X-A")
    assert [thing.ask("X-A: 1").text, thing.ask("X-A: 2").text] == ["1", "2"]
    thing.tells(status, "Location: /nowhere")
    thing.ask(method=method, body=b"x")
    thing.tells(200, FRESH)
    assert [thing.ask("X-A: 1").text, thing.ask("X-A: 2").text] == ["4", "4"]


@pytest.mark.parametrize("method, status", [("POST", 400), ("POST", 404), ("PUT", 409), ("DELETE", 500), ("BREW", 418), ("POST", 503),
                                            ("OPTIONS", 200)])
def test_what_changed_nothing_invalidates_nothing(thing, method, status):
    """4.4: "A "non-error response" is one with a 2xx (Successful) or 3xx (Redirection) status code." """
    thing.tells(200, FRESH)
    thing.ask()
    thing.tells(status)
    thing.ask(method=method, body=b"x")
    assert thing.ask().text == "1"


@pytest.mark.parametrize("field", ["Location", "Content-Location"])
def test_other_origins_are_not_invalidated(thing, field):
    """4.4: "However, a cache MUST NOT trigger an invalidation under these conditions if the origin ... of the URI to be
    invalidated differs from that of the target URI ... This helps prevent denial-of-service attacks."
    """
    other, same = thing.at("/other"), thing.at("/same")
    for of in (other, same):
        of.tells(200, FRESH)
    assert [other.ask(host=OTHER_HOST).text, other.ask().text, same.ask().text] == ["1", "2", "1"]
    for where in (f"http://{OTHER_HOST}{other.path}", f"//{OTHER_HOST}{other.path}", f"https://www.home.arpa{other.path}",
                  f"http://www.home.arpa:81{other.path}"):
        thing.tells(201, f"{field}: {where}")
        thing.ask(method="POST", body=b"x")
    assert [other.ask(host=OTHER_HOST).text, other.ask().text] == ["1", "2"] and other.times == 2
    # Of its own it may.
    thing.tells(201, f"{field}: {same.path}")
    thing.ask(method="POST", body=b"x")
    assert same.ask().text == "2"
    thing.tells(201, f"{field}: http://www.home.arpa{same.path}")
    thing.ask(method="POST", body=b"x")
    assert same.ask().text == "3"
