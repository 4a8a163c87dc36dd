extension Supervisor {
    /// Times that are not settings.
    public enum Times {
        /// Alive this long counts as ready where nothing better is known.
        public static let aliveProof: Interval = .seconds(1)
        /// After READY=1 a successor must live this much longer before the old generation goes: servers send it before
        /// they have loaded the application.
        public static let readyConfirmation: Interval = .milliseconds(500)
        /// How often a generation that drains is asked for its connections: at first, and later.
        public static let drainCount: Interval = .milliseconds(50)
        public static let drainCountLater: Interval = .milliseconds(250)
        public static let drainCountSoonFor: Interval = .seconds(2)
        /// So many counts in a row must find nothing.
        public static let quietCounts = 3
        /// A client whose SYN came before connections were steered away completes its handshake, a round trip later, on the
        /// old socket: a generation is given at least this long.
        public static let handshake: Interval = .seconds(1)
        /// Earlier counts would change nothing, as the handshake has to be waited for, and each costs those who are served.
        public static let firstDrainCount = handshake - drainCount * Int64(quietCounts - 1)
        /// How often the log tells of a drain that lasts.
        public static let drainReport: Interval = .seconds(5)
        /// Between the drain signal and SIGKILL at least this much, or a quarter of the drain timeout if that is less.
        public static let drainGrace: Interval = .seconds(5)
        /// How often a generation is scanned for whether it waits for connections.
        public static let scanInterval: Interval = .milliseconds(25)
        /// So many scans in a row must show that the first generation does not serve before a change replaces it unready.
        public static let firstScans = 3
        /// So many scans in a row must be refused: a process in the middle of an exec refuses them for a moment.
        public static let refusedScans = 3
        /// The first generation is taken as ready if it has not been seen to wait by then: nobody else serves, and some wait
        /// in ways that cannot be seen. A later one that waits on some addresses is given as long for the others.
        public static let scanLimit: Interval = .seconds(5)
        /// A first generation may only be slow to listen. When a later one was not seen either, scanning is of no use here.
        public static let unseenUntilUseless = 2
        public static let probeInterval: Interval = .milliseconds(250)
        public static let groupCheck: Interval = .milliseconds(500)
        public static let stageRetry: Interval = .milliseconds(500)
        /// A generation on probation is asked this often whether it is still ready, and goes after so many times no.
        public static let probationProbe: Interval = .seconds(1)
        public static let probationFailures = 3
        /// How often a generation that has just become the target is asked whether it takes its connections: at first, and later.
        public static let acceptCount: Interval = .milliseconds(25)
        public static let acceptCountLater: Interval = .milliseconds(250)
        public static let acceptCountSoonFor: Interval = .seconds(1)
        /// If no client has come by then, there is nothing to conclude.
        public static let silence: Interval = .seconds(1)
        /// Clients wait in its queue for so long, and it has never taken one: it is deaf. A cold JVM on a busy machine takes 2 s.
        public static let deafAfter: Interval = .seconds(5)
        /// And so many counts must have found it so: a machine that stands still for a while keeps Baton from counting, too.
        public static let deafCounts = 10
        /// The same for a command.
        public static let lastProbeCommand: Interval = .seconds(10)
        /// An app that was told to reload, or was started anew, has so long to fail at least (BATON_PROBATION=0s: none).
        public static let leastProbation: Interval = .seconds(3)
        /// A probe whose answer decides, as none was green so far, has so long after the end of probation.
        public static let lastProbe: Interval = .milliseconds(1500)
        /// A slow start has so many steps.
        public static let slowStartSteps: Int64 = 20
        /// How often the log tells what the app is waiting for.
        public static let awaitedReport: Interval = .seconds(10)
        public static let agentFirst: Interval = .milliseconds(200)
        public static let agentLimit: Interval = .seconds(30)
        /// An agent that lived this long starts the backoff afresh.
        public static let agentForgiven: Interval = .seconds(60)
        /// An app that is told by signal is given time to install its handler; this often it is asked for.
        public static let holdInterval: Interval = .milliseconds(100)
        /// Writers that never pause must not put a change off for ever: this many quiet times, and at least two seconds.
        public static let settleLimitFactor: Int64 = 20
        public static let settleLimitFloor: Interval = .seconds(2)
        public static let readRetryFirst: Interval = .milliseconds(20)
        public static let readRetryLimit: Interval = .seconds(1)
        public static let restartFirst: Interval = .milliseconds(200)
        public static let restartLimit: Interval = .seconds(30)
        /// An app that ends within this time of being told to reload has ended by it.
        public static let reloadBlamed: Interval = .seconds(3)
        /// A generation that served this long starts the backoff afresh.
        public static let restartForgiven: Interval = .seconds(60)
        /// After SIGKILL to everything: how long processes that cannot die (a dead disk) are waited for.
        public static let stopGrace: Interval = .seconds(2)
        /// The most that one EXTEND_TIMEOUT_USEC may ask for.
        public static let extensionLimit: Interval = .seconds(3600)
    }
}
