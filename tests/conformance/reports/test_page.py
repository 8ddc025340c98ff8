"""The HTML page: whole without network and scripts, quick and handy with them, in a browser."""

import copy
import re
import shutil
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from conformance.reports.document import seal
from conformance.reports.html import page

from .conftest import Report

FAILED = "rm-unknown[host,flag,text]"
PASSED = "cli-version[host,flag,version]"


class Parsed(HTMLParser):
    """Ids, tags and links of a page, and whether its elements are closed in order."""

    VOID = frozenset(("meta", "input", "br", "link", "img"))
    # The end of these may be left out, as the page's tables do.
    LAX = frozenset(("th", "td", "tr"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "action"):
                self.links.append(value or "")
        if tag not in self.VOID and tag not in self.LAX:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.LAX:
            assert self.open.pop() == tag


@pytest.fixture(scope="session")
def broken_page(broken: Path) -> str:
    return (broken / "report.html").read_text()


def test_the_page_needs_nothing_from_anywhere(broken_page: str) -> None:
    parsed = Parsed(broken_page)
    assert parsed.open == []
    assert parsed.links
    assert all(link.startswith("#") for link in parsed.links)
    assert "default-src 'none'" in broken_page
    assert "@import" not in broken_page
    assert "url(" not in broken_page


def test_every_id_is_there_once_and_links_lead_to_one(broken_page: str) -> None:
    parsed = Parsed(broken_page)
    assert len(parsed.ids) == len(set(parsed.ids))
    places = {link[1:] for link in parsed.links if not link.startswith("#requirement=")}
    assert places <= set(parsed.ids)


def test_every_cell_has_a_line_and_what_failed_all_of_its_evidence(
    broken_page: str, broken_report: Report
) -> None:
    for row in broken_report["rows"]:
        assert f'id="cell-{row["cell"]}"' in broken_page
    assert broken_page.count("awl --runtime host rm unknown --yes") >= 1
    assert "rm of an unknown name exits 3" in broken_page


def test_what_programs_print_is_text_and_never_markup(good_report: Report) -> None:
    row = good_report["rows"][0]
    row["status"] = "fail"
    row["reason"] = row["steps"][-1]["stdout"] = "</pre><script>alert(1)</script><img src=x>"
    row["cell"] += '"><i>'
    text = page(seal(good_report))
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert" in text


def test_the_same_report_gives_the_same_page(good: Path, good_report: Report) -> None:
    assert page(good_report) == (good / "report.html").read_text()


# ---------------------------------------------------------------------- in a browser
@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium, driven by WebDriver."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        pytest.skip("no chromium and chromedriver on PATH (Debian: chromium, chromium-driver)")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs[0])
    profile = tmp_path_factory.mktemp("chromium")
    for word in (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--disable-dev-shm-usage", f"--user-data-dir={profile}"),
    ):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=str(programs[1]))
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_page_load_timeout(60)
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


