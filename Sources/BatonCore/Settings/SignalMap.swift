/// What received signals are forwarded as. Those that it does not name are forwarded as they are.
public struct SignalMap: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    private var rewrites: [Signal: Signal?] = [:]

    public init(dictionaryLiteral elements: (Signal, Signal?)...) {
        for (received, forwarded) in elements { rewrites[received] = .some(forwarded) }
    }

    public func names(_ received: Signal) -> Bool { rewrites.index(forKey: received) != nil }

    /// Nil: swallowed.
    public func forwarded(_ received: Signal) -> Signal? { rewrites[received] ?? received }

    mutating func rewrite(_ received: Signal, as forwarded: Signal?) { rewrites[received] = .some(forwarded) }
}
