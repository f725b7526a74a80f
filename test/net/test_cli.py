"""What the program says to people and to their shells: help, completion, colours, and what it answers to a
command line that is wrong. No network."""

import functools
import json
import os
import pty
import re
import struct
import subprocess
from pathlib import Path

import pytest

from service import binary

ROOT = Path(__file__).resolve().parent.parent.parent
MAN = ROOT / "doc/man"
ESCAPE = "\x1b["


def run(*words, **environment):
    """As a person without a terminal; NO_COLOR, which a test run may have, is not set."""
    kept = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    return subprocess.run(
        [binary(), *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
        env={**kept, **environment},
    )


@functools.cache
def words(*typed):
    """What a shell offers for the last of the words. Hundreds ask, often the same."""
    done = run("completion", "words", "--", *typed)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split("\t")[0] for line in done.stdout.split("\n") if line]


@functools.cache
def help_of(*typed):
    """What `help` says of a command or a verb. More than one test asks."""
    return run("help", *typed)


def commands():
    return words("")


def verbs():
    return [(c, v) for c in commands() for v in words(c, "") if v in words("help", c, "")]


# ---- help


def test_help_lists_every_command():
    done = run("help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in commands():
        assert re.search(rf"^  {command} +\S", done.stdout, re.M)
    assert run("--help").stdout == run("-h").stdout == done.stdout
    assert {"run", "check", "status", "events", "trace", "zone", "lab", "version", "help"} <= set(
        commands()
    )


def test_without_a_command_it_shows_the_list_and_fails():
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == run("help").stdout


def test_help_of_each_command_is_what_it_says_itself():
    for command in commands():
        done = help_of(command)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"Usage: gatehouse {command}")
        assert run(command, "--help").stdout == run(command, "-h").stdout == done.stdout


def test_help_of_each_verb_names_it_in_full():
    assert ("zone", "check") in verbs()
    assert ("lab", "tour") in verbs()
    for command, verb in verbs():
        done = help_of(command, verb)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"Usage: gatehouse {command} {verb}")
        assert run(command, verb, "--help").stdout == done.stdout


def test_every_option_that_is_offered_is_in_the_help():
    for typed in [(c,) for c in commands()] + verbs():
        text = help_of(*typed).stdout
        for option in words(*typed, "--"):
            assert option in text


def test_version():
    done = run("version")
    assert done.returncode == 0
    assert re.fullmatch(r"gatehouse \d+\.\d+\.\d+\n", done.stdout)
    assert run("--version").stdout == done.stdout
    told = json.loads(run("version", "--json").stdout)
    assert f"gatehouse {told['version']}\n" == done.stdout
    assert "authority" in told["services"]


def test_help_config_lists_keys_with_what_they_mean():
    top = run("help", "config").stdout
    for section in ("global.", "authority."):
        assert re.search(rf"^{re.escape(section)} +\S", top, re.M)
    below = run("help", "config", "authority.tcp.").stdout
    assert re.search(r"^authority\.tcp\.idle +\S", below, re.M)
    assert run("help", "config", "authority.tcp").stdout == below
    done = run("help", "config", "authority.nothing")
    assert done.returncode == 1
    assert "no configuration key begins with 'authority.nothing'" in done.stderr


# ---- a wrong command line


WRONG = [
    (["chek"], "there is no command 'chek'; did you mean 'check'?"),
    (["statsu"], "there is no command 'statsu'; did you mean 'status'?"),
    (["zzzzzzzz"], "there is no command 'zzzzzzzz'\n"),
    (["zone", "chek", "x"], "there is no verb 'chek'; did you mean 'check'?"),
    (["lab", "tuor"], "there is no verb 'tuor'; did you mean 'tour'?"),
    (["help", "confg"], "there is no command 'confg'; did you mean 'config'?"),
    (["help", "lab", "statu"], "there is no verb 'statu'; did you mean 'status'?"),
    (["run", "--confg", "x"], "run: there is no option '--confg'; did you mean '--config'?"),
    (["zone", "check", "--orign=x", "f"], "zone check: there is no option '--orign=x'"),
    (["zone", "check", "--leniant", "f"], "did you mean '--lenient'?"),
    (["status", "--jsn"], "did you mean '--json'?"),
    (["status", "-x"], "there is no option '-x'"),
    (["status", "-c"], "option '--config' needs a value"),
    (["zone", "check", "--lenient=yes", "f"], "option '--lenient' takes no value"),
    (["check"], "check: it needs FILE"),
    (["zone", "check"], "zone check: it needs FILE"),
    (["check", "a", "b"], "check: 'b' is one word too many"),
    (["version", "now"], "version: 'now' is one word too many"),
    (["completion", "tcsh"], "no completion for 'tcsh'"),
    (["completion", "bash", "zsh"], "'zsh' is one word too many"),
    (["status", "autority"], "there is no service 'autority'; did you mean 'authority'?"),
    (["events", "autority"], "there is no service 'autority'; did you mean 'authority'?"),
    (["status", "--control", "/nowhere"], "--control is one service's socket"),
    (["plan"], "plan needs a configuration"),
]