class Page:
    """A page in the browser, with what a person does on it."""

    def __init__(self, driver: Any, path: Path, *, width: int = 1280, dark: bool = False) -> None:
        self.driver = driver
        self.cdp("Emulation.setScriptExecutionDisabled", value=False)
        metrics = {"height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.cdp("Emulation.setEmulatedMedia", features=[scheme])
        driver.get("about:blank")
        driver.get(path.as_uri())

    def cdp(self, command: str, **values: Any) -> None:
        self.driver.execute_cdp_cmd(command, values)

    def js(self, code: str) -> Any:
        return self.driver.execute_script(code)

    def click(self, selector: str) -> None:
        self.driver.find_element("css selector", selector).click()

    def keys(self, text: str) -> None:
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(text).perform()

    def shown(self) -> list[str]:
        """The ids of the cells that the filters leave."""
        found: list[str] = self.js(
            "return [...document.querySelectorAll('.group:not([hidden]) .cell:not([hidden])')]"
            ".map(cell => cell.id.slice(5))"
        )
        return found

    def until(self, code: str) -> Any:
        """Wait, at most some seconds, until an expression is true."""
        end = time.monotonic() + 20
        while not (found := self.js(f"return {code}")):
            assert time.monotonic() < end, code
            time.sleep(0.05)
        return found

    def problems(self) -> list[str]:
        return [line["message"] for line in self.driver.get_log("browser")]


def test_a_click_leads_from_the_failure_to_its_evidence(browser: Any, broken: Path) -> None:
    page = Page(browser, broken / "report.html")
    page.click(".bad .more summary")
    page.click(f'.bad a[href="#cell-{FAILED}"]')
    cell = f"document.getElementById('cell-{FAILED}')"
    assert page.js(f"return {cell}.open")
    text = page.js(f"return {cell}.innerText")
    for part in ("RM-1c", "exit 3", "exit 0", "awl --runtime host rm unknown --yes", "replay"):
        assert part in text
    top = page.js(f"return {cell}.getBoundingClientRect().top")
    assert 0 <= top < 900
    assert page.problems() == []


def test_the_evidence_of_what_passed_is_unpacked_where_it_is_asked_for(
    browser: Any, broken: Path
) -> None:
    page = Page(browser, broken / "report.html")
    cell = f"document.getElementById('cell-{PASSED}')"
    assert "awl --runtime host version" not in page.js(f"return {cell}.textContent")
    page.js(f"{cell}.closest('.group').open = true; {cell}.open = true")
    page.until(f"{cell}.querySelector('.steps')")
    # Not innerText: what lies outside the window is not laid out.
    assert "awl --runtime host version" in page.js(f"return {cell}.textContent")


def test_filters_leave_what_they_say(browser: Any, broken: Path, broken_report: Report) -> None:
    page = Page(browser, broken / "report.html")
    every = [row["cell"] for row in broken_report["rows"]]
    assert sorted(page.shown()) == every
    page.click('.chip[data-status="fail"]')
    failed = [row["cell"] for row in broken_report["rows"] if row["status"] == "fail"]
    assert sorted(page.shown()) == failed
    page.js(
        "const s = document.querySelector('#runtime'); s.value = 'host';"
        "s.dispatchEvent(new Event('change'))"
    )
    assert sorted(page.shown()) == [cell for cell in failed if "[host" in cell]
    assert page.js("return document.querySelector('#shown').value") == "4 of 17 cells"
    assert "status=fail" in page.js("return location.hash")
    page.click(".tools [type=reset]")
    assert sorted(page.shown()) == every
    page.js(
        "const s = document.querySelector('#requirement'); s.value = 'CLI-8';"
        "s.dispatchEvent(new Event('change'))"
    )
    assert all(cell.startswith("cli-version") for cell in page.shown())
    assert page.shown()


def test_search_and_keys(browser: Any, broken: Path) -> None:
    page = Page(browser, broken / "report.html")
    page.keys("/")
    page.keys("unknown json env")
    page.until("document.querySelector('#shown').value.startsWith('2 of')")
    assert sorted(page.shown()) == ["rm-unknown[container,env,json]", "rm-unknown[host,env,json]"]
    page.keys("\ue00c")  # Escape
    assert len(page.shown()) == 17
    page.keys("j")
    page.keys("j")
    page.keys("k")
    focused = page.js("return document.activeElement.closest('.cell').id")
    page.keys("\ue007")  # Enter
    page.until(f"document.getElementById('{focused}').open")
    page.keys("/")
    page.keys("no such cell")
    page.until("!document.querySelector('.nothing').hidden")
    page.click("[data-clear]")
    assert len(page.shown()) == 17
    assert page.problems() == []


def test_a_link_with_filters_is_taken_up(browser: Any, broken: Path) -> None:
    page = Page(browser, broken / "report.html")
    browser.get("about:blank")
    browser.get((broken / "report.html").as_uri() + "#status=unsupported")
    assert page.shown() == ["parity-rm-keep-volumes-host[host]"]
    browser.get("about:blank")
    browser.get((broken / "report.html").as_uri() + f"#cell-{PASSED}")
    page.until(f"document.getElementById('cell-{PASSED}').querySelector('.steps')")


def test_it_is_read_without_scripts(browser: Any, broken: Path) -> None:
    page = Page(browser, broken / "report.html")
    page.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.get((broken / "report.html").as_uri() + "?plain")
        tools = browser.find_element("css selector", ".tools")
        assert not tools.is_displayed()
        cell = browser.find_element("xpath", f"//details[@id='cell-{FAILED}']")
        cell.find_element("css selector", "summary").click()
        assert "expected" in cell.text
        assert "exit 3" in cell.text
        assert "awl --runtime host rm unknown --yes" in cell.text
    finally:
        page.cdp("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("width", [360, 390, 768])
def test_nothing_is_wider_than_a_phone(browser: Any, broken: Path, width: int) -> None:
    page = Page(browser, broken / "report.html", width=width)
    page.js("for (const d of document.querySelectorAll('details')) d.open = true")
    page.until("!document.querySelector('.cell[open] .static')")
    assert page.js("return document.documentElement.scrollWidth") <= width


def _contrast(colours: list[str]) -> float:
    def light(colour: str) -> float:
        parts = [int(n) / 255 for n in re.findall(r"\d+", colour)[:3]]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dim = sorted(map(light, colours), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark_are_both_legible(browser: Any, broken: Path, dark: bool) -> None:
    page = Page(browser, broken / "report.html", dark=dark)
    body = page.js("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", body)[:3])) < 200) is dark
    colours = "const s = getComputedStyle(document.querySelector('{}'));"
    for selector, ground in ((".verdict", ".verdict"), (".tally", ".top"), (".req p", ".reqlist")):
        pair = page.js(
            colours.format(selector)
            + f"return [s.color, getComputedStyle(document.querySelector('{ground}'))"
            ".backgroundColor]"
        )
        assert _contrast(pair) >= 4.5, selector


def test_ten_thousand_cells_stay_quick(browser: Any, broken_report: Report, tmp_path: Path) -> None:
    rows = broken_report["rows"]
    many = [
        {**copy.copy(row), "cell": f"{row['case']}-{n:05d}{row['cell'].removeprefix(row['case'])}"}
        for n, row in ((n, rows[n % len(rows)]) for n in range(10_000))
        if row["status"] != "fail" or n < 500
    ]
    while len(many) < 10_000:
        many.append({**many[0], "cell": f"{many[0]['cell']}-{len(many)}"})
    big = seal({**broken_report, "rows": sorted(many, key=lambda row: row["cell"])})
    path = tmp_path / "big.html"
    path.write_text(page(big))
    shown = Page(browser, path)
    assert len(shown.shown()) == 10_000
    # Limits that no machine should miss; the real figures are far below.
    spent = shown.js(
        "const q = document.querySelector('#q'), chip = document.querySelector('.chip');"
        "const t = performance.now();"
        "chip.click(); document.body.offsetHeight; chip.click(); document.body.offsetHeight;"
        "return (performance.now() - t) / 2"
    )
    assert spent < 3000
    assert path.stat().st_size < 12_000_000
