import TestSupport

/// A text of the project's documentation, taken apart: what is prose in it, and what is shown as code.
struct Document {
    /// A block of code: fenced, with the language behind the fence, or indented.
    struct Block {
        let language: String?
        let lines: [String]

        /// The commands to type. A fenced block without a language is output; where a line begins with a prompt, the others are;
        /// and a line that begins with a time is of a log.
        var commands: [String] {
            guard language == nil else { return [] }
            let typed = lines.filter { $0.hasPrefix("$ ") }
            return typed.isEmpty ? lines.filter { $0.first?.isNumber != true } : typed.map { String($0.dropFirst(2)) }
        }
    }

    /// Without the project's folder.
    let path: String
    let text: String
    private(set) var blocks: [Block] = []
    private(set) var headings: [String] = []
    /// What is in backquotes.
    private(set) var spans: [String] = []
    /// What is left.
    private(set) var prose = ""

    init(_ path: String) {
        self.path = path
        text = readFile(Stand.package + "/" + path)
        var outside: [String] = []
        var fence: String?
        var open: [String] = []
        var lineBefore = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            let isIndented = line.hasPrefix("    ") && (lineBefore.isEmpty || !open.isEmpty)
            if fence == nil, !isIndented, !open.isEmpty {
                blocks.append(Block(language: nil, lines: open))
                open = []
            }
            if line.hasPrefix("```") {
                if let language = fence {
                    blocks.append(Block(language: language, lines: open))
                    open = []
                    fence = nil
                } else {
                    fence = String(line.dropFirst(3))
                }
            } else if fence != nil {
                open.append(line)
            } else if isIndented {
                open.append(String(line.dropFirst(4)))
            } else {
                if line.hasPrefix("#") { headings.append(String(line.drop { $0 == "#" }.dropFirst())) }
                outside.append(line)
            }
            lineBefore = line
        }
        if !open.isEmpty { blocks.append(Block(language: fence, lines: open)) }
        let parts = outside.joined(separator: "\n").split(separator: "`", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index % 2 == 0 {
                prose += part
            } else {
                spans.append(part.split(separator: "\\|", omittingEmptySubsequences: false).joined(separator: "|"))
            }
        }
    }

    /// Each command that is shown, by words.
    var commands: [[String]] {
        (blocks.flatMap(\.commands) + spans).map { line in
            line.split { $0.isWhitespace || "'\"();,".contains($0) }.map(String.init)
        }
    }

    /// The blocks that are a Dockerfile, or lines of one.
    var dockerfiles: [[String]] {
        let instructions: Set = ["FROM", "ENV", "COPY", "CMD", "ENTRYPOINT", "STOPSIGNAL"]
        return blocks.map(\.lines).filter { lines in
            instructions.contains(lines.first.map { String($0.prefix { $0 != " " }) } ?? "")
        }
    }

    var manifests: [[String]] { blocks.filter { $0.language == "yaml" }.map(\.lines) }

    /// As the part of an address behind `#`, in lower case: GitHub's and DocC's differ in nothing else that is used here.
    static func anchor(_ heading: String) -> String {
        String(
            heading.lowercased().compactMap { character in
                if character.isWhitespace { return "-" }
                return character.isLetter || character.isNumber || "-_".contains(character) ? character : nil
            })
    }

    static let catalogue = "Sources/BatonCore/Documentation.docc"

    /// README, the pages, the READMEs of the tests and of the examples.
    static let paths: [String] = {
        let pages = listDirectory(Stand.package + "/" + catalogue).filter { $0.hasSuffix(".md") }
        let examples = listDirectory(Stand.package + "/examples").map { "examples/\($0)/README.md" }
        return ["README.md", "Tests/README.md"] + pages.map { "\(catalogue)/\($0)" }
            + examples.filter { fileExists(Stand.package + "/" + $0) }
    }()
}
