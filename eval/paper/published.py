"""Holds what the paper says, as plain data, to stand beside what is measured here.

Source: Li et al., "GradNet", ICCV 2019. The plots of Figures 6 to 8 are pictures: numbers are given
only where the text or a table has them.
"""

from __future__ import annotations

import math

HARDWARE = "Intel i7 3.2 GHz, 32 GB; NVIDIA GTX 1080 Ti"  # Section 4.

# Table 1: factor of the basic learning rate, iterations to converge.
TABLE_1 = {
    **{1: 449, 3: 136, 5: 77, 7: 64, 9: 60, 10: 58, 30: 59, 50: 51, 70: 54, 90: 56},
    **{100: 55, 500: 54, 1000: 61, 3000: 67, 5000: math.inf},
}

# Table 2 (VOT2017): accuracy, robustness, expected average overlap.
TABLE_2 = {
    "Ours": (0.507, 0.375, 0.247),
    "SiamRPN": (0.490, 0.460, 0.244),
    "CSRDCF++": (0.459, 0.398, 0.212),
    "SiamFC": (0.502, 0.604, 0.182),
    "ECO_HC": (0.494, 0.571, 0.177),
    "Staple": (0.530, 0.688, 0.170),
    "KFebT": (0.451, 0.684, 0.169),
    "SSKCF": (0.530, 0.656, 0.164),
    "CSRDCFf": (0.475, 0.646, 0.158),
    "UCT": (0.490, 0.777, 0.145),
    "MOSSEca": (0.400, 0.810, 0.139),
    "SiamDCF": (0.503, 0.988, 0.135),
}

# Table 3 (OTB-2015): precision, success, frames a second.
TABLE_3 = {
    "Ours": (0.861, 0.639, 80),
    "Ours w/o M": (0.823, 0.615, 80),
    "Ours w/o MG": (0.717, 0.524, 94),
    "Ours w/o U": (0.775, 0.552, 85),
    "Ours w 2U": (0.833, 0.628, 80),
    "Ours-baseline": (0.771, 0.582, 94),
}

# Precision and success in Figure 6, which is on OTB-2015 as Table 3 is.
FIGURE_6 = {
    "GradNet": TABLE_3["Ours"][:2],
    "SiameseFC (Ours-baseline)": TABLE_3["Ours-baseline"][:2],
}

# What the text says of the plots.
STATEMENTS = {
    "figure6": 'Section 4.1: "merely a slightly lower than ECO-HC in success", better than '
    'SiameseFC "by almost 8% in precision and 6% in success". The numbers are those of Table 3.',
    "figure7": 'Section 4.2: "our tracker achieves the best results in terms of both precision and '
    'success criterion" of twelve trackers. The text has no numbers.',
    "figure8": 'Section 4.4: "our tracker performs the third-best in this dataset", after MDNet '
    "and VITAL. The text has no numbers.",
}
