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
    public var passedOn: CapabilitySet {
        .holding {
            cap_iab_get_vector(pointer, CAP_IAB_INH, $0) == CAP_SET
                || cap_iab_get_vector(pointer, CAP_IAB_AMB, $0) == CAP_SET
        }
    }
}

/// Capabilities by their kernel numbers, as the kernel itself keeps them.
public struct CapabilitySet: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// - Parameter number: from 0 to 63.
    public init(number: Int32) { rawValue = 1 << UInt64(number) }

    public static let dacReadSearch = CapabilitySet(number: CAP_DAC_READ_SEARCH)
    public static let kill = CapabilitySet(number: CAP_KILL)
    public static let setGID = CapabilitySet(number: CAP_SETGID)
    public static let setUID = CapabilitySet(number: CAP_SETUID)
    public static let setPCap = CapabilitySet(number: CAP_SETPCAP)
    public static let netBindService = CapabilitySet(number: CAP_NET_BIND_SERVICE)

    public var count: Int { rawValue.nonzeroBitCount }

    /// Of those that this kernel has.
    static var numbers: Range<cap_value_t> { 0..<min(64, max(0, cap_max_bits())) }

    /// Those that this kernel has and for which the answer is yes.
    static func holding(_ holds: (cap_value_t) -> Bool) -> CapabilitySet {
        var set: CapabilitySet = []
        for number in numbers where holds(number) { set.insert(.init(number: number)) }
        return set
    }
}

public enum Capabilities {
    /// What Baton holds in its permitted set.
    public static func permitted() -> CapabilitySet {
        guard let state = cap_get_proc() else { return [] }
        defer { cap_free(UnsafeMutableRawPointer(state)) }
        return .holding { number in
            var value = CAP_CLEAR
            return cap_get_flag(state, number, CAP_PERMITTED, &value) == 0 && value == CAP_SET
        }
    }

    /// Gives up what is not in the sets; nothing is ever gained. The inheritable set stays.
    public static func keep(effective: CapabilitySet, permitted: CapabilitySet) throws(LinuxError) {
        guard let state = cap_get_proc() else { throw .last("read", "Baton's capabilities") }
        defer { cap_free(UnsafeMutableRawPointer(state)) }
        for number in CapabilitySet.numbers {
            var value = number
            if !effective.contains(.init(number: number)) { cap_set_flag(state, CAP_EFFECTIVE, 1, &value, CAP_CLEAR) }
            if !permitted.contains(.init(number: number)) { cap_set_flag(state, CAP_PERMITTED, 1, &value, CAP_CLEAR) }
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
