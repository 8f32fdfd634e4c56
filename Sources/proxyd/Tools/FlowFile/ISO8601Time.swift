import Foundation

/// A time in the format of HAR files (ISO 8601): `2026-01-02T03:04:05.678Z`, with any number of digits and an offset.
enum ISO8601Time {
    /// Seconds since the epoch; nil for any other text.
    static func seconds(_ text: String) -> Double? {
        guard let match = text.wholeMatch(of: #/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)([.,]\d{1,12})?(Z|[+-]\d\d:?\d\d)?/#)
        else {
            return nil
        }
        guard let whole = try? Date.ISO8601FormatStyle().parse(String(match.1) + (match.3 ?? "Z")) else { return nil }
        let fraction = match.2.flatMap { Double("0." + $0.dropFirst()) } ?? 0
        return whole.timeIntervalSince1970 + fraction
    }
}
