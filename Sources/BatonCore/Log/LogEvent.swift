/// The kind of an event that Baton or its agent logs. The name is an interface for whoever evaluates the log; the article
/// <doc:LogEvents> lists each one with its meaning.
public enum LogEvent: String, Sendable, CaseIterable {
    // MARK: Starting and stopping of Baton

    case batonStarting = "baton_starting"
    case startFailed = "start_failed"
    case listening
    case privilegesDropped = "privileges_dropped"
    case plan
    case controlUnavailable = "control_unavailable"
    case controlRefused = "control_refused"
    case signalIgnored = "signal_ignored"
    case signalDropped = "signal_dropped"
    case stopping
    case stopDelaySkipped = "stop_delay_skipped"
    case stopTimedOut = "stop_timed_out"
    case exiting
    case logDropped = "log_dropped"
    case eventLoopFailed = "event_loop_failed"
    case descriptorNotWatched = "descriptor_not_watched"

    // MARK: Watching

    case sourceWatched = "source_watched"
    case sourceDegraded = "source_degraded"
    case sourceRecovered = "source_recovered"
    case sourceUnreadable = "source_unreadable"
    case sourceReadable = "source_readable"
    case sourceSwitchedToAPI = "source_switched_to_api"
    case inotifyOverflow = "inotify_overflow"
    case mountSuperseded = "mount_superseded"
    case environmentIncomplete = "environment_incomplete"

    // MARK: Changes

    case firstSnapshot = "first_snapshot"
    case snapshotTorn = "snapshot_torn"
    case contentUnchanged = "content_unchanged"
    case contentReverted = "content_reverted"
    case reloadRequested = "reload_requested"
    case changeDetected = "change_detected"
    case changeApplied = "change_applied"
    case changeSuperseded = "change_superseded"
    case changeRejected = "change_rejected"
    case changeRolledBack = "change_rolled_back"
    case changeFailed = "change_failed"
    case probationWithoutStage = "probation_without_stage"
    case reloadSignalSent = "reload_signal_sent"
    case changesPaused = "changes_paused"
    case changesResumed = "changes_resumed"
    case waitingForResume = "waiting_for_resume"
    case reloadSignalAwaited = "reload_signal_awaited"
    case reloadSignalNotCaught = "reload_signal_not_caught"
    case reloadSignalWithheld = "reload_signal_withheld"
    case reloadSignalUnsafe = "reload_signal_unsafe"
    case endedByReload = "ended_by_reload"

    // MARK: Staging

    case stageNotLocked = "stage_not_locked"
    case stageReused = "stage_reused"
    case stageForeign = "stage_foreign"
    case secretOnDisk = "secret_on_disk"
    case argumentReplaced = "argument_replaced"
    case argumentNotFound = "argument_not_found"
    case waitingForSources = "waiting_for_sources"
    case waitingForFirstSnapshot = "waiting_for_first_snapshot"
    case firstStagingFailed = "first_staging_failed"
    case firstSnapshotHeld = "first_snapshot_held"
    case firstSnapshotRejected = "first_snapshot_rejected"
    case firstSnapshotNotValidated = "first_snapshot_not_validated"
    case stageRecordFailed = "stage_record_failed"
    case stageSwitchFailed = "stage_switch_failed"
    case stagedFilesUnreadable = "staged_files_unreadable"

    // MARK: Sockets

    case handoverWithoutSocket = "handover_without_socket"
    case notAdopted = "not_adopted"
    case adoptionRefused = "adoption_refused"
    case socketAdopted = "socket_adopted"
    case notAdoptedOtherNamespace = "not_adopted_other_namespace"
    case steeringUnavailable = "steering_unavailable"
    case steeringRefused = "steering_refused"
    case steeringFailed = "steering_failed"
    case probeSteeringFailed = "probe_steering_failed"
    case socketRepaired = "socket_repaired"

    // MARK: Generations

    case generationStarting = "generation_starting"
    case launchFailed = "launch_failed"
    case generationReady = "generation_ready"
    case generationNotReady = "generation_not_ready"
    case readinessScanUnavailable = "readiness_scan_unavailable"
    case listeningIncomplete = "listening_incomplete"
    case listeningNotSeen = "listening_not_seen"
    case probeFailed = "probe_failed"
    case mainPIDChanged = "main_pid_changed"
    case mainPIDRefused = "main_pid_refused"
    case mainReplaced = "main_replaced"
    case appStatus = "app_status"
    case appStopping = "app_stopping"
    case appReloading = "app_reloading"
    case appReloaded = "app_reloaded"
    case generationInSlowStart = "generation_in_slow_start"
    case generationOnProbation = "generation_on_probation"
    case rollbackUnavailable = "rollback_unavailable"
    case generationEnded = "generation_ended"
    case generationEndedUnexpectedly = "generation_ended_unexpectedly"
    case restartScheduled = "restart_scheduled"

