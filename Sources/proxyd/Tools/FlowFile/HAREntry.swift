package import AddonProtocol
import ProxyCodecs
import ProxyCore

/// Reads an entry of an HTTP Archive (HAR 1.2) as a flow, as written by Chrome, Firefox, mitmproxy and the inspector.
package struct HAREntry {
    /// Why an entry is not a flow.
    package struct Fault: Error {
        /// The reason, in words.
        package let reason: String
    }

    /// The flow as its last event would show it.
    package let snapshot: JSONValue
    /// The messages of a WebSocket.
    package let messages: [JSONValue]

    /// - Parameter id: the id to give the flow.
    package init(_ entry: JSONValue, id: String) throws(Fault) {
        let request = entry["request"] ?? .null
        guard let method = request["method"]?.stringValue, !method.isEmpty else {
            throw Self.missing("request.method", "a method")
        }
        guard let url = request["url"]?.stringValue.flatMap(EntryURL.init) else {
            throw Self.missing("request.url", "an absolute URL")
        }
        guard let start = entry["startedDateTime"]?.stringValue.flatMap(ISO8601Time.seconds) else {
            throw Self.missing("startedDateTime", "a time as in ISO 8601")
        }
        let times = EntryTimes(entry["timings"] ?? .null, from: start)
        let http: JSONValue = [
            "id": .string(id), "type": "http", "timestamp_created": .number(start),
            "request": Self.request(request, method, url, times), "response": Self.response(entry["response"], times),
            "error": Self.error(entry["response"]?["_error"] ?? entry["_error"], times.answered), "marked": "",
            "comment": .string(entry["comment"]?.stringValue ?? ""), "metadata": [:], "is_replay": .null,
            "client_conn": ["peername": .null, "tls": .bool(url.isSecure)],
            "server_conn": times.adding(to: Self.server(entry, url)), "timings": times.json,
        ]
        guard let frames = entry["_webSocketMessages"]?.arrayValue else {
            (snapshot, messages) = (http, [])
            return
        }
        snapshot = [
            "id": .string(id), "type": "websocket", "timestamp_created": .number(start), "handshake_flow": http,
            "messages": [], "message_count": .integer(frames.count), "marked": "", "comment": http["comment"] ?? "",
            "error": .null, "metadata": [:],
        ]
        messages = frames.enumerated().map(Self.message)
    }

    private static func missing(_ field: String, _ allowed: String) -> Fault {
        Fault(reason: "\(field): missing or wrong; allowed: \(allowed)")
    }

    // MARK: Messages

    private static func request(
        _ request: JSONValue,
        _ method: String,
        _ url: EntryURL,
        _ times: EntryTimes
    ) -> JSONValue {
        let content = body(request["postData"] ?? .null)
        let size = max(content.count, request["bodySize"]?.intValue ?? 0)
        let headers = fields(request)
        // Some programs write the body as it was sent, others before it was encoded.
        let isPlain = ContentCodings.areMissing(
            in: content,
            LazyJSON(headers).headerFields,
            limit: RecordedMessage.maximumDecodedBytes
        )
        return [
            "method": .string(method), "url": .string(url.text), "scheme": .string(url.scheme),
            "host": .string(url.host),
            "port": .integer(url.port), "path": .string(url.path), "http_version": version(request),
            "headers": headers, "content": JSONValue(bytes: content), "content_size": .integer(size),
            "content_complete": .bool(size == content.count), "content_decoded": .bool(isPlain),
            "timestamp_start": .number(times.start), "timestamp_end": .number(times.sent),
        ]
    }

    /// The body as text, or else made of a form's params.
    private static func body(_ post: JSONValue) -> [UInt8] {
        if let text = post["text"]?.stringValue, !text.isEmpty {
            return post["encoding"] == "base64" ? Base64.decode(text) ?? Array(text.utf8) : Array(text.utf8)
        }
        let params = (post["params"]?.arrayValue ?? []).compactMap { param in
            param["name"]?.stringValue.map { "\($0)=\(param["value"]?.stringValue ?? "")" }
        }
        return Array(params.joined(separator: "&").utf8)
    }

    private static func response(_ response: JSONValue?, _ times: EntryTimes) -> JSONValue {
        guard let response, let status = response["status"]?.intValue, (100...999).contains(status) else {
            return .null
        }
        let content = response["content"] ?? .null
        let headers = fields(response)
        let bytes = body(content, headers)
        let size = max(content["size"]?.intValue ?? 0, bytes.count)
        // The size is that of the text on the wire, in whatever charset; a different size does not mean that content is missing.
        let isComplete = content["_truncated"] != true && (size == 0 || !bytes.isEmpty)
        let isCoded = (headers.arrayValue ?? []).contains {
            $0.arrayValue?.first?.text.lowercased() == "content-encoding"
        }
        return [
            "status_code": .integer(status), "reason": .string(response["statusText"]?.stringValue ?? ""),
            "http_version": version(response), "headers": headers, "content": JSONValue(bytes: bytes),
            "content_size": .integer(size), "content_complete": .bool(isComplete),
            "content_decoded": .bool(isCoded), "origin": "server", "timestamp_start": .number(times.answered),
            "timestamp_end": .number(times.ended),
        ]
    }

    /// The text in the charset of its Content-Type.
    private static func body(_ content: JSONValue, _ headers: JSONValue) -> [UInt8] {
        guard let text = content["text"]?.stringValue else { return [] }
        if content["encoding"] == "base64" {
            // Firefox marks some text as base64 that is not.
            return Base64.decode(text) ?? Array(text.utf8)
        }
        let type = (headers.arrayValue ?? []).first { $0.element(0).text.lowercased() == "content-type" }
        return Charset.encode(text, asIn: type?.element(1).text ?? "")
    }

    private static func message(_ number: Int, _ frame: JSONValue) -> JSONValue {
        let data = frame["data"]?.stringValue ?? ""
        let isText = frame["opcode"]?.intValue == 1
        let content: JSONValue =
            isText ? .string(data) : JSONValue(bytes: Base64.decode(data) ?? Array(data.utf8))
        return [
            "index": .integer(number), "type": isText ? "text" : "binary",
            "from_client": .bool(frame["type"] == "send"),
            "content": content, "timestamp": frame["time"]?.doubleValue == nil ? 0 : frame["time"] ?? 0,
            "dropped": false,
            "injected": false,
        ]
    }

    private static func error(_ message: JSONValue?, _ time: Double) -> JSONValue {
        guard let message = message?.stringValue, !message.isEmpty else { return .null }
        return ["kind": "server_closed", "msg": .string(message), "timestamp": .number(time)]
    }

    /// Leaves out the pseudo-header fields of HTTP/2, which Chrome includes. Browsers merge fields of the same name into one, with
    /// each value on a line of its own.
    private static func fields(_ message: JSONValue) -> JSONValue {
        let fields = (message["headers"]?.arrayValue ?? []).map { ($0["name"]?.text ?? "", $0["value"]?.text ?? "") }
        return .array(
            fields.filter { !$0.0.isEmpty && !$0.0.hasPrefix(":") }.flatMap { name, value in
                // By bytes, since to Swift CR LF is one Character, which differs from "\n".
                value.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
                    let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
                    return [.string(name), .string(String(decoding: text, as: UTF8.self))]
                }
            }
        )
    }

    /// Chrome writes `http/2.0`, `h2` and `h3`.
    private static func version(_ message: JSONValue) -> JSONValue {
        switch message["httpVersion"]?.stringValue?.uppercased() ?? "" {
        case "", "UNKNOWN": "HTTP/1.1"
        case "H2", "HTTP/2": "HTTP/2.0"
        case "H3", "HTTP/3": "HTTP/3.0"
        case let name: .string(name)
        }
    }

    private static func server(_ entry: JSONValue, _ url: EntryURL) -> JSONValue {
        var server: JSONValue = ["peername": .null, "tls": .bool(url.isSecure)]
        if let address = entry["serverIPAddress"]?.stringValue, !address.isEmpty {
            let host = address.hasPrefix("[") ? String(address.dropFirst().dropLast()) : address
            server = server.setting("peername", [.string(host), .integer(url.port)])
        }
        return entry["connection"]?.stringValue.map { server.setting("id", .string($0)) } ?? server
    }
}

