import BatonCore
import BatonLinux
import CBatonStart

/// What stands on Baton's own command line: a subcommand, or `--` and the app.
enum Arguments {
    case run(command: [CText])
    case explain(paths: [String])
    case check(Form)
    case ask(StatusRequest, Form)
    case help
    case version
    case wrong(String)

    enum Form { case people, json, noWait }

    /// The words after the program's name.
    static func words() -> [CText] {
        var count: Int32 = 0
        guard let words = baton_arguments(&count) else { return [] }
        return (1..<max(1, Int(count))).compactMap { index in words[index].map { CText(copying: $0) } }
    }

    init(_ words: [CText]) {
        let words = Arguments.fromInterpreterLine(words)
        switch words.first?.text {
        case nil: self = .wrong("no command to run: put it after --, as in baton -- COMMAND")
        case "--":
            var command = words
            command.removeFirst()
            self = command.isEmpty ? .wrong("no command after --") : .run(command: command)
        case "-h", "--help", "help": self = .help
        case "-V", "--version", "version": self = .version
        case "check" where words.count == 1: self = .check(.people)
        case "check" where words.dropFirst().map(\.text) == ["--json"]: self = .check(.json)
        case "check":
            self = .wrong("baton check does not know \(words.dropFirst().map(\.text).joined(separator: " "))")
        case "explain": self = .explain(paths: words.dropFirst().map(\.text))
        case let word?:
            if let request = StatusRequest(rawValue: word) {
                self.init(asking: request, options: words.dropFirst().map(\.text))
                return
            }
            // As an ENTRYPOINT without "--", Baton would otherwise fail in a way that is hard to see.
            self = .wrong("\"\(word)\" is not a subcommand; put the app's command after --: baton -- \(word) …")
        }
    }

    /// A script's `#!/usr/bin/baton -- /bin/sh` comes as one word with all that stands behind the interpreter's path (execve(2)).
    private static func fromInterpreterLine(_ words: [CText]) -> [CText] {
        guard let first = words.first, first.bytes.starts(with: "-- ".utf8) else { return words }
        return first.bytes.split(separator: UInt8(ascii: " ")).map { CText(bytes: Array($0)) } + words.dropFirst()
    }

    private init(asking request: StatusRequest, options: [String]) {
        switch (request, options) {
        case (_, []): self = .ask(request, .people)
        case (_, ["--json"]): self = .ask(request, .json)
        case (.reload, ["--no-wait"]), (.rollback, ["--no-wait"]): self = .ask(request, .noWait)
        default: self = .wrong("baton \(request.rawValue): unknown options: \(options.joined(separator: " "))")
        }
    }
}
