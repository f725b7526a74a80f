"""`gatehouse check`: of a wrong configuration every error is told at once, each with its place and, for a
misspelt word, the right one; a right configuration is met with silence. No network."""

import json
import subprocess
import unicodedata
from pathlib import Path

import pytest

from service import binary

DATA = Path(__file__).resolve().parent.parent / "data/config"

# By file: line, column, a part of what is said, and what is meant ("did you mean").
EXPECTED = {
    "misspelt_keys": [
        (2, 3, "unknown key 'usr'", "user"),
        (4, 3, "unknown key 'listn'", "listen"),
        (6, 53, "unknown key 'trasfer'", "transfer"),
    ],
    "misspelt_sections": [
        (1, 1, "unknown section 'globl'", "global"),
        (2, 1, "unknown section 'authorty'", "authority"),
        (4, 1, "unknown section 'resolvr'", "resolver"),
    ],
    "misspelt_choices": [
        (2, 16, "one of error, warning, notice, info, debug", "warning"),
        (4, 11, "one of strict, lenient", "strict"),
        (8, 13, "one of on, strict, off", "strict"),
    ],
    "wrong_types": [
        (2, 12, "expected a whole number, from 0 to 256; found 'many'", None),
        (3, 16, "expected on or off; found 'perhaps'", None),
        (6, 8, "expected a map of keys and values; found a list", None),
    ],
    "out_of_range": [
        (2, 14, "'edns-size' is out of bounds; expected a whole number, from 512 to", None),
        (4, 14, "'clients' is out of bounds; expected a whole number, from 1 to 65536", None),
        (6, 10, "'cache' is out of bounds; expected a size", None),
    ],
    "addresses": [
        (2, 12, "expected an endpoint such as 192.0.2.1:53", None),
        (3, 28, "expected a prefix such as 192.0.2.0/24", None),
        (7, 7, "expected an address such as 192.0.2.1", None),
    ],
    "names": [
        (3, 16, "expected a DNS name such as www.example.com; found 'example..com'", None),
        (4, 16, "a label over 63 octets", None),
        (7, 20, "invalid escape '4'", None),
    ],
    "durations": [
        (2, 15, "expected a duration such as 12h", None),
        (4, 10, "expected a size such as 64M", None),
        (6, 10, "expected a duration such as 12h", None),
    ],
    "twice": [
        (3, 3, "'run' is here a second time; the first is in line 2", None),
        (5, 28, "the same is in 'listen' twice", None),
        (7, 43, "'file' is here a second time; the first is in line 7", None),
    ],
    "contradictions": [
        (3, 10, "root-hints says it already", None),
        (5, 18, "upstream-ipv4 is off too", None),
        (9, 7, "the zone example.com. is forwarded as well", None),
    ],
    "missing": [
        (3, 7, "key 'file' is missing here", None),
        (4, 7, "key 'origin' is missing here", None),
        (7, 7, "key 'to' is missing here", None),
    ],
    "secrets": [
        (2, 18, "'cookie-secret' is too long", None),
        (3, 13, "'identity' is empty", None),
        (4, 10, "expected a map of keys and values", None),
    ],
    "characters": [
        (2, 17, "a control character (U+0007)", None),
        (3, 22, "a Unicode line separator does not end a line", None),
        (4, 12, "this octet is not UTF-8 (0xFF)", None),
    ],
    "dhcp_options": [
        (3, 5, "unknown word 'domain-name-server' in 'options'", "domain-name-servers"),
        (4, 32, "expected an IPv4 address; found '192.168.7.300'", None),
        (5, 16, "expected a number from 0 to 65535; found '65536'", None),
    ],
    "dhcp_option_bounds": [
        (3, 20, "'interface-mtu' is not what option 26 holds; expected 68 or more; found '5'", None),
        (4, 21, "'default-ip-ttl' is not what option 23 holds; expected 1 or more; found '0'", None),
        (5, 22, "'dhcp-lease-time' is not set as an option; write lease-time", None),
    ],
    "dhcp_pools": [
        (6, 19, "the range holds the router 192.168.7.1", None),
        (7, 19, "two pools have the address 192.168.7.90", None),
        (8, 19, "hosts of the subnet, 192.168.7.1 to 192.168.7.254", None),
    ],
    "dhcp_reservations": [
        (6, 61, "there is no class 'phone'", "phones"),
        (9, 17, "this client has a reservation on this link already", None),
        (10, 48, "this address is reserved already", None),
    ],
    "vpn": [
        (5, 7, "unknown key 'mtuu'", "mtu"),
        (9, 20, "one of off, required; found 'requird'", "required"),
        (10, 24, "expected a prefix such as 192.0.2.0/24", None),
    ],
    "vpn_peers": [
        (10, 23, "it is the key of 'phone' as well", None),
        (11, 35, "it belongs to peer 'phone' already", None),
        (14, 24, "a peer of `sign-in: required` has addresses of hosts only", None),
    ],
    "reverse_proxy_habits": [
        (3, 11, "expected an endpoint such as", "0.0.0.0:8080"),
        (7, 11, "or a map such as {name: app.home.arpa, port: 8080}; found", "10.0.0.11:80"),
        (8, 11, "or a map such as {name: app.home.arpa, port: 8080}; found 'app.home.arpa:8080'", None),
    ],
    "reverse_proxy_words": [
        (3, 17, "expected a map of keys and values such as {", None),
        (5, 47, "expected one of two-choices, round-robin", "round-robin"),
        (8, 32, "key 'to' does not belong here, but in forward-proxy.", None),
    ],
    "reverse_proxy_routes": [
        (6, 31, "there is no pool 'wbe'", "web"),
        (7, 31, "is an address of the web; write the server's own, such as 10.0.0.11:80, or a pool's name", None),
        (8, 31, "a server by name is written in a pool: `pools: {web: [{name: app.home.arpa, port: 8080}]}`", None),
    ],
}


