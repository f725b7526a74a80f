"""DNS load by dnsperf, and whether a server answers. Knows no particular server."""

import re
import subprocess

import pairs


def answers(net, address, name, port=53):
    """True when the server gives NOERROR with an answer or a referral."""
    words = ["ip", "netns", "exec", net.load, "dig", f"@{address}", "-p", str(port), name, "A", "+time=1", "+tries=1", "+norecurse"]
    result = subprocess.run(words, capture_output=True, text=True)
    return "status: NOERROR" in result.stdout


def asked(net, queries, seconds=None, port=53, extra=()):
    """(queries answered, queries a second)."""
    out = net.loaded("dnsperf", "-s", pairs.SERVER, "-p", port, "-d", queries, "-l", seconds or pairs.SECONDS, "-c", 20,
                     "-T", 1, "-q", 200, "-t", 2, *extra)
    number = lambda text: float(re.search(text + r":\s+([\d.]+)", out).group(1))
    completed, lost = number("Queries completed"), number("Queries lost")
    if lost > completed * 0.001:
        pairs.fail(f"{lost:.0f} of {completed:.0f} queries were lost")
    return completed, number("Queries per second")


def once(net, queries, port=53):
    """Each query of the file once: warms a cache."""
    net.loaded("dnsperf", "-s", pairs.SERVER, "-p", port, "-d", queries, "-n", 1, "-c", 1, "-T", 1, "-q", 50)


def figures_of(net, process, queries, port=53):
    before = pairs.cpu_ns(process)
    completed, rate = asked(net, queries, port=port)
    return {"cpu": (pairs.cpu_ns(process) - before) / completed / 1000, "rate": rate}


FIGURES = {"cpu": ("µs", "less"), "rate": ("q/s", "more")}
