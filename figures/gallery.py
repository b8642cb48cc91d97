"""One page, offline, with every figure of a directory, what it shows and how to redraw it, and the explorer."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from figures.explorer.page import page as explorer_page
from figures.formulas.mathml import mathml
from figures.index import NAMES

PAGE, EXPLORER = "index.html", "explorer.html"
STYLE = """
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: #222; }
figure { margin: 2.5rem 0; } img { width: 6.75in; max-width: 100%; height: auto; }
figcaption { font-size: .92rem; } h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 0 0 .3rem; }
pre { white-space: pre-wrap; background: #f4f4f4; padding: .5rem; font-size: .8rem; }
nav a { margin-right: .8rem; display: inline-block; }
iframe { width: 100%; height: 48rem; border: 1px solid #ccc; }
@media print { iframe, nav, pre { display: none; } figure { break-inside: avoid; } }
"""


def write_gallery(directory: str | Path, version: str) -> Path:
    """Write index.html about the figures that the directory holds, and explorer.html, which it frames.

    Parameters
    ----------
    directory
        With the records, NAME.json, that figures leave.
    version
        Of this program.
    """
    folder = Path(directory)
    records = [_record(folder / f"{name}.json") for name in NAMES if (folder / f"{name}.json").is_file()]
    text = gallery([record for record in records if record], version)
    (folder / EXPLORER).write_text(explorer_page(version=version), encoding="utf-8", newline="\n")
    (folder / PAGE).write_text(text, encoding="utf-8", newline="\n")
    return folder / PAGE


def _record(path: Path) -> dict[str, Any]:
    """What a figure left; nothing where the file is another's."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return (
        found if isinstance(found, dict) and {"name", "title", "parameters", "caption", "files"} <= set(found) else {}
    )


def gallery(records: Sequence[Mapping[str, Any]], version: str) -> str:
    """The page as text, from the figures' records."""
    links = " ".join(f'<a href="#{record["name"]}">{html.escape(record["title"])}</a>' for record in records)
    parts = [_part(record, number) for number, record in enumerate(records, 1)]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>evenflow: figures</title>\n<style>{STYLE}</style>\n<h1>Figures of evenflow "
        f"{html.escape(version)}</h1>\n"
        f'<nav>{links} <a href="#explorer">The explorer</a></nav>\n{"".join(parts)}'
        f'<h2 id="explorer">The explorer</h2>\n<iframe src="{EXPLORER}" title="The explorer" loading="lazy"></iframe>\n'
        "</html>\n"
    )


def _part(record: Mapping[str, Any], number: int) -> str:
    name, title = record["name"], html.escape(record["title"])
    shown = next((file for file in record["files"] if file.endswith((".svg", ".png"))), "")
    image = f'<img src="{html.escape(shown)}" alt="{title}">\n' if shown else ""
    files = " ".join(f'<a href="{html.escape(file)}">{html.escape(file)}</a>' for file in record["files"])
    return (
        f'<figure id="{name}">\n<h2>{number}. {title}</h2>\n{image}'
        f"<figcaption>{_caption(record['caption'])}</figcaption>\n"
        f"<p>{files}</p>\n<pre>{html.escape(command(record))}</pre>\n</figure>\n"
    )


def _caption(text: str) -> str:
    """The caption as HTML, its formulas as MathML and the letters of panels in bold."""
    parts = re.split(r"\\textbf\{(\w)\}", text)
    return "".join(f"<b>{part}</b>" if index % 2 else mathml(part) for index, part in enumerate(parts))


def command(record: Mapping[str, Any]) -> str:
    """The line that draws a figure again.

    Examples
    --------
    >>> command({"name": "spectrum", "parameters": {"condition": 100.0, "rules": ["gd", "egd"]}})
    'evenflow figures spectrum --set condition=100 --set rules=gd,egd'
    """
    settings = [f" --set {name}={_text(value)}" for name, value in record["parameters"].items()]
    return f"evenflow figures {record['name']}{''.join(settings)}"


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ",".join(map(_text, value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
