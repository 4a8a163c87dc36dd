extension LogRecord {
    /// The record as one line without its end: a line that fits a pipe's atomic write is never
    /// torn by what the app writes at the same time (pipe(7), PIPE_BUF).
    /// - Parameters:
    ///   - format: for people or for machines.
    ///   - time: the wall clock's time as text, RFC 3339.
    ///   - isColoured: as text, for a terminal.
    ///   - limit: in bytes; what is longer is cut.
    public func line(_ format: LogFormat, time: String, isColoured: Bool = false, limit: Int = 4000) -> String {
        var line =
            switch format {
            case .text where isColoured: colouredLine(time)
            case .text: textLine(time)
            case .json: jsonLine(time, messageLimit: limit / 2)
            }
        if line.utf8.count > limit {
            line = format == .json ? jsonLine(time, messageLimit: limit / 8, withFields: false) : cut(line, to: limit)
        }
        return line
    }

    private func textLine(_ time: String) -> String {
        var line = "\(time) baton \(level.rawValue) \(Self.oneLine(message))"
        for field in fields { line += " \(field.name)=\(field.plain)" }
        return line
    }

    /// What a person looks for first stands out, and the fields, which say it again for machines, step back.
    private func colouredLine(_ time: String) -> String {
        func paint(_ code: String, _ text: String) -> String { "\u{1b}[\(code)m\(text)\u{1b}[0m" }
        let colour =
            switch level {
            case .error: "31"
            case .warn: "33"
            case .info: "32"
            case .debug: "2"
            }
        let fields = fields.map { " \($0.name)=\($0.plain)" }.joined()
        let clock = time.dropFirst(11).prefix(12)
        return paint("2", String(clock)) + " baton " + paint(colour, level.rawValue) + " " + Self.oneLine(message)
            + (fields.isEmpty ? "" : paint("2", fields))
    }

    private func jsonLine(_ time: String, messageLimit: Int, withFields: Bool = true) -> String {
        var line = "{\"time\":\"\(time)\",\"level\":\"\(level.rawValue)\",\"event\":\"\(event.rawValue)\",\"message\":"
        line += Self.jsonString(cut(message, to: messageLimit))
        if withFields {
            for field in fields {
                line += ",\"\(field.name)\":"
                switch field.value {
                case .number(let number): line += String(number)
                case .text(let text): line += Self.jsonString(text)
                }
            }
        }
        return line + "}"
    }

    private func cut(_ text: String, to limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        return String(decoding: text.utf8.prefix(max(0, limit - 3)), as: UTF8.self) + "…"
    }

    /// Control characters would let a file name or an app's status text forge log lines or steer a terminal.
    static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var clean = ""
        for scalar in text.unicodeScalars {
            if isControl(scalar) {
                clean += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                clean.unicodeScalars.append(scalar)
            }
        }
        return clean
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
    }

    static func jsonString(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            case _ where isControl(scalar):
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

extension LogRecord.Field {
    fileprivate var plain: String {
        switch value {
        case .number(let number): return String(number)
        case .text(let text):
            let clean = LogRecord.oneLine(text)
            return clean.isEmpty || clean.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" })
                ? LogRecord.jsonString(clean) : clean
        }
    }
}
