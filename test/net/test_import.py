"""`gatehouse import`: what it makes of other servers' files is what `gatehouse check` accepts, and what it
could not carry over is said with the line."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from service import binary

DATA = Path(__file__).resolve().parent.parent / "data/import"
FILES = [
    ("dnsmasq", "dnsmasq.conf"),
    ("isc-dhcpd", "dhcpd.conf"),
    ("kea", "kea.json"),
    ("dnsmasq", "dnsmasq-more.conf"),
    ("isc-dhcpd", "dhcpd-more.conf"),
    ("kea", "kea-more.json"),
    ("wg-quick", "wg0.conf"),
    ("nginx", "nginx/site.conf"),
]


def run(*words, **options):
    return subprocess.run(
        [binary(), *map(str, words)], capture_output=True, text=True, timeout=60, check=False, **options
    )


@pytest.mark.parametrize("form, name", FILES)
def test_what_was_made_is_accepted_once_what_was_left_out_is_mended(form, name, tmp_path):
    done = run("import", form, DATA / name)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "gatehouse.yaml"
    path.write_text(done.stdout, encoding="utf-8")
    checked = run("check", path)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_what_contradicts_itself_is_carried_over_and_check_says_where(tmp_path):
    path, made = tmp_path / "dhcpd.conf", tmp_path / "gatehouse.yaml"
    path.write_text(
        "authoritative;\nsubnet 192.0.2.0 netmask 255.255.255.0 { option routers 192.0.2.1;\n"
        "range 192.0.2.1 192.0.2.100; range 192.0.2.50 192.0.2.60; }\n",
        encoding="utf-8",
    )
    done = run("import", "isc-dhcpd", path)
    assert (done.returncode, done.stderr) == (0, "")
    made.write_text(done.stdout, encoding="utf-8")
    checked = run("check", made)
    assert checked.returncode == 2
    assert "the range holds the router 192.0.2.1" in checked.stderr
    assert "two pools have the address 192.0.2.50" in checked.stderr


@pytest.mark.parametrize("form, name", FILES)
def test_each_note_has_the_line_it_is_about(form, name):
    lines = (DATA / name).read_text(encoding="utf-8").split("\n")
    done = run("import", form, DATA / name)
    notes = done.stderr.rstrip("\n").split("\n")
    assert len(notes) >= 4
    for note in notes:
        path, line, text = re.fullmatch(r"(.*?):(\d+): (.+)", note).groups()
        assert path == str(DATA / name)
        # The word that the note begins with, or quotes, stands on that line.
        word = text.split(" ")[0]
        if "is not carried over" in text and text.startswith(word + " is"):
            assert word in lines[int(line) - 1]
    told = json.loads(run("import", form, DATA / name, "--json").stdout)
    assert told["yaml"] == done.stdout
    assert [f"{note['line']}: {note['text']}" for note in told["notes"]] == [
        note.removeprefix(f"{DATA / name}:") for note in notes
    ]


def test_a_file_of_another_format_is_refused(tmp_path):
    path = tmp_path / "kea.conf"
    path.write_text("subnet 192.0.2.0 netmask 255.255.255.0 { }\n", encoding="utf-8")
    done = run("import", "kea", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not a file of that format" in done.stderr
    done = run("import", "kea", tmp_path / "none")
    assert (done.returncode, done.stdout) == (1, "")
    assert run("import", "keea", path).returncode == 2
