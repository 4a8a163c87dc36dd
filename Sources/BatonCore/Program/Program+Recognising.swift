/// The words of a command line as /proc shows it.
private struct CommandLine {
    let words: [String]
    /// The program has written its own words over it: one entry, with spaces.
    let isTitle: Bool

    init(_ entries: [String]) {
        isTitle = entries.first?.contains(" ") ?? false
        words = isTitle ? entries[0].split(separator: " ").map(String.init) + entries.dropFirst() : entries
    }

    /// The first one as a name: `-bash` is a login shell, `nginx:` the beginning of a title.
    var name: String { words.first.map(CommandLine.name) ?? "" }

    static func name(_ word: String) -> String {
        var text = Substring(word)
        if text.hasPrefix("-") { text = text.dropFirst() }
        if text.hasSuffix(":") { text = text.dropLast() }
        return String(text.baseName)
    }

    /// What an interpreter runs, without directory and ending: `npm-cli`, `gunicorn`; nil where it is given nothing to run.
    var script: String? {
        if isTitle || KnownPrograms.wrappers.contains(name.stem) { return name.stem }
        guard let index = firstOperand else { return nil }
        return words[index - 1] == "-m" ? words[index].stem : words[index].baseName.stem
    }

    /// The place of the first word that is no option and belongs to none.
    var firstOperand: Int? {
        words.indices.dropFirst().first { index in
            !words[index].hasPrefix("-") && !KnownPrograms.optionsWithWord.contains(words[index - 1])
        }
    }

    /// One of these options is there, alone, with `=`, or, where it is short, with its value behind it.
    func has(_ options: [String]) -> Bool {
        words.contains { word in
            options.contains { word == $0 || word.hasPrefix($0.hasPrefix("--") ? $0 + "=" : $0) }
        }
    }
}

extension Program {
    public init(recognising facts: Facts) {
        let line = CommandLine(facts.words)
        let name = Program.name(facts.executable ?? "", line)
        if facts.hasJVM || ["java", "javaw", "jsvc"].contains(name) {
            self.init(name, .jvm)
        } else if facts.isGo {
            self.init(name, .go, reloadsAtHangUp: KnownPrograms.reloadAtHangUp.contains(name))
        } else if ["ruby", "truffleruby"].contains(where: name.isVersion(of:)) {
            let script = line.script ?? name
            let options = KnownPrograms.reloadWithFile[script]
            self.init(script, .ruby, reloadsAtHangUp: options.map(line.has) ?? false)
        } else if ["php", "php-cli", "php-cgi", "lsphp"].contains(where: name.isVersion(of:)) {
            self.init(name, .php)
        } else if KnownPrograms.shells.contains(name) {
            self.init(name, .shell)
        } else if KnownPrograms.emulators.contains(where: { name.hasPrefix($0) }) {
            self.init(name, .emulator)
        } else if KnownPrograms.interpreters.contains(where: name.isVersion(of:)) {
            let script = line.script ?? name
            self.init(script, KnownPrograms.wrappers.contains(script) ? .wrapper : .native)
        } else {
            self.init(name, KnownPrograms.wrappers.contains(name) ? .wrapper : .native)
        }
    }

    private init(_ name: String, _ runtime: Runtime, reloadsAtHangUp: Bool = false) {
        self.name = name
        self.runtime = runtime
        self.reloadsAtHangUp = reloadsAtHangUp
    }

    /// The file that a dynamic loader was given to run; nil where the process runs its own.
    public static func loadedFile(_ facts: Facts) -> String? {
        let file = (facts.executable ?? "").baseName
        guard KnownPrograms.loaders.contains(where: { file.hasPrefix($0) }) else { return nil }
        let line = CommandLine(facts.words)
        return line.firstOperand.map { line.words[$0] }
    }

    /// That of its file, but for a file that is many programs, for a dynamic loader that was given the file to run, and where the
    /// file cannot be told.
    private static func name(_ executable: String, _ line: CommandLine) -> String {
        let deleted = " (deleted)"
        let file = String(
            (executable.hasSuffix(deleted) ? executable.dropLast(deleted.count) : executable[...]).baseName)
        if file.isEmpty { return line.name }
        if KnownPrograms.multiCall.contains(file) {
            return line.words.prefix(2).map(CommandLine.name).first { !KnownPrograms.multiCall.contains($0) } ?? file
        }
        if KnownPrograms.loaders.contains(where: { file.hasPrefix($0) }) {
            return line.firstOperand.map { line.words[$0].baseName } ?? file
        }
        return file
    }
}

extension StringProtocol {
    fileprivate var baseName: String { lastIndex(of: "/").map { String(self[index(after: $0)...]) } ?? String(self) }

    /// Without an ending and a version: `yarn-4.1.0.cjs` is yarn, `supervisord.py` supervisord.
    fileprivate var stem: String {
        let bare = prefix { $0 != "." }
        guard let dash = bare.lastIndex(of: "-"), bare[dash...].dropFirst().allSatisfy(\.isNumber) else {
            return String(bare)
        }
        return String(bare[..<dash])
    }

    /// It is that name, or that name with a version behind it: `ruby3.1`, `php8.2`, `python3`.
    fileprivate func isVersion(of name: String) -> Bool {
        hasPrefix(name) && dropFirst(name.count).allSatisfy { $0.isNumber || $0 == "." || $0 == "-" }
    }
}
