#!/usr/bin/env python3
"""Cuts the two font files of the plots out of the npm package @fontsource/inter.

    npm pack @fontsource/inter@5.3.0 && tar xf fontsource-inter-5.3.0.tgz
    pip install fonttools
    python make_font.py package

Kept: the outlines and advances of printable Latin-1 and a few marks. Dropped: hinting, layout tables, everything else.
"""

import pathlib
import sys

from fontTools import subset

CHARACTERS = [*range(0x20, 0x7F), *range(0xA0, 0x100), *map(ord, "–—‘’“”•…−↑↓€ıŒœ")]

source = pathlib.Path(sys.argv[1]) / "files"
target = pathlib.Path(__file__).parent
for weight, name in ((400, "Inter-Regular.ttf"), (600, "Inter-SemiBold.ttf")):
    options = subset.Options(layout_features=[], hinting=False, notdef_outline=True, name_IDs=[0, 1, 2, 13, 14])
    options.drop_tables += ["GPOS", "GSUB", "GDEF", "STAT", "gasp"]
    font = subset.load_font(str(source / f"inter-latin-{weight}-normal.woff"), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=CHARACTERS)
    subsetter.subset(font)
    font.flavor = None
    font.recalcTimestamp = False
    font.save(target / name)
