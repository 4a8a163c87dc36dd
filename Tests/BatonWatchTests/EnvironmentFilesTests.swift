import BatonCore
import BatonLinux
import Glibc
import TestSupport
import Testing

@testable import BatonWatch

@Suite(.serialized) struct EnvironmentFilesTests {
    private let directory = TemporaryDirectory()

    private func read(_ files: EnvironmentFiles) throws -> (variables: [String], messages: [String]) {
        var records = files.begin(by: Clock.now() + .seconds(20))
        try waitUntil("the helpers' answers") {
            for (index, _) in files.descriptors { records += files.answered(index) ?? [] }
            return files.deadline == nil
        }
        while case .ended = Reaper.next() {}
        return (files.variables.map(\.entry.text), records.map(\.message))
    }

    /// Whatever its name looks like.
    @Test func eachSourceKeepsWhatItSaidItself() throws {
        let paths = ["\u{E9}", "e\u{301}"].map { directory.file($0) }
        writeFile(paths[0], "A=one\n")
        let files = EnvironmentFiles(paths)
        let (first, messages) = try read(files)
        #expect(first == ["A=one"])
        #expect(messages.count == 1 && messages[0].contains("the app starts without it"))
        writeFile(paths[1], "B=two\n")
        #expect(try read(files).variables == ["A=one", "B=two"])
        unlink(paths[0])
        let (kept, problems) = try read(files)
        #expect(kept == ["A=one", "B=two"])
        #expect(problems.count == 1 && problems[0].contains("(ENOENT); its last variables stay in force"))
    }

    @Test func valuesAreBytesAndWhatIsLeftOutIsTold() throws {
        let path = directory.file("env")
        mkdir(path, 0o755)
        let fd = open(path + "/BYTES", O_WRONLY | O_CREAT, 0o644)
        #expect(write(fd, [0xFF, 0xFE, 0x0D, 0x0A] as [UInt8], 4) == 4)
        close(fd)
        for number in 0..<30 { writeFile(path + "/not a name \(number)", "") }
        let files = EnvironmentFiles([path])
        let (_, messages) = try read(files)
        #expect(files.variables.map(\.entry.bytes) == [Array("BYTES=".utf8) + [0xFF, 0xFE]])
        #expect(messages.count == 10 && messages[0].contains("is ignored"))
    }

    /// No more than the kernel takes, and so no more than PID 1 has room for.
    @Test func moreThanTheKernelTakesIsRefusedInWords() throws {
        let path = directory.file("env")
        mkdir(path, 0o755)
        for number in 0..<60 { writeFile(path + "/V\(number)", String(repeating: "x", count: 120_000)) }
        let files = EnvironmentFiles([path])
        let (variables, messages) = try read(files)
        #expect(variables.isEmpty && messages.count == 1 && messages[0].contains("E2BIG"))
        for number in 40..<60 { unlink(path + "/V\(number)") }
        #expect(try read(files).variables.count == 40)
    }

    @Test func anAnswerThatIsNotWholeIsNone() {
        writeFile(directory.file("env"), "A=one.\nB\nC=two")
        let whole = EnvironmentSource.read(Path(directory.file("env"))).encoded
        #expect(EnvironmentSource(decoding: whole)?.variables.map(\.entry.text) == ["A=one.", "C=two"])
        for length in 0..<whole.count { #expect(EnvironmentSource(decoding: Array(whole.prefix(length))) == nil) }
        #expect(EnvironmentSource(decoding: whole + [0]) == nil)
    }

    @Test func thoseThatAreLateAreGivenUp() throws {
        writeFile(directory.file("env"), "A=one\n")
        let files = EnvironmentFiles([directory.file("env")])
        #expect(files.begin(by: Clock.now()).isEmpty && files.deadline != nil)
        let messages = files.giveUp().map(\.message)
        #expect(messages.count == 1 && messages[0].contains("the app starts without it"))
        #expect(files.deadline == nil && files.variables.isEmpty && files.descriptors.isEmpty)
        #expect(try read(files).variables == ["A=one"])
    }
}
