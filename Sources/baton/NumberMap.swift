/// Values by number, for a few of them: found by looking through them in the order in which they came. A dictionary's first use
/// makes the runtime search all of the program for how its key is hashed, which is time before the app's start.
struct NumberMap<Value>: Sequence {
    private var entries: [(number: Int, value: Value)] = []

    init() {}
    init(_ entries: some Sequence<(Int, Value)>) { self.entries = entries.map { ($0, $1) } }

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }
    var values: some Sequence<Value> { entries.lazy.map(\.value) }

    func makeIterator() -> IndexingIterator<[(number: Int, value: Value)]> { entries.makeIterator() }

    subscript(number: Int) -> Value? {
        get {
            for entry in entries where entry.number == number { return entry.value }
            return nil
        }
        set {
            let index = entries.firstIndex { $0.number == number }
            switch (index, newValue) {
            case (let index?, let value?): entries[index].value = value
            case (let index?, nil): entries.remove(at: index)
            case (nil, let value?): entries.append((number, value))
            case (nil, nil): break
            }
        }
    }
}
