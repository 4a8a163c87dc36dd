import Glibc

/// Which reader is fed: BATON_FUZZ_READER, by its name below.
private let reader: @Sendable (Input) -> Void = {
    let name = getenv("BATON_FUZZ_READER").map { String(cString: $0) } ?? ""
    guard let reader = Readers.all[name] else {
        print("BATON_FUZZ_READER is none of \(Readers.all.keys.sorted().joined(separator: " "))")
        exit(2)
    }
    return reader
}()

/// libFuzzer's way in: called again and again with bytes that it makes up, guided by which of our code they reach. A crash, a
/// failed `require`, too much memory or time is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
    reader(Input(bytes: Array(UnsafeBufferPointer(start: data, count: size))))
    return 0
}

struct Input {
    let bytes: [UInt8]
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var lines: [Substring] { text.split(separator: "\n") }
}

/// What must hold whatever was read.
func require(_ holds: Bool, _ what: @autoclosure () -> String) {
    guard !holds else { return }
    print("does not hold: \(what())")
    abort()
}
