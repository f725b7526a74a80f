"""What a trace says where servers may be late: on a busy machine one of them answers after the resolver has asked another
(its patience with a quick server is 60 ms), which is a step of its own."""

import re


def silent(steps):
    """Questions that got no answer in time: each is a packet, and nothing more is told of it."""
    found = [step for step in steps if step.get("event") == "timeout"]
    assert all(step["packets"] == 1 and "rcode" not in step for step in found), found
    return found


def answered(steps):
    """All the others."""
    late = silent(steps)
    return [step for step in steps if step not in late]


def printed(text):
    """[(kind, event)] of the steps in what `gatehouse trace` prints, without questions that got no answer; how many those
    were."""
    found = re.findall(r"^ *(\d+) +([a-z]+) +\S+ [A-Z]+.*  ->  (\w+)", text, re.M)
    assert [int(number) for number, _, _ in found] == list(range(1, len(found) + 1)), text
    steps = [(kind, event) for _, kind, event in found if event != "timeout"]
    late = len(found) - len(steps)
    assert len(re.findall(r"  ->  timeout\n.*, 1 packets\n", text)) == late, text
    return steps, late
