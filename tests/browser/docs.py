"""The site of the guide in a real browser: ``make docs``, which has built it in ``build/docs/``."""

from __future__ import annotations

import functools
import re
import sys
import threading
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from playwright.sync_api import TimeoutError as StillWide

REPOSITORY = Path(__file__).parents[2]
SITE = REPOSITORY / "build" / "docs"
SCREENSHOTS = REPOSITORY / "build" / "docs-screenshots"
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
SOURCES = sorted(page for page in (page.removesuffix("html") + "md" for page in PAGES) if (REPOSITORY / page).exists())
SHOWN = ["index.html", "migration_guide/index.html", "migration_guide/settings.html", "reference/appinsights_exporter.html"]
"""Pages of which screenshots are kept."""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def served():
    """Serve the site, as any host of files does, and return its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(SITE))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(params=["served", "from a disk"])
def site(request):
    """Return where the site is: on a server, or in a folder that a browser opens."""
    return request.getfixturevalue("served") if request.param == "served" else SITE.as_uri() + "/"


def test_pages_fit(visit, served):
    """No page is wider than the window, wide or narrow, whatever is in it."""
    page = visit("404.html", url=served, height=900)
    wide = []
    # Of the pages that show files, which are all alike, one.
    of_files = [name for name in PAGES if name.startswith(("src/", "tests/"))]
    for name in sorted(set(PAGES) - set(of_files[1:])):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(served + name)
        for width in (1280, 400):
            page.set_viewport_size({"width": width, "height": 900})
            try:
                # The menu leaves the page when the window becomes narrow.
                page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width, timeout=2000)
            except StillWide:
                wide.append((name, width))
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_screenshots(visit, served, width, scheme):
    """Some pages are photographed in both schemes, wide and narrow, to be looked at."""
    page = visit(SHOWN[0], url=served, width=width, height=900, scheme=scheme)
    for name in SHOWN:
        page.goto(served + name)
        assert page.locator("body").get_attribute("data-md-color-scheme") == {"light": "default", "dark": "slate"}[scheme]
        page.screenshot(path=SCREENSHOTS / f"{name.removesuffix('.html').replace('/', '-')}-{width}-{scheme}.png")


def test_the_scheme_of_the_system_is_followed_and_can_be_changed(visit, site):
    """The page is dark where the system is; the button makes it light."""
    page = visit("index.html", url=site, scheme="dark")
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"
    page.locator("header label[title=Light]").click()
    page.wait_for_function("document.body.dataset.mdColorScheme === 'default'")


def test_search_finds_a_word(visit, site):
    """A word is found, and its result leads to its page; also in a page that was opened from a disk."""
    page = visit("index.html", url=site)
    page.get_by_placeholder("Search").fill("vulnerability")
    result = page.locator(".md-search-result__link[href*='SECURITY.html']").first
    result.wait_for()
    result.click()
    page.wait_for_url(re.compile("SECURITY.html"))
    page.get_by_role("heading", name="Report a vulnerability").wait_for()


def test_search_finds_a_public_name(visit, site):
    """The reference is searched, too."""
    page = visit("index.html", url=site)
    page.get_by_placeholder("Search").fill("ApplicationInsightsSpanExporter")
    page.locator(".md-search-result__link[href*='reference/appinsights_exporter.html']").first.wait_for()


class _Read(HTMLParser):
    """A page's text between its tags, what may be linked to, and its links."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.tags = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append((tag, values.get("class") or ""))
        self.ids.add(values.get("id") or values.get("name"))
        self.links.extend(values[name] for name in ("href", "src") if values.get(name))


@functools.cache
def _read(page):
    return _Read((SITE / page).read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    """Each link within the site leads to a file of it, and to a place in that."""
    missing = []
    for link in _read(page).links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or page == "404.html":
            continue
        target = (SITE / page).parent.joinpath(unquote(parts.path)).resolve() if parts.path else SITE / page
        there = target.exists()
        if there and parts.fragment and target.suffix == ".html":
            there = parts.fragment.startswith("__") or unquote(parts.fragment) in _read(target.relative_to(SITE).as_posix()).ids
        if not there:
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("source", SOURCES)
def test_the_site_shows_what_github_shows(source):
    """A page has as many headings, items of lists, rows of tables and blocks of code as a reader of CommonMark finds in it."""
    shown = SITE / (source.removesuffix("README.md") + "index.html" if source.endswith("README.md") else source.removesuffix("md") + "html")
    article = shown.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
    rendered = MarkdownIt("gfm-like").render((REPOSITORY / source).read_text(encoding="utf-8"))
    tags = ("h2", "h3", "li", "ol", "pre", "td", "tr", "ul")
    assert [(tag, len(re.findall(rf"<{tag}[ >]", article))) for tag in tags] == [
        (tag, len(re.findall(rf"<{tag}[ >]", rendered))) for tag in tags
    ]


def test_there_are_pages():
    """The site is there: the tests above have something to look at."""
    assert len(PAGES) > 30, sys.executable
    assert len(SOURCES) > 20