def check(*words, cwd=None):
    command = [binary(), "check", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=30, check=False, cwd=cwd
    )


def test_every_bad_file_is_expected():
    assert sorted(EXPECTED) == sorted(path.stem for path in (DATA / "three_errors").glob("*.yaml"))
    assert len(EXPECTED) >= 10


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_all_errors_are_told_with_their_places(name):
    path = DATA / "three_errors" / f"{name}.yaml"
    done = check(path)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.split("\n")
    told = [line for line in lines if line.startswith(f"{path}:")]
    assert len(told) == len(EXPECTED[name]) == 3
    for line, (row, column, text, meant) in zip(told, EXPECTED[name]):
        assert line.startswith(f"{path}:{row}:{column}: ")
        assert text in line
        assert line.endswith(f"; did you mean '{meant}'?") == (meant is not None)


def cells(text):
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


@pytest.mark.parametrize("name", sorted(set(EXPECTED) - {"secrets", "characters"}))
def test_the_line_is_shown_with_a_caret_below_the_column(name):
    path = DATA / "three_errors" / f"{name}.yaml"
    source = path.read_text(encoding="utf-8").split("\n")
    shown = check(path).stderr.split("\n")
    for row, column, text, _ in EXPECTED[name]:
        at = next(
            i for i, line in enumerate(shown) if f":{row}:{column}: " in line and text in line
        )
        indent = len(shown[at + 1]) - len(source[row - 1])
        assert shown[at + 1][indent:] == source[row - 1]
        assert shown[at + 2] == " " * (indent + column - 1) + "^"


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_nothing_is_expected_where_nothing_is_said(name):
    """It said "expected ; found '3600'" of what is written elsewhere."""
    path = DATA / "three_errors" / f"{name}.yaml"
    assert "expected ;" not in check(path).stderr
    assert all(error["expected"] != "" for error in json.loads(check("--json", path).stdout)["errors"])


def test_the_caret_stands_right_below_wide_letters(tmp_path):
    path = tmp_path / "wide.yaml"
    path.write_text('authority: {identity: "한국의 서버", listn: 127.0.0.1}\n', encoding="utf-8")
    _, source, caret = check(path).stderr.rstrip("\n").split("\n")
    before = source[: source.index("listn")]
    assert caret == " " * cells(before) + "^"


def test_a_secret_is_never_shown():
    done = check(DATA / "three_errors/secrets.yaml")
    assert "hexadecimal" not in done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_json_says_the_same(name):
    path = DATA / "three_errors" / f"{name}.yaml"
    done = check("--json", path)
    assert done.returncode == 2
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["file"] == str(path)
    assert report["more"] == 0
    found = [(e["line"], e["column"], e["suggestion"]) for e in report["errors"]]
    assert found == [(row, column, meant) for row, column, _, meant in EXPECTED[name]]
    for error, (_, _, text, _) in zip(report["errors"], EXPECTED[name]):
        parts = [error["message"], f"expected {error['expected']}", f"found {error['found']}"]
        assert text in "; ".join(parts)


@pytest.mark.parametrize("path", sorted((DATA / "right").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_right_file_is_met_with_silence(path):
    done = check(path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = check("--json", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"file": str(path), "errors": [], "more": 0}


def test_a_hundred_errors_are_told_and_the_rest_counted(tmp_path):
    path = tmp_path / "many.yaml"
    path.write_text("authority:\n" + "".join(f"  wrong-{n}: 1\n" for n in range(130)))
    done = check(path)
    assert done.stderr.count("unknown key") == 100
    assert done.stderr.rstrip("\n").split("\n")[-1].endswith("and 30 more errors")
    assert json.loads(check("--json", path).stdout)["more"] == 30


def test_a_file_that_is_not_there_is_no_configuration_error(tmp_path):
    done = check(tmp_path / "nowhere.yaml")
    assert done.returncode == 1
    assert "nowhere.yaml: No such file or directory" in done.stderr


def test_a_service_refuses_to_start_with_all_the_errors(tmp_path):
    path = DATA / "three_errors/misspelt_keys.yaml"
    for service in ("authority", "run"):
        done = subprocess.run(
            [binary(), service, "-c", str(path)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 2
        for row, column, text, _ in EXPECTED["misspelt_keys"]:
            assert f"{path}:{row}:{column}: {text}" in done.stderr
