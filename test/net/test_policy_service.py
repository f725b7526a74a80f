"""The policy service: lists over HTTPS and from files, what becomes of bad ones, its file after kill -9, pauses."""

import http.server
import json
import os
import random
import signal
import threading
import time

import pytest

from ask import dns_query, rcode
from list_server import Lists, Page
from proxy_pki import Authority
from proxy_servers import wait_for
from service import Service, binary

CONFIG = """
policy:
  ca: {ca}
  groups:
    kids: {{clients: {{addresses: [192.168.7.0/24]}}}}
  lists:
    ads: {{url: "{ads}", size-max: 1M}}
    own: {{file: $DIR/own.txt}}
    games: {{lines: ["||games.example^"]}}
  rules:
  - {{lists: [ads, own]}}
  - {{groups: [kids], lists: [games], reason: "Not now."}}
"""


def many(n, word="ads"):
    return "".join(f"||{word}{i}.example^\n" for i in range(n))


class Site:
    def __init__(self, net):
        self.host = net.host("gate")
        self.authority = Authority(f"/tmp/{self.host.space}-pki")
        self.others = Authority(f"/tmp/{self.host.space}-others", "others")
        self.certificate = self.authority.issue("lists.home.arpa")
        self.web = Lists(self.host, self.certificate)
        self.web.pages["/ads"] = Page(many(100), etag='"1"')
        self.config = CONFIG.format(ca=self.authority.pem, ads=self.web.url("/ads"))
        self.service = Service(self.host, "policy", self.config, {"own.txt": "own.example\n"})

    def start(self):
        self.service.start()
        return self

    def list(self, name="ads"):
        return next(entry for entry in self.ask("GET", "/lists") if entry["list"] == name)

    def ask(self, method, path):
        status, answer = self.service.control(method, path)
        assert status == 200, answer
        return answer

    def verdict(self, name, **asked):
        words = "".join(f"&{key}={value}" for key, value in asked.items())
        return self.ask("GET", f"/why?name={name}{words}")

    def blocked(self, name, **asked):
        return self.verdict(name, **asked)["verdict"] == "blocked"

    def fresh(self):
        """Until what there is to be fetched was fetched, and made."""
        wait_for(lambda: self.list()["state"] == "good" and self.list("own")["names"] and self.list()["names"])

    def refresh(self, words=""):
        """Until something came of it; the list then. What is counted is counted of all lists: first they rest."""
        wait_for(lambda: all(entry["state"] in ("good", "failed") for entry in self.ask("GET", "/lists")))
        asked = len(self.web.asked("/ads"))
        before = self.counts()
        self.ask("POST", f"/refresh?list=ads{words}")
        wait_for(lambda: self.counts() != before)
        assert not self.web.server or len(self.web.asked("/ads")) >= asked
        return self.list()

    def counts(self):
        page = self.ask("GET", "/metrics")
        return [line for line in page.split("\n") if line.startswith("gatehouse_policy_list_fetches_total")]

    def gatehouse(self, *words):
        return self.host.run(binary(), "policy", *words, "--control", self.service.run_folder / "policy.sock")

    def close(self):
        self.web.close()


@pytest.fixture
def site(net):
    made = Site(net)
    yield made
    made.close()


def test_a_list_is_fetched_asked_for_by_its_tag_and_kept_without_a_network(site):
    site.start().fresh()
    assert site.blocked("x.ads99.example") and not site.blocked("ads100.example")
    assert site.blocked("own.example") and not site.blocked("x.own.example")
    assert site.verdict("ads7.example")["line"] == 8
    assert site.refresh()["state"] == "good"
    assert site.web.asked("/ads")[-1]["If-None-Match"] == '"1"'
    assert 'result="unchanged"} 1' in " ".join(site.counts())
    site.web.stop()
    assert site.service.stop() == 0
    site.service.start()
    wait_for(lambda: site.ask("GET", "/status").get("names"))
    assert site.blocked("ads7.example")
    # What is fresh is not asked for again.
    assert site.list()["error"] is None and site.list()["names"] == 100


BAD = {
    "html": (Page("<!DOCTYPE html><title>Log in</title>"), "HTML"),
    "essay": (Page("It is so sorry; but this, you see, is\nno list of any kind; really, no.\n"), "rule"),
    "gone": (Page("gone", status=410), "410"),
    "fewer": (Page(many(49)), "far fewer"),
    "empty": (Page(""), "far fewer"),
    "short": (Page(many(100), broken="short"), "ended"),
    "endless": (Page(many(100), broken="endless"), "ended"),
    "long": (Page(many(60000)), "limit"),
    "plain": (Page("", status=302, to="http://lists.home.arpa/ads"), "https"),
    "circle": (Page("", status=302, to="/ads"), "redirects"),
}


