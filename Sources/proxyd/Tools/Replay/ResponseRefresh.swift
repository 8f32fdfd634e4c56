import AddonProtocol

/// Moves the times in the fields of a response by as much as has passed since it was recorded, so that what was fresh then is
/// fresh now: `Date`, `Expires`, `Last-Modified`, and when cookies expire.
enum ResponseRefresh {
    private static let dates = ["date", "expires", "last-modified"]

    /// - Parameter seconds: how long ago it was recorded.
    static func apply(to fields: HeaderFields, by seconds: Int) -> HeaderFields {
        var result = HeaderFields()
        for index in 0..<fields.count {
            let (name, value) = (fields.name(at: index), fields.value(at: index))
            switch String(decoding: name, as: UTF8.self).lowercased() {
            case let name where dates.contains(name):
                result.append(name: fields.name(at: index), value: moved(value, seconds))
            case "set-cookie": result.append(name: name, value: cookie(value, seconds))
            default: result.append(name: name, value: value)
            }
        }
        return result
    }

    /// What is no date stays as it is, such as `Expires: 0`.
    private static func moved(_ value: ArraySlice<UInt8>, _ seconds: Int) -> [UInt8] {
        let time = HTTPDate.seconds(String(decoding: value, as: UTF8.self))
        return time.flatMap { HTTPDate.text($0 + seconds) }.map { Array($0.utf8) } ?? Array(value)
    }

    /// An `expires` that is no date is left out, so that the cookie lasts as long as the browser.
    private static func cookie(_ value: ArraySlice<UInt8>, _ seconds: Int) -> [UInt8] {
        let parts = value.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        let kept = parts.enumerated().compactMap { index, part -> [UInt8]? in
            let text = String(decoding: part, as: UTF8.self)
            guard index > 0, let match = text.wholeMatch(of: #/(?i)(\s*expires\s*=)(.*)/#) else { return Array(part) }
            guard let time = HTTPDate.seconds(String(match.2)) else { return nil }
            return Array("\(match.1)\(HTTPDate.text(time + seconds) ?? String(match.2))".utf8)
        }
        return Array(kept.joined(separator: [UInt8(ascii: ";")]))
    }
}
