import AddonProtocol
import NIOCore
import ProxyCodecs

/// What is printed of an HTTP flow: values that its loop has handed over.
struct PrintedFlow: Sendable {
    /// Who sent the request.
    private enum Source: Sendable {
        case client(ConnectionInfo.Address?)
        case replay
        case addon(String)
    }

    private let source: Source
    private let request: HTTPRequest
    private let response: HTTPResponse?
    private let error: String?
    private let milliseconds: Int
    private let detail: Int

    init(_ flow: HTTPFlow, detail: Int) {
        if flow.replay == .request {
            source = .replay
        } else {
            source = flow.madeBy.map { .addon($0) } ?? .client(flow.clientConnection.peername)
        }
        var (request, response) = (flow.request, flow.response)
        if detail < 2 {
            request.headers = HeaderFields()
            response?.headers = HeaderFields()
        }
        if detail < 3 {
            request.body = Body(size: request.body.size)
            if let body = response?.body { response?.body = Body(size: body.size) }
        }
        (self.request, self.response) = (request, response)
        error = flow.failure?.error.message
        milliseconds = flow.timestampCreated.millisecondsAgo
        self.detail = detail
    }

    /// Roughly how much memory it takes, in bytes.
    var weight: Int {
        var bytes = 256 + request.path.count + request.headers.byteCount + (request.body.bytes?.readableBytes ?? 0)
        if let response { bytes += response.headers.byteCount + (response.body.bytes?.readableBytes ?? 0) }
        return bytes
    }

    /// Appends `127.0.0.1:51234: GET http://h/p → 200 OK 1.2k 3ms`, with control characters written out, and below it what
    /// else there is to see of the two messages.
    func write(into text: inout [UInt8]) {
        writeSource(into: &text)
        text.append(": ")
        text.append(escaped: request.method)
        text.append(" ")
        text.append(escaped: target)
        text.append(" → ")
        writeOutcome(into: &text)
        guard detail > 1 else { return }
        PrintedSection(requestLine, request.headers, request.body, request.trailers, detail).write(into: &text)
        guard let response else { return }
        PrintedSection(statusLine(response), response.headers, response.body, response.trailers, detail)
            .write(into: &text)
    }

    private func writeSource(into text: inout [UInt8]) {
        switch source {
        case .client(let address):
            text.append(escaped: address?.description ?? "a client")
        case .replay:
            text.append("[replay]")
        case .addon(let name):
            text.append("[addon ")
            text.append(escaped: name)
            text.append("]")
        }
    }

    /// The URL; of a request that does not say where it goes, what it says.
    private var target: [UInt8] { request.host.isEmpty ? request.path : request.url }

    private func writeOutcome(into text: inout [UInt8]) {
        var addon: String?
        if case .addon(let name) = response?.origin { addon = name }
        if let error {
            text.append("error: ")
            text.append(escaped: error)
            text.append(addon == nil ? " " : " → ")
        }
        if let response, error == nil || addon != nil { write(response, into: &text) }
        text.append(milliseconds)
        text.append("ms")
        guard let addon else { return }
        text.append(" (addon:")
        text.append(escaped: addon)
        text.append(")")
    }

    private func write(_ response: HTTPResponse, into text: inout [UInt8]) {
        text.append(response.status)
        text.append(" ")
        if !response.reason.isEmpty {
            text.append(escaped: response.reason)
            text.append(" ")
        }
        text.append(escaped: readableSize(response.body.size))
        text.append(" ")
    }

    private var requestLine: [UInt8] {
        let target = request.method == "CONNECT" ? self.target : request.path
        return Array(request.method.utf8) + [0x20] + target + [0x20] + Array(request.version.name.utf8)
    }

    private func statusLine(_ response: HTTPResponse) -> [UInt8] {
        Array("\(response.version.name) \(response.status)".utf8) + (response.reason.isEmpty ? [] : [0x20])
            + response.reason
    }
}

extension HeaderFields {
    fileprivate var byteCount: Int {
        (0..<count).reduce(0) { $0 + name(at: $1).count + value(at: $1).count }
    }
}
