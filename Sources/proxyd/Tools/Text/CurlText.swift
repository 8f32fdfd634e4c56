package import AddonProtocol

/// A request as a curl command line that sends it again.
package enum CurlText {
    /// - Returns: nil when this is not an HTTP request that curl can send.
    package static func command(_ request: JSONValue, body: [UInt8]) -> String? {
        let method = request.text("method")
        guard !method.isEmpty, method != "CONNECT" else { return nil }
        var words = ["curl", "--path-as-is"]
        if method != (body.isEmpty ? "GET" : "POST") {
            words += method == "HEAD" ? ["--head"] : ["-X", quoted(method)]
        }
        for field in request["headers"]?.arrayValue ?? [] {
            guard let pair = field.arrayValue, pair.count == 2, isSent(pair, request) else { continue }
            let value = pair[1].text
            words += ["-H", quoted(value.isEmpty ? "\(pair[0].text);" : "\(pair[0].text): \(value)")]
        }
        let isText = String(validating: body, as: UTF8.self) != nil && !body.contains(0)
        if !body.isEmpty {
            words += ["--data-binary", isText ? quoted(String(decoding: body, as: UTF8.self)) : "@-"]
        }
        words.append(quoted(request.text("url")))
        let command = words.joined(separator: " ")
        guard !body.isEmpty, !isText else { return command }
        return "printf %s \(String(decoding: Base64.encode(body), as: UTF8.self)) | base64 -d | \(command)"
    }

    /// Whether to pass the field to curl: not when curl writes it itself.
    private static func isSent(_ field: [JSONValue], _ request: JSONValue) -> Bool {
        switch field[0].text.lowercased() {
        case "content-length", "transfer-encoding", "proxy-connection", "proxy-authorization": false
        case "host": !request.text("url").contains("://\(field[1].text)/")
        default: true
        }
    }

    /// The text as one word for a shell: bare, in quotes, or as `$'…'` when it contains control characters.
    static func quoted(_ text: String) -> String {
        let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,"
        if !text.isEmpty, text.allSatisfy({ plain.contains($0) }) { return text }
        if escapedForTerminal(text) == text { return "'" + text.replacing("'", with: #"'\''"#) + "'" }
        let bytes = text.utf8.map { byte -> String in
            switch byte {
            case UInt8(ascii: "'"), UInt8(ascii: "\\"): "\\" + String(Character(UnicodeScalar(byte)))
            case 0x20..<0x7f: String(Character(UnicodeScalar(byte)))
            default: #"\x"# + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return "$'" + bytes.joined() + "'"
    }
}
