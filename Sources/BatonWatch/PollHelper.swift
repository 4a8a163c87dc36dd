import BatonCore
import BatonLinux

/// A poll of a source whose file system may hang.
final class PollHelper {
    let process: HelperProcess

    private static let answerLimit = 4096

    /// - Parameter known: the identity that was read last; content is read only if it has moved.
    init(_ path: Path, known: Int?, deadline: Instant) throws(LinuxError) {
        process = try HelperProcess(deadline: deadline, limit: PollHelper.answerLimit) {
            PollHelper.answer(path, known)
        }
    }

    enum Answer: Sendable, Hashable {
        case unchanged
        case reading(SourceScanner.Reading)
    }

    /// Nil while the answer is not complete.
    func receive() -> Answer? { process.answer().map(PollHelper.decode) }

    // MARK: the child's side

    private static func answer(_ path: Path, _ known: Int?) -> [UInt8] {
        // No mount table: the child is here to touch what PID 1 must not.
        let scanner = SourceScanner(path: path, mounts: MountTable(mounts: []))
        guard let reading = scanner.read(unless: known) else { return [0] }
        switch reading {
        case .content(let identity, let digest):
            return ([UInt64(bitPattern: Int64(identity))] + digest.parts).reduce(into: [1]) { bytes, word in
                for shift in stride(from: 56, through: 0, by: -8) {
                    bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
                }
            }
        case .absent: return [2]
        case .torn(let reason): return [3] + reason.utf8.prefix(answerLimit - 1)
        case .failed(let reason): return [4] + reason.utf8.prefix(answerLimit - 1)
        }
    }

    private static func decode(_ bytes: [UInt8]) -> Answer {
        let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
        switch bytes.first {
        case 0: return .unchanged
        case 1 where bytes.count == 41:
            let words = (0..<5).map { index in
                bytes[(1 + index * 8)..<(9 + index * 8)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            }
            let digest = Digest(words[1], words[2], words[3], words[4])
            return .reading(.content(identity: Int(Int64(bitPattern: words[0])), digest))
        case 2: return .reading(.absent)
        case 3: return .reading(.torn(text))
        case 4: return .reading(.failed(text))
        default: return .reading(.failed("the helper process that polled it ended without an answer"))
        }
    }
}
