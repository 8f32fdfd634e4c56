/// Prints one line on stdout for each flow that ended.
package struct FlowPrinter: Sendable {
    /// How a flow ended.
    package enum Outcome: Sendable {
        /// `size` in bytes of the body.
        case response(status: Int, reason: [UInt8], size: Int)
        case error(String)
    }

    private let writer: OutputWriter

    package init(writer: OutputWriter) {
        self.writer = writer
    }

    /// `client` as `HOST:PORT`; `milliseconds` from the request's first byte to the flow's end.
    package func print(client: String, method: [UInt8], url: [UInt8], outcome: Outcome, milliseconds: Int) {
        let line = Self.line(
            client: client,
            method: method,
            url: url,
            outcome: outcome,
            milliseconds: milliseconds
        )
        writer.writeLine(line, to: .stdout)
    }

    /// `127.0.0.1:51234: GET http://h/p → 200 OK 1.2k 3ms`, with control characters written out.
    static func line(
        client: String,
        method: [UInt8],
        url: [UInt8],
        outcome: Outcome,
        milliseconds: Int
    ) -> String {
        let request = "\(client): \(escapedForTerminal(method)) \(escapedForTerminal(url))"
        switch outcome {
        case .response(let status, let reason, let size):
            let words = [String(status), escapedForTerminal(reason), readableSize(size), "\(milliseconds)ms"]
            return "\(request) → \(words.filter { !$0.isEmpty }.joined(separator: " "))"
        case .error(let message):
            return "\(request) → error: \(escapedForTerminal(message)) \(milliseconds)ms"
        }
    }
}

/// `0b`, `999b`, `1.2k`, `15k`, `3.0m`: two digits are enough to see what it is.
func readableSize(_ bytes: Int) -> String {
    var size = Double(bytes)
    var units = "bkmgt".makeIterator()
    var unit = units.next() ?? "b"
    while size >= 1_000, let next = units.next() {
        size /= 1_024
        unit = next
    }
    let tenths = (size * 10).rounded() / 10
    return unit == "b" || tenths >= 10 ? "\(Int(size.rounded()))\(unit)" : "\(tenths)\(unit)"
}
