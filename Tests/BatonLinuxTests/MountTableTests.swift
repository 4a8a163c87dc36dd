import BatonCore
import Testing

@testable import BatonLinux

@Suite struct MountTableTests {
    private let text = """
        22 28 0:20 / / rw,relatime shared:7 - ext4 /dev/root rw
        30 22 0:26 / /proc rw - proc proc rw
        31 22 0:40 / /etc/tls\\040files ro master:2 - tmpfs tmpfs rw
        32 22 8:1 /var/lib/kubelet/pods/0/volumes/kubernetes.io~configmap/v/..2026_11_22_10_00_00.123/app.yaml /etc/app.yaml ro - ext4 /dev/sda1 rw
        33 22 0:41 /..2026_11_22_10_00_00.9/tls.crt//deleted /etc/tls.crt ro - tmpfs tmpfs rw
        34 22 8:1 /host/f.conf /etc/f.conf rw - ext4 /dev/sda1 rw
        nonsense
        35 22 8:1 / /short - ext4
        """

    @Test func linesAreRead() {
        let table = MountTable(parsing: text)
        #expect(table.mounts.count == 6)
        #expect(table.mount(of: "/etc/tls files/x")?.fileSystem == "tmpfs")
        #expect(table.mount(of: "/etc/tls filesystem")?.mountPoint == "/")
        #expect(table.mount(at: "/etc/app.yaml")?.kubeletSubpath != nil)
        #expect(table.mount(at: "/etc/app.yaml")?.isSuperseded == false)
        #expect(table.mount(at: "/etc/tls.crt")?.kubeletSubpath != nil)
        #expect(table.mount(at: "/etc/tls.crt")?.isSuperseded == true)
        #expect(table.mount(at: "/etc/f.conf")?.kubeletSubpath == nil)
        #expect(table.kubeletSubpathPoints == ["/etc/app.yaml", "/etc/tls.crt"])
        #expect(
            table.mount(at: "/etc/app.yaml")?.kubeletSubpath
                == SubpathMount(point: "/etc/app.yaml", volume: "v", path: "app.yaml"))
        #expect(
            table.mount(at: "/etc/tls.crt")?.kubeletSubpath
                == SubpathMount(point: "/etc/tls.crt", volume: nil, path: "tls.crt"))
    }

    /// Names are bytes: "é" in one code point and in two are two directories, and an accent may begin a name.
    @Test func namesThatOnlyLookTheSameAreNotTheSame() {
        let table = MountTable(
            parsing: """
                22 28 0:20 / / rw - ext4 /dev/root rw
                30 22 0:26 / /mnt/\u{E9} rw - nfs4 server:/share rw
                31 22 0:27 / /mnt/x rw - tmpfs \u{301}odd rw
                32 22 0:28 /v/..2026_11_22_10_00_00.1/\u{301}key /mnt/key rw - ext4 /dev/sda1 rw\r
                33 22 0:29 / /mnt/last rw - tmpfs tmpfs rw
                34 22 0:29 / /mnt/\u{301}\\040y rw - tmpfs tmpfs rw
                """)
        #expect(table.mounts.count == 6)
        #expect(table.mount(of: "/mnt/e\u{301}/app.yaml")?.mountPoint == "/")
        #expect(table.mount(of: "/mnt/\u{E9}/app.yaml")?.fileSystem == "nfs4")
        #expect(table.mount(of: "/mnt/\u{E9}/\u{301}app.yaml")?.fileSystem == "nfs4")
        #expect(table.mount(of: "/mnt/x\u{301}/app.yaml")?.mountPoint == "/")
        #expect(table.mount(at: "/mnt/e\u{301}") == nil)
        #expect(table.mount(at: "/mnt/key")?.kubeletSubpath?.path == "\u{301}key")
        #expect(table.mount(at: "/mnt/\u{301} y") != nil)
    }

    @Test func garbageDoesNotTrap() {
        var random = RandomSource(seed: 3)
        let alphabet = Array("0/ -\\04\n~.".utf8)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<120, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            _ = MountTable(parsing: String(decoding: bytes, as: UTF8.self)).mount(of: "/a/b")
        }
    }

    @Test func thisMachinesOwnTableIsRead() throws {
        #expect(try MountTable.current().mount(of: "/proc/self")?.fileSystem == "proc")
    }
}
