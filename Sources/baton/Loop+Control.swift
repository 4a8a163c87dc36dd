import BatonCore
import BatonLinux

/// Of those who ask at once, of how long each is waited for, and of how many are looked at in one round.
private enum PeerBounds {
    static let accepted = 32
    static let peers = 8
    static let peerTime: Interval = .seconds(5)
}

// Those who ask over the control socket.
extension Loop {
    func acceptPeers() {
        for _ in 0..<PeerBounds.accepted {
            switch control?.accept() {
            case nil: return
            case .failure(let error): logger.log(LogRecord(.controlRefused, "\(error)"))
            case .success(let peer):
                // One too many goes away without an answer, and whoever is there already has his.
                guard peers.count < PeerBounds.peers else { continue }
                let number = nextPeer
                nextPeer &+= 1
                peers[number] = (peer, Clock.now() + PeerBounds.peerTime)
                register(.peer(number), peer.descriptor)
            }
        }
    }

    func readRequest(_ number: Int) {
        guard let peer = peers[number]?.peer else { return }
        switch peer.request(limit: StatusRequest.sizeLimit) {
        case .incomplete: return
        case .nothing: break
        case .line(let text):
            setSendBuffer(peer.descriptor, bytes: 512 * 1024)
            peer.answer(answer(text))
        }
        dismiss(number)
    }

    func dismissLatePeers() {
        let now = Clock.now()
        for (number, entry) in peers where entry.deadline <= now { dismiss(number) }
    }

    private func dismiss(_ number: Int) {
        descriptors.remove(.peer(number))
        peers[number] = nil
    }
}
