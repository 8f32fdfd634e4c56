package import AddonProtocol
import Foundation

/// Writes flows as an HTTP Archive, version 1.2, with WebSocket messages in Chrome's format (`_webSocketMessages`).
package enum HAR {
    /// What precedes the entries.
    package static func head(_ version: String) -> [UInt8] {
        let creator: JSONValue = ["name": "proxyd", "version": .string(version)]
        return Array(#"{"log":{"version":"1.2","creator":\#(creator),"pages":[],"entries":["#.utf8)
    }

    /// What follows the entries.
    package static let end = Array("\n]}}\n".utf8)

    /// The entry of a flow; nil when the flow is not HTTP.
    package static func entry(_ flow: JSONValue) -> JSONValue? {
        let http = flow["handshake_flow"] ?? flow
        guard http["type"] == "http", let request = http["request"], request.members != nil else { return nil }
        let response = http["response"] ?? .null
        let start = request["timestamp_start"]?.doubleValue ?? 0
        let timings = Timings(http)
        var members: [JSONValue.Member] = [
            .init("startedDateTime", .string(isoTime(start))),
            .init("time", number(timings.total)),
            .init("request", self.request(request)),
            .init("response", self.response(response, http["error"])),
            .init("cache", [:]),
            .init("timings", timings.json),
        ]
        if let address = http["server_conn"]?["peername"]?.arrayValue?.first {
            members.append(.init("serverIPAddress", address))
        }
        if let id = http["server_conn"]?["id"] { members.append(.init("connection", id)) }
        if let comment = http["comment"]?.stringValue, !comment.isEmpty {
            members.append(.init("comment", .string(comment)))
        }
        if flow["type"] == "websocket" {
            members.append(.init("_resourceType", "websocket"))
            members.append(.init("_webSocketMessages", .array((flow["messages"]?.arrayValue ?? []).map(message))))
        }
        return .object(members)
    }

    // MARK: Messages

    private static func request(_ request: JSONValue) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("method", request["method"] ?? ""),
            .init("url", text(request["url"])),
            .init("httpVersion", request["http_version"] ?? ""),
            .init("cookies", .array(cookies(request))),
            .init("headers", .array(headers(request))),
            .init("queryString", .array(query(request))),
            .init("headersSize", -1),
            .init("bodySize", request["content_size"] ?? -1),
        ]
        if let content = request["content"], content.bytesValue?.isEmpty == false {
            members.append(.init("postData", postData(request, content)))
        }
        return .object(members)
    }

    private static func postData(_ request: JSONValue, _ content: JSONValue) -> JSONValue {
        var members: [JSONValue.Member] = [.init("mimeType", field("content-type", of: request))]
        if case .string = content {
            members.append(.init("text", content))
        } else {
            // HAR 1.2 has no binary content here; `encoding` marks it as in `content`.
            members += [.init("text", content["base64"] ?? ""), .init("encoding", "base64")]
        }
        if request["content_complete"] == false { members.append(.init("_truncated", true)) }
        return .object(members)
    }

    private static func response(_ response: JSONValue, _ error: JSONValue?) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("status", response["status_code"] ?? 0),
            .init("statusText", text(response["reason"])),
            .init("httpVersion", response["http_version"] ?? ""),
            .init("cookies", .array(setCookies(response))),
            .init("headers", .array(headers(response))),
            .init("content", content(response)),
            .init("redirectURL", field("location", of: response)),
            .init("headersSize", -1),
            .init("bodySize", bodySize(response)),
        ]
        if let message = error?["msg"], !message.isNull { members.append(.init("_error", message)) }
        return .object(members)
    }

    /// The size on the wire, which for a decoded body only its Content-Length tells.
    private static func bodySize(_ response: JSONValue) -> JSONValue {
        guard response["content_decoded"] == true else { return response["content_size"] ?? -1 }
        return field("content-length", of: response).stringValue.flatMap(Int.init).map { .integer($0) } ?? -1
    }

    private static func content(_ response: JSONValue) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("size", response["content_size"] ?? 0), .init("mimeType", field("content-type", of: response)),
        ]
        switch response["content"] {
        case .string(let text): members.append(.init("text", .string(text)))
        case let bytes?:
            if let text = bytes["base64"] { members += [.init("text", text), .init("encoding", "base64")] }
        case nil: break
        }
        if response["content_complete"] == false, members.count > 2 { members.append(.init("_truncated", true)) }
        return .object(members)
    }

    private static func message(_ message: JSONValue) -> JSONValue {
        let isText = message["type"] == "text"
        let content = message["content"] ?? ""
        return [
            "type": message["from_client"] == true ? "send" : "receive", "time": message["timestamp"] ?? 0,
            "opcode": isText ? 1 : 2,
            "data": isText
                ? text(content) : content["base64"] ?? .string(Data(content.bytesValue ?? []).base64EncodedString()),
        ]
    }

    // MARK: Fields

    private static func headers(_ message: JSONValue) -> [JSONValue] {
        (message["headers"]?.arrayValue ?? []).map { ["name": text($0.element(0)), "value": text($0.element(1))] }
    }

    /// The first field of this name; empty when there is none.
    private static func field(_ name: String, of message: JSONValue) -> JSONValue {
        text(fields(name, of: message).first)
    }

    private static func fields(_ name: String, of message: JSONValue) -> [JSONValue] {
        (message["headers"]?.arrayValue ?? []).filter { $0.element(0).stringValue?.lowercased() == name }.map {
            $0.element(1)
        }
    }

    private static func cookies(_ request: JSONValue) -> [JSONValue] {
        fields("cookie", of: request).compactMap { text($0).stringValue }.flatMap { $0.split(separator: ";") }.map(pair)
    }

    private static func setCookies(_ response: JSONValue) -> [JSONValue] {
        fields("set-cookie", of: response).compactMap { text($0).stringValue?.split(separator: ";").first }.map(pair)
    }

    private static func query(_ request: JSONValue) -> [JSONValue] {
        guard let path = text(request["path"]).stringValue, let mark = path.firstIndex(of: "?") else { return [] }
        return path[path.index(after: mark)...].split(separator: "&").map { part in
            let words = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { word in
                let spaced = word.replacing("+", with: " ")
                return spaced.removingPercentEncoding ?? String(spaced)
            }
            return ["name": .string(words[0]), "value": .string(words.count > 1 ? words[1] : "")]
        }
    }

    private static func pair(_ text: some StringProtocol) -> JSONValue {
        let words = text.trimmingCharacters(in: .whitespaces)
            .split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return [
            "name": .string(words.first.map(String.init) ?? ""),
            "value": .string(words.count > 1 ? String(words[1]) : ""),
        ]
    }

    /// Bytes as text, with U+FFFD for each byte that is not UTF-8.
    private static func text(_ bytes: JSONValue?) -> JSONValue {
        .string(String(decoding: bytes?.bytesValue ?? [], as: UTF8.self))
    }

    /// A number, written without a fraction if it is whole.
    private static func number(_ value: Double) -> JSONValue {
        Int(exactly: value).map { .integer($0) } ?? .number(value)
    }

    /// The time to the millisecond, rounded; the format style truncates and so is often one millisecond short.
    private static func isoTime(_ seconds: Double) -> String {
        Date(timeIntervalSince1970: (seconds * 1000).rounded() / 1000 + 0.0001)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}

