"""The files of the repository, as the lint checks see them: relative paths, and the text of those that are text.

    tree = SourceTree(root)
    for path in tree.paths("*.h", "*.cc"): tree.text(path)
"""

import fnmatch
import os
import pathlib
import subprocess

UNVERSIONED = {".git", "build", "node_modules", "__pycache__"}


class SourceTree:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self._paths = sorted(p for p in self._list() if (self.root / p).is_file())

    def _list(self):
        """What git tracks or would track; every file when this isn't a git work tree (a source archive)."""
        if (self.root / ".git").exists():
            command = ["git", "-c", f"safe.directory={self.root}", "-C", str(self.root)]
            command += ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")[:-1]
        found = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [f for f in folders if f not in UNVERSIONED]
            found += [str((pathlib.Path(folder) / f).relative_to(self.root)) for f in files]
        return found

    def paths(self, *patterns):
        """Every file whose name matches one of the patterns; all files without patterns."""
        return [p for p in self._paths if not patterns or any(fnmatch.fnmatch(os.path.basename(p), x) for x in patterns)]

    def text(self, path):
        """The file's text; empty for binary files."""
        data = (self.root / path).read_bytes()
        return "" if b"\0" in data[:8192] else data.decode("utf-8", errors="replace")

    def exists(self, path):
        return (self.root / path).exists()
