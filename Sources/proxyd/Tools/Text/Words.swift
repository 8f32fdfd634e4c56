package import AddonProtocol
import Glibc

/// Numbers as people read them.
enum Words {
    /// `1 reply`, `2 replies`.
    static func count(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }

    /// `512 B`, `1.4 kB`, `23 MB`.
    static func size(_ bytes: Int) -> String {
        if bytes < 1000 { return "\(bytes) B" }
        return scaled(Double(bytes) / 1000, ["kB", "MB", "GB", "TB"])
    }

    /// `80 µs`, `1.2 ms`, `340 ms`, `2.1 s`.
    static func duration(microseconds: Double) -> String {
        let microseconds = max(microseconds, 0)
        return microseconds < 1_000_000 ? scaled(microseconds, ["µs", "ms"]) : scaled(microseconds / 1_000_000, ["s"])
    }

    /// `1.5 s`, `5 min`, `2 h 5 min`, `3 d 4 h`.
    static func span(seconds: Double) -> String {
        guard seconds >= 60, seconds < 1e12 else { return duration(seconds: seconds) }
        let minutes = Int(seconds / 60)
        let parts = [(minutes / 1440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "min")]
        return parts.drop { $0.0 == 0 }.prefix(2).filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }

    static func duration(seconds: Double) -> String { duration(microseconds: seconds * 1_000_000) }

    /// The local time of day: `14:03:22.123`.
    static func time(_ timestamp: Double) -> String {
        guard timestamp.isFinite, abs(timestamp) < 1e12 else { return "?" }
        var seconds = time_t(timestamp.rounded(.down))
        var parts = tm()
        localtime_r(&seconds, &parts)
        let millis = Int((timestamp - timestamp.rounded(.down)) * 1000)
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), 2) }.joined(separator: ":")
        return "\(clock).\(padded(millis, 3))"
    }

    private static func padded(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    private static func scaled(_ value: Double, _ units: [String]) -> String {
        var (value, index) = (value, 0)
        while value >= 1000, index < units.count - 1 { (value, index) = (value / 1000, index + 1) }
        guard value < 1e15 else { return "∞" }
        let tenths = Int((value * 10).rounded())
        let text = value < 10 && tenths % 10 != 0 ? "\(tenths / 10).\(tenths % 10)" : "\(Int(value.rounded()))"
        return "\(text) \(units[index])"
    }
}

extension JSONValue {
    /// The content of a Bytes value as text; empty when the value is not one.
    var text: String { stringValue ?? String(decoding: bytesValue ?? [], as: UTF8.self) }

    func text(_ name: String) -> String { self[name]?.text ?? "" }

    /// An address `["host", port]` as `host:port`; nil when the value is not one.
    package var address: String? {
        guard let parts = arrayValue, parts.count >= 2, let host = parts[0].stringValue, let port = parts[1].intValue
        else { return nil }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    func seconds(_ name: String) -> Double? { self[name]?.doubleValue }
}