def test_a_bad_download_keeps_the_old_list_and_says_so(site):
    site.start().fresh()
    for name, (page, words) in BAD.items():
        site.web.pages["/ads"] = page
        found = site.refresh()
        assert found["state"] == "failed" and words in found["error"], (name, found)
        assert site.blocked("ads99.example"), name
    assert found["failures"] == len(BAD)
    site.web.stop()
    assert "refused" in site.refresh()["error"]
    site.web.start(site.others.issue("lists.home.arpa"))
    assert "certificate" in site.refresh()["error"]
    site.web.stop()
    site.web.start(site.authority.issue("another.home.arpa"))
    assert "hostname" in site.refresh()["error"]
    site.web.stop()
    assert site.blocked("ads99.example") and "the last one stays" in site.service.log()
    site.web.start(site.certificate)
    site.web.pages["/ads"] = Page(many(120, "new"), packed=True)
    assert site.refresh()["error"] is None
    wait_for(lambda: site.blocked("new119.example"))
    assert not site.blocked("ads99.example")
    # What shrank is believed by who is told to.
    site.web.pages["/ads"] = Page(many(3, "few"))
    assert "far fewer" in site.refresh()["error"]
    assert site.refresh("&force=yes")["error"] is None
    wait_for(lambda: site.blocked("few2.example"))


def test_a_redirect_leads_to_the_list(site):
    site.web.pages["/ads"] = Page("", status=301, to="/moved")
    site.web.pages["/moved"] = Page(many(10, "moved"))
    site.start().fresh()
    assert site.blocked("moved9.example")


