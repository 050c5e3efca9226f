"""A report that is written once and comes out as a web page and as Markdown."""

import html
import re
from pathlib import Path

from ._cells import to_cells

_STYLE = """
:root { --ink: #1c2733; --soft: #5b6b7b; --line: #dde3ea; --accent: #0072b2; --wash: #f5f8fb; }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: #fff;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.3rem; margin: 2.6rem 0 .6rem; padding-top: .6rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .4rem; }
p { margin: .5rem 0; } .lead { color: var(--soft); font-size: 1.05rem; margin-bottom: 1rem; }
.key { background: var(--wash); border-left: 4px solid var(--accent); padding: .8rem 1rem;
  margin: 1rem 0; border-radius: 0 6px 6px 0; }
.table { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
td.words { white-space: normal; min-width: 11rem; overflow-wrap: anywhere; }
th { border-bottom: 2px solid var(--ink); font-weight: 600; white-space: normal;
  vertical-align: bottom; }
th.words, td.words, th.name, td.name { text-align: left; }
tbody tr:hover { background: var(--wash); }
figure { margin: 1rem 0; } figure img { max-width: 100%; height: auto; }
figcaption, .caption { color: var(--soft); font-size: .9rem; }
pre { background: var(--wash); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .9em; }
nav { font-size: .92rem; margin: 1rem 0 0; }
nav a { display: inline-block; margin: 0 1rem .3rem 0; }
a { color: var(--accent); }
@media print { main { max-width: none; } h2 { break-after: avoid; }
  figure { break-inside: avoid; } }
"""


class Document:
    """Paragraphs, tables and pictures in the order in which they are added.

    Parameters
    ----------
    folder : str or pathlib.Path
        Where everything is written: ``index.html``, ``report.md``, pictures, tables.
    title, lead : str
        Heading of the page, and one sentence beneath it.
    """

    def __init__(self, folder, title, lead=""):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.title, self.lead = title, lead
        self._html, self._markdown, self._sections = [], [], []

    def section(self, title):
        """Begin a section."""
        anchor = "".join(c if c.isalnum() else "-" for c in title.lower()).strip("-")
        self._sections.append((anchor, title))
        self._add(f'<h2 id="{anchor}">{html.escape(title)}</h2>', f"## {title}")

    def heading(self, title):
        """Begin a part of a section."""
        self._add(f"<h3>{html.escape(title)}</h3>", f"### {title}")

    def text(self, words):
        """A paragraph; `code` between backticks and **bold** are understood."""
        self._add(f"<p>{_inline(words)}</p>", words)

    def key(self, words):
        """A paragraph that nobody should miss."""
        self._add(f'<div class="key">{_inline(words)}</div>', f"> {words}")

    def code(self, words):
        """A block of code."""
        self._add(f"<pre><code>{html.escape(words)}</code></pre>", f"```\n{words}\n```")

    def bullets(self, items):
        """A list."""
        items = list(items)
        inside = "".join(f"<li>{_inline(item)}</li>" for item in items)
        self._add(f"<ul>{inside}</ul>", "\n".join(f"- {item}" for item in items))

    def table(self, frame, *, caption="", csv=None):
        """A table of strings and numbers, without its index.

        Parameters
        ----------
        frame : pandas.DataFrame
            Cells are shown with :func:`cell`.
        caption : str, optional
            A sentence above it.
        csv : str, optional
            Name of a file in the folder for the same table with all digits.
        """
        if csv:
            to_cells(frame).to_csv(self.folder / csv, index=False)
            caption = f"{caption} Full precision: [{csv}]({csv}).".strip()
        columns = [str(column) for column in frame.columns]
        rows = [[cell(value) for value in row] for row in frame.itertuples(index=False)]
        kinds = [_kind(frame.iloc[:, i]) for i in range(len(columns))]
        head = "".join(_td("th", name, kind) for name, kind in zip(columns, kinds, strict=True))
        body = "".join(
            "<tr>" + "".join(_td("td", v, k) for v, k in zip(row, kinds, strict=True)) + "</tr>"
            for row in rows
        )
        above = f'<p class="caption">{_inline(caption)}</p>' if caption else ""
        rule = ["---" if kind else "---:" for kind in kinds]
        lines = [columns, rule, *rows]
        markdown = "\n".join("| " + " | ".join(map(_md_cell, line)) + " |" for line in lines)
        self._add(
            f'{above}<div class="table"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>",
            f"{caption}\n\n{markdown}" if caption else markdown,
        )

    def figure(self, figure, name, caption):
        """Save a matplotlib figure as ``<name>.png`` and show it.

        Parameters
        ----------
        figure : matplotlib.figure.Figure
            Closed afterwards.
        name : str
            File name without suffix.
        caption : str
            What can be seen; also the text for those who cannot see it.
        """
        from matplotlib import pyplot as plt

        figure.savefig(self.folder / f"{name}.png", dpi=130)
        plt.close(figure)
        words = html.escape(_plain(caption), quote=True)
        self._add(
            f'<figure><a href="{name}.png"><img src="{name}.png" alt="{words}"></a>'
            f"<figcaption>{_inline(caption)}</figcaption></figure>",
            f"![{_plain(caption)}]({name}.png)\n\n*{caption}*",
        )

    def write(self):
        """Write ``index.html`` and ``report.md``.

        Returns
        -------
        path : pathlib.Path
            The web page.
        """
        links = " ".join(
            f'<a href="#{anchor}">{html.escape(title)}</a>' for anchor, title in self._sections
        )
        page = (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(self.title)}</title><style>{_STYLE}</style></head>"
            f"<body><main><h1>{html.escape(self.title)}</h1>"
            f'<p class="lead">{_inline(self.lead)}</p><nav>{links}</nav>\n'
            + "\n".join(self._html)
            + "\n</main></body></html>\n"
        )
        path = self.folder / "index.html"
        path.write_text(page, encoding="utf-8")
        parts = [f"# {self.title}", self.lead, *self._markdown]
        markdown = "\n\n".join(part for part in parts if part) + "\n"
        (self.folder / "report.md").write_text(markdown, encoding="utf-8")
        return path

    def _add(self, as_html, as_markdown):
        self._html.append(as_html)
        self._markdown.append(as_markdown)


