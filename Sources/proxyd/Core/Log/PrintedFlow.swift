import AddonProtocol
import NIOCore

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
        if flow.replay != nil {
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
        milliseconds = Int((secondsSinceEpoch() - flow.timestampCreated) * 1000)
        self.detail = detail
    }

    /// About how many bytes it keeps in memory.
    var weight: Int {
        var bytes = 256 + request.path.count + request.headers.byteCount + (request.body.bytes?.readableBytes ?? 0)
        if let response { bytes += response.headers.byteCount + (response.body.bytes?.readableBytes ?? 0) }
        return bytes
    }

    /// Appends `127.0.0.1:51234: GET http://h/p → 200 OK 1.2k 3ms`, with control characters written out, and below it what
    /// else there is to see of the two messages.
    func write(into text: inout [UInt8]) {
        text.append(escaped: sourceText)
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

    private var sourceText: String {
        switch source {
        case .client(let address): address?.description ?? "a client"
        case .replay: "[replay]"
        case .addon(let name): "[addon \(name)]"
        }
    }

    /// The URL; of a request that does not say where it goes, what it says.
    private var target: [UInt8] { request.host.isEmpty ? request.path : request.url }

    private func writeOutcome(into text: inout [UInt8]) {
        var words: [[UInt8]] = []
        var byAddon: String?
        if case .addon(let name) = response?.origin { byAddon = name }
        if let error { words.append(Array("error: \(error)".utf8)) }
        if let response, error == nil || byAddon != nil {
            if error != nil { words.append(Array("→".utf8)) }
            words += [Array("\(response.status)".utf8), response.reason, Array(readableSize(response.body.size).utf8)]
        }
        words.append(Array("\(milliseconds)ms".utf8))
        if let byAddon { words.append(Array("(addon:\(byAddon))".utf8)) }
        for (index, word) in words.filter({ !$0.isEmpty }).enumerated() {
            if index > 0 { text.append(" ") }
            text.append(escaped: word)
        }
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
