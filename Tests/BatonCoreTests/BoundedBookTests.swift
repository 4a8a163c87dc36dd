import Testing

@testable import BatonCore

/// What the app does and its socket is like, and how often each was asked for.

@Suite struct BoundedBookTests {
    @Test func theOldestIsForgottenFirst() {
        var book = BoundedBook<Int, String>(limit: 2)
        book[1] = "a"
        book[2] = "b"
        book[1] = "c"
        book[3] = "d"
        #expect(book[1] == nil && book[2] == "b" && book[3] == "d" && book.count == 2)
        book[2] = nil
        book[4] = "e"
        #expect(book[3] == "d" && book[4] == "e")
        book.removeAll { $0 == "d" }
        book[5] = "f"
        #expect(book[4] == "e" && book[5] == "f" && book.count == 2)
    }
}