@pytest.mark.parametrize("typed,said", WRONG, ids=[" ".join(typed) for typed, _ in WRONG])
def test_a_wrong_command_line_is_told_with_the_near_word(typed, said):
    done = run(*typed)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("gatehouse: ")
    assert said in done.stderr


@pytest.mark.parametrize("typed", [["zone"], ["zone", "--json"], ["lab"], ["lab", "--json"]])
def test_a_command_without_its_verb_lists_the_verbs(typed):
    done = run(*typed)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == run("help", typed[0]).stdout


def test_two_dashes_end_the_options():
    assert "--json: No such file or directory" in run("check", "--", "--json").stderr


def test_a_configuration_that_cannot_be_used_is_told_once(tmp_path):
    empty = tmp_path / "empty"
    empty.write_text("")
    for typed in (["status"], ["status", "authority"], ["events", "authority"], ["trace", "example.com"]):
        done = run(*typed, "-c", tmp_path / "none")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"gatehouse: {tmp_path / 'none'}: No such file or directory\n"
        done = run(*typed, "-c", empty)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"{empty}:1:1: the file is empty: it configures no service\n"


def test_check_as_json_is_one_line(tmp_path):
    empty = tmp_path / "empty"
    empty.write_text("")
    done = run("check", "--json", empty)
    assert done.returncode == 2
    assert done.stdout.count("\n") == 1 and json.loads(done.stdout)["errors"][0]["line"] == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only services that root starts change their user")
def test_a_user_who_does_not_exist_is_told_before_anything_starts(tmp_path):
    file = tmp_path / "gatehouse.yaml"
    file.write_text(f"global: {{user: nosuchuser, run: {tmp_path}/run}}\nresolver: {{}}\n")
    for typed in (["plan", "--json"], ["run"]):
        done = run(*typed, "-c", file)
        assert (done.returncode, done.stdout) == (2, "")
        assert "there is no user 'nosuchuser'" in done.stderr


def test_hosts_of_the_lab_are_completed():
    assert "client1" in words("lab", "shell", "")
    assert words("lab", "run", "gate") == ["gateway"]


def test_nobody_at_a_socket_is_told_with_what_to_do(tmp_path):
    for typed in (["status", "authority"], ["events", "authority"], ["trace", "example.com"]):
        done = run(*typed, "--control", tmp_path / "x.sock")
        assert done.returncode == 1
        assert f"nobody listens at {tmp_path / 'x.sock'}" in done.stderr
        assert "gatehouse run -c FILE" in done.stderr


# ---- completion


