public import BatonCore
import CBatonShims

extension Plan.Adoption {
    /// The app is started with the filter by which its calls come to Baton.
    public var isActive: Bool { self == .wherePossible || self == .must }

    var launchPlan: baton_adopt {
        switch self {
        case .no, .refused: BATON_ADOPT_NOT
        case .wherePossible: BATON_ADOPT_IF_POSSIBLE
        case .must: BATON_ADOPT_OR_FAIL
        }
    }
}