def cell(value):
    """A value as it stands in a table: three decimals, times to the second, NaN as a dash.

    Parameters
    ----------
    value : object
        Cell of a DataFrame.

    Returns
    -------
    text : str
        What is shown.
    """
    import pandas as pd

    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if hasattr(value, "dtype") and value.dtype.kind == "f" or isinstance(value, float):
        size = abs(float(value))
        return f"{value:.3g}" if size and (size < 0.001 or size >= 1000) else f"{value:.3f}"
    return str(value)


def _kind(column):
    if column.dtype.kind in "fiub":
        return ""
    longest = max((len(str(value)) for value in column), default=0)
    return "words" if longest > 24 else "name"


def _td(tag, text, kind):
    css = f' class="{kind}"' if kind else ""
    scope = ' scope="col"' if tag == "th" else ""
    return f"<{tag}{scope}{css}>{_inline(text)}</{tag}>"


def _md_cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def literal(text):
    """Text from data, in which no character is a mark: for paragraphs, captions and tables.

    Parameters
    ----------
    text : object
        What its ``str`` is shown of.

    Returns
    -------
    text : str
        With a backslash before each character that could be read as a mark, on one line.

    Examples
    --------
    >>> print(literal("*a* [b](c)"))
    \\*a\\* \\[b\\](c)
    """
    text = "".join(c if c.isprintable() else " " for c in str(text))
    return re.sub(r"([\\`*\[\]])", r"\\\1", text)


def _inline(text):
    """Escape, then read `code`, **bold** and [links](address) to places on the page or beside."""
    kept, text = _set_aside(str(text))
    text = html.escape(text, quote=True)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    # Neither a scheme nor a quotation mark can stand in an address.
    text = re.sub(r"\[([^\]]+)\]\(([\w./#-]+)\)", r'<a href="\2">\1</a>', text)
    return _put_back(kept, text)


def _plain(text):
    kept, text = _set_aside(str(text))
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text).replace("`", "").replace("**", "")
    return _put_back(kept, text)


def _set_aside(text):
    """Replace characters after a backslash by ones that mean nothing."""
    text = text.replace("\0", " ")
    kept = re.findall(r"\\([\\`*\[\]])", text)
    return kept, re.sub(r"\\[\\`*\[\]]", "\0", text)


def _put_back(kept, text):
    parts = text.split("\0")
    return "".join(a + b for a, b in zip(parts, [*kept, ""], strict=True))
