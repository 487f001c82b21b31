"""`python -m tests.producers.cut_sample ORIGINAL SAMPLE`: cut the published extract to the columns its mapping uses.

Columns that could show where somebody lives or what happened to them are left out: address, location, box, neighbourhood, call type.
"""

import csv
import sys
from pathlib import Path

from producers.declaration import columns_used
from producers.packaged import packaged_mapping


def cut_sample(original: Path, sample: Path) -> None:
    """Write the rows of the original, in its order, with the columns of the San Francisco mapping only."""
    used = set(columns_used(packaged_mapping("san_francisco_fire")))
    with original.open(encoding="utf-8-sig", newline="") as read, sample.open("w", encoding="utf-8", newline="") as cut:
        rows = csv.DictReader(read)
        columns = [column for column in rows.fieldnames or () if column in used]
        writer = csv.DictWriter(cut, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    cut_sample(Path(sys.argv[1]), Path(sys.argv[2]))
