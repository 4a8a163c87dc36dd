import BatonCore
import Glibc
import TestSupport
import Testing

/// Whatever the documents name exists: settings, commands, files, headings.
@Suite struct DocumentsTests {
    private static let files: [String] = {
        var found: [String] = []
        func walk(_ folder: String) {
            for name in listDirectory(Stand.package + "/" + folder) where !name.hasPrefix(".") {
                let path = folder + "/" + name
                if listDirectory(Stand.package + "/" + path).isEmpty { found.append(path) } else { walk(path) }
            }
        }
        walk("examples")
        return Document.paths + found.filter { !Document.paths.contains($0) }
    }()

    /// What Baton itself gives to programs, and what stands for many names.
    private static let noSettings: Set = [
        "BATON_GENERATION", "BATON_PID", "BATON_SNAPSHOT", "BATON_FD_NAME", "BATON_FD_HTTP", "BATON_FD_", "BATON_",
    ]

    @Test(arguments: files) func everySettingThatIsNamedExists(_ path: String) {
        let known = Self.noSettings.union(SettingDefinition.all.map(\.name))
        let words = readFile(Stand.package + "/" + path).split { !($0.isLetter || $0.isNumber || $0 == "_") }
        let unknown = Set(words.filter { $0.hasPrefix("BATON_") }.map(String.init)).subtracting(known)
        #expect(unknown.isEmpty, "\(unknown.sorted())")
    }

    /// Links to files and images, from where the document is, and DocC's from page to page.
    @Test(arguments: Document.paths) func everyLinkLeadsSomewhere(_ path: String) {
        let document = Document(path)
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        for match in document.prose.matches(of: /\]\(([^)\s]+)\)/) where !match.output.1.contains("://") {
            let parts = match.output.1.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            let target = parts[0].isEmpty ? path : folder.isEmpty ? String(parts[0]) : "\(folder)/\(parts[0])"
            expect(target, has: parts.count > 1 ? parts[1] : nil, "\(match.output.0)")
        }
        for match in document.prose.matches(of: /<doc:([A-Za-z]+)(?:#([^>]+))?>/) {
            expect("\(Document.catalogue)/\(match.output.1).md", has: match.output.2, "\(match.output.0)")
        }
    }

    private func expect(_ target: String, has anchor: Substring?, _ link: String) {
        #expect(fileExists(Stand.package + "/" + target), "\(link)")
        guard let anchor else { return }
        let headings = Document(target).headings.map(Document.anchor)
        #expect(headings.contains(anchor.lowercased()), "\(link): \(headings)")
    }

    /// DocC shows no page that is in no list.
    @Test func everyPageIsInTheListOfTheFirst() {
        let first = Document(Document.catalogue + "/BatonCore.md")
        let listed = first.prose.matches(of: /- <doc:([A-Za-z]+)>/).map { "\(Document.catalogue)/\($0.output.1).md" }
        let pages = Document.paths.filter { $0.hasPrefix(Document.catalogue) && $0 != first.path }
        #expect(listed.sorted() == pages.sorted())
    }

    /// Who searches for a message in the table of Troubleshooting must find the words that the program says. HUP stands for any
    /// signal.
    @Test func everyMessageThatIsExplainedIsSaid() {
        var sources = ""
        func walk(_ folder: String) {
            for name in listDirectory(folder) {
                if name.hasSuffix(".swift") {
                    sources += readFile("\(folder)/\(name)")
                } else {
                    walk("\(folder)/\(name)")
                }
            }
        }
        walk(Stand.package + "/Sources")
        // A text of several lines is one.
        let said = sources.replacing(/"\s*\+ "/, with: "")
        let rows = readFile("\(Stand.package)/\(Document.catalogue)/Troubleshooting.md").split(separator: "\n")
        let quoted = rows.compactMap { $0.wholeMatch(of: /\| "([^"]+)" .*/)?.output.1 }
        #expect(quoted.count > 10)
        for message in quoted {
            for part in message.split(separator: "HUP") { #expect(said.contains(part), "\(message)") }
        }
    }

    @Test(arguments: Document.paths) func everyFileThatACommandNamesExists(_ path: String) {
        for command in Document(path).commands {
            for word in command {
                let isRun = word.hasPrefix("./")
                let file = isRun ? String(word.dropFirst(2)) : word
                let folders = ["Tests/", "examples/", "Sources/", ".ci/"]
                guard folders.contains(where: file.hasPrefix) else { continue }
                #expect(access(Stand.package + "/" + file, isRun ? X_OK : F_OK) == 0, "\(command)")
            }
        }
    }

    @Test(arguments: Document.paths) func everySubcommandExists(_ path: String) throws {
        // `baton WORD [OPTION|OPTION]`, behind `usage:` or below it.
        let usage = try Stand.call(["--help"]).output.split(separator: "\n").map { line in
            line.split { " |[]".contains($0) }.drop { $0 == "usage:" }
        }
        let known = Set(
            usage.filter { $0.first == "baton" && $0.count > 1 }.flatMap { words in
                words.dropFirst().prefix(1) + words.dropFirst(2).filter { $0.hasPrefix("--") }
            }.map(String.init))
        try #require(known.contains("status") && known.contains("--version") && known.count < 16)
        for command in Document(path).commands {
            for (index, word) in command.enumerated() where word == "baton" && index + 1 < command.count {
                if index > 0, ["-t", "--product"].contains(command[index - 1]) { continue }
                #expect(known.contains(command[index + 1]), "\(command)")
            }
        }
    }

    /// `swift run`, `--product` and `--target` of the package, `--target` of the Dockerfile, `--filter` of the tests.
    @Test(arguments: Document.paths) func everythingThatIsBuiltOrRunByNameExists(_ path: String) {
        let package = readFile(Stand.package + "/Package.swift")
        let stages = readFile(Stand.package + "/Dockerfile")
        for command in Document(path).commands {
            func value(_ option: String) -> String? {
                command.firstIndex(of: option).flatMap { $0 + 1 < command.count ? command[$0 + 1] : nil }
            }
            var named = [value("--product")].compactMap { $0 }
            if command.starts(with: ["swift", "run"]) {
                let words = command.dropFirst(2)
                named += (words.first == "-c" ? words.dropFirst(2) : words).prefix(1)
            }
            if let target = value("--target") {
                if command.first == "swift" {
                    named.append(target)
                } else {
                    #expect(stages.contains(" AS \(target)\n"), "\(command)")
                }
            }
            for name in named { #expect(package.contains("name: \"\(name)\""), "\(command)") }
            for name in value("--filter")?.split(separator: "|") ?? [] {
                #expect(Self.isSuite(name.prefix { $0 != "/" }), "\(command)")
            }
        }
    }

    /// A folder of tests, or a file in one.
    private static func isSuite(_ name: Substring) -> Bool {
        let tests = Stand.package + "/Tests"
        return listDirectory(tests).contains { $0 == name || fileExists("\(tests)/\($0)/\(name).swift") }
    }
}
