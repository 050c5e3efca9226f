"""Write the table of features of the user guide: ``python docs/feature_table.py``.

A test holds the written table to :meth:`SeismicFeatures.feature_table`.
"""

import re
from pathlib import Path

from seisclf.feature_extraction import SeismicFeatures

TARGET = Path(__file__).parent / "user_guide" / "feature_table.inc"
_TITLES = {
    "waveform": "Waveform",
    "spectral": "Spectrum",
    "spectrogram": "Spectrogram",
    "polarity": "Polarity (three components)",
    "network": "Network (four-dimensional X)",
}


def text():
    """The table in reStructuredText, features of one formula per band in one row."""
    table = SeismicFeatures.feature_table()
    lines = [".. This file is written by docs/feature_table.py.", ""]
    for group, rows in table.groupby("group", sort=False):
        lines += [
            f".. list-table:: {_TITLES.get(group, f'Group {group!r}, only if asked for')}",
            "   :header-rows: 1",
            "   :widths: 6 28 10 56",
            "",
        ]
        lines += _row("No.", "name", "unit", "formula")
        in_bands = rows["description"].str.contains(r"\bband \d", regex=True)
        same = rows["name"].where(~in_bands, rows["name"].map(_without_band))
        for _, part in rows.groupby(same, sort=False):
            lines += _feature(part)
        lines.append("")
    return "\n".join(lines)


def _without_band(name):
    return re.sub(r"(_diff)(_\d)+$|_\d$", r"\1", name)


def _feature(part):
    first, last = part.iloc[0], part.iloc[-1]
    number, name, description = first["number"], f"``{first['name']}``", first["description"]
    if len(part) > 1:
        name += f" … ``{last['name']}``"
        number = f"{number}–{last['number']}" if number else ""
        description = re.sub(r"\bband \d", "each band", description, count=1)
        description = description.replace("each band over band 2", "one band over another")
        description = description.replace("band_energy_1 − band_energy_2", "difference of two")
    marks = "".join(
        mark
        for tag, mark in (("unit_dependent", " [u]"), ("constant_for_fixed_window", " [c]"))
        if first[tag]
    )
    return _row(number, name, first["unit"], _escaped(description) + marks)


def _escaped(description):
    """Without characters that reStructuredText would take for markup."""
    return re.sub(r"([|*_`])", r"\\\1", description)


def _row(*cells):
    return [f"   {'* -' if i == 0 else '  -'} {cell}".rstrip() for i, cell in enumerate(cells)]


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