    // MARK: Draining

    case generationDraining = "generation_draining"
    case drainSignalSent = "drain_signal_sent"
    case connectionsFinished = "connections_finished"
    case connectionsUncounted = "connections_uncounted"
    case drainInProgress = "drain_in_progress"
    case drainSignalForced = "drain_signal_forced"
    case tooManyDraining = "too_many_draining"
    case drainTimedOut = "drain_timed_out"
    case connectionsLost = "connections_lost"

    // MARK: The agent

    case agentStartFailed = "agent_start_failed"
    case agentEnded = "agent_ended"
    case agentProtocolError = "agent_protocol_error"
    case agentMessage = "agent_message"
    case adminListening = "admin_listening"
    case adminFailed = "admin_failed"
    case sourceMissing = "source_missing"
    case sourceKeysMissing = "source_keys_missing"
    case sourceForbidden = "source_forbidden"
    case sourceAllowed = "source_allowed"
    case sourcePolled = "source_polled"
    case sourceStale = "source_stale"
    case sourceFresh = "source_fresh"
    case sourceCoalesced = "source_coalesced"
    case sourceStagingFailed = "source_staging_failed"
    case subpathResolved = "subpath_resolved"
    case subpathUnresolved = "subpath_unresolved"
}

extension LogEvent: CustomStringConvertible {
    public var description: String { rawValue }
}

extension LogEvent {
    /// Each event has one: what matters more or less is another event.
    public var level: LogLevel {
        switch self {
        case .startFailed, .eventLoopFailed, .descriptorNotWatched, .changeRejected, .changeRolledBack,
            .changeFailed, .endedByReload, .firstStagingFailed, .stageSwitchFailed, .stageRecordFailed,
            .stagedFilesUnreadable,
            .steeringRefused,
            .steeringFailed, .probeSteeringFailed, .launchFailed, .generationNotReady, .agentStartFailed, .agentEnded,
            .agentProtocolError, .adminFailed, .sourceForbidden, .sourceStagingFailed:
            .error
        case .controlRefused, .stopTimedOut, .logDropped, .sourceDegraded, .sourceUnreadable, .inotifyOverflow,
            .mountSuperseded, .environmentIncomplete, .probationWithoutStage, .changesPaused,
            .firstSnapshotHeld, .firstSnapshotRejected, .firstSnapshotNotValidated, .snapshotTorn,
            .reloadSignalNotCaught,
            .reloadSignalUnsafe,
            .stageForeign, .secretOnDisk, .argumentNotFound, .waitingForSources, .waitingForFirstSnapshot,
            .handoverWithoutSocket, .adoptionRefused, .socketRepaired, .listeningIncomplete, .listeningNotSeen,
            .probeFailed, .mainPIDRefused, .rollbackUnavailable, .generationEndedUnexpectedly, .restartScheduled,
            .drainSignalForced, .tooManyDraining, .drainTimedOut, .connectionsLost, .agentMessage, .sourceMissing,
            .sourceKeysMissing, .sourcePolled, .sourceStale, .subpathUnresolved:
            .warn
        case .privilegesDropped, .plan, .controlUnavailable, .signalIgnored, .contentUnchanged, .connectionsFinished,
            .sourceCoalesced:
            .debug
        case .batonStarting, .listening, .signalDropped, .stopping, .stopDelaySkipped, .exiting, .sourceWatched,
            .sourceRecovered, .sourceReadable, .sourceSwitchedToAPI, .firstSnapshot, .contentReverted,
            .reloadRequested, .changeDetected, .changeApplied, .changeSuperseded, .reloadSignalSent, .changesResumed,
            .waitingForResume,
            .reloadSignalAwaited,
            .reloadSignalWithheld,
            .stageNotLocked, .stageReused, .argumentReplaced, .notAdopted, .socketAdopted, .notAdoptedOtherNamespace,
            .steeringUnavailable, .generationStarting, .generationReady, .readinessScanUnavailable, .mainPIDChanged,
            .mainReplaced,
            .appStatus, .appStopping, .appReloading, .appReloaded, .generationInSlowStart, .generationOnProbation,
            .generationEnded, .generationDraining, .drainSignalSent, .connectionsUncounted, .drainInProgress,
            .adminListening, .sourceAllowed, .sourceFresh, .subpathResolved:
            .info
        }
    }

