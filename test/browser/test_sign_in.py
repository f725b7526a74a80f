"""A person signs in by a browser behind the gate. The tests follow each other as a person's day does, in one world:
each begins where the one before has ended."""

import re
import socket
import ssl
import subprocess
import time

import tunnel
from service import binary
from tunnel import NAME, PASSWORD, SERVER, eventually

PAGE = f"https://{NAME}/"
REFUSED = "That did not work. Check all fields and try again, with a new code."
# Chromium itself tells on the console that a form was refused; nothing else may stand there.
OF_STATUS = re.compile(r"Failed to load resource: the server responded with a status of 4(03|29)")


def sign_in(browser, user, password, code, button="Sign in", labels=("User name", "Password", "Code")):
    for label, value in zip(labels, (user, password, code)):
        browser.fill(label=label, value=value)
    return browser.press(button=button)


def sign_in_again(world, browser):
    """By a one-time code: the app's next code is half a minute away."""
    browser.fresh()
    browser.goto(url=PAGE)
    shown = sign_in(browser, "ada", PASSWORD, world.backup.pop())
    assert "Signed in as ada." in shown.text
    eventually(world.phone.reaches)


def test_closed_before_and_any_address_leads_to_the_page(world):
    phone, browser = world.phone, world.phone.browser
    assert not phone.reaches(8080)
    assert "the server" not in phone.curl(f"http://{SERVER}/")[1]
    browser.fresh()
    for address in ("http://anything.example/a/b?c=d", f"http://{SERVER}/", "http://[2001:db8::1]/"):
        shown = browser.goto(url=address)
        assert (shown.url, shown.status, shown.lang) == (PAGE, 200, "en")
        assert "This device is connected, but closed." in shown.text
    assert browser.errors() == []
    status, text = phone.curl("-k", f"{PAGE}captive")
    assert (status, text) == ("200", f'{{"captive":true,"user-portal-url":"{PAGE}"}}\n')


def test_fits_a_phone_in_light_and_dark(world):
    browser = world.phone.browser
    colors = []
    for dark in (False, True):
        browser.fresh(dark=dark)
        browser.goto(url=PAGE)
        box = browser.width()
        assert box.main <= box.page
        colors.append(browser.color())
    assert colors[0] != colors[1] and browser.errors() == []


def test_wrong_password_wrong_code_and_unknown_user_are_told_alike(world):
    browser = world.phone.browser
    browser.fresh()
    browser.goto(url=PAGE)
    told = set()
    for user, password in (("ada", "wrong"), ("nobody", PASSWORD), ("root", PASSWORD)):
        shown = sign_in(browser, user, password, "000000")
        assert shown.status == 403 and not world.phone.reaches()
        told.add(shown.text)
    assert len(told) == 1 and REFUSED in told.pop()
    assert all(OF_STATUS.match(error) for error in browser.errors())


def test_enrolment_opens_by_a_verified_code(world):
    browser = world.phone.browser
    browser.fresh()
    browser.goto(url=PAGE)
    shown = sign_in(browser, "ada", PASSWORD, "")
    assert "Set up your second factor" in shown.text and len(browser.texts(selector="svg.qr")) == 1
    key = browser.texts(selector="code")[0]
    browser.fill(label="Code of the app", value=tunnel.code(key, time.time() - 3600))
    assert REFUSED in browser.press(button="Activate").text
    assert browser.texts(selector="code") == [key] and not world.phone.reaches()
    world.code = tunnel.code(key)
    browser.fill(label="Code of the app", value=world.code)
    assert "Your backup codes" in browser.press(button="Activate").text
    world.backup = browser.texts(selector="li code")
    assert len(world.backup) == 10
    eventually(world.phone.reaches)
    assert "Signed in as ada." in browser.follow(link="Continue").text
    for cookie in browser.cookies():
        assert cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Strict"
        assert cookie["name"].startswith("__Host-") and cookie["domain"] == NAME
    assert browser.goto(url=f"http://{SERVER}/").title == "Inside"
    assert world.phone.curl("-k", f"{PAGE}captive")[1].startswith('{"captive":false')


def test_signing_out_closes_and_a_code_is_never_taken_twice(world):
    browser = world.phone.browser
    browser.goto(url=PAGE)
    assert "You are signed out." in browser.press(button="Sign out").text
    assert not world.phone.reaches()
    shown = sign_in(browser, "ada", PASSWORD, world.code)
    assert shown.status == 403 and REFUSED in shown.text and not world.phone.reaches()


def test_korean_and_without_javascript(world):
    browser = world.phone.browser
    browser.fresh(javaScript=False, locale="ko-KR")
    shown = browser.goto(url=f"http://{SERVER}/")
    assert shown.lang == "ko" and "이 기기는 연결되었지만 아직 닫혀 있습니다." in shown.text
    labels = ("사용자 이름", "비밀번호", "인증 코드")
    shown = sign_in(browser, "ada", PASSWORD, world.backup.pop(), "로그인", labels)
    assert "ada(으)로 로그인했습니다." in shown.text and "남은 코드: 9개." in shown.text
    assert world.phone.reaches()
    assert browser.follow(link="English").lang == "en"
    assert browser.errors() == []


