import BatonCore
import Glibc
import TestSupport
import Testing

/// What a person sees who calls Baton by hand.
@Suite(.serialized) struct CommandLineTests {
    @Test func helpNamesEverySetting() throws {
        let help = try Stand.call(["--help"])
        #expect(help.code == 0)
        for definition in SettingDefinition.all {
            #expect(help.output.contains("  \(definition.name) (\(definition.defaultText))"))
        }
        for group in SettingDefinition.Group.allCases { #expect(help.output.contains("\n\(group.rawValue)\n")) }
        #expect(help.output.split(separator: "\n").allSatisfy { $0.count <= 112 })
    }

    @Test func versionIsOneLine() throws {
        let version = try Stand.call(["--version"])
        #expect(
            version.code == 0 && version.output.hasPrefix("baton ") && version.output.split(separator: "\n").count == 1)
    }

    @Test func wrongUsageIsToldWhatWouldBeRight() throws {
        #expect(try Stand.call([]).code == 64 && (try Stand.call(["--"])).code == 64)
        let bare = try Stand.call(["nginx", "-g", "daemon off;"])
        #expect(bare.code == 64 && bare.error.contains("baton -- nginx"))
    }

    @Test func badSettingsAreAllToldBeforeTheAppStarts() throws {
        let directory = TemporaryDirectory()
        let bad = try Stand.call(
            ["--", "touch", directory.file("started")],
            [
                "BATON_WATHC": "/x", "BATON_SETTLE": "soon", "BATON_LISTEN": "tcp://nowhere:1",
                "BATON_RESTART": "sometimes",
            ])
        #expect(bad.code == 78 && bad.error.split(separator: "\n").count == 4)
        #expect(bad.error.contains("did you mean BATON_WATCH?"))
        #expect(!fileExists(directory.file("started")))
        #expect(try Stand.call(["--", "true"], ["BATON_USER": "no-such-user"]).code == 78)
        let capabilities = try Stand.call(["--", "true"], ["BATON_CAPS": "^cap_fly"])
        #expect(
            capabilities.code == 78
                && capabilities.error.contains("BATON_CAPS: \"^cap_fly\" is not a valid list of capabilities"))
        #expect(try Stand.call(["explain"], ["BATON_STRATEGY": "x"]).code == 78)
        // A path that is read as something else would be watched for ever in vain.
        let latin1 = try RunningProcess([
            "sh", "-c", "BATON_WATCH=$(printf '/caf\\351') exec \"$0\" -- true", Stand.baton,
        ])
        #expect(try latin1.wait() == 78 && latin1.error.contains("BATON_WATCH: the value is not UTF-8"))
    }

    @Test func anAddressInUseIsToldInWords() throws {
        let port = freePort()
        let first = try Stand.run([Stand.probe, "wait"], ["BATON_LISTEN": "tcp://127.0.0.1:\(port)"])
        try first.waitForOutput("ready")
        let second = try Stand.call(["--", "true"], ["BATON_LISTEN": "tcp://127.0.0.1:\(port)"])
        #expect(second.code == 71)
        #expect(
            second.error.contains(
                "cannot bind tcp://127.0.0.1:\(port): Address already in use (EADDRINUSE); another process uses the address"
            ))
        let nowhere = try Stand.call(["--", "true"], ["BATON_LISTEN": "tcp://192.0.2.1:8080"])
        #expect(nowhere.code == 71 && nowhere.error.contains("no network interface has this address"))
        try first.stop()
    }

    @Test func explainWorksWithoutAnything() throws {
        let nothing = try Stand.call(["explain"])
        #expect(nothing.code == 0 && nothing.output.contains("BATON_WATCH is not set in this environment"))
        #expect(try Stand.call(["explain", "/etc/passwd"]).output.contains("strategy: inotify"))
    }
}
