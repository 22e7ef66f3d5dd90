"""Add up what the stages of `make test` ran: the time that each file took, and one closing line."""

import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path
from typing import Final

FILES: Final = 40
"""So many files are shown, those that take longest."""


def main(folder: Path) -> int:
    """Print the files and `N passed, N failed, N skipped` over all reports; 1 if anything failed."""
    total = failed = skipped = 0
    seconds: defaultdict[str, float] = defaultdict(float)
    for report in sorted(folder.glob("*.xml")):
        for suite in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 -- our own file
            total += int(suite.get("tests", 0))
            failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
            for case in suite.iter("testcase"):
                seconds[f"{report.stem} {case.get('classname')}"] += float(case.get("time", 0))
    longest = sorted(seconds, key=seconds.__getitem__, reverse=True)
    for file in longest[:FILES]:
        print(f"{seconds[file]:6.0f} s  {file}")
    print(f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
