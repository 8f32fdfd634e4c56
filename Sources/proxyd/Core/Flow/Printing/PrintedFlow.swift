import AddonProtocol
import NIOCore
import ProxyCodecs

/// What is printed of an HTTP flow beside its line: values that its loop has handed over.
struct PrintedFlow: Sendable {
    private let line: [UInt8]
    private let request: HTTPRequest
    private let response: HTTPResponse?
    private let detail: Int

    /// - Parameter detail: more than 1.
    init(_ flow: HTTPFlow, detail: Int) {
        var line: [UInt8] = []
        flow.printLine(into: &line)
        self.line = line
        var (request, response) = (flow.request, flow.response)
        if detail < 3 {
            request.body = Body(size: request.body.size)
            if let body = response?.body { response?.body = Body(size: body.size) }
        }
        (self.request, self.response) = (request, response)
        self.detail = detail
    }

    /// Roughly how much memory it takes, in bytes.
    var weight: Int {
        var bytes = 256 + line.count + request.headers.byteCount + (request.body.bytes?.readableBytes ?? 0)
        if let response { bytes += response.headers.byteCount + (response.body.bytes?.readableBytes ?? 0) }
        return bytes
    }

    /// Appends the flow's line, and below it what else there is to see of the two messages.
    func write(into text: inout [UInt8]) {
        text.append(contentsOf: line)
        PrintedSection(requestLine, request.headers, request.body, request.trailers, detail).write(into: &text)
        guard let response else { return }
        PrintedSection(statusLine(response), response.headers, response.body, response.trailers, detail)
            .write(into: &text)
    }

    private var requestLine: [UInt8] {
        let isURL = request.method == "CONNECT" && !request.host.isEmpty
        let target = isURL ? request.url : request.path
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
