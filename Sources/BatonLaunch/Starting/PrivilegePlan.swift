public import BatonLinux

/// Which capabilities Baton keeps once its sockets are open. Pure: facts in, sets out.
public struct PrivilegePlan: Sendable, Hashable {
    public struct Facts: Sendable, Hashable {
        public var permitted: CapabilitySet
        public var isRoot: Bool
        /// Baton's own no_new_privs, or the app's to be: then an exec cannot gain what Baton has given up.
        public var hasNoNewPrivileges: Bool
        public var changesUser: Bool
        /// What BATON_CAPS passes on to the app; nil where it is not set.
        public var passedOn: CapabilitySet?
        public var hasSources: Bool
        /// Baton binds for the app as long as it lives.
        public var adopts: Bool
        /// Baton looks into the app's files in /proc.
        public var looks: Bool

        public init(
            permitted: CapabilitySet, isRoot: Bool, hasNoNewPrivileges: Bool, changesUser: Bool,
            passedOn: CapabilitySet?, hasSources: Bool, adopts: Bool = false, looks: Bool = false
        ) {
            self.permitted = permitted
            self.isRoot = isRoot
            self.hasNoNewPrivileges = hasNoNewPrivileges
            self.changesUser = changesUser
            self.passedOn = passedOn
            self.hasSources = hasSources
            self.adopts = adopts
            self.looks = looks
        }
    }

    public let effective: CapabilitySet
    public let permitted: CapabilitySet

    public init(_ facts: Facts) {
        var needed: CapabilitySet = [.kill]
        // Secrets may be readable for their owner alone.
        if facts.hasSources { needed.insert(.dacReadSearch) }
        if facts.adopts { needed.insert(.netBindService) }
        if facts.changesUser { needed.formUnion([.setUID, .setGID]) }
        if let passedOn = facts.passedOn {
            needed.insert(.setPCap)
            needed.formUnion(passedOn)
        }
        effective = needed.intersection(facts.permitted)
        // An app that stays root gets its capabilities back from the bounding set at its exec; every other app that
        // keeps its user has only what Baton still holds.
        let appGainsAtExec = facts.changesUser || (facts.isRoot && !facts.hasNoNewPrivileges)
        // Who looks at an app that stays root must be permitted what it is (ForeignAccess).
        let looksAtRoot = facts.looks && facts.isRoot && !facts.changesUser
        permitted = appGainsAtExec && !looksAtRoot ? effective : facts.permitted
    }
}
