/// What is wrong with a setting's value, in words: the end of a sentence that begins with the variable.
public struct SettingError: Error, Hashable, Sendable {
    public let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// Readers of single values, shared by the settings.
enum SettingValue {
    /// `250ms`, `5s`, `2m`, `1h`; at most 24 h, so that sums of a few never overflow.
    static func interval(_ text: String, atLeast minimum: Interval = .zero) throws(SettingError) -> Interval {
        let units: [(String, Int64)] = [
            ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
        ]
        for (suffix, unit) in units where text.hasSuffix(suffix) {
            guard let count = decimal(text.dropLast(suffix.count), unit: unit) else { continue }
            guard count <= .seconds(86_400) else { throw SettingError("\(text) is more than 24h") }
            guard count >= minimum else { throw SettingError("\(text) is less than \(minimum)") }
            return count
        }
        if text == "0" { return try interval("0s", atLeast: minimum) }
        throw SettingError("\"\(text)\" is not a duration")
    }

    private static func decimal(_ text: Substring, unit: Int64) -> Interval? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = digits(parts[0]) else { return nil }
        var nanoseconds = Interval(saturating: whole, times: unit)
        if parts.count == 2 {
            guard parts[1].count <= 3, let fraction = digits(parts[1]) else { return nil }
            var scale: Int64 = 1
            for _ in 0..<parts[1].count { scale *= 10 }
            nanoseconds = nanoseconds + Interval(nanoseconds: unit / scale * fraction)
        }
        return nanoseconds
    }

    private static func digits(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.count <= 12, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }

    static func choice<T>(_ text: String, as type: T.Type = T.self) throws(SettingError) -> T
    where T: RawRepresentable & CaseIterable, T.RawValue == String {
        if let value = T(rawValue: text) { return value }
        let known = T.allCases.map(\.rawValue)
        let hint = nearest(to: text, among: known).map { "; did you mean \($0)?" } ?? ""
        throw SettingError("\"\(text)\" is not one of the allowed values\(hint)")
    }

    static func onOff(_ text: String) throws(SettingError) -> Bool {
        switch text {
        case "on", "true", "1", "yes": true
        case "off", "false", "0", "no": false
        default: throw SettingError("\"\(text)\" is neither on nor off")
        }
    }

    static func signal(_ text: some StringProtocol) throws(SettingError) -> Signal {
        guard let signal = Signal(text) else { throw SettingError("\"\(text)\" is not a signal") }
        return signal
    }

    /// A signal that a process can be told by: neither SIGKILL nor SIGSTOP, which it cannot see.
    static func catchableSignal(_ text: String) throws(SettingError) -> Signal {
        let signal = try signal(text)
        guard signal != .kill, signal != .stop else { throw SettingError("\(signal) cannot be caught by a program") }
        return signal
    }

    static func count(_ text: String, in range: ClosedRange<Int>) throws(SettingError) -> Int {
        guard let count = Int(text), range.contains(count) else {
            throw SettingError("\"\(text)\" is not a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return count
    }

    /// The parts between commas, with spaces around them and empty parts dropped.
    static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { part in
            var part = part
            while part.first == " " { part.removeFirst() }
            while part.last == " " { part.removeLast() }
            return String(part)
        }.filter { !$0.isEmpty }
    }

    static func path(_ text: String) throws(SettingError) -> String {
        guard text.hasPrefix("/"), text.utf8.count < 4096 else {
            throw SettingError("\"\(text)\" is not an absolute path")
        }
        return text
    }

    static func control(_ text: String) throws(SettingError) -> ControlAddress {
        switch text {
        case "auto": .whereWritable
        case "off": .none
        default: .path(try path(text))
        }
    }

    /// `65536`, `64k`, `1M`.
    static func size(_ text: String, upTo limit: Int) throws(SettingError) -> Int {
        let unit = text.hasSuffix("k") ? 1 << 10 : text.hasSuffix("M") ? 1 << 20 : 1
        guard let count = Int(unit == 1 ? text : String(text.dropLast())), count > 0, count <= limit / unit else {
            throw SettingError("\"\(text)\" is not a size from 1 byte to \(limit >> 20)M")
        }
        return count * unit
    }

    static func command(_ text: String) throws(SettingError) -> [String] {
        let words: [String]
        do { words = try ShellWords.split(text) } catch {
            switch error {
            case .unclosedQuote(let quote): throw SettingError("the command has an unclosed \(quote)")
            case .danglingBackslash: throw SettingError("the command ends with a backslash")
            }
        }
        guard !words.isEmpty else { throw SettingError("the command is empty") }
        return words
    }

    /// The names of syntaxes, or a command.
    static func validator(_ text: String) throws(SettingError) -> Validator {
        let syntaxes = list(text).map { Syntax(rawValue: $0) }
        if !syntaxes.isEmpty, !syntaxes.contains(nil) { return .syntax(syntaxes.compactMap { $0 }) }
        return .command(try command(text))
    }

    static func signalMap(_ text: String) throws(SettingError) -> SignalMap {
        var map: SignalMap = [:]
        for entry in list(text) {
            guard let equals = entry.firstIndex(of: "=") else {
                throw SettingError("\"\(entry)\" has no = between the signal received and the one forwarded")
            }
            let from = try signal(entry[..<equals])
            let to = entry[entry.index(after: equals)...]
            guard from != .kill, from != .stop, from != .child else {
                throw SettingError("\(from) is never forwarded")
            }
            guard !map.names(from) else { throw SettingError("\(from) is mapped twice") }
            map.rewrite(from, as: to.isEmpty || to == "0" ? nil : try signal(to))
        }
        return map
    }

    static func exitCodes(_ text: String) throws(SettingError) -> ExitCodes {
        var codes: ExitCodes = []
        for entry in list(text) { codes.insert(Int32(try count(entry, in: 0...255))) }
        return codes
    }

    static func user(_ text: String) throws(SettingError) -> UserName {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let user = parts.first, !user.isEmpty else {
            throw SettingError("\"\(text)\" is not of the form user[:group[,group…]]")
        }
        guard parts.count == 2 else { return UserName(user: String(user), group: nil, supplementary: []) }
        let groups = list(String(parts[1]))
        guard let group = groups.first else { throw SettingError("\"\(text)\" has no group after the colon") }
        return UserName(user: String(user), group: group, supplementary: Array(groups.dropFirst()))
    }

    static func ready(_ text: String) throws(SettingError) -> ReadyMethod {
        if text == "auto" { return .auto }
        if text == "notify" { return .notify }
        if let number = text[...].dropping("fd:") {
            return .descriptor(Int32(try count(String(number), in: 3...1023)))
        }
        if let interval = text[...].dropping("delay:") { return .delay(try SettingValue.interval(String(interval))) }
        if let command = text[...].dropping("exec:") {
            return .command(try SettingValue.command(String(command)))
        }
        if text == "tcp" { return .tcp }
        if let path = text[...].dropping("http:") {
            guard path.hasPrefix("/"), path.utf8.count <= 1024, path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
                throw SettingError(
                    "http: needs a path that begins with / and has no spaces, as in http:/healthz")
            }
            return .http(path: String(path))
        }
        throw SettingError("\"\(text)\" is not one of the allowed values")
    }
}
