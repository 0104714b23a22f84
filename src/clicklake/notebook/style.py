"""The frame around everything that is shown in a notebook.

A notebook's page may be light or dark, and doesn't say which in one way: text takes the page's colour, lines are a
transparent grey, and the accent is lightened where the page is known to be dark.
"""

from __future__ import annotations

from html import escape

from clicklake.reports.formats import text
from clicklake.reports.render import theme

_DARK_PAGES = (
    "[data-jp-theme-light='false']",  # JupyterLab, Notebook
    ".vscode-dark",
    "[data-vscode-theme-kind='vscode-dark']",
    "html[theme='dark']",  # Colab
)

_STYLE = """
.clicklake{--accent:LIGHT;font:13px/1.45 FONT;color:inherit;font-variant-numeric:tabular-nums;max-width:100%}
DARK_PAGES{--accent:DARK;color-scheme:dark}
.clicklake p{margin:0 0 6px;padding:0}
.clicklake .quiet{opacity:.68;font-size:12px}
.clicklake .head{display:flex;flex-wrap:wrap;gap:2px 18px;align-items:baseline}
.clicklake .head strong{font-size:14px;overflow-wrap:anywhere}
.clicklake .bad{font-weight:600}
.clicklake .scroll{overflow-x:auto;margin:4px 0 6px}
.clicklake .scroll table{border-collapse:collapse;border:0;margin:0;font-size:13px;color:inherit;
  table-layout:auto;background:none}
.clicklake .scroll tr{background:none;border:0}
.clicklake .scroll :is(th,td){padding:4px 0 4px 22px;border:0;border-bottom:1px solid #80808038;text-align:left;
  vertical-align:top;white-space:nowrap;color:inherit;background:none;max-width:none}
.clicklake .scroll :is(th,td):first-child{padding-left:0}
.clicklake .scroll :is(th,td).n{text-align:right}
.clicklake .scroll td.long{white-space:normal;min-width:16em;max-width:40em;overflow-wrap:anywhere}
.clicklake .scroll th{font-weight:600;vertical-align:bottom;border-bottom-color:#80808080}
.clicklake .scroll th[title]{cursor:help;text-decoration:underline dotted #808080 1px;text-underline-offset:3px}
.clicklake .scroll tbody tr:hover :is(td,th){background:#8080801c}
.clicklake .scroll tbody tr:last-child td{border-bottom:0}
.clicklake .scroll .layer th{color:var(--accent);padding-top:12px;border-bottom-color:#80808080}
.clicklake .scroll .layer:hover th{background:none}
.clicklake .null{opacity:.5}
.clicklake code{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:#80808022;color:inherit;
  padding:1px 5px;border-radius:3px}
.clicklake ul{margin:2px 0 0;padding:0;list-style:none}
.clicklake li{margin:3px 0}
"""


def frame(body: str) -> str:
    """HTML in the frame; all text from data in it is escaped already."""
    dark = ",".join(f"{page} .clicklake" for page in _DARK_PAGES)
    style = _STYLE.replace("LIGHT", theme.LIGHT["accent"]).replace("DARK_PAGES", dark)
    style = style.replace("DARK", theme.DARK["accent"]).replace("FONT", theme.FONT)
    return f"<div class='clicklake'><style>{style.strip()}</style>\n{body}\n</div>"


def words(value: object) -> str:
    """Text from data: escaped, control characters visible."""
    return escape(text(value))


def quiet(*texts: str) -> str:
    """A line of remarks; nothing where there are none."""
    told = " · ".join(words(one) for one in texts if one)
    return f"<p class='quiet'>{told}</p>" if told else ""


def scroll(table: str, label: str) -> str:
    """A table that scrolls sideways where it is too wide."""
    return f"<div class='scroll' tabindex='0' role='region' aria-label='{escape(label)}'>{table}</div>"
