"""Packages of the core and its simulated world alone, which build in seconds, apart from the repository."""
import os
import shutil
import subprocess
import sys

from harness.places import ROOT
from harness.volume import write

MANIFEST = """// swift-tools-version: 6.1
import PackageDescription
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
let package = Package(name: "core", targets: [
%s
], swiftLanguageModes: [.v6])
"""


class CorePackage:
    def __init__(self, folder):
        self.folder, self.targets = folder, []

    def add(self, target, dependencies=(), kind="target", source=None):
        """source: a folder of the repository that is copied to be its sources; without, whoever adds it puts them there."""
        # As the catalogue would be built otherwise.
        exclude = ', exclude: ["Documentation.docc"]' if target.endswith("Core") else ""
        words = ", ".join('"%s"' % name for name in dependencies)
        self.targets.append('    .%s(name: "%s", dependencies: [%s]%s, swiftSettings: strict),' % (kind, target, words, exclude))
        if source:
            shutil.copytree(os.path.join(ROOT, source), self.sources(target))

    def sources(self, target):
        return "%s/Sources/%s" % (self.folder, target)

    def build(self, product):
        """Returns the program. Without optimising: a changed file is then compiled alone, which takes a tenth of the time."""
        write(self.folder + "/Package.swift", MANIFEST % "\n".join(self.targets))
        done = subprocess.run(["swift", "build", "--product", product], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit("cannot build:\n" + done.stdout[-5000:] + done.stderr[-5000:])
        return "%s/.build/debug/%s" % (self.folder, product)
