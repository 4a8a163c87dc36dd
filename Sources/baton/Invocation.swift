import BatonCore
import BatonLinux
import Glibc

/// What the command line asks for.
enum Invocation {
    /// EX_USAGE of sysexits(3).
    private static let usageCode: Int32 = 64

    static func run(_ words: [CText]) -> Int32 {
        switch Arguments(words) {
        case .run(let command): return Startup.run(command)
        case .explain(let paths):
            restoreSignals()
            return Explanation.show(paths)
        // It waits for signals itself.
        case .check(let form): return Check.run(form)
        case .ask(let request, let form):
            restoreSignals()
            return Question.ask(request, form)
        case .help:
            restoreSignals()
            print(Help.text(), terminator: "")
            return 0
        case .version:
            restoreSignals()
            print("baton \(Baton.version) (\(Baton.commit))")
            return 0
        case .wrong(let reason):
            complain(reason)
            complain(Help.usage)
            return usageCode
        }
    }

    /// Nil where something is wrong with them, which has been said.
    static func settings(_ environment: [EnvironmentVariable]) -> Settings? {
        var parser = SettingsParser()
        for variable in environment where variable.hasName(withPrefix: "BATON_") {
            parser.read(variable.name, variable.validValue)
        }
        let (settings, problems) = parser.finish()
        guard problems.isEmpty else {
            for problem in problems { complain(problem.description) }
            return nil
        }
        return settings
    }

    /// Before there is a log: one line on stderr.
    static func complain(_ text: String) { StandardError().write("baton: \(text)") }
}
