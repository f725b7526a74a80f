"""Fixtures of the tests in a browser: `world`, a gateway with its sign-in page, and browsers behind its gate."""

import atexit
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "net"))

import janitor  # noqa: E402
import topology  # noqa: E402

import browser  # noqa: E402
import tunnel  # noqa: E402


@pytest.fixture(scope="session")
def janitor_process():
    """Removes everything of this run should it be killed; and first what killed runs left."""
    if reason := topology.why_not() or browser.why_not():
        pytest.skip(reason)
    janitor.sweep()
    process = subprocess.Popen(
        [sys.executable, str(Path(janitor.__file__)), topology.PREFIX], stdin=subprocess.PIPE, start_new_session=True
    )

    def finish():
        if not process.stdin.closed:
            process.stdin.close()
            process.wait(30)

    atexit.register(finish)
    yield process
    finish()


@pytest.fixture(scope="module")
def world(janitor_process):
    """The people are there already: ada with her phone, root, an administrator, with the desk."""
    browser.install()
    made, browsers = None, []
    try:
        made = tunnel.World()
        made.add_user("ada")
        made.root_key = made.add_user("root", administrator=True)["secret"]
        browsers = [browser.Browser(phone.host) for phone in (made.phone, made.desk)]
        made.phone.browser, made.desk.browser = browsers
        made.backup = []
        yield made
    finally:
        for one in browsers:
            one.close()
        troubles = made.close() if made else janitor.remove_all(topology.PREFIX)
    assert not troubles, "\n".join(troubles)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the gateway wrote."""
    report = (yield).get_result()
    made = item.funcargs.get("world") if report.failed and call.when == "call" else None
    if made:
        report.sections.append(("gateway", made.service.log()))
