import Dispatch
import Glibc
import Simulation

/// Runs the heart in simulation for as long as one likes, on all cores.
///
///     baton-simulate [STEPS]          ten million where nothing else is said
///     baton-simulate --seed SEED      one run, to look into what it found
@main
enum Simulate {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        if words.first == "--seed", words.count == 2, let seed = UInt64(words[1]) { exit(replay(seed)) }
        if words.first == "--diagrams", (2...3).contains(words.count) {
            exit(diagrams(words[1], runs: words.count == 3 ? UInt64(words[2]) ?? 0 : 30_000))
        }
        guard words.count <= 1, let wanted = Int(words.first ?? "10000000") else {
            print("usage: baton-simulate [STEPS] | --seed SEED | --diagrams FILE [RUNS]")
            exit(64)
        }
        exit(run(wanted))
    }

    private static func replay(_ seed: UInt64) -> Int32 {
        do {
            let result = try Simulation.run(seed: seed) { print($0) }
            print("\(result.steps) steps, every invariant held")
            return 0
        } catch {
            print("invariant \(error.invariant): \(error)")
            return 1
        }
    }

    /// Holds the diagrams in this file against the transitions that so many runs take.
    private static func diagrams(_ path: String, runs: UInt64) -> Int32 {
        guard let text = read(path) else {
            print("cannot read \(path): \(String(cString: strerror(errno)))")
            return 1
        }
        let workers = UInt64(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        let results = UnsafeMutableBufferPointer<Transitions>.allocate(capacity: Int(workers))
        results.initialize(repeating: .init())
        nonisolated(unsafe) let slots = results
        DispatchQueue.concurrentPerform(iterations: Int(workers)) { worker in
            for seed in stride(from: UInt64(worker) + 1, through: runs, by: Int(workers)) {
                if let some = try? Simulation.transitions(seed: seed) { slots[worker].formUnion(some) }
            }
        }
        var taken = Transitions()
        for some in results { taken.formUnion(some) }
        let differences = Diagrams(text).differences(from: taken)
        for difference in differences { print(difference) }
        print(
            "state diagrams: \(runs) runs, " + (differences.isEmpty ? "as drawn" : "\(differences.count) differences"))
        return differences.isEmpty ? 0 : 1
    }

    private static func read(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part.prefix(count) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Each worker has every so-manieth seed.
    private static func run(_ wanted: Int) -> Int32 {
        let workers = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        let share = wanted / workers + 1
        let results = UnsafeMutableBufferPointer<(sum: Simulation.Result, runs: Int, failed: UInt64)>.allocate(
            capacity: workers)
        results.initialize(repeating: (.init(), 0, 0))
        nonisolated(unsafe) let slots = results
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            var seed = UInt64(worker) + 1
            while slots[worker].sum.steps < share {
                do throws(Referee.Violation) {
                    let result = try Simulation.run(seed: seed)
                    slots[worker].sum.steps += result.steps
                    slots[worker].sum.clients += result.clients
                    slots[worker].sum.served += result.served
                } catch {
                    print("invariant \(error.invariant): \(error). Look into it with --seed \(seed)")
                    slots[worker].failed = seed
                    return
                }
                slots[worker].runs += 1
                seed += UInt64(workers)
            }
        }
        let steps = results.reduce(0) { $0 + $1.sum.steps }
        let clients = results.reduce(0) { $0 + $1.sum.clients }
        let served = results.reduce(0) { $0 + $1.sum.served }
        let runs = results.reduce(0) { $0 + $1.runs }
        let failed = results.contains { $0.failed != 0 }
        print(
            "simulation: \(steps) steps in \(runs) runs, \(served) of \(clients) clients served, the others cut as the settings have it or still waiting"
                + (failed ? "" : ", every invariant held after every step"))
        return failed ? 1 : 0
    }
}
