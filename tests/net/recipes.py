# SPDX-License-Identifier: BSD-2-Clause
"""The recipes of ersatz-recipes(7), as the tests run them.

A recipe is a section.  A file of it is a block between `.Bd -literal` and
`.Ed` behind a line `.Pa PATH`; a command a line `.Dl # COMMAND`.
"""
import re

from topology import TOP

PAGE = TOP / "man/ersatz-recipes.7"


class Recipe:
    def __init__(self, title):
        self.title = title
        self.files = {}
        self.commands = []
        lines = iter(_section(title))
        path = None
        for line in lines:
            if line.startswith(".Pa "):
                path = line.split()[1]
            elif line.startswith(".Dl # "):
                self.commands.append(_plain(line[len(".Dl # "):]))
            elif line.startswith(".Bd -literal") and path:
                self.files[path] = "".join(_block(lines))
                path = None
        assert self.files, f"no files in the recipe '{title}'"

    @property
    def config(self):
        return self.files["/etc/ersatz/ersatz.yaml"]

    def write(self, machine):
        """All of its files, but our own configuration, which Ersatz writes."""
        for path, text in self.files.items():
            file = machine.path(path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o600 if "/wireguard/" in path or
                       "-connections/" in path else 0o644)

    def run(self, machine, word):
        """The commands that have that word."""
        found = [c for c in self.commands if word in c.split()]
        assert found, f"no command '{word}' in the recipe '{self.title}'"
        for command in found:
            machine.run(command)


def _section(title):
    text = PAGE.read_text()
    found = re.search(rf"^\.Sh {re.escape(title)}\n(.*?)(?=^\.Sh )", text,
                      re.DOTALL | re.MULTILINE)
    assert found, f"no section '{title}' in {PAGE}"
    return found.group(1).splitlines()


def _block(lines):
    for line in lines:
        if line == ".Ed":
            return
        yield _plain(line) + "\n"


def _plain(line):
    return line.removeprefix(r"\&").replace(r"\e", "\\")
