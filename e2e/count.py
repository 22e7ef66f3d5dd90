"""Add up what the stages of `make test` ran: the time of each file, the versions met, and one closing line.

With `UPDATE_TESTED=1` the versions go into the page about tested versions too, if nothing failed.
"""

import os
import sys
import time
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path
from typing import Final

from e2e.tested import HEAD, PAGE, read_rows, write_rows

FILES: Final = 40
"""So many files are shown, those that take longest."""


def main(folder: Path) -> int:
    """Print the files and `N passed, N failed, N skipped` over all reports; 1 if anything failed."""
    total = failed = skipped = 0
    seconds: defaultdict[str, float] = defaultdict(float)
    passed: defaultdict[str, int] = defaultdict(int)
    for report in sorted(folder.glob("*.xml")):
        for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 -- our own file
            tests, missed = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
            broken = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            total, failed, skipped = total + tests, failed + broken, skipped + missed
            passed[report.stem] += tests - broken - missed
            for case in suite.iter("testcase"):
                seconds[f"{report.stem} {case.get('classname')}"] += float(case.get("time", 0))
    longest = sorted(seconds, key=seconds.__getitem__, reverse=True)
    for file in longest[:FILES]:
        print(f"{seconds[file]:6.0f} s  {file}")
    rows = read_rows(folder, passed, time.strftime("%Y-%m-%d"))
    print(HEAD, *(f"{row}\n" for row in rows), sep="")
    if os.environ.get("UPDATE_TESTED") and total and not failed:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(write_rows(page, rows), encoding="utf-8")
    print(f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