extension HAR {
    /// In milliseconds; -1 where it does not apply.
    private struct Timings {
        var connect = -1.0
        var ssl = -1.0
        var send = 0.0
        var wait = 0.0
        var receive = 0.0

        init(_ flow: JSONValue) {
            func span(_ from: JSONValue?, _ to: JSONValue?) -> Double? {
                guard let from = from?.doubleValue, let to = to?.doubleValue else { return nil }
                return max(0, (to - from) * 1000)
            }
            defer { round() }
            let (request, response, server) = (flow["request"], flow["response"], flow["server_conn"])
            // A reused connection cost this flow nothing.
            if let opened = server?["timestamp_start"]?.doubleValue, let start = flow["timestamp_created"]?.doubleValue,
                opened >= start
            {
                connect = span(server?["timestamp_start"], server?["timestamp_tcp_setup"]) ?? -1
                ssl = span(server?["timestamp_tcp_setup"], server?["timestamp_tls_setup"]) ?? -1
                if ssl >= 0 { connect += ssl }
            }
            send = span(request?["timestamp_start"], request?["timestamp_end"]) ?? 0
            wait = max(0, (span(request?["timestamp_end"], response?["timestamp_start"]) ?? 0) - max(0, connect))
            receive = span(response?["timestamp_start"], response?["timestamp_end"]) ?? 0
        }

        /// Rounds to the microsecond, which is the precision of the timestamps.
        private mutating func round() {
            for part in [\Timings.connect, \.ssl, \.send, \.wait, \.receive] {
                self[keyPath: part] = (self[keyPath: part] * 1000).rounded() / 1000
            }
        }

        /// `connect` includes the TLS handshake (HAR 1.2, timings).
        var total: Double { ((max(0, connect) + send + wait + receive) * 1000).rounded() / 1000 }

        var json: JSONValue {
            [
                "blocked": -1, "dns": -1, "connect": number(connect), "ssl": number(ssl), "send": number(send),
                "wait": number(wait), "receive": number(receive),
            ]
        }
    }
}

extension JSONValue {
    func element(_ index: Int) -> JSONValue {
        guard let elements = arrayValue, elements.indices.contains(index) else { return .null }
        return elements[index]
    }
}
