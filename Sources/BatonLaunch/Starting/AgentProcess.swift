public import BatonCore
public import BatonLinux
import CBatonShims
import Glibc

/// The agent's process, and what it says.
public final class AgentProcess {
    public let pid: ProcessID
    private let link: FileDescriptor
    /// The line that has not come to its end yet.
    private var rest: [UInt8] = []

    init(pid: ProcessID, link: consuming FileDescriptor) {
        self.pid = pid
        self.link = link
    }

    public var descriptor: Int32 { link.number }

    public enum Received {
        case messages([AgentMessage])
        /// It has closed its end.
        case end
        /// What it says is none of the protocol's: in words.
        case invalid(String)
    }

    /// It asks for the next answer only when it has the last one: what does not fit goes to nobody.
    public func answer(_ text: String) { sendAtOnce(link.number, text) }

    /// Reads what is there now, a bounded amount.
    public func receive() -> Received {
        guard let bytes = try? readAvailable(link.number, limit: 4 * AgentMessage.sizeLimit) else {
            return .messages([])
        }
        guard !bytes.isEmpty else { return .end }
        var messages: [AgentMessage] = []
        var left = bytes[...]
        while let end = left.firstIndex(of: UInt8(ascii: "\n")) {
            guard rest.count + (end - left.startIndex) <= AgentMessage.sizeLimit else { return tooLong }
            guard let message = AgentMessage(line: rest + left[..<end]) else {
                return .invalid("invalid message")
            }
            if case .hello(let version) = message, version != AgentMessage.version {
                return .invalid(
                    "it speaks protocol version \(version), Baton \(AgentMessage.version): take baton and baton-agent from one release"
                )
            }
            messages.append(message)
            rest = []
            left = left[(end + 1)...]
        }
        guard rest.count + left.count <= AgentMessage.sizeLimit else { return tooLong }
        rest += left
        return .messages(messages)
    }

    private var tooLong: Received { .invalid("message of more than \(AgentMessage.sizeLimit) bytes") }

    /// The two ends of a new link, close-on-exec, for the caller to own.
    static func link() throws(LinuxError) -> (own: Int32, theirs: Int32) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw LinuxError("create", "the link to the agent", errno: errno)
        }
        setSendBuffer(ends[0], bytes: 512 * 1024)
        return (ends[0], ends[1])
    }
}
