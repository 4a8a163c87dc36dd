/// Values by a key, at most so many: the oldest are forgotten first.
struct BoundedBook<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let limit: Int
    private var values: [Key: Value] = [:]
    private var order: [Key] = []

    init(limit: Int) { self.limit = limit }

    var count: Int { values.count }

    subscript(key: Key) -> Value? {
        get { values[key] }
        set {
            guard let newValue else {
                if values.removeValue(forKey: key) != nil { order.removeAll { $0 == key } }
                return
            }
            if values.updateValue(newValue, forKey: key) == nil { order.append(key) }
            while order.count > limit { values[order.removeFirst()] = nil }
        }
    }

    mutating func removeAll(where isUnwanted: (Value) -> Bool) {
        values = values.filter { !isUnwanted($0.value) }
        order.removeAll { values[$0] == nil }
    }
}
