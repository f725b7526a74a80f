"""What the reverse proxy makes of every message of test/data/http: refused, or passed on in one form that all read alike. Each
message comes with a marked second request behind it on the same connection; a second request where there should be none, none where
there should be one, or an answer that is another's, is a desynchronisation."""

import asyncio
import urllib.parse

import pytest

import http_corpus
import proxy_backends
import proxy_h2
from proxy_site import SERVER, Origin, Site, answers, config, converse, echo, status

AT_ONCE = 32


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    try:
        made.tls = made.certificate("www.example")
        yield made
    finally:
        made.close()


def marker(case):
    return b"GET /marker HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % case.host()


async def send_all(site, cases):
    """What each case was answered."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(case):
        async with room:
            halve = case.verdict == "broken"
            return await converse(site.client, case.marked(case.sent) + marker(case), silence_s=0.3 if halve else 20, halve=halve)

    return await asyncio.gather(*(one(case) for case in cases))


def answers_of(case, data):
    first = case.sent.lstrip(b"\r\n").split(b" ")[0].decode("latin-1")
    return answers(data, [first if first in ("HEAD", "GET", "POST") else "GET"])


def was_passed_on(case, seen, got):
    """What is wrong with how it was passed on; None when nothing is."""
    wanted = http_corpus.read(case.marked(case.expected))
    without = ["expect"] if "no-expect" in case.words else []
    if wanted.get("host") is None:
        without.append("host")
    if not seen or seen[0].message.plain(without) != wanted.plain(without):
        return f"passed on as {[s.message for s in seen]}, not as {wanted.plain(without)}"
    if "no-strangers" in case.words:
        told = b"\n".join(f"{n}: {v}".encode("latin-1") for n, v in seen[0].message.fields)
        if http_corpus.STRANGERS.search(told.replace(case.host(), b"")):
            return f"believes a stranger: {told!r}"
    targets = [s.target for s in seen]
    last = "last" in case.words or (case.verdict == "either" and b"lose" in case.sent)
    if targets != [targets[0], "/marker"] and not (last and len(targets) == 1):
        return f"requests {targets}"
    if [m and m.body.decode("latin-1") for m in got] != [f"{s.host} {s.target}" for s in seen]:
        return f"answers {got}"
    return None


def judge(case, seen, data):
    """What is wrong; None when nothing is."""
    try:
        got = answers_of(case, data)
    except http_corpus.Wrong as error:
        return f"the answer is none: {error}"
    passed = bool(seen)
    if case.verdict == "forwarded" or (case.verdict == "either" and passed):
        return was_passed_on(case, seen, got)
    if passed:
        return f"reached the back end: {[s.message for s in seen]}"
    if case.verdict == "broken" or "broken" in case.words:
        return None if all(m is None or status(m) >= 400 for m in got) else f"answers {got}"
    if len(got) != 1 or got[0] is None or not (status(got[0]) in case.statuses if case.statuses else 400 <= status(got[0]) < 600):
        return f"answers {got}"
    return None


def test_every_message_is_refused_or_passed_on_in_one_form(site):
    cases = http_corpus.load("requests")

    async def run():
        async with Origin(site.server) as origin:
            site.serve(config(f"{SERVER}:80", tls=site.tls))
            return await send_all(site, cases), origin

    got, origin = asyncio.run(run())
    by_host = {}
    for seen in origin.requests:
        by_host.setdefault("hostless" if seen.target == "/hostless" else seen.host, []).append(seen)
    troubles = [f"the back end got what is none: {wrong}" for wrong in origin.wrong]
    troubles += [f"a desynchronisation: {s}" for s in origin.requests if "smuggled" in s.target]
    for case, data in zip(cases, got):
        seen = by_host.pop(case.host().decode(), [])
        if b"/hostless" in case.sent:
            seen = by_host.pop("hostless", []) + seen
        if trouble := judge(case, seen, data):
            troubles.append(f"{case}\n    {trouble}")
    assert not troubles, f"{len(troubles)} of {len(cases)}\n" + "\n".join(troubles)
    assert by_host == {}, "requests that no case sent"


def plain(target):
    """Some servers tell a path without its query and escapes."""
    return urllib.parse.unquote(target, "latin-1").split("?")[0]


def begun(case):
    """The target of a message whose head is sound: a body is passed on while it comes, so what is wrong with it is known too late
    for a back end that answers before it has read all."""
    head, end, body = case.marked(case.sent).partition(b"\r\n\r\n")
    words = head.split(b"\r\n")[0].split(b" ")
    return plain(words[1].decode("latin-1")) if end and body and len(words) == 3 else None


def judge_echoes(case, data):
    """The same by the answers alone, of a back end that answers with what it believes to have been asked."""
    try:
        got = answers_of(case, data)
    except http_corpus.Wrong as error:
        return f"the answer is none: {error}"
    host = case.host().decode()
    echoes = [plain(m.body.decode("latin-1")) for m in got if m and b".example /" in m.body]
    if case.verdict in ("refused", "broken"):
        allowed = [f"{host} {begun(case)}"] if begun(case) else []
    else:
        allowed = [plain(f"{host} {http_corpus.read(case.marked(case.expected)).start[1]}"), f"{host} /marker"]
    if any(echo not in allowed for echo in echoes) or sorted(echoes, key=allowed.index) != echoes or len(set(echoes)) != len(echoes):
        return f"answers {echoes}, allowed {allowed}"
    if case.verdict == "forwarded" and not got:
        return "no answer"
    return None


async def say(case, writer):
    writer.write(case.sent)
    await writer.drain()
    if "closes" in case.words:
        writer.close()


def judge_answer(case, data):
    """What is wrong with what the client got; None when nothing is."""
    if b"poison" in data:
        return f"the client got what it never asked for: {data!r}"
    try:
        got = answers(data, [case.method])
    except http_corpus.Wrong as error:
        return f"the answer is none: {error}"
    if not got:
        return None if case.verdict in ("torn", "any") else "no answer"
    marker = [m.body for m in got[1:] if m]
    if marker not in ([], [b"www.example /marker"]):
        return f"behind it came {got[1:]}"
    refused = got[0] is not None and status(got[0]) in (502, 503, 504) and b"hello" not in got[0].body
    wanted = http_corpus.read(case.expected, case.method) if case.expected else None
    loose = "loose" in case.words
    passed = wanted and got[0] and got[0].as_answer(loose) == wanted.as_answer(loose)
    if passed and case.verdict == "passed" and not marker:
        return "the connection closed behind it"
    right = {"passed": passed, "refused": refused, "torn": refused or got[0] is None}
    right |= {"either": passed or refused, "any": any(right.values())}
    return None if right[case.verdict] else f"got {got[0]}, {data[:300]!r}"


def test_every_answer_is_passed_on_in_one_form_or_refused(site):
    cases = http_corpus.load("responses")

    async def answer(seen, writer):
        number = seen.target.removeprefix("/answer-")
        await (say(cases[int(number)], writer) if number.isdigit() else echo(seen, writer))

    async def run():
        room = asyncio.Semaphore(8)

        async def one(case):
            words = f"{case.method} /answer-{case.number} HTTP/1.1\r\nHost: www.example\r\n\r\n".encode()
            last = b"GET /marker HTTP/1.1\r\nHost: www.example\r\nConnection: close\r\n\r\n"
            async with room:
                # The second client is the one that would get what is left of the first one's answer.
                return await converse(site.client, words + last), await converse(site.client, last)

        async with Origin(site.server, answer=answer) as origin:
            site.serve(config(f"{SERVER}:80", tls=site.tls))
            return await asyncio.gather(*(one(case) for case in cases)), origin

    got, origin = asyncio.run(run())
    troubles = [f"the back end got what is none: {wrong}" for wrong in origin.wrong]
    for case, (data, beside) in zip(cases, got):
        trouble = judge_answer(case, data)
        if not trouble and [m and m.body for m in answers(beside)] != [b"www.example /marker"]:
            trouble = f"another client got {beside[:300]!r}"
        if trouble:
            troubles.append(f"{case}\n    {trouble}")
    assert not troubles, f"{len(troubles)} of {len(cases)}\n" + "\n".join(troubles)


async def downgrade(site, case):
    """(the status of the case's stream, or "reset", or "closed"; what a second stream of the connection was answered)."""
    connection = await proxy_h2.connect(site.client)
    try:
        connection.send(1, [(case.marked(name), case.marked(value)) for name, value in case.fields], case.marked(case.body))
        connection.send(3, proxy_h2.get(case.host(), b"/marker"))
        whole = await connection.read(lambda c: {1, 3} <= c.ended)
        return connection.statuses.get(1, "closed" if not whole else None), connection.bodies.get(3)
    finally:
        connection.close()


def judge_downgrade(case, seen, told, beside):
    """What is wrong; None when nothing is."""
    mine = [s for s in seen if s.target != "/marker"]
    if beside not in (None, case.host() + b" /marker"):
        return f"the second stream got {beside!r}"
    if case.verdict == "forwarded" or (case.verdict == "either" and mine):
        wanted = http_corpus.read(case.marked(case.expected))
        if told != 200 or len(mine) != 1 or mine[0].message.plain() != wanted.plain():
            return f"answered {told}, passed on as {[s.message for s in mine]}"
        fields = "\n".join(f"{n}: {v}" for n, v in mine[0].message.fields)
        return f"believes a stranger: {fields}" if "no-strangers" in case.words and "203.0.113.9" in fields else None
    if mine:
        return f"passed on as {[s.message for s in mine]}"
    return None if told in ("reset", "closed") or 400 <= told < 600 else f"answered {told}"


def test_no_request_by_http2_becomes_two(site):
    cases = http_corpus.load("requests2")

    async def run():
        room = asyncio.Semaphore(AT_ONCE)

        async def one(case):
            async with room:
                return await downgrade(site, case)

        async with Origin(site.server) as origin:
            site.serve(config(f"{SERVER}:80", tls=site.tls))
            return await asyncio.gather(*(one(case) for case in cases)), origin

    got, origin = asyncio.run(run())
    by_host = {}
    for seen in origin.requests:
        by_host.setdefault(seen.host, []).append(seen)
    troubles = [f"the back end got what is none: {wrong}" for wrong in origin.wrong]
    for case, (told, beside) in zip(cases, got):
        if trouble := judge_downgrade(case, by_host.pop(case.host().decode(), []), told, beside):
            troubles.append(f"{case.name}: {case.fields} {case.body!r}\n    {trouble}")
    assert not troubles, f"{len(troubles)} of {len(cases)}\n" + "\n".join(troubles)
    assert by_host == {}, "requests that no case sent"


# The last one: those servers stay.
def test_no_back_end_of_others_loses_step(site):
    cases = [case for case in http_corpus.load("requests") if b"/hostless" not in case.sent]
    hosts = {case.host().decode(): case for case in cases}
    troubles = []
    for backend in proxy_backends.start(site):
        site.serve(config(f"{backend.address}:80", tls=site.tls))
        for case, data in zip(cases, asyncio.run(send_all(site, cases))):
            if trouble := judge_echoes(case, data):
                troubles.append(f"{backend.name}: {case}\n    {trouble}")
        seen = backend.seen()
        assert len(seen) > 30, f"{backend.name} has seen {seen}"
        for host, target in seen:
            if host == "-":  # a request that never became whole, as its log tells
                continue
            case = hosts.get(host)
            wanted = http_corpus.read(case.marked(case.expected)).start[1] if case and case.expected else case and begun(case)
            if plain(target) not in (wanted and plain(wanted), "/marker"):
                troubles.append(f"{backend.name} believes to have been asked for {host} {target}")
    assert not troubles, "\n".join(troubles)
