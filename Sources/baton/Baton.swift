import BatonLinux
import Glibc

@main
enum Baton {
    static let version = "0.1.0"

    static func main() { exit(Program.run(Arguments.words())) }
}
