import Testing

@testable import BatonCore

@Suite struct PathReplacementTests {
    static let cases = [
        ("/etc/app.yaml", "/run/baton/files/etc/app.yaml"),
        ("--config=/etc/app.yaml", "--config=/run/baton/files/etc/app.yaml"),
        (
            "exec app -c '/etc/app.yaml' </etc/app.yaml",
            "exec app -c '/run/baton/files/etc/app.yaml' </run/baton/files/etc/app.yaml"
        ),
        ("/etc/conf.d/a:/etc/conf.d", "/run/baton/files/etc/conf.d/a:/run/baton/files/etc/conf.d"),
        // The deeper one goes first.
        ("/etc/conf.d/b.yaml", "/elsewhere/b.yaml"),
        // Only whole paths.
        ("/etc/app.yaml.bak", "/etc/app.yaml.bak"), ("/host/etc/app.yaml", "/host/etc/app.yaml"),
        ("/etc/conf.d2", "/etc/conf.d2"), ("", ""), ("/etc", "/etc"),
    ]

    @Test(arguments: cases) func pathsAreReplacedWhereTheyStandAsWhole(_ before: String, _ after: String) {
        let replacement = PathReplacement([
            "/etc/app.yaml": "/run/baton/files/etc/app.yaml", "/etc/conf.d": "/run/baton/files/etc/conf.d",
            "/etc/conf.d/b.yaml": "/elsewhere/b.yaml", "": "nothing",
        ])
        let (text, replaced) = replacement.apply(to: Array(before.utf8))
        #expect(String(decoding: text, as: UTF8.self) == after)
        #expect(replaced.isEmpty == (before == after))
    }

    @Test func pathsThatOnlyLookAlikeAreTwo() {
        let replacement = PathReplacement(["/etc/\u{e9}": "/one", "/etc/e\u{301}": "/two"])
        #expect(replacement.apply(to: Array("/etc/\u{e9}:/etc/e\u{301}".utf8)).text == Array("/one:/two".utf8))
    }

    @Test func bytesThatAreNoTextStayAsTheyAre() {
        let (text, replaced) = PathReplacement(["/a": "/b"]).apply(to: [0xff, 0x3d, 0x2f, 0x61, 0xfe])
        #expect(text == [0xff, 0x3d, 0x2f, 0x61, 0xfe] && replaced.isEmpty)
        #expect(PathReplacement(["/a": "/b"]).apply(to: [0xff, 0x3d, 0x2f, 0x61]).text == [0xff, 0x3d, 0x2f, 0x62])
    }
}
