/// Dates in HTTP (RFC 9110, section 5.6.7) and in cookies (RFC 6265, section 5.1.1).
enum HTTPDate {
    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]

    /// Parses `Sun, 06 Nov 1994 08:49:37 GMT` and the obsolete forms, into seconds since the epoch; nil for other text.
    static func seconds(_ text: String) -> Int? {
        let number = #/(\d{1,2})[ -]+([A-Za-z]{3})[A-Za-z]*[ -]+(\d{2,4})[ ]+(\d{1,2}):(\d\d)(?::(\d\d))?/#
        let asctime = #/([A-Za-z]{3})[ ]+(\d{1,2})[ ]+(\d{1,2}):(\d\d):(\d\d)[ ]+(\d{4})/#
        if let match = text.firstMatch(of: number) {
            let clock = [match.4, match.5, match.6 ?? "0"].compactMap { Int($0) }
            return seconds(match.3, String(match.2), match.1, clock).map {
                $0 - offset(after: text[match.range.upperBound...])
            }
        }
        return text.firstMatch(of: asctime).flatMap { match in
            seconds(match.6, String(match.1), match.2, [match.3, match.4, match.5].compactMap { Int($0) })
        }
    }

    /// Formats a date as `Sun, 06 Nov 1994 08:49:37 GMT`; nil outside the years 1 to 9999.
    static func text(_ seconds: Int) -> String? {
        let (day, rest) = (floorDivide(seconds, 86_400), seconds - floorDivide(seconds, 86_400) * 86_400)
        let (year, month, number) = civil(day)
        guard (1...9_999).contains(year) else { return nil }
        let name = days[((day % 7) + 7) % 7]
        let clock = [rest / 3_600, rest / 60 % 60, rest % 60].map { padded($0, 2) }.joined(separator: ":")
        return "\(name), \(padded(number, 2)) \(months[month - 1].capitalized) \(padded(year, 4)) \(clock) GMT"
    }

    private static func seconds(_ year: Substring, _ month: String, _ day: Substring, _ clock: [Int]) -> Int? {
        guard let month = months.firstIndex(of: month.lowercased()), var number = Int(year), let day = Int(day),
            (1...31).contains(day), clock.count == 3, clock[0] < 24, clock[1] < 60, clock[2] <= 60
        else { return nil }
        if year.count == 2 { number += number < 70 ? 2_000 : 1_900 }
        return self.days(number, month + 1, day) * 86_400 + clock[0] * 3_600 + clock[1] * 60 + clock[2]
    }

    /// The offset of a zone such as `+0100`, in seconds; 0 for names, which mean GMT.
    private static func offset(after text: Substring) -> Int {
        guard let match = text.prefixMatch(of: #/ ([+-])(\d\d):?(\d\d)/#), let hours = Int(match.2),
            let minutes = Int(match.3)
        else { return 0 }
        return (match.1 == "-" ? -1 : 1) * (hours * 3_600 + minutes * 60)
    }

    /// Days since 1970-01-01 in the Gregorian calendar. Years begin in March, so that leap days come last.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = floorDivide(year, 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let yearOfEra = year - era * 400
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth + (shiftedMonth < 10 ? 3 : -9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func floorDivide(_ number: Int, _ divisor: Int) -> Int {
        number >= 0 ? number / divisor : -((divisor - 1 - number) / divisor)
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension String {
    fileprivate var capitalized: String { prefix(1).uppercased() + dropFirst() }
}
