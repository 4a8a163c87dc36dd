// Ready by being seen to wait for connections.
extension Supervisor {
    /// The one before was not seen to wait, and may have been slow, or wait in a way that cannot be seen: the next one tells.
    var isSightDoubted: Bool { unseenInARow > 0 }

    /// It is taken as ready after a while, whatever is seen.
    mutating func limitScan(_ number: GenerationNumber) {
        if let index = index(number) { generations[index].editScan { $0.isLimited = true } }
        timers.arm(.scanLimit(number), at: now + min(Times.scanLimit, settings.readyTimeout))
    }

    mutating func scanned(_ number: GenerationNumber, _ waiting: Waiting) {
        guard generation(number, in: .starting)?.isLaunched == true, !isScanningUseless else { return }
        noteFirstScan(number, waiting)
        guard settings.ready == .auto, let index = index(number),
            case .scan(var scan) = generations[index].starting?.proof
        else { return }
        if case .unknown = waiting { scan.refusals += 1 } else { scan.refusals = 0 }
        scan.missing = if case .partly(let missing) = waiting { missing } else { nil }
        generations[index].editStarting { $0.proof = .scan(scan) }
        switch waiting {
        case .yes:
            unseenInARow = 0
            return becomeReady(number)
        case .no: if isSightDoubted, let servingNumber { emit(.scan(servingNumber)) }
        case .partly: if !scan.isLimited { limitScan(number) }
        case .unknown where scan.refusals < Times.refusedScans: break
        case .unknown(let reason): return giveUpScan(number, reason)
        }
        timers.arm(.scan(number), at: now + Times.scanInterval)
    }

    private mutating func giveUpScan(_ number: GenerationNumber, _ reason: String) {
        cannotScan = true
        log(.cannotScan(number, reason))
        timers.cancel(.scanLimit(number))
        beginScan(number)
    }

    /// The serving one was taken as ready unseen. If it is seen to wait by now, it was only slow to listen.
    mutating func scannedAgain(_ number: GenerationNumber, _ waiting: Waiting) {
        switch waiting {
        case .yes, .partly: break
        case .no, .unknown: return
        }
        guard isSightDoubted, number == servingNumber else { return }
        unseenInARow = 0
        guard let starting, case .scan(let scan) = starting.starting?.proof, scan.missing == nil,
            let index = index(starting.number)
        else { return }
        generations[index].editScan { $0.isLimited = false }
        timers.cancel(.scanLimit(starting.number))
    }

    mutating func neverSeenWaiting(_ number: GenerationNumber) {
        guard let generation = generation(number, in: .starting) else { return }
        if case .scan(let scan) = generation.starting?.proof, let missing = scan.missing {
            log(.listeningIncomplete(number, missing, Times.scanLimit))
            return becomeReady(number)
        }
        // Seen to wait in part at first, and not at all any more: it is starting still.
        guard !isServing || (isSightDoubted && (generation.listening == .adopted || !hasAdopted)) else { return }
        unseenInARow += 1
        log(.listeningNotSeen(number, Times.scanLimit))
        becomeReady(number)
    }
}
