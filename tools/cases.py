"""Reads what test programs print and counts every single case. Knows no build and runs nothing."""

import re
import xml.etree.ElementTree
from dataclasses import dataclass

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass
class Case:
    name: str
    outcome: str
    text: str = ""  # of a failure: what was printed; of a skip: the reason


CMOCKA_LINE = re.compile(r"\[ {1,2}(RUN     |      OK|FAILED |SKIPPED|ERROR  ) \] (.*)$")
CMOCKA_GROUP = re.compile(r"\[==========\] (?:(.*): )?Running (\d+) test\(s\)")


def cmocka(program, status, output):
    """The cases of a cmocka program that ended with status (negative: by that signal). What ran last when it died has
    failed; a program that says nothing of cases is one case."""
    cases, running, since, promised = [], None, [], 0
    for line in output.split("\n"):
        group = CMOCKA_GROUP.search(line)
        if group:
            promised += int(group.group(2))
            continue
        found = CMOCKA_LINE.search(line)
        word = found.group(1).strip() if found else None
        if word == "RUN":
            if running is not None:
                cases.append(Case(f"{program}: {running}", FAILED, "\n".join(since)))
            running, since = found.group(2).strip(), []
        elif word and running is not None and found.group(2).strip() == running:
            outcome = {"OK": PASSED, "SKIPPED": SKIPPED}.get(word, FAILED)
            reason = "\n".join(since).strip().removeprefix("skipped: ")
            if outcome == SKIPPED and not reason:
                reason = "gives no reason"
            cases.append(Case(f"{program}: {running}", outcome, reason))
            running, since = None, []
        else:
            since.append(line)
    if running is not None:
        cases.append(Case(f"{program}: {running}", FAILED, "\n".join(since)))
    if status != 0 and not any(case.outcome == FAILED for case in cases):
        cases.append(Case(program, FAILED, f"{ending(status)}\n{output}"))
    elif len(cases) < promised:
        missing = promised - len(cases)
        cases.append(
            Case(program, FAILED, f"{missing} of {promised} cases did not run: {ending(status)}")
        )
    elif not cases:
        cases.append(Case(program, PASSED))
    return cases


def ending(status):
    return f"ended by signal {-status}" if status < 0 else f"ended with {status}"


def junit(name, status, path, output):
    """The cases of a pytest run that wrote path. A run that broke before its first test is one failed case."""
    try:
        root = xml.etree.ElementTree.parse(path).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return [Case(name, FAILED, f"{ending(status)}\n{output}")]
    found = {}  # a test whose body and whose tidying up both fail is told twice
    for element in root.iter("testcase"):
        file = (element.get("classname") or "").replace(".", "/")
        case = Case(f"{file}::{element.get('name')}".strip(":"), PASSED)
        for child in element:
            if child.tag == "skipped":
                case.outcome, case.text = SKIPPED, child.get("message") or ""
            elif child.tag in ("failure", "error"):
                case.outcome = FAILED
                case.text += (child.text or child.get("message") or "") + "\n"
            elif child.tag in ("system-out", "system-err") and case.outcome == FAILED:
                case.text += child.text or ""
        before = found.get(case.name)
        if before and before.outcome == FAILED:
            before.text += case.text
        else:
            found[case.name] = case
    cases = list(found.values())
    if status not in (0, 1, 5) or (status == 1 and not any(c.outcome == FAILED for c in cases)):
        cases.append(Case(name, FAILED, f"pytest {ending(status)}\n{output}"))
    return cases


def closing_line(cases):
    count = {
        outcome: sum(c.outcome == outcome for c in cases) for outcome in (PASSED, FAILED, SKIPPED)
    }
    return f"{count[PASSED]} passed, {count[FAILED]} failed, {count[SKIPPED]} skipped"
