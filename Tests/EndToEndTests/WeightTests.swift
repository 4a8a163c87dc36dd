import Glibc
import TestSupport
import Testing

/// PID 1 must stay small: these bounds fail when a heavy library sneaks in. They hold for the program as it is shipped.
@Suite(.serialized) struct WeightTests {
    private static var isShipped: Bool { getenv("BATON_TEST_BINARY") != nil }

    @Test(.enabled(if: isShipped && Stand.has("readelf"), "needs BATON_TEST_BINARY, the static build, and readelf"))
    func itIsOneStaticFileWithoutFoundationOrNIO() throws {
        let headers = try RunningProcess(["readelf", "--wide", "--program-headers", "--dynamic", Stand.baton])
        try headers.wait()
        #expect(!headers.output.contains("INTERP") && !headers.output.contains("NEEDED"))
        let symbols = try RunningProcess([
            "sh", "-c", "readelf --wide --symbols \"$0\" | grep -cE 'Foundation|3NIO|NIOCore' || true", Stand.baton,
        ])
        try symbols.wait(seconds: 60)
        #expect(symbols.output == "0\n")
    }

    @Test(.enabled(if: isShipped && Stand.has("strip"), "needs BATON_TEST_BINARY, the static build, and strip"))
    func itsFileIsBounded() throws {
        let directory = TemporaryDirectory()
        try RunningProcess(["strip", "-o", directory.file("baton"), Stand.baton]).wait()
        var info = stat()
        #expect(
            stat(directory.file("baton"), &info) == 0 && info.st_size > 0 && info.st_size < 11 << 20, "\(info.st_size)")
    }

    @Test(.enabled(if: isShipped, "needs BATON_TEST_BINARY, the static build"))
    func itsMemoryAndThreadsAreBounded() throws {
        let directory = TemporaryDirectory()
        let volume = KubeletVolume(directory.file("config"))
        volume.write(["app.yaml": "0"])
        let baton = try Stand.run([Stand.probe, "reloadable"], ["BATON_WATCH": volume.directory])
        try baton.waitForError("is ready")
        var descriptors = 0
        for change in 1...50 {
            volume.write(["app.yaml": "\(change)"])
            try baton.waitForOutput("reload \(change) ")
            if change == 1 { descriptors = descriptorCount(of: baton.pid) }
        }
        // Anonymous memory: dirty pages of the file itself would only tell that it was built a moment ago.
        let rollup = readFile("/proc/\(baton.pid)/smaps_rollup")
        let anonymous = Stand.line("Anonymous:", in: rollup).flatMap { Int($0.filter(\.isNumber)) }
        #expect(try #require(anonymous) <= 400, "\(rollup)")
        #expect(Stand.line("Threads:", in: readFile("/proc/\(baton.pid)/status")) == "1")
        #expect(descriptorCount(of: baton.pid) == descriptors)
        try baton.stop()
    }
}
