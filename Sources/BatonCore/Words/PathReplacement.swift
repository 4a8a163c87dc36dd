/// Puts other paths in the place of some, wherever one stands as a whole path, or as the beginning of one, in an argument:
/// `/etc/app.yaml`, `--config=/etc/app.yaml`, `-c /etc/app.yaml; …`, `/etc/app/app.yaml` for `/etc/app`.
public struct PathReplacement: Sendable {
    /// Longest first, so that a path goes before the directory that it lies in.
    private let pairs: [(from: String, to: String)]

    public init(_ pairs: [Path: String]) {
        self.pairs = pairs.filter { !$0.key.isEmpty }.map { ($0.key.text, $0.value) }
            .sorted { ($1.from.utf8.count, $0.from) < ($0.from.utf8.count, $1.from) }
    }

    /// - Returns: the text as it is to be, and which paths were replaced in it.
    public func apply(to text: [UInt8]) -> (text: [UInt8], replaced: Set<Path>) {
        var result: [UInt8] = []
        var replaced: Set<Path> = []
        var index = 0
        while index < text.count {
            let rest = text[index...]
            let begins = index == 0 || Self.delimiters.contains(text[index - 1])
            let pair = pairs.first {
                begins && rest.starts(with: $0.from.utf8) && Self.ends(rest.dropFirst($0.from.utf8.count))
            }
            if let pair {
                result += pair.to.utf8
                index += pair.from.utf8.count
                replaced.insert(Path(pair.from))
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return (result, replaced)
    }

    /// Between which a path stands in options, lists and shell words.
    private static let delimiters = Set("=:,;@ \t\n\"'()<>|&".utf8)

    private static func ends(_ rest: ArraySlice<UInt8>) -> Bool {
        guard let next = rest.first else { return true }
        return delimiters.contains(next) || next == UInt8(ascii: "/")
    }
}
