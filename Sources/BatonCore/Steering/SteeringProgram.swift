/// The program by which the kernel chooses, for each new connection, the socket of a SO_REUSEPORT group that gets it: classic BPF,
/// which returns the socket's place (socket(7), SO_ATTACH_REUSEPORT_CBPF).
public struct SteeringProgram: Sendable, Hashable {
    /// As struct sock_filter of <linux/filter.h>.
    public struct Instruction: Sendable, Hashable {
        public let code: UInt16
        /// How many instructions a jump leaves out.
        public let ifTrue: UInt8
        public let ifFalse: UInt8
        public let operand: UInt32
    }

    /// A client whose connection goes to another socket than everybody else's.
    public struct Probe: Sendable, Hashable {
        /// Its source, in network order: 4 bytes of an IPv4 address, 16 of an IPv6 one.
        public let address: [UInt8]
        public let port: UInt16
        public let place: Int

        public init(address: [UInt8], port: UInt16, place: Int) {
            self.address = address
            self.port = port
            self.place = place
        }
    }

    enum Code {
        static let loadWord: UInt16 = 0x20
        static let loadHalf: UInt16 = 0x28
        static let loadByte: UInt16 = 0x30
        static let shiftRight: UInt16 = 0x74
        static let modulo: UInt16 = 0x94
        static let jumpIfEqual: UInt16 = 0x15
        static let jumpIfAtLeast: UInt16 = 0x35
        static let giveBack: UInt16 = 0x06
    }

    enum Offset {
        /// Where the IP header begins (SKF_NET_OFF). The program runs on the packet that opens or completes a connection, and its data
        /// begins behind the TCP header, so that the headers are reached only this way.
        static let header: Int32 = -0x10_0000
        /// A random number (SKF_AD_OFF + SKF_AD_RANDOM).
        static let random: Int32 = -0x1000 + 56
    }

    public private(set) var instructions: [Instruction] = []

    public init(_ target: SteeringBook.Target, probe: Probe? = nil) {
        if let probe { addRoute(of: probe) }
        if let other = target.other, target.otherPercent > 0 {
            load(Code.loadWord, Offset.random)
            add(Code.modulo, 100)
            add(Code.jumpIfAtLeast, UInt32(clamping: min(100, target.otherPercent)), ifTrue: 1)
            giveBack(other)
        }
        giveBack(target.place)
    }

    /// Each comparison that fails leaves the rest of the route out.
    private mutating func addRoute(of probe: Probe) {
        let isIPv6 = probe.address.count == 16
        let words = stride(from: 0, to: isIPv6 ? 16 : 4, by: 4).map { start in
            probe.address.dropFirst(start).prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        var left = UInt8(2 * words.count + 3)
        func behindHeader(_ offset: Int) -> Int32 { Offset.header + Int32(offset) }
        // The version in the first four bits: a dual-stack socket sees both.
        load(Code.loadByte, Offset.header)
        add(Code.shiftRight, 4)
        add(Code.jumpIfEqual, isIPv6 ? 6 : 4, ifFalse: left)
        for (index, word) in words.enumerated() {
            left -= 2
            load(Code.loadWord, behindHeader((isIPv6 ? 8 : 12) + 4 * index))
            add(Code.jumpIfEqual, word, ifFalse: left)
        }
        // The source port is the first of TCP's fields.
        load(Code.loadHalf, behindHeader(isIPv6 ? 40 : 20))
        add(Code.jumpIfEqual, UInt32(probe.port), ifFalse: 1)
        giveBack(probe.place)
    }

    private mutating func load(_ code: UInt16, _ offset: Int32) { add(code, UInt32(bitPattern: offset)) }

    private mutating func giveBack(_ place: Int) { add(Code.giveBack, UInt32(clamping: place)) }

    private mutating func add(_ code: UInt16, _ operand: UInt32, ifTrue: UInt8 = 0, ifFalse: UInt8 = 0) {
        instructions.append(Instruction(code: code, ifTrue: ifTrue, ifFalse: ifFalse, operand: operand))
    }
}
