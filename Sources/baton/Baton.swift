import BatonLinux
import CBatonStart
import Glibc

@main
enum Baton {
    static let version = "0.1.0"

    static var commit: String { String(cString: baton_commit()) }

    static func main() {
        baton_begin()
        exit(Invocation.run(Arguments.words()))
    }
}
