import CBatonShims

public enum Random {
    /// From the kernel (getrandom(2)).
    public static func number() -> UInt64 {
        var number: UInt64 = 0
        _ = baton_random(&number, MemoryLayout<UInt64>.size)
        return number
    }
}
