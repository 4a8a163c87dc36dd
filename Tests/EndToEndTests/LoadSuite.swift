import TestSupport

/// A suite of configurations that change under load.
protocol LoadSuite {
    var directory: TemporaryDirectory { get }
}

extension LoadSuite {
    static var handovers: Int { 10 }

    func site() -> RealServer.Site {
        RealServer.Site(port: freePort(), volume: directory.file("config"), scratch: directory.path)
    }

    /// One line of the table.
    static func report(_ name: String, _ how: String, _ requestsPerConnection: Int, _ result: HTTPLoad.Result) {
        let use = requestsPerConnection == .max ? "never closed" : "\(requestsPerConnection) a connection"
        print("load: \(name), \(how), \(use): \(handovers) handovers, \(result.failed) of \(result.requests) failed")
    }

    /// - Parameter change: asks for the configuration of this number.
    /// - Parameter isApplied: waits until all is done with it.
    func drive(_ load: HTTPLoad, change: (Int) -> Void, isApplied: (Int) throws -> Void) throws -> HTTPLoad.Result {
        for number in 1...Self.handovers {
            change(number)
            try isApplied(number)
            try waitUntil("a thousand requests for each handover") { load.current.requests >= number * 1000 }
        }
        return load.stop()
    }
}