def test_moved_device_waits_for_its_own_browser(world):
    phone, browser = world.phone, world.phone.browser
    phone.move(40102)
    assert not phone.reaches()
    status, text = phone.curl("-k", "-L", PAGE)  # from there, and without the cookie
    assert "Your device came from a new place." in text and "ada" not in text
    assert not phone.reaches()
    browser.goto(url=f"http://{SERVER}/")
    browser.waitFor(text="Your device moved, and is open again.")
    eventually(phone.reaches)
    events = world.service.log()
    assert "session moved user=ada peer=phone" in events and "session proved user=ada" in events


def test_administrator_sees_and_ends_a_session(world):
    desk = world.desk.browser
    desk.fresh()
    desk.goto(url=PAGE)
    assert "Your backup codes" in sign_in(desk, "root", PASSWORD, tunnel.code(world.root_key)).text
    desk.follow(link="Continue")
    shown = desk.follow(link="Sessions")
    assert "phone" in shown.text and "desk" in shown.text
    shown = desk.pressIn(row="phone", button="End")
    assert "The session is ended." in shown.text and "phone" not in shown.text
    assert not world.phone.reaches() and world.desk.reaches()
    assert desk.errors() == []
    assert "This device is connected, but closed." in world.phone.browser.goto(url=PAGE).text


def test_closed_again_when_the_session_expires(world):
    world.session("8s")
    sign_in_again(world, world.phone.browser)
    eventually(lambda: not world.phone.reaches())
    assert "This device is connected, but closed." in world.phone.browser.goto(url=PAGE).text
    world.session("12h")


def test_guessing_is_stopped(world):
    browser = world.phone.browser
    browser.fresh()
    browser.goto(url=PAGE)
    for _ in range(12):
        shown = sign_in(browser, "ada", PASSWORD, "000000")
        if shown.status == 429:
            break
    assert shown.status == 429 and "Too many tries. Wait " in shown.text
    assert sign_in(browser, "ada", PASSWORD, world.backup[0]).status == 429 and not world.phone.reaches()
    assert world.control("POST", "/user/unlock?name=ada")[0] == 200


def test_certificate_of_the_gateways_own_authority(world):
    phone, folder = world.phone, world.service.folder
    assert phone.curl(PAGE)[0] == "000"
    assert phone.host.run("curl", "-sSf", "-o", f"{folder}/a.der", f"http://{NAME}/authority.crt").returncode == 0
    pem = subprocess.run(
        ["openssl", "x509", "-inform", "der", "-in", f"{folder}/a.der"], capture_output=True, text=True, check=True
    ).stdout
    told = subprocess.run(
        [binary(), "vpn", "ca", "--control", world.service.run_folder / "vpn.sock"], capture_output=True, text=True
    )
    assert told.stdout == pem, told.stderr
    (folder / "a.pem").write_text(pem, encoding="ascii")
    for page in (PAGE, "https://10.9.0.1/", "https://[fd00:9::1]/"):
        assert phone.curl("--cacert", folder / "a.pem", page)[0] == "200"
    state = folder / "state/vpn"
    assert {(state / name).stat().st_mode & 0o777 for name in ("sign-in.pem", "sign-in-authority.pem")} == {0o600}
    assert phone.curl("-k", "--tls-max", "1.2", PAGE)[0] == "200"
    assert phone.curl("-k", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", PAGE)[0] == "000"


def ask(host, request):
    """The first line that the page answers to these bytes."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with host.inside(), socket.create_connection(("10.9.0.1", 443), 5) as plain:
        with trusting.wrap_socket(plain) as page:
            page.sendall(request)
            return page.recv(4096).split(b"\r\n")[0].decode()


def test_what_is_no_request_is_refused_and_connections_are_bounded(world):
    host = world.phone.host
    head = f"POST /sign-in HTTP/1.1\r\nHost: {NAME}\r\n".encode()
    assert ask(host, b"GET /\r\n\r\n") == "HTTP/1.1 400 Bad Request"
    assert ask(host, head + b"Transfer-Encoding: chunked\r\n\r\n") == "HTTP/1.1 411 Length Required"
    assert ask(host, head + b"Content-Length: 9000\r\n\r\n") == "HTTP/1.1 413 Content Too Large"
    assert ask(host, head + b"A: " + 9000 * b"a").startswith("HTTP/1.1 431 ")
    assert ask(host, b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").startswith("HTTP/1.1 421 ")
    world.phone.browser.goto(url="about:blank")
    held = []
    try:
        with host.inside():
            for _ in range(16):
                held.append(socket.socket())
                held[-1].settimeout(5)
                held[-1].connect_ex(("10.9.0.1", 443))  # a reset may come before connect returns
        eventually(lambda: sum(is_closed(one) for one in held) >= 4)
        assert sum(not is_closed(one) for one in held) >= 8
        assert world.desk.curl("-k", PAGE)[0] == "200"  # others are served all the same
    finally:
        for one in held:
            one.close()


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