    /// The names of the fields that each record of the event has, in their order.
    public var fields: [String] {
        switch self {
        case .batonStarting:
            ["version"]
        case .startFailed, .privilegesDropped, .controlUnavailable, .controlRefused, .signalIgnored, .signalDropped,
            .stopping, .stopDelaySkipped, .stopTimedOut, .eventLoopFailed, .descriptorNotWatched, .inotifyOverflow,
            .snapshotTorn, .reloadRequested, .waitingForFirstSnapshot, .firstStagingFailed, .stageSwitchFailed,
            .stagedFilesUnreadable, .probationWithoutStage, .changesPaused, .changesResumed, .stageRecordFailed,
            .handoverWithoutSocket, .notAdopted, .adoptionRefused,
            .steeringUnavailable,
            .steeringRefused, .probeSteeringFailed, .probeFailed, .agentStartFailed, .agentProtocolError,
            .agentMessage, .adminFailed:
            []
        case .listening:
            ["name", "address"]
        case .plan:
            ["decision", "choice"]
        case .exiting:
            ["code"]
        case .logDropped, .waitingForSources:
            ["count"]
        case .sourceWatched, .sourceDegraded, .sourceRecovered, .sourceSwitchedToAPI:
            ["source", "strategy"]
        case .sourceUnreadable, .sourceReadable, .mountSuperseded, .environmentIncomplete, .stageReused,
            .secretOnDisk, .sourceMissing, .sourceKeysMissing, .sourceForbidden, .sourceAllowed, .sourcePolled,
            .sourceStale, .sourceFresh, .sourceStagingFailed, .subpathResolved, .subpathUnresolved:
            ["source"]
        case .firstSnapshot, .firstSnapshotHeld, .firstSnapshotRejected, .firstSnapshotNotValidated, .contentUnchanged,
            .contentReverted:
            ["digest"]
        case .changeDetected:
            ["change", "digest", "from"]
        case .waitingForResume:
            ["change", "digest"]
        case .changeApplied:
            ["change", "digest", "outcome", "seconds", "proof"]
        case .changeSuperseded, .changeRejected, .changeRolledBack, .changeFailed:
            ["change", "digest", "outcome", "seconds"]
        case .reloadSignalSent:
            ["generation", "change", "signal"]
        case .reloadSignalAwaited:
            ["change", "generation", "left_seconds"]
        case .reloadSignalNotCaught, .reloadSignalWithheld, .reloadSignalUnsafe, .steeringFailed, .socketRepaired,
            .launchFailed, .generationNotReady, .readinessScanUnavailable, .listeningIncomplete, .listeningNotSeen,
            .mainPIDChanged, .mainPIDRefused, .appStatus, .appStopping, .appReloading, .appReloaded,
            .rollbackUnavailable, .connectionsUncounted, .tooManyDraining, .drainTimedOut:
            ["generation"]
        case .endedByReload:
            ["generation", "seconds"]
        case .mainReplaced:
            ["generation", "pid", "code"]
        case .stageNotLocked, .stageForeign:
            ["path"]
        case .argumentReplaced, .argumentNotFound:
            ["source", "staged"]
        case .socketAdopted, .notAdoptedOtherNamespace:
            ["generation", "address"]
        case .generationStarting:
            ["generation", "digest"]
        case .generationReady:
            ["generation", "digest", "seconds"]
        case .generationInSlowStart:
            ["generation", "slow_start_seconds"]
        case .generationOnProbation:
            ["generation", "probation_seconds"]
        case .generationEnded, .generationEndedUnexpectedly:
            ["generation", "code", "age_seconds"]
        case .restartScheduled:
            ["wait_seconds", "attempt"]
        case .generationDraining:
            ["generation", "successor"]
        case .drainSignalSent, .connectionsFinished:
            ["generation", "signal"]
        case .drainInProgress:
            ["generation", "queued", "open", "idle", "left_seconds"]
        case .drainSignalForced, .connectionsLost:
            ["generation", "queued", "open", "idle"]
        case .agentEnded:
            ["code", "wait_seconds"]
        case .adminListening:
            ["address"]
        case .sourceCoalesced:
            ["source", "count"]
        }
    }
}
