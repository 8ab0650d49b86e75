"""Where captures are, and what their MANIFEST.tsv says about them."""

import csv
import dataclasses
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
OWN = ROOT / "tests/data/captures"


@dataclasses.dataclass(frozen=True)
class Capture:
    path: pathlib.Path
    name: str  # as in the manifest
    kind: str  # attack, clean, scan, malformed
    what: str
    packets: int
    seconds: float

    @property
    def pps(self):
        return self.packets / self.seconds if self.seconds > 0 else 0.0


def folder():
    """BREAKWATER_CAPTURES, else ../shared/captures beside the checkout, else the repository's own."""
    given = os.environ.get("BREAKWATER_CAPTURES")
    if given:
        return pathlib.Path(given)
    beside = ROOT.parent / "shared/captures"
    return beside if (beside / "MANIFEST.tsv").exists() else OWN


def captures(where=None):
    where = where or folder()
    with open(where / "MANIFEST.tsv", newline="") as manifest:
        rows = list(csv.DictReader(manifest, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = [
        Capture(where / r["file"], r["file"], r["class"], r["vector_or_protocol"], int(r["packets"]), float(r["seconds"] or 0))
        for r in rows
    ]
    missing = [c.name for c in found if not c.path.exists()]
    if missing:
        raise SystemExit(f"{where}/MANIFEST.tsv names files that aren't there: {', '.join(missing[:5])}")
    return found


def edge_program():
    """BREAKWATER_EDGE, else the release build's."""
    program = pathlib.Path(os.environ.get("BREAKWATER_EDGE") or ROOT / "build/bin/breakwater-edge")
    if not program.exists():
        raise SystemExit(f"{program} isn't there: build it, or say where it is in BREAKWATER_EDGE")
    return program
