import Testing

@testable import BatonCore

@Suite struct SHA256Tests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
    func sha256AsInFIPS180(_ text: String, _ digest: String) {
        var hash = SHA256()
        hash.update(text)
        #expect(hash.finish().hexadecimal == digest)
    }

    @Test func sha256DoesNotDependOnHowItsInputIsCut() {
        let text = String(repeating: "0123456789", count: 50)
        var whole = SHA256()
        whole.update(text)
        let expected = whole.finish()
        for size in 1...130 {
            var hash = SHA256()
            var rest = Substring(text)
            while !rest.isEmpty {
                hash.update(String(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(hash.finish() == expected)
        }
    }
}