class Outside(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(302)
        self.send_header("Location", self.server.to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_redirect_from_outside_does_not_lead_inside(site):
    site.host.run("ip", "address", "add", "203.0.113.9/32", "dev", "lo")
    with site.host.inside():
        outside = http.server.ThreadingHTTPServer(("203.0.113.9", 8080), Outside)
    outside.to = site.web.url("/ads")
    threading.Thread(target=outside.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        site.service.configure(site.config.replace(site.web.url("/ads"), "http://203.0.113.9:8080/ads"))
        site.start()
        wait_for(lambda: site.list()["state"] == "failed")
        assert "from outside to an address inside" in site.list()["error"]
        assert not site.web.asked("/ads")
    finally:
        outside.shutdown()
        outside.server_close()


def test_lines_that_are_left_out_are_told_with_what_left_them_out(site):
    site.service.configure(site.config.replace("policy:\n", "policy:\n  lines-max: 50\n"))
    site.start().fresh()
    wait_for(lambda: site.blocked("ads49.example"))
    assert not site.blocked("ads50.example")
    wait_for(lambda: "more lines than are taken: `lines-max`" in site.service.log())
    assert "lines are left out: `lines-max`" in site.gatehouse("lists").stdout
    patterns = "".join(f"||w*{i}x*.tracker.example^\n" for i in range(40))
    site.web.pages["/ads"] = Page(patterns)
    site.service.configure(site.config)
    site.service.reload()
    assert site.refresh("&force=yes")["error"] is None
    wait_for(lambda: "patterns of one, than are taken" in site.service.log())


def test_a_file_is_read_anew_and_what_is_gone_is_kept(site):
    site.start().fresh()
    site.service.write({"own.txt": "other.example\n"})
    wait_for(lambda: site.blocked("other.example"))
    assert not site.blocked("own.example")
    (site.service.folder / "own.txt").unlink()
    wait_for(lambda: site.list("own")["state"] == "failed")
    assert site.blocked("other.example")
    site.service.write({"own.txt": "third.example\n"})
    wait_for(lambda: site.blocked("third.example"))
    assert site.list("own")["error"] is None


def test_a_kill_while_it_writes_leaves_the_old_policy_or_the_new_one(site):
    site.web.pages["/ads"] = Page(many(20000, "odd"))
    site.start().fresh()
    chance = random.Random(7)
    for turn in range(8):
        word = "even" if turn % 2 == 0 else "odd"
        site.web.pages["/ads"] = Page(many(20000, word), etag=f'"{turn}"')
        site.ask("POST", "/refresh?list=ads")
        time.sleep(chance.random() * 0.3)  # whatever it is at then
        site.service.kill()
        site.service.start()
        # Before the network and before anything is made anew.
        wait_for(lambda: "names" in site.ask("GET", "/status"))
        # One of the two; between the questions the other may come into force, of what was kept and not made yet.
        wait_for(lambda: site.blocked("odd7.example") != site.blocked("even7.example"))
    assert "not good" not in site.service.log() and "cannot be read" not in site.service.log()
    site.refresh()
    wait_for(lambda: site.blocked(f"{word}7.example"))
    # What killed ones had begun is gone; the one that runs may be writing.
    folder = site.service.folder / "state/policy"
    wait_for(lambda: all(path.name.startswith(("compiled", "list-", "neighbours")) and "." not in path.name for path in folder.iterdir()))


def test_a_pause_lifts_the_rules_of_a_group_outlives_a_restart_and_ends(site):
    site.start().fresh()
    client = {"client": "192.168.7.9"}
    assert site.verdict("games.example", **client)["reason"] == "Not now."
    assert not site.blocked("games.example", client="192.168.8.9")
    done = site.gatehouse("pause", "kids", "30m")
    assert done.returncode == 0 and "lifted until" in done.stdout, done.stderr
    assert not site.blocked("games.example", **client) and site.verdict("games.example", **client)["pauses"]
    site.service.kill()
    site.service.start()
    wait_for(lambda: "names" in site.ask("GET", "/status"))
    assert not site.blocked("games.example", **client)
    # Others' rules hold, and its own when it is over.
    assert site.blocked("ads1.example", client="192.168.8.9")
    assert site.blocked("games.example", at=int(time.time()) + 1801, **client)
    assert site.gatehouse("resume", "kids").returncode == 0
    assert site.blocked("games.example", **client)
    assert site.gatehouse("pause", "all", "1h").returncode == 0
    assert not site.blocked("ads1.example")
    assert site.gatehouse("resume", "all").returncode == 0
    assert site.blocked("ads1.example")
    assert site.gatehouse("pause", "nobody", "1h").returncode != 0
    assert site.gatehouse("pause", "kids", "soon").returncode == 2


def test_what_could_not_be_written_is_tried_again(site):
    site.start().fresh()
    folder = site.service.folder / "state/policy"
    folder.chmod(0o500)  # as a disk that is full: nothing new comes into it
    site.service.write({"own.txt": "later.example\n"})
    wait_for(lambda: site.list("own")["state"] == "failed")
    site.service.reload(site.config.replace("||games.example^", "||chess.example^"))
    wait_for(lambda: "the file" in (site.ask("GET", "/status")["error"] or ""))
    assert not site.blocked("chess.example", client="192.168.7.9") and site.blocked("own.example")
    folder.chmod(0o700)
    wait_for(lambda: site.blocked("later.example") and site.blocked("chess.example", client="192.168.7.9"))
    assert site.ask("GET", "/status")["error"] is None
    assert site.service.log().count("the policy cannot be made") == 1


def test_a_reload_takes_and_leaves_lists_and_a_bad_one_changes_nothing(site):
    site.start().fresh()
    site.web.pages["/more"] = Page(many(5, "more"))
    more = site.config.replace("    own:", f'    more: {{url: "{site.web.url("/more")}"}}\n    own:')
    site.service.reload(more.replace("[ads, own]", "[more, own]"))
    wait_for(lambda: site.blocked("more4.example"))
    assert not site.blocked("ads1.example")
    site.service.reload(more.replace("[ads, own]", "[nowhere]"))
    assert "'nowhere'" in site.service.log() and site.blocked("more4.example")
    site.service.configure(site.config)
    assert site.ask("POST", "/reload") == {"reloaded": True}
    wait_for(lambda: site.blocked("ads1.example"))
    assert len(site.web.asked("/ads")) == 1


def test_a_kept_list_that_was_spoilt_is_fetched_anew_and_the_policy_stays(site):
    site.start().fresh()
    folder = site.service.folder / "state/policy"
    kept = max(folder.glob("list-*"), key=lambda path: path.stat().st_size)
    kept.write_bytes(kept.read_bytes()[:-7])
    asked = len(site.web.asked("/ads"))
    site.web.pages["/ads"] = Page("", status=503)
    site.service.write({"own.txt": "other.example\n"})  # so that it is made anew
    # What is new comes into force, and what there was of the spoilt one stays while it cannot be had.
    wait_for(lambda: site.blocked("other.example") and site.list()["state"] == "failed")
    assert site.blocked("x.ads99.example") and site.verdict("ads7.example")["line"] == 8
    assert "If-None-Match" not in site.web.asked("/ads")[asked]
    assert site.list()["stands_in"] == "the last policy's rules" and site.list()["names"] == 100
    assert "in its place stands the last policy's rules" in site.gatehouse("lists").stdout
    assert 'list_stands_in{list="ads"} 1' in site.ask("GET", "/metrics")
    assert "error policy: what was kept of a list is spoilt" in site.service.log()
    # Another process knows no better, and does not believe that there is nothing.
    site.service.kill()
    site.web.pages["/ads"] = Page("# nothing\n")
    site.service.start()
    wait_for(lambda: site.list()["state"] == "failed" and "far fewer" in site.list()["error"])
    assert site.blocked("ads99.example")
    site.web.pages["/ads"] = Page(many(100) + "||back.example^\n")
    assert site.refresh()["error"] is None
    wait_for(lambda: site.blocked("back.example"))
    assert site.list()["stands_in"] is None and site.ask("GET", "/status")["error"] is None
    # At a start it is found out before anything is made.
    site.service.stop()
    kept.write_bytes(b"spoilt")
    site.web.pages["/ads"] = Page("", status=503)
    site.service.start()
    wait_for(lambda: site.list()["state"] == "failed" and "names" in site.ask("GET", "/status"))
    assert site.blocked("back.example")
    assert "what was kept of a list cannot be read" in site.service.log()
    site.web.pages["/ads"] = Page(many(100))
    assert site.refresh()["error"] is None
    wait_for(lambda: not site.blocked("back.example"))
    assert site.blocked("ads99.example")


def test_of_a_list_that_comes_from_elsewhere_the_last_text_stays_until_it_came(site):
    site.start().fresh()
    made = lambda: site.ask("GET", "/status")["generation"]
    moved = site.config.replace(site.web.url("/ads"), site.web.url("/moved"))
    for page, words in [(Page("gone", status=404), "404"), (Page("<html>"), "HTML"), (Page("# none\n"), "no name in it")]:
        site.web.pages["/moved"] = page
        before = made()
        site.service.configure(moved)
        assert site.ask("POST", "/reload") == {"reloaded": True}
        wait_for(lambda: site.list()["state"] == "failed" and words in site.list()["error"] and made() > before)
        assert site.blocked("x.ads99.example")
        assert site.list()["stands_in"] == f"the text from {site.web.url('/ads')}"
        site.service.kill()  # and in the next process
        site.service.start()
        wait_for(lambda: site.list()["state"] == "failed" and made() > before + 1)
        assert site.blocked("x.ads99.example") and site.list()["names"] == 100
    # It was asked for as one of which nothing is known, and may be shorter than the other one.
    assert all("If-None-Match" not in fields for fields in site.web.asked("/moved"))
    site.web.pages["/moved"] = Page(many(3, "moved"), etag='"1"')
    assert site.refresh()["error"] is None
    wait_for(lambda: site.blocked("moved2.example"))
    assert not site.blocked("ads99.example") and site.list()["stands_in"] is None
    # A file in its place; and lines of the configuration that become a list.
    to_file = moved.replace(f'url: "{site.web.url("/moved")}", size-max: 1M', "file: $DIR/late.txt")
    games = to_file.replace('lines: ["||games.example^"]', "file: $DIR/games.txt")
    site.service.configure(games)
    before = made()
    assert site.ask("POST", "/reload") == {"reloaded": True}
    wait_for(lambda: made() > before and site.list("games")["state"] == "failed")
    assert site.blocked("moved2.example") and site.blocked("games.example", client="192.168.7.9")
    assert site.list("games")["stands_in"] == "the last policy's rules"
    site.service.write({"late.txt": "late.example\n", "games.txt": "chess.example\n"})
    wait_for(lambda: site.blocked("late.example") and site.blocked("chess.example", client="192.168.7.9"))
    assert not site.blocked("moved2.example") and not site.blocked("games.example", client="192.168.7.9")


def test_a_configuration_is_told_what_it_asks_for_in_vain(site):
    def check(config):
        site.service.configure(config)
        done = site.host.run(binary(), "check", site.service.config_path)
        assert done.returncode == 0, done.stderr
        return done.stderr

    obeyed = site.config + "resolver:\n  policy: {}\n"
    assert check(obeyed) == ""
    assert check(site.config + "forward-proxy:\n  listen: 127.0.0.1\n  policy: on\n") == ""
    users = site.config + "forward-proxy:\n  listen: 127.0.0.1\n  policy: on\n  access: {vpn-users: password}\n"
    assert "write `serve-users: yes` in `vpn`" in check(users)
    assert "nobody obeys the section `policy`" in check(site.config)
    assert "`resolver` obeys the section `policy`, which is not there" in check("resolver:\n  policy: {}\n")
    assert "'ads' comes over http" in check(site.config.replace("https://", "http://"))
    group = "{addresses: [192.168.7.0/24]}"
    for key, value in {"macs": "02:00:5e:00:53:01", "leases": "tablet", "peers": "phone"}.items():
        assert check(obeyed.replace(group, f'{{{key}: ["{value}"]}}')) == ""
        assert check(obeyed.replace(group, f'{group}, except: {{{key}: ["{value}"]}}')) == ""
    assert check(obeyed.replace(group, "{users: [alice]}")) == ""
    assert check(obeyed.replace("policy:\n", "policy:\n  time-zone: UTC\n", 1)) == ""
    assert "no time zone 'Europe/Atlantis'" in check(obeyed.replace("policy:\n", "policy:\n  time-zone: Europe/Atlantis\n", 1))
    assert "no rule names the list 'games'" in check(site.config.replace("[games]", "[own]"))


SITE = """
resolver:
  listen: 127.0.0.1:5353
  forward: [{{zone: ., to: ["127.0.0.1:9"]}}]
  policy: {{}}
"""


def test_the_resolver_obeys_it_and_goes_on_without_it(net):
    made = Site(net)
    try:
        config = made.config.replace("[192.168.7.0/24]", "[127.0.0.0/8]") + SITE.format()
        made.service = Service(made.host, "run", config, {"own.txt": "own.example\n"}).start()

        def answer(name):
            return rcode(dns_query(made.host, "127.0.0.1", name, port=5353))

        def policy(method, path):
            status, said = made.service.control(method, path, "policy")
            assert status == 200, said
            return said

        wait_for(lambda: answer("x.ads99.example") == "NXDOMAIN")
        assert answer("games.example") == "NXDOMAIN"
        policy("POST", "/pause?group=kids&seconds=600")
        wait_for(lambda: answer("games.example") == "SERVFAIL")  # nobody knows it here
        assert answer("ads1.example") == "SERVFAIL"  # everybody's rules are lifted for them as well
        policy("POST", "/resume?group=kids")
        wait_for(lambda: answer("games.example") == "NXDOMAIN")
        made.web.pages["/ads"] = Page(many(80, "new"))
        policy("POST", "/refresh?list=ads")
        wait_for(lambda: answer("new7.example") == "NXDOMAIN")
        # It is killed, comes back, and nobody has waited for it.
        os.kill(policy("GET", "/status")["pid"], signal.SIGKILL)
        assert answer("new8.example") == "NXDOMAIN"
        assert "landlock" in made.service.control("GET", "/status", "resolver")[1]["sandbox"]
    finally:
        made.close()


def test_who_obeys_may_be_there_first(site):
    """Each started by hand, the resolver before the policy's folder is there."""
    folder = site.service.folder / "state"
    shared = f"global:\n  state: {folder}\n"
    resolver = Service(site.host, "resolver", shared + SITE.format()).start()
    assert rcode(dns_query(site.host, "127.0.0.1", "ads1.example", port=5353)) == "SERVFAIL"
    site.start().fresh()
    wait_for(lambda: rcode(dns_query(site.host, "127.0.0.1", "ads1.example", port=5353)) == "NXDOMAIN")
    assert "landlock" in resolver.control("GET", "/status")[1]["sandbox"]


def test_people_are_told_by_words(site):
    site.start().fresh()
    lists = site.gatehouse("lists")
    assert lists.returncode == 0 and "ads" in lists.stdout and "100" in lists.stdout, lists.stderr
    why = site.gatehouse("why", "Games.Example", "--client", "192.168.7.1", "--at", "21:00")
    assert "blocked" in why.stdout and "||games.example^ (list games, line 1; rule 2)" in why.stdout, why
    assert json.loads(site.gatehouse("why", "x.example", "--json").stdout)["verdict"] == "nothing"
    assert site.gatehouse("why", "not a name").returncode != 0
    site.web.pages["/ads"] = Page("<html>")
    assert site.gatehouse("refresh", "ads").returncode == 0
    wait_for(lambda: "HTML" in site.gatehouse("lists").stdout)
    assert site.gatehouse("refresh", "nowhere").returncode != 0
