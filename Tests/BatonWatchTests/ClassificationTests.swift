import BatonCore
import BatonLinux
import Testing

@testable import BatonWatch

/// The choice as data: facts in, kind and strategy out.
@Suite struct ClassificationTests {
    private func mount(_ root: Path, _ point: Path, _ fileSystem: String = "ext4") -> MountTable.Mount {
        .init(root: root, mountPoint: point, fileSystem: fileSystem)
    }

    @Test func everyKindHasItsStrategy() {
        typealias Facts = Classification.Facts
        let file = PathTrace.End.file("/etc/app/app.yaml")
        let subPath = mount(
            "/pods/1/volumes/kubernetes.io~configmap/v/..2026_11_22_10_00_00.1/app.yaml", "/etc/app/app.yaml")
        let deleted = mount("/..2026_11_22_10_00_00.1/tls.crt//deleted", "/etc/app/app.yaml", "tmpfs")
        let cases: [(Facts, Classification.Kind, Strategy)] = [
            (Facts(end: .directory("/etc/app"), holdsDataLink: true), .kubeletVolume, .inotify),
            (Facts(end: file, volume: "/etc/app"), .fileInKubeletVolume, .inotify),
            (Facts(end: file, mount: subPath), .subPathMount, .poll),
            (Facts(end: file, mount: deleted), .subPathMount, .poll),
            (Facts(end: file, mount: mount("/host/f.conf", "/etc/app/app.yaml")), .fileMount, .poll),
            (Facts(end: file, mount: mount("/", "/etc")), .file, .inotify),
            (Facts(end: .directory("/etc/app"), mount: mount("/", "/etc/app")), .directory, .inotify),
            (Facts(end: .blind(fileSystem: "nfs4")), .remote, .poll),
            (Facts(end: file, blindByStatfs: "fuse"), .remote, .poll),
            (Facts(end: .missing), .missing, .inotify),
            (Facts(end: .unreadable(LinuxError("look at", "/x", errno: 13))), .missing, .poll),
        ]
        for (facts, kind, strategy) in cases {
            let choice = Classification.choose(facts, .auto)
            #expect(choice.kind == kind && choice.strategy == strategy && !choice.reason.isEmpty)
            #expect(Classification.choose(facts, .poll).strategy == .poll)
            #expect(Classification.choose(facts, .inotify).strategy == (kind == .remote ? .poll : .inotify))
        }
    }

    @Test func aRemoteFileSystemIsNeverTouched() {
        // Going by the table alone: the path need not even exist.
        let table = MountTable(mounts: [mount("/", "/"), mount("/", "/mnt/share", "nfs4")])
        #expect(PathTrace("/mnt/share/app.yaml", table).end == .missing || !table.mounts.isEmpty)
        let proc = MountTable(mounts: [mount("/", "/"), mount("/", "/etc", "fuse.sshfs")])
        #expect(PathTrace("/etc/passwd", proc).end == .blind(fileSystem: "fuse.sshfs"))
    }

    @Test(arguments: [
        (".app.yaml.swp", true), (".app.yaml.swx", true), ("app.yaml~", true), ("4913", true), (".#app", true),
        ("#app#", true),
        (".env", false), ("app.swp.yaml", false), ("..data", false), (".swp", false), ("a", false), ("", false),
    ])
    func temporaryFilesOfEditors(_ name: Path, _ isTemporary: Bool) {
        #expect(EditorFiles.isTemporary(name) == isTemporary)
    }
}
