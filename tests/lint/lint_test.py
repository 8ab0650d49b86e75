#!/usr/bin/env python3
"""Each check must find its violation in a tree made for it, and find nothing in a clean one."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

import folder_deps
import tree_rules
from source_tree import SourceTree

GUARDED = "#ifndef BREAKWATER_{0}_H_\n#define BREAKWATER_{0}_H_\n{1}#endif\n"


def run(check, files):
    """What a check says about a tree of these files."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            target = pathlib.Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return check(SourceTree(folder))


class FolderDependencies(unittest.TestCase):
    def problems(self, path, include):
        return run(folder_deps.check, {path: f"#include {include}\n"})

    def test_what_is_allowed(self):
        for path, include in [
            ("common/rule/rule.h", '"common/net/ip.h"'),
            ("common/rule/rule.h", '"breakwater/v1/rule.pb.h"'),
            ("common/detect/a.cc", '"common/window/slot.h"'),
            ("common/detect/a.cc", "<vector>"),
            ("edge/control/a.cc", '"edge/datapath/datapath.h"'),
            ("edge/datapath/bpf/parse.h", '"edge/datapath/reason.h"'),
            ("coordinator/cli/main.cc", '"common/rule/rule.h"'),
            ("tests/eval/a.cc", '"edge/replay/replay.h"'),
        ]:
            self.assertEqual(self.problems(path, include), [], f"{path} {include}")

    def test_what_is_forbidden(self):
        for path, include in [
            ("common/rule/rule.h", '"edge/datapath/datapath.h"'),
            ("common/rule/rule.h", '"common/window/slot.h"'),
            ("common/net/ip.h", '"common/rule/rule.h"'),
            ("common/window/slot.h", '"common/detect/detector.h"'),
            ("edge/control/a.cc", '"coordinator/merge/merge.h"'),
            ("coordinator/merge/a.cc", '"edge/control/control.h"'),
            ("coordinator/merge/a.cc", "<edge/control/control.h>"),
            ("coordinator/cli/main.cc", '"coordinator/store/store.h"'),
            ("edge/datapath/a.cc", '"edge/telemetry/reader.h"'),
            ("edge/control/a.cc", '"edge/replay/replay.h"'),
            ("edge/control/a.cc", '"edge/app/app.h"'),
            ("edge/app/a.cc", '"tests/lab/a.h"'),
            ("edge/app/a.cc", '"../control/control.h"'),
        ]:
            self.assertEqual(len(self.problems(path, include)), 1, f"{path} {include}")

    def test_a_folder_without_a_row_is_a_problem(self):
        self.assertEqual(len(self.problems("common/newfolder/a.cc", "<vector>")), 1)

    def test_the_problem_names_file_and_line(self):
        problems = run(folder_deps.check, {"common/net/ip.h": '#include <string>\n\n#include "edge/app/app.h"\n'})
        self.assertTrue(problems[0].startswith("common/net/ip.h:3: "), problems)


class TreeRules(unittest.TestCase):
    def problems(self, files):
        return run(tree_rules.check, files)

    def only(self, files, expected):
        problems = self.problems(files)
        self.assertEqual(len(problems), 1, problems)
        self.assertIn(expected, problems[0])

    def test_a_clean_tree(self):
        self.assertEqual(self.problems({
            "common/net/ip.h": GUARDED.format("COMMON_NET_IP", ""),
            "common/net/README.md": "See [ip](ip.h) and [elsewhere](https://example.com/x).\n",
            "run": "#!/bin/bash\nset -euo pipefail\n",
        }), [])

    def test_include_guard(self):
        self.only({"a/b.h": GUARDED.format("A_C", ""), "a/README.md": ""}, "BREAKWATER_A_B_H_")

    def test_length(self):
        self.only({"a/b.cc": "\n" * 801, "a/README.md": ""}, "801 lines")
        self.assertEqual(self.problems({"a/b.cc": "\n" * 800, "a/README.md": ""}), [])

    def test_readme(self):
        self.only({"a/b.cc": "\n"}, "no README.md")
        self.only({"edge/a/b.cc": "\n", "edge/README.md": ""}, "no README.md")
        self.assertEqual(self.problems({"edge/a/sub/b.cc": "\n", "edge/a/README.md": ""}), [])

    def test_pipefail(self):
        self.only({"run": "#!/bin/bash\nset -eu\n"}, "pipefail")

    def test_links(self):
        self.only({"docs/a.md": "See [b](b.md#part).\n"}, "b.md")

    def test_machine_paths(self):
        # Joined from halves, so that this file passes the check.
        for path in ["/home" + "/ann/x", "see /root" + "/x", "'/Users" + "/ann'"]:
            self.only({"notes.txt": path + "\n"}, "one machine")
        self.assertEqual(self.problems({"notes.txt": "the /home page, a/root/x, https://example.org/home\n"}), [])


if __name__ == "__main__":
    unittest.main()
