import Testing

@testable import BatonCore

/// Runs a program as the kernel does, on the headers of one packet.
private struct Machine {
    enum Fault: Error { case badInstruction, outsideOfThePacket, ranOff }

    let packet: [UInt8]
    var random: UInt32 = 0

    func run(_ program: SteeringProgram) throws -> UInt32 {
        typealias Code = SteeringProgram.Code
        var accumulator: UInt32 = 0
        var next = 0
        while next < program.instructions.count {
            let instruction = program.instructions[next]
            next += 1
            let isTrue: Bool
            switch instruction.code {
            case Code.loadWord: accumulator = try load(instruction.operand, 4)
            case Code.loadHalf: accumulator = try load(instruction.operand, 2)
            case Code.loadByte: accumulator = try load(instruction.operand, 1)
            case Code.shiftRight: accumulator >>= instruction.operand
            case Code.modulo: accumulator %= instruction.operand
            case Code.giveBack: return instruction.operand
            case Code.jumpIfEqual, Code.jumpIfAtLeast:
                isTrue =
                    instruction.code == Code.jumpIfEqual
                    ? accumulator == instruction.operand : accumulator >= instruction.operand
                next += Int(isTrue ? instruction.ifTrue : instruction.ifFalse)
            default: throw Fault.badInstruction
            }
        }
        throw Fault.ranOff
    }

    private func load(_ operand: UInt32, _ count: Int) throws -> UInt32 {
        let offset = Int32(bitPattern: operand)
        if offset == SteeringProgram.Offset.random { return random }
        let start = Int(offset - SteeringProgram.Offset.header)
        guard start >= 0, start + count <= packet.count else { throw Fault.outsideOfThePacket }
        return packet[start..<start + count].reduce(0) { $0 << 8 | UInt32($1) }
    }
}

@Suite struct SteeringProgramTests {
    private let ipv4: [UInt8] = [127, 0, 0, 1]
    private let ipv6: [UInt8] = [UInt8](repeating: 0, count: 15) + [1]

    /// The headers up to the ports.
    private func packet(from address: [UInt8], port: UInt16) -> [UInt8] {
        let ports = [UInt8(port >> 8), UInt8(port & 0xff), 0x1f, 0x90]
        if address.count == 4 {
            return [0x45] + [UInt8](repeating: 0, count: 11) + address + [10, 0, 0, 1] + ports
        }
        return [0x60] + [UInt8](repeating: 0, count: 7) + address + [UInt8](repeating: 9, count: 16) + ports
    }

    private func place(
        _ target: SteeringBook.Target, _ probe: SteeringProgram.Probe? = nil, from address: [UInt8],
        port: UInt16 = 40000,
        random: UInt32 = 0
    ) throws -> UInt32 {
        try Machine(packet: packet(from: address, port: port), random: random).run(
            SteeringProgram(target, probe: probe))
    }

    @Test func everybodyGoesToTheTarget() throws {
        #expect(try place(.init(3), from: ipv4) == 3)
        #expect(try place(.init(3), from: ipv6) == 3)
        #expect(SteeringProgram(.init(3)).instructions.count == 1)
    }

    @Test(arguments: [4, 16]) func theProbeAloneGoesElsewhere(_ count: Int) throws {
        let own = count == 4 ? ipv4 : ipv6
        let probe = SteeringProgram.Probe(address: own, port: 51234, place: 2)
        #expect(try place(.init(0), probe, from: own, port: 51234) == 2)
        #expect(try place(.init(0), probe, from: own, port: 51235) == 0)
        for index in own.indices {
            var other = own
            other[index] ^= 0x10
            #expect(try place(.init(0), probe, from: other, port: 51234) == 0, "byte \(index)")
        }
        // On a dual-stack socket clients of the other family come, too.
        #expect(try place(.init(0), probe, from: count == 4 ? ipv6 : ipv4, port: 51234) == 0)
    }

    @Test func aShareIsDrawnByLot() throws {
        var target = SteeringBook.Target(1)
        target.other = 4
        target.otherPercent = 30
        let places = try (0..<UInt32(200)).map { try place(target, from: ipv4, random: 4_000_000_000 + $0) }
        #expect(places.count { $0 == 4 } == 60 && places.count { $0 == 1 } == 140)
        let probe = SteeringProgram.Probe(address: ipv6, port: 51234, place: 2)
        #expect(try place(target, probe, from: ipv6, port: 51234, random: 5) == 2)
        #expect(try place(target, probe, from: ipv6, port: 1, random: 5) == 4)
        #expect(try place(target, probe, from: ipv6, port: 1, random: 35) == 1)
    }

    @Test func noShareIsNoLotAndMoreThanAllIsAll() throws {
        var target = SteeringBook.Target(1)
        target.other = 4
        #expect(SteeringProgram(target).instructions.count == 1)
        target.otherPercent = 1000
        #expect(try place(target, from: ipv4, random: 99) == 4)
    }
}
