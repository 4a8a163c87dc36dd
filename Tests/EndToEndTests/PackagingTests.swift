import Glibc
import TestSupport
import Testing

/// What is published.
@Suite struct PackagingTests {
    private let directory = TemporaryDirectory()

    /// Each `Type.function` (Sources/…) of the page is in that file, and the way goes through each watching room once.
    @Test func theWayOfAChangeIsAsThePageHasIt() throws {
        let page = readFile(Stand.package + "/Sources/BatonCore/Documentation.docc/FollowAChange.md")
        var steps = 0
        for match in page.matches(of: /`([A-Za-z]+)\.([A-Za-z]+)`\s+\((Sources\/[^)]+)\)/) {
            let (_, type, function, path) = match.output
            let words = Set(
                readFile(Stand.package + "/" + path).split { !($0.isLetter || $0.isNumber) }.map(String.init))
            let source = readFile(Stand.package + "/" + path)
            #expect(words.contains(String(type)), "\(path) has no \(type)")
            let isThere = function == "init" ? source.contains("init(") : source.contains("func \(function)")
            #expect(isThere, "\(path) has no \(function)")
            steps += 1
        }
        #expect(steps >= 37)
    }

    /// What is not there the linker cannot lay anywhere, and says nothing.
    @Test(.needs("nm"), .enabled(if: getenv("BATON_TEST_BINARY") != nil, "needs the static builds"))
    func theOrderOfTheSymbolsIsNotOutOfDate() throws {
        let check = try RunningProcess([Stand.package + "/Tests/layout", "--check", Stand.baton])
        #expect(try check.wait() == 0, "\(check.output)\(check.error)")
    }

    @Test func theVersionNamesTheCommit() throws {
        let baton = try Stand.call(["--version"])
        #expect(baton.code == 0)
        let words = baton.output.split(separator: " ")
        #expect(words.count == 3 && words[0] == "baton" && words[2].hasPrefix("(") && words[2].hasSuffix(")\n"))
        #expect(words.last?.contains("unknown") == false)
    }

    @Test(.enabled(if: getenv("BATON_TEST_BINARY") != nil && access(Stand.agent, X_OK) == 0, "needs the static builds"))
    func aReleaseHasChecksumsAndSaysWhatIsInIt() throws {
        let built = Stand.baton.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
        let release = try RunningProcess([Stand.package + "/.ci/release", directory.path, built])
        #expect(try release.wait(seconds: 60) == 0, "\(release.error)")
        let check = try RunningProcess(["sh", "-c", "cd \(directory.path) && sha256sum -c SHA256SUMS"])
        #expect(try check.wait() == 0 && occurrences(of: ": OK", in: check.output) == 3)
        let contents = readFile(directory.file("baton.spdx.json"))
        for name in ["libcap", "libyaml", "glibc", "swift-nio", "async-http-client"] {
            #expect(contents.contains("\"name\": \"\(name)\""), "\(name)")
        }
    }

    /// What the image is made of has no test in it, and the manifest can do without them.
    @Test(.needs("swift")) func anEditOfATestBuildsNoImageAnew() throws {
        let lines = readFile(Stand.package + "/Dockerfile").split(separator: "\n")
        let copied = lines.filter { $0.hasPrefix("COPY ") && !$0.contains("--from=") }.flatMap {
            $0.split(separator: " ").dropFirst().dropLast().map(String.init)
        }
        #expect(copied == ["Package.swift", "Package.resolved", "Sources"])
        let ignored = readFile(Stand.package + "/.dockerignore").split(separator: "\n")
        for folder in ["Tests", "examples", ".git", ".build*"] {
            #expect(ignored.contains { $0 == folder }, "\(folder)")
        }

        let setting = try #require(lines.first { $0.hasPrefix("ENV BATON_") }).dropFirst(4).split(separator: "=")
        var options = RunningProcess.Options()
        options.environment = [String(setting[0]): String(setting[1])]
        for name in copied {
            let copy = try RunningProcess(["cp", "-r", "\(Stand.package)/\(name)", directory.path])
            #expect(try copy.wait() == 0)
        }
        let described = try RunningProcess(["swift", "package", "--package-path", directory.path, "describe"], options)
        #expect(try described.wait(seconds: 60) == 0, "\(described.error)")
        #expect(described.output.contains("baton-agent") && !described.output.contains("EndToEndTests"))
    }

    private static let arm = "/usr/aarch64-linux-gnu/include"

    /// All of C that is in it, for the other kind of processor; the Swift above it knows nothing of one.
    @Test(.needs("clang"), .enabled(if: fileExists(arm), "needs libc6-dev-arm64-cross"))
    func theCCompilesForArm64() throws {
        let sources = Stand.package + "/Sources"
        for folder in ["CBatonShims", "CBatonStart"] {
            for file in listDirectory("\(sources)/\(folder)") where file.hasSuffix(".c") {
                let clang = try RunningProcess([
                    "clang", "--target=aarch64-linux-gnu", "-nostdlibinc", "-isystem", Self.arm, "-idirafter",
                    "/usr/include",
                    "-DBATON_COMMIT=\"x\"", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                    "-I\(sources)/CBatonShims/include",
                    "-I\(sources)/CBatonStart/include", "\(sources)/\(folder)/\(file)",
                ])
                #expect(try clang.wait() == 0, "\(file): \(clang.error)")
            }
        }
    }
}
