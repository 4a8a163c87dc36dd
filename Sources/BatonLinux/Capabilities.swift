public import CLibcap
import Glibc

/// libcap (capabilities(7), cap_iab(3)).
public final class IABTuple {
    public let pointer: cap_iab_t

    /// - Throws: EINVAL where the text is none that libcap reads.
    public init(_ text: String) throws(LinuxError) {
        guard let pointer = cap_iab_from_text(text) else { throw .last("read", "the capabilities \"\(text)\"") }
        self.pointer = pointer
    }

    deinit { cap_free(UnsafeMutableRawPointer(pointer)) }

    /// Capabilities that are named to be inheritable or ambient: Baton must hold them to pass them on.
    public var passedOn: Set<CapabilityNumber> {
        Set(
            CapabilityNumber.all.filter {
                cap_iab_get_vector(pointer, CAP_IAB_INH, cap_value_t($0.rawValue)) == CAP_SET
                    || cap_iab_get_vector(pointer, CAP_IAB_AMB, cap_value_t($0.rawValue)) == CAP_SET
            })
    }
}

/// A capability by its kernel number.
public struct CapabilityNumber: Hashable, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let dacReadSearch = CapabilityNumber(rawValue: 2)
    public static let kill = CapabilityNumber(rawValue: 5)
    public static let setGID = CapabilityNumber(rawValue: 6)
    public static let setUID = CapabilityNumber(rawValue: 7)
    public static let setPCap = CapabilityNumber(rawValue: 8)
    public static let netBindService = CapabilityNumber(rawValue: 10)

    /// Those that this kernel has.
    public static var all: [CapabilityNumber] {
        (0..<max(0, cap_max_bits())).map { CapabilityNumber(rawValue: Int32($0)) }
    }
}

public enum Capabilities {
    /// What Baton holds in its permitted set.
    public static func permitted() -> Set<CapabilityNumber> {
        guard let state = cap_get_proc() else { return [] }
        defer { cap_free(UnsafeMutableRawPointer(state)) }
        return Set(
            CapabilityNumber.all.filter { number in
                var value = CAP_CLEAR
                return cap_get_flag(state, cap_value_t(number.rawValue), CAP_PERMITTED, &value) == 0 && value == CAP_SET
            })
    }

    /// Gives up what is not in the sets; nothing is ever gained. The inheritable set stays.
    public static func keep(effective: Set<CapabilityNumber>, permitted: Set<CapabilityNumber>) throws(LinuxError) {
        guard let state = cap_get_proc() else { throw .last("read", "Baton's capabilities") }
        defer { cap_free(UnsafeMutableRawPointer(state)) }
        for number in CapabilityNumber.all {
            var values = [cap_value_t(number.rawValue)]
            if !effective.contains(number) { cap_set_flag(state, CAP_EFFECTIVE, 1, &values, CAP_CLEAR) }
            if !permitted.contains(number) { cap_set_flag(state, CAP_PERMITTED, 1, &values, CAP_CLEAR) }
        }
        guard cap_set_proc(state) == 0 else { throw .last("drop", "Baton's capabilities") }
    }

    /// A set to come back to.
    struct State: ~Copyable {
        fileprivate let pointer: cap_t
        fileprivate init(_ pointer: cap_t) { self.pointer = pointer }
        deinit { cap_free(UnsafeMutableRawPointer(pointer)) }
        borrowing func restore() { cap_set_proc(pointer) }
    }

    /// Puts all that is permitted into effect; nil where that fails.
    static func raise() -> State? {
        guard let before = cap_get_proc() else { return nil }
        let state = State(before)
        guard let raised = cap_dup(before) else { return nil }
        defer { cap_free(UnsafeMutableRawPointer(raised)) }
        guard cap_fill(raised, CAP_EFFECTIVE, CAP_PERMITTED) == 0, cap_set_proc(raised) == 0 else { return nil }
        return state
    }
}
