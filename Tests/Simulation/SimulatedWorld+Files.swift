import BatonCore

// Files that change while they are read, and are told of late, or not at all.
extension SimulatedWorld {
    /// A writer begins, if none is at it. Some die in the middle.
    mutating func beginWriting(_ content: UInt64) {
        guard !isWriting else { return }
        isWriting = true
        let isKata = !isCalm && Int.random(in: 0..<8, using: &random) == 0
        var steps = volume.steps(to: content, isKata: isKata)
        if !isCalm, Int.random(in: 0..<12, using: &random) == 0 {
            steps.removeLast(Int.random(in: 1...steps.count, using: &random))
        } else {
            written = content
        }
        if !isCalm, volume.isKubelets, Int.random(in: 0..<25, using: &random) == 0 { steps.insert(.vanish, at: 0) }
        let pause = Interval.milliseconds([1, 20, 400].randomElement(using: &random) ?? 1)
        var wait = Interval.zero
        for step in steps {
            wait = wait + random.interval(upTo: pause)
            schedule(.written(step), in: wait)
        }
        schedule(.writerEnded, in: wait)
    }

    /// Where one has died in the middle, another one comes in the end, as kubelet does.
    mutating func writerEnded() {
        isWriting = false
        if isCalm, volume.digest == nil { beginWriting(written + 1) }
    }

    mutating func write(_ step: Volume.Step) {
        volume.perform(step)
        guard let notice = volume.notice(of: step) else { return }
        if !isCalm, Int.random(in: 0..<12, using: &random) == 0 {
            // Missed; the audit finds it.
            schedule(.event(.touched(atomic: false)), in: random.interval(upTo: .seconds(60)))
        } else {
            schedule(.event(.touched(atomic: notice == .atomic)), in: random.interval(upTo: .milliseconds(5)))
        }
    }

    // MARK: reading

    /// One reading after the other; each answers with what it has found.
    mutating func wantReading() {
        readingsWanted += 1
        if readingsWanted == 1 { schedule(.reading(0), in: readingPause()) }
    }

    private mutating func readingPause() -> Interval {
        random.interval(upTo: .milliseconds(Int.random(in: 0..<20, using: &random) == 0 ? 1000 : 1))
    }

    /// - Returns: what was found, after the last step.
    mutating func read(_ step: Int) -> Supervisor.Event? {
        switch step {
        case 0: reading = volume.beginReading()
        case 1...Volume.fileCount:
            if var reading {
                volume.read(file: step - 1, &reading)
                self.reading = reading
            }
        case Volume.fileCount + 1:
            let isTorn = !isCalm && Int.random(in: 0..<10, using: &random) == 0
            // What has vanished keeps its last good snapshot.
            found = reading == nil ? lastGood : isTorn ? nil : reading.flatMap(volume.end)
            lastGood = found ?? lastGood
        default:
            readingsWanted -= 1
            if readingsWanted > 0 { schedule(.reading(0), in: readingPause()) }
            return .snapshot(found.map { .whole($0) } ?? .torn("it moved"))
        }
        schedule(.reading(step + 1), in: readingPause())
        return nil
    }
}
