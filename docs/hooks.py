"""Makes the site of the files in the repository: MkDocs calls these functions by their names.

Pages keep their places, so links between them lead where they lead on GitHub. A link to a file that is no page leads to a page
that shows it. The reference has a page for each package, and one for each module of OpenCensus that programs import.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, Files, InclusionLevel

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

_FOLDER = Path(__file__).parent
sys.path.insert(0, str(_FOLDER))

import github_markdown  # noqa: E402 -- MkDocs loads this file by its path, so the folder must be named first
import reference  # noqa: E402

_REPOSITORY = _FOLDER.parent
_TOP = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md")
_LINK = re.compile(r"(\]\()(?!\w+:)([^)#\s]+)((?:#[^)]*)?\))")
_LANGUAGES = {".py": "python", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".sh": "sh", ".json": "json"}


def on_config(config: MkDocsConfig) -> None:
    """Give headings the anchors that they have on GitHub."""
    config.mdx_configs["toc"]["slugify"] = lambda heading, _separator: github_markdown.anchor(heading)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the files of the theme, and those of the repository that the site shows."""
    guide = sorted((_REPOSITORY / "migration_guide").glob("*.md"))
    pages = [*(_REPOSITORY / name for name in _TOP if (_REPOSITORY / name).exists()), *guide]
    for path in pages:
        files.append(File.generated(config, _place(path), content=path.read_text(encoding="utf-8")))
    for path in sorted({linked for page in pages for linked in _linked(page)} - set(pages)):
        if path.suffix in {".png", ".svg"}:
            files.append(File.generated(config, _place(path), abs_src_path=str(path)))
        else:
            files.append(File.generated(config, f"{_place(path)}.md", content=_as_page(path), inclusion=InclusionLevel.NOT_IN_NAV))
    for place, content in reference.pages(_REPOSITORY).items():
        files.append(File.generated(config, place, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the page's text with lists as Python-Markdown reads them, and with links to the pages that show files."""

    def shown(link: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join(posixpath.dirname(page.file.src_uri), link[2]))
        end = ".md" if f"{place}.md" in files.src_uris else ""
        return f"{link[1]}{link[2].rstrip('/')}{end}{link[3]}"

    if page.file.src_uri.startswith("reference/"):
        return markdown
    return github_markdown.for_python_markdown(_LINK.sub(shown, markdown))


def on_page_content(html: str, **_: Any) -> str:
    """Return the page with its tables in boxes that scroll, and code in them that breaks after its signs."""

    def breaking(code: re.Match[str]) -> str:
        return re.sub(r"(?<=[\w)\]])([_./\[(=,:])(?=\w)", r"\1<wbr>", code[0])

    def table(found: re.Match[str]) -> str:
        return '<div class="wide">' + re.sub(r"<code>.*?</code>", breaking, found[0], flags=re.DOTALL) + "</div>"

    return re.sub(r"<table>.*?</table>", table, html, flags=re.DOTALL)


def _place(path: Path) -> str:
    return path.relative_to(_REPOSITORY).as_posix()


def _linked(page: Path) -> set[Path]:
    """Return what a page links to in the repository."""
    targets = (page.parent / link[2] for link in _LINK.finditer(page.read_text(encoding="utf-8")))
    return {target.resolve() for target in targets if target.exists()}


def _as_page(path: Path) -> str:
    """Return a page that shows a file, or what is in a folder."""
    if path.is_dir():
        return (
            f"# {_place(path)}/\n\n" + "\n".join(f"- `{each.name}`" for each in sorted(path.iterdir()) if each.name[0] not in "._") + "\n"
        )
    text = path.read_text(encoding="utf-8").rstrip("\n")
    return f"# {_place(path)}\n\n````````{_LANGUAGES.get(path.suffix, 'text')}\n{text}\n````````\n"
