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
        guard words.count <= 1, let wanted = Int(words.first ?? "10000000") else {
            print("usage: baton-simulate [STEPS] | --seed SEED")
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
