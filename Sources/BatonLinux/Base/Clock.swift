public import BatonCore
import CBatonShims
import Glibc

public enum Clock {
    /// CLOCK_MONOTONIC: does not jump when the wall clock is set.
    public static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// The wall clock in UTC as RFC 3339 has it, with milliseconds.
    public static func wallTime() -> String { wallTime(wallMilliseconds()) }

    /// - Parameter milliseconds: as `wallMilliseconds` has them.
    public static func wallTime(_ milliseconds: Int64) -> String {
        rfc3339(seconds: milliseconds / 1000, milliseconds: milliseconds % 1000)
    }

    /// The wall clock, in milliseconds since 1970.
    public static func wallMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// The wall clock as kubelet puts it into the names of a volume's versions, with nanoseconds behind:
    /// `2026_11_22_10_00_00.123456789`.
    public static func stamp() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let text = rfc3339(seconds: Int64(time.tv_sec), milliseconds: 0).utf8.prefix(19)
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return String(decoding: text.map { digits.contains($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
            + ".\(time.tv_nsec)"
    }

    /// By arithmetic: gmtime_r(3) would read the time zone files of an image that may have none.
    static func rfc3339(seconds: Int64, milliseconds: Int64) -> String {
        let day = seconds / 86_400
        let second = seconds % 86_400
        // Civil date from a count of days: years begin in March, so that the leap day comes last, and 400 years are an era.
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return
            "\(year)-\(two(month))-\(two(dayOfMonth))T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
            + ".\(String(milliseconds + 1000).dropFirst())Z"
    }
}