def test_bash_completes_with_the_script(tmp_path):
    script = run("completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    (tmp_path / "gatehouse").symlink_to(binary())

    def complete(*typed):
        quoted = " ".join(f"'{word}'" for word in ("gatehouse", *typed))
        ask = (
            f'COMP_WORDS=({quoted}); COMP_CWORD={len(typed)}; _gatehouse; echo "${{COMPREPLY[*]}}"'
        )
        done = subprocess.run(
            ["bash", "--norc", "-c", f"{script}\ncompopt() {{ :; }}\n{ask}"],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )
        assert done.stderr == ""
        return done.stdout.split()

    assert complete("st") == ["status"]
    assert complete("lab", "to") == ["tour"]
    assert complete("vpn", "a") == ["add"]
    assert complete("zone", "check", "--o") == ["--origin"]
    assert complete("help", "config", "authority.tc") == ["authority.tcp."]
    assert complete("check", "STY") == ["STYLE.md"]  # no word of ours: a file


def test_words_are_those_that_fit():
    assert words("ch") == ["check"]
    assert words("zone", "") == ["check"]
    assert "--lenient" in words("zone", "check", "--")
    assert words("status", "auth") == ["authority"]
    assert words("completion", "") == ["bash", "zsh", "fish"]
    assert "config" in words("help", "")
    assert "authority.tcp.idle" in words("help", "config", "authority.tcp.")
    assert words("nosuch", "") == []


def test_the_other_shells_have_scripts_too():
    assert run("completion", "zsh").stdout.startswith("#compdef gatehouse\n")
    assert "complete -c gatehouse" in run("completion", "fish").stdout


# ---- colours


def on_terminal(*typed, **environment):
    """What it prints when its standard output is a terminal."""
    ours, theirs = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    try:
        process = subprocess.Popen(
            [binary(), *typed],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            env={**kept, **environment},
        )
        os.close(theirs)
        text = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # EIO: the other end is closed
                piece = b""
            if not piece:
                break
            text += piece
        process.wait(30)
    finally:
        os.close(ours)
    return text.decode()


def test_only_a_terminal_gets_colours():
    typed = ("help", "config", "authority.")
    coloured = on_terminal(*typed)
    assert ESCAPE in coloured
    assert ESCAPE not in run(*typed).stdout
    assert ESCAPE not in on_terminal(*typed, NO_COLOR="1")
    assert ESCAPE in on_terminal(*typed, NO_COLOR="")  # no-color.org: empty is as unset
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured).replace("\r\n", "\n")
    assert plain == run(*typed).stdout


def test_columns_are_aligned():
    lines = run("help", "config", "authority.").stdout.split("\n")[:-1]
    at = lines[0].index("MEANS")
    assert all(line[at - 1] == " " and line[at] != " " for line in lines)


# ---- the configuration's JSON Schema


KEYWORDS = {
    "$schema", "$defs", "$ref", "title", "description", "default", "examples", "type", "properties", "required",
    "additionalProperties", "allOf", "anyOf", "items", "minItems", "maxItems", "minProperties", "uniqueItems", "enum",
    "minimum", "maximum", "minLength", "maxLength", "pattern", "format",
}  # fmt: skip
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def is_type(name, value):
    if isinstance(value, bool) and name in ("integer", "number"):
        return False
    return isinstance(value, TYPES[name])


def valid(schema, value, root=None):
    """Whether value fits: the part of JSON Schema (draft 2020-12) that the file's schema uses."""
    if schema is True or schema is False:
        return schema
    root = root or schema
    if "$ref" in schema:
        return valid(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    checks = [
        not types or any(is_type(name, value) for name in types),
        "enum" not in schema or value in schema["enum"],
        all(valid(part, value, root) for part in schema.get("allOf", [])),
        "anyOf" not in schema or any(valid(part, value, root) for part in schema["anyOf"]),
    ]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        checks.append(schema.get("minProperties", 0) <= len(value))
        others = schema.get("additionalProperties", True)
        checks += [key in value for key in schema.get("required", [])]
        checks += [valid(known.get(key, others), value[key], root) for key in value]
    if isinstance(value, list):
        checks.append(schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1 << 30))
        checks += [valid(schema.get("items", True), item, root) for item in value]
        if schema.get("uniqueItems"):
            checks.append(len({json.dumps(item) for item in value}) == len(value))
    if isinstance(value, str):
        checks.append(schema.get("minLength", 0) <= len(value))
        checks.append(re.search(schema.get("pattern", ""), value) is not None)
    if is_type("number", value):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        checks.append(low <= value <= high)
    return all(checks)


def each_schema(schema):
    yield schema
    for part in (
        schema.get("allOf", [])
        + schema.get("anyOf", [])
        + list(schema.get("properties", {}).values())
        + list(schema.get("$defs", {}).values())
    ):
        yield from each_schema(part)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from each_schema(schema[key])


