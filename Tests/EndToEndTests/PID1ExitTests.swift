import Glibc
import TestSupport
import Testing

/// Which exit code comes out, whatever the app ends by.
@Suite(.serialized) struct PID1ExitTests {
    @Test func everyExitCodeIsPassedOn() throws {
        for code in 0...255 {
            #expect(try Stand.run([Stand.probe, "exit", "\(code)"]).wait() == code)
        }
    }

    @Test(arguments: [1, 2, 9, 11, 15, 34, 64]) func deathBySignalIs128PlusN(_ signal: Int32) throws {
        #expect(try Stand.run([Stand.probe, "die", "\(signal)"]).wait() == 128 + signal)
    }

    @Test func missingAndUnusableCommandsAreToldApart() throws {
        let directory = TemporaryDirectory()
        writeFile(directory.file("plain"), "x")
        writeFile(directory.file("garbage"), "\u{1}\u{2}\u{3}", mode: 0o755)
        writeFile(directory.file("script"), "exit 5\n", mode: 0o755)
        for (command, code, words) in [
            ("/nope", 127, "No such file or directory (ENOENT)"),
            ("no-such-program", 127, "no directory in PATH has it"),
            (directory.file("plain"), 126, "Permission denied (EACCES)"),
            (directory.path, 126, "Permission denied (EACCES)"),
            // As execvp(3): without an interpreter line the shell takes it.
            (directory.file("script"), 5, "exited with code 5"),
        ] as [(String, Int32, String)] {
            let baton = try Stand.run([command])
            #expect(try baton.wait() == code, "\(command)")
            #expect(baton.error.contains(words), "\(baton.error)")
        }
    }

    @Test func exitCodesCanCountAsGood() throws {
        #expect(try Stand.run([Stand.probe, "exit", "143"], ["BATON_EXIT_OK": "143,7"]).wait() == 0)
        #expect(try Stand.run([Stand.probe, "die", "15"], ["BATON_EXIT_OK": "143"]).wait() == 0)
        #expect(try Stand.run([Stand.probe, "exit", "8"], ["BATON_EXIT_OK": "143,7"]).wait() == 8)
    }
}
