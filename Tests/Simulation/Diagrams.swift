import BatonCore

/// The state diagrams of the documentation: a line `a -> b, c` for what follows on a, below the heading of each machine.
package struct Diagrams: Sendable {
    private var drawn: [String: Set<Transitions.Transition>] = [:]
    /// Too seldom to be asked for.
    private var seldom: Set<Transitions.Transition> = []

    package init(_ text: String) {
        var heading = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("### ") { heading = String(line.dropFirst(4)) }
            guard line.hasPrefix("    "), let arrow = line.firstRange(of: " -> ") else { continue }
            let from = line[..<arrow.lowerBound].filter { $0 != " " }
            for to in line[arrow.upperBound...].split(separator: ",") {
                let transition = Transitions.Transition(from, to.filter { $0 != " " && $0 != "?" })
                drawn[heading, default: []].insert(transition)
                if to.hasSuffix("?") { seldom.insert(transition) }
            }
        }
    }

    /// What is drawn and never happens, and what happens and is not drawn, in words.
    package func differences(from taken: Transitions) -> [String] {
        let machines = [("Generation", taken.generation), ("Change", taken.change), ("Baton", taken.baton)]
        return machines.flatMap { name, taken in
            let drawn = drawn[name] ?? []
            return taken.subtracting(drawn).sorted().map { "\(name): \($0.from) -> \($0.to) is not drawn" }
                + drawn.subtracting(taken).subtracting(seldom).sorted().map {
                    "\(name): \($0.from) -> \($0.to) never happens"
                }
        }
    }
}

extension Substring {
    fileprivate func firstRange(of part: String) -> Range<Index>? {
        for start in indices where self[start...].hasPrefix(part) {
            return start..<index(start, offsetBy: part.count)
        }
        return nil
    }
}
