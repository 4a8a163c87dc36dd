import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

// What the processes of the generations tell: launched, ready, listening.
extension Loop {
    /// Read in one round from one generation.
    private static let notificationLimit = 64

    func register(_ generation: GenerationProcess) {
        guard watchLaunch(generation) else { return }
        register(.notification(generation.number), generation.notifyDescriptor)
        register(.readiness(generation.number), generation.readyDescriptor)
    }

    /// A launch whose report cannot be watched would never be known to have succeeded, and the app's calls, whose listener comes
    /// with the report, would never be answered: it has failed.
    private func watchLaunch(_ generation: GenerationProcess) -> Bool {
        guard let descriptor = generation.reportDescriptor else { return true }
        do throws(LinuxError) { try descriptors.add(.launchReport(generation.number), descriptor) } catch {
            Processes.signal(group: generation.group, .kill)
            forget(generation.number)
            enqueue(.launchFailed(generation.number, .init(reason: error.description, exitCode: 126)))
            return false
        }
        return true
    }

    func forget(_ generation: GenerationNumber) {
        for origin in [
            Registrations.Origin.launchReport(generation), .notification(generation), .readiness(generation),
        ] {
            descriptors.remove(origin)
        }
        generations[generation] = nil
        launcher.sockets.release(generation)
        for finding in launcher.sockets.repair() {
            logger.log(
                LogRecord(
                    .socketRepaired, "repaired a socket after the end of generation \(generation): \(finding)",
                    [.generation(generation)]))
        }
        do throws(LinuxError) { try launcher.sockets.resetAbandoned() } catch {
            logger.log(
                LogRecord(
                    .steeringFailed, "clients may still wait for generation \(generation): \(error)",
                    [.generation(generation)]))
        }
    }

    func readLaunchReport(_ generation: GenerationProcess) {
        guard descriptors.contains(.launchReport(generation.number)) else { return }
        // Out of the epoll set before the outcome closes it.
        descriptors.remove(.launchReport(generation.number))
        let outcome = launcher.outcome(of: generation)
        registerCalls(generation)
        switch outcome {
        case nil: _ = watchLaunch(generation)
        case .success: enqueue(.launched(generation.number))
        case .failure(let failure):
            forget(generation.number)
            enqueue(.launchFailed(generation.number, failure))
        }
    }

    private func registerCalls(_ generation: GenerationProcess) {
        if let refusal = generation.adoptionRefusal { enqueue(.adoptionRefused(refusal)) }
        guard let listener = generation.calls else { return }
        generation.calls = nil
        do throws(LinuxError) { try descriptors.add(.calls(generation.number), listener.number) } catch {
            // Nobody would ever answer. Closed, it makes the kernel answer.
            return enqueue(.adoptionRefused(Adoption.unanswerable(error)))
        }
        callListeners[generation.number] = listener
    }

    func answerCalls(_ number: GenerationNumber) {
        guard let listener = callListeners[number] else { return }
        for finding in adoption.answer(listener, of: number, process: generations[number]?.pid) {
            switch finding {
            case .listens(let endpoint, let isSteered):
                logger.log(
                    LogRecord(
                        .socketAdopted, "generation \(number) listens on \(endpoint) through a socket that Baton holds",
                        [.generation(number), .text("address", endpoint.description)]))
                enqueue(.adopted(number, steers: isSteered))
            case .listensItself: enqueue(.listensItself(number))
            case .notSteered(let reason):
                let why = "the kernel or a seccomp profile refuses steering: \(reason)"
                logger.log(
                    settings.steer == .on
                        ? LogRecord(.steeringRefused, "failing listen(2) of the app, as BATON_STEER=on: \(why)")
                        : LogRecord(.steeringUnavailable, "all generations share one socket: \(why)"))
            case .elsewhere(let endpoint):
                logger.log(
                    LogRecord(
                        .notAdoptedOtherNamespace,
                        "generation \(number) binds \(endpoint) in another network namespace than Baton's: Baton does not adopt "
                            + "sockets of that namespace and does not hand them over",
                        [.generation(number), .text("address", endpoint.description)]))
            case .refused(let reason): enqueue(.adoptionRefused(reason))
            case .ended:
                descriptors.remove(.calls(number))
                callListeners[number] = nil
            }
        }
    }

    func readNotifications(_ generation: GenerationProcess) {
        for _ in 0..<Loop.notificationLimit {
            guard let datagram = generation.receiveNotification(limit: Notification.sizeLimit) else { return }
            enqueue(.notified(generation.number, Notification(datagram: datagram)))
        }
    }

    func readReadiness(_ generation: GenerationProcess) {
        guard let descriptor = generation.readyDescriptor,
            let bytes = try? readAvailable(descriptor, limit: 4096)
        else { return }
        let isReady = bytes.contains(UInt8(ascii: "\n"))
        guard isReady || bytes.isEmpty else { return }
        descriptors.remove(.readiness(generation.number))
        generation.readyPipe = nil
        enqueue(.readyDescriptor(generation.number, isReady: isReady))
    }
}
