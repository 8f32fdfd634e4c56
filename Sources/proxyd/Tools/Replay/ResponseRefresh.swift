import AddonProtocol

/// Moves the times in a response's fields by the time since it was recorded, so that what was fresh then is fresh now: `Date`,
/// `Expires`, `Last-Modified`, and the expiry of cookies.
enum ResponseRefresh {
    private static let dates = ["date", "expires", "last-modified"]

    /// - Parameter seconds: how long ago the response was recorded.
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

    /// A value that is not a date stays as it is, such as `Expires: 0`.
    private static func moved(_ value: ArraySlice<UInt8>, _ seconds: Int) -> [UInt8] {
        let time = HTTPDate.seconds(String(decoding: value, as: UTF8.self))
        return time.flatMap { HTTPDate.text($0 + seconds) }.map { Array($0.utf8) } ?? Array(value)
    }

    /// Leaves out an `expires` that is not a date, so that the cookie lasts for the browser's session.
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
