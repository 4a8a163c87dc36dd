import Testing

@testable import BatonLinux

@Suite struct FileSystemTypeTests {
    @Test(arguments: [
        ("nfs4", true), ("fuse.sshfs", true), ("fuse", true), ("fuse.\u{301}x", true), ("virtiofs", true), ("9p", true),
        ("ext4", false),
        ("overlay", false), ("fusectl", false),
    ])
    func blindFileSystems(_ name: String, _ isBlind: Bool) { #expect(FileSystemType.isBlind(name) == isBlind) }
}
