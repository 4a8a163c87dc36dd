import BatonCore
import BatonLaunch
import BatonLinux
import Glibc

/// Finds out what the place allows, each fact once, and only where something is decided by it.
enum PlaceProbe {
    static func place(_ settings: Settings, _ command: [CText], _ environment: [EnvironmentVariable]) -> Place {
        var place = Place()
        place.isPID1 = getpid() == 1
        place.isRoot = geteuid() == 0
        place.hasNoNewPrivileges = Processes.hasNoNewPrivileges
        place.hasTerminal = Terminal.foregroundGroup != nil
        // Its file decides nothing else.
        if let program = command.first, Plan.adoption(settings, place).choice != .no {
            let kind = CommandKind(program, path: environment.last { $0.isNamed("PATH") }?.valueAsCText)
            place.program = .init(isShell: kind.isShell, gainsPrivileges: kind.gainsPrivileges)
        }
        return place
    }

    static func tryAdoption(changesUser: Bool, _ place: inout Place) {
        place.adoption = Launcher.adoptionRefusal(changesUser: changesUser).map { .refused($0) } ?? .works
    }
}
