import Testing

@testable import BatonAgentCore

@Suite struct LineSplitterTests {
    @Test func linesAreCutWhereverThePartsEnd() throws {
        let text = Array("one\n\ntwo\nthree".utf8)
        for size in 1...text.count {
            var splitter = LineSplitter(limit: 10)
            var lines: [[UInt8]] = []
            for start in stride(from: 0, to: text.count, by: size) {
                lines += try splitter.add(text[start..<min(start + size, text.count)])
            }
            #expect(lines == [Array("one".utf8), Array("two".utf8)] && !splitter.isEmpty)
        }
        var splitter = LineSplitter(limit: 10)
        #expect(throws: Undecodable.self) { _ = try splitter.add([UInt8](repeating: 65, count: 11)) }
    }
}
