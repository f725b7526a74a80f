"""The script by which browsers find the forward proxy: how it is served, and what engines make of it: node for many hosts,
Chromium for pages that it then loads, through the proxy and without it.

    client 10.0.0.10 --- 10.0.0.1 gateway 9.0.0.1 --- 9.0.0.10 web
"""

import json
import shutil
import subprocess

import pytest

from forward_site import PROXY, Site, field

PAC = """  pac:
    proxies: ["https://proxy.home.arpa:3129", "http://10.0.0.1:3128", "socks5://[fd00::1]:1080"]
    direct: [home.arpa, "*.home.arpa", "*.local", 127.0.0.0/8, 10.0.0.0/8, 203.0.113.128/25, "::1", "fc00::/7", "2001:db8:8000::/33", "constructor"]
"""
PROXIES = "HTTPS proxy.home.arpa:3129; PROXY 10.0.0.1:3128; SOCKS5 [fd00::1]:1080"
DIRECT = """home.arpa a.home.arpa A.B.HOME.ARPA a.home.arpa. x.local router localhost 127.0.0.1 127.9.9.9 10.0.0.1 10.255.255.255
 203.0.113.128 203.0.113.255 ::1 [::1] fd12::1 [FD12::1] fd00::1%eth0 ::ffff:10.0.0.1 [::ffff:a00:1] 2001:db8:8000::1
 2001:db8:ffff:1:2:3:4:5 0:0:0:0:0:0:0:1 ::0:1 constructor hasownproperty""".split()
# What no engine can read as an address goes through, too.
THROUGH = """example.org local.example xhome.arpa home.arpa.example.org nothome.arpa 11.0.0.1 9.255.255.255 203.0.113.127 8.8.8.8 10.0.0 10.0.0.256
 010.0.0.0.1 2001:db8::1 ::ffff:8.8.8.8 ::2 fb00::1 1:2:3:4:5:6:7:8:9 1::2::3 a.constructor tostring.example.org __proto__.example.org""".split()
NODE = """
const vm = require("vm"), fs = require("fs");
const input = JSON.parse(fs.readFileSync(0, "utf8")), context = vm.createContext(Object.create(null));
vm.runInContext(input.script, context, {timeout: 5000});
console.log(JSON.stringify(input.hosts.map((host) => vm.runInContext("FindProxyForURL(" + JSON.stringify("http://" + host + "/") + "," + JSON.stringify(host) + ")",
  context, {timeout: 5000}))));
"""


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site(PAC)
        made.origin = made.serve()
        yield made
    finally:
        if made:
            made.close()


def fetch(site, path, method="GET"):
    connection = site.connect()
    connection.request(method, path, headers={"Host": f"{PROXY}:3128"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def evaluate(script, hosts):
    done = subprocess.run(["node", "-e", NODE], input=json.dumps({"script": script, "hosts": hosts}), capture_output=True, text=True, check=True, timeout=60)
    return dict(zip(hosts, json.loads(done.stdout)))


def test_the_script_is_served_where_browsers_look(site):
    status, fields, script = fetch(site, "/proxy.pac")
    assert status == 200 and fields["Content-Type"] == "application/x-ns-proxy-autoconfig"
    assert script.isascii() and "function FindProxyForURL(url, host)" in script
    assert fetch(site, "/wpad.dat?x=1")[2] == script
    status, fields, text = fetch(site, "/proxy.pac", "HEAD")
    assert status == 200 and int(fields["Content-Length"]) == len(script) and text == ""
    for method, path in (("POST", "/proxy.pac"), ("GET", "/proxy.pac/x"), ("GET", "/"), ("GET", "/PROXY.PAC")):
        assert fetch(site, path, method)[0] == 421
    assert site.metric("scripts_total") == 3


def test_by_tls_too(site):
    words = ["--cacert", str(site.authority.pem), "--resolve", f"proxy.home.arpa:3129:{PROXY}"]
    for version in ("--http1.1", "--http2"):
        done = site.client.run("curl", "-sS", "--fail", version, *words, "https://proxy.home.arpa:3129/proxy.pac")
        assert done.stdout == fetch(site, "/proxy.pac")[2], done.stderr


def test_no_script_is_served_unless_set(site):
    site.reload()
    assert fetch(site, "/proxy.pac")[0] == 421
    site.reload(PAC)


@pytest.mark.skipif(not shutil.which("node"), reason="node is not there")
def test_an_engine_chooses_by_it(site):
    script = fetch(site, "/proxy.pac")[2]
    told = evaluate(script, DIRECT + THROUGH)
    assert {host: told[host] for host in DIRECT} == dict.fromkeys(DIRECT, "DIRECT")
    assert {host: told[host] for host in THROUGH} == dict.fromkeys(THROUGH, PROXIES)
    site.reload('  pac: {proxies: "http://10.0.0.1:3128", direct: [], plain-names: no, fallback: yes}\n')
    told = evaluate(fetch(site, "/proxy.pac")[2], ["router", "10.0.0.1", "example.org"])
    assert set(told.values()) == {"PROXY 10.0.0.1:3128; DIRECT"}
    site.reload(PAC)


def dump(site, folder, *more):
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", f"--user-data-dir={folder}", *more]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return site.client.run("chromium", *words, env=environment, timeout=120).stdout


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not there")
def test_chromium_goes_by_it(site, tmp_path):
    """Through the proxy, which resolves the name: the client has no DNS."""
    site.origin.pages["/page"] = (200, {"Content-Type": "text/html"}, b"<p>it came through</p>")
    script = "--proxy-pac-url=http://10.0.0.1:3128/proxy.pac"
    rules = "--host-resolver-rules=MAP proxy.home.arpa 10.0.0.1"
    text = dump(site, tmp_path, script, rules, "--ignore-certificate-errors", "--dump-dom", "http://www.example.com/page")
    assert "it came through" in text
    told = [one for one in site.origin.seen if one["target"] == "/page"]
    assert field(told[-1], "via") == ["2.0 gatehouse"]  # by the first of the proxies, over TLS