/// When each step happened, from how long each took (HAR 1.2, "timings": in milliseconds; -1 where it does not apply).
private struct EntryTimes {
    let start: Double
    let sent: Double
    let answered: Double
    let ended: Double
    private let timings: JSONValue

    init(_ timings: JSONValue, from start: Double) {
        self.start = start
        self.timings = timings
        func seconds(_ name: String) -> Double { min(max(0, timings[name]?.doubleValue ?? 0), 1e9) / 1000 }
        let before = seconds("blocked") + seconds("dns")
        sent = start + seconds("send")
        answered = sent + before + seconds("connect") + seconds("wait")
        ended = answered + seconds("receive")
    }

    private func milliseconds(_ name: String) -> Double? {
        timings[name]?.doubleValue.flatMap { $0 >= 0 && $0 < 1e9 ? $0 : nil }
    }

    var json: JSONValue {
        func microseconds(_ name: String) -> JSONValue { milliseconds(name).map { .integer(Int($0 * 1000)) } ?? .null }
        return [
            "connect": microseconds("connect"), "tls": microseconds("ssl"), "wait": microseconds("wait"),
            "transfer": microseconds("receive"), "held": 0, "addons": [:],
        ]
    }

    /// Adds the times of the connection, if it was made for this entry.
    func adding(to server: JSONValue) -> JSONValue {
        guard let connect = milliseconds("connect") else { return server }
        let tls = milliseconds("ssl")
        let isConnected = start + (connect - (tls ?? 0)) / 1000
        return server.setting("timestamp_start", .number(start)).setting("timestamp_tcp_setup", .number(isConnected))
            .setting("timestamp_tls_setup", tls.map { .number(isConnected + $0 / 1000) } ?? .null)
    }
}