def test_the_json_schema_says_what_is_right():
    schema = json.loads(run("help", "config", "--json").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for part in each_schema(schema):
        assert set(part) <= KEYWORDS
        types = part.get("type", [])
        assert {types} <= set(TYPES) if isinstance(types, str) else set(types) <= set(TYPES)
        re.compile(part.get("pattern", ""))
        assert isinstance(part.get("description", ""), str)
        assert set(part.get("required", [])) <= set(
            part.get("properties", part.get("required", []))
        )
    zone = {"origin": "example.com", "file": "example.com.zone"}
    right = {
        "global": {"log": {"level": "notice"}, "sandbox": "on"},
        "authority": {
            "listen": ["127.0.0.1:5300"],
            "workers": 1,
            "zones": [zone],
            "tcp": {"idle": "10s"},
        },
    }
    assert valid(schema, right)
    assert valid(schema, {"authority": {"listen": "127.0.0.1", "zones": zone}})
    wrong = [
        {"authorty": {}},
        {"authority": {"listn": []}},
        {"authority": {"workers": "many"}},
        {"authority": {"workers": 100000}},
        {"authority": {"zones": [{"origin": "example.com"}]}},
        {"authority": {"checks": "strikt"}},
        {"authority": {"tcp": {"idle": "10 seconds"}}},
        {"dhcp-client": {"uplinks": {}}},
        {"global": {"log": {"level": 3}}},
        {"dhcp": {"networks": [{"subnet": "192.168.7.0/24", "options": {"routers": [[]]}}]}},
    ]
    for value in wrong:
        assert not valid(schema, value), value


# ---- manual pages


def man(path):
    return subprocess.run(
        ["man", "--warnings", "-l", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MANWIDTH": "100", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"},
    )


def test_every_command_has_a_page_that_formats_without_a_warning(tmp_path):
    sources = {path.name: path.read_text() for path in MAN.glob("*.scd")}
    for command in commands():
        assert f"gatehouse-{command}.1.scd" in sources
    sources["gatehouse.yaml.5.scd"] = run("help", "config", "--scdoc").stdout
    for name, text in sources.items():
        made = subprocess.run(["scdoc"], input=text, capture_output=True, text=True, check=False)
        assert (made.returncode, made.stderr) == (0, ""), name
        page = tmp_path / name.removesuffix(".scd")
        page.write_text(made.stdout)
        shown = man(page)
        assert (shown.returncode, shown.stderr) == (0, ""), name
        for heading in ("NAME", "DESCRIPTION"):
            assert re.search(rf"^{heading}$", shown.stdout, re.M), name


def test_every_page_names_the_options_that_there_are():
    for typed in [(c,) for c in commands()] + verbs():
        page = (MAN / f"gatehouse-{typed[0]}.1.scd").read_text()
        for option in words(*typed, "--"):
            if option not in ("--help", "--json"):
                assert f"*{option}*" in page, (typed, option)


def test_every_key_is_in_the_reference():
    text = run("help", "config", "--scdoc").stdout
    for section in words("help", "config", ""):
        for key in words("help", "config", section):
            last = key.rstrip(".").split(".")[-1]
            assert last in text, key


# ---- how it is linked

ET_DYN, PT_DYNAMIC, PT_GNU_STACK, PT_GNU_RELRO, PF_X = 3, 2, 0x6474E551, 0x6474E552, 1
DT_FLAGS, DF_BIND_NOW = 30, 8


def test_it_lies_at_any_address_and_what_it_calls_cannot_be_exchanged():
    """ELF of 64 bits: position-independent, addresses of functions looked up at once and then read-only, no code on the stack."""
    data = Path(binary()).read_bytes()
    order = "<" if data[5] == 1 else ">"
    kind, at, size, number = (
        struct.unpack_from(order + form, data, offset)[0] for form, offset in (("H", 16), ("Q", 32), ("H", 54), ("H", 56))
    )
    parts = {}
    for n in range(number):
        part, flags, offset, _, _, length = struct.unpack_from(order + "IIQQQQ", data, at + n * size)
        parts[part] = flags, offset, length
    _, offset, length = parts[PT_DYNAMIC]
    dynamic = dict(struct.iter_unpack(order + "QQ", data[offset : offset + length]))
    assert data[4] == 2 and kind == ET_DYN
    assert dynamic.get(DT_FLAGS, 0) & DF_BIND_NOW and parts[PT_GNU_RELRO][2]
    assert not parts[PT_GNU_STACK][0] & PF_X
