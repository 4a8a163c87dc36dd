import TestSupport

/// A server in node, as the tests vary it. At SIGTERM it finishes what it has.
struct NodeServer {
    enum Socket {
        case handed
        case own(UInt16)
    }

    let socket: Socket
    /// JavaScript that runs first.
    var setup = ""
    /// JavaScript that answers `request` by `response`.
    let answer: String
    /// Milliseconds until it listens.
    var delay = 0

    /// `page` is what this file held at the start.
    static func page(of file: String, _ more: String = "") -> String {
        "const page = require(\"fs\").readFileSync(\"\(file)\", \"utf8\");\n\(more)"
    }

    /// A statement that is run once this file is there, if `page` is a bad one.
    static func ifBad(_ statement: String, onceThereIs file: String) -> String {
        "if (page.includes(\"bad\")) setInterval(() => { if (require(\"fs\").existsSync(\"\(file)\")) { \(statement) } }, 20);"
    }

    /// The answer that is `page`.
    static let givesPage = "response.setHeader(\"Content-Length\", Buffer.byteLength(page)); response.end(page);"

    var program: String {
        let place =
            switch socket {
            case .handed: "{ fd: 3 }"
            case .own(let port): "\(port), \"127.0.0.1\""
            }
        return """
            \(setup)
            const server = require("http").createServer((request, response) => { \(answer) });
            server.keepAliveTimeout = 600000;
            const listen = () => server.listen(\(place));
            \(delay == 0 ? "listen();" : "setTimeout(listen, \(delay));")
            process.on("SIGTERM", () => server.close(() => process.exit(0)));

            """
    }

    /// - Returns: the command that runs it.
    func write(to path: String) -> [String] {
        replaceFile(path, program)
        return ["node", path]
    }
}
