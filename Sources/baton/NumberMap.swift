/// Values by number, for a few of them: found by looking through them in the order in which they came. A dictionary's first use
/// makes the runtime search all of the program for how its key is hashed, which is time before the app's start.
struct NumberMap<Number: Equatable, Value>: Sequence {
    private var numbers: [Number] = []
    private(set) var values: [Value] = []

    init() {}
    init(_ entries: some Sequence<(Number, Value)>) { for (number, value) in entries { self[number] = value } }

    var isEmpty: Bool { numbers.isEmpty }
    var count: Int { numbers.count }

    func makeIterator() -> Zip2Sequence<[Number], [Value]>.Iterator { zip(numbers, values).makeIterator() }

    subscript(number: Number) -> Value? {
        get { numbers.firstIndex(of: number).map { values[$0] } }
        set {
            switch (numbers.firstIndex(of: number), newValue) {
            case (let index?, let value?): values[index] = value
            case (let index?, nil):
                numbers.remove(at: index)
                values.remove(at: index)
            case (nil, let value?):
                numbers.append(number)
                values.append(value)
            case (nil, nil): break
            }
        }
    }
}
