import AddonProtocol

extension [UInt8] {
    /// Appends text that needs no escaping.
    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { append(contentsOf: $0) }
    }

    /// Appends a non-negative number in decimal.
    mutating func append(_ number: Int) {
        if number > 9 { append(number / 10) }
        append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
    }

    /// Appends `0b`, `999b`, `1.2k`, `15k`, `3.0m`: two digits are enough to see what it is.
    mutating func append(size bytes: Int) {
        var size = Double(bytes)
        var units = "bkmgt".utf8.makeIterator()
        var unit = units.next() ?? UInt8(ascii: "b")
        while size >= 1_000, let next = units.next() {
            size /= 1_024
            unit = next
        }
        let tenths = Int((size * 10).rounded())
        if unit == UInt8(ascii: "b") || tenths >= 100 {
            append(Int(size.rounded()))
        } else {
            append(tenths / 10)
            append(".")
            append(tenths % 10)
        }
        append(unit)
    }

    /// Appends `host:port`, with an IPv6 address in brackets.
    ///
    /// - Parameter port: nil: it is left out.
    mutating func append(host: String, port: Int?) {
        let isIPv6 = host.utf8.contains(UInt8(ascii: ":"))
        if isIPv6 { append("[") }
        append(escaped: host)
        if isIPv6 { append("]") }
        guard let port else { return }
        append(":")
        append(port)
    }

    /// Appends the text with everything written out that could steer a terminal.
    mutating func append(escaped text: String) {
        var text = text
        text.withUTF8 { append(escaped: $0) }
    }

    /// Appends bytes, escaping everything that could control a terminal.
    mutating func append(escaped bytes: some Collection<UInt8>) {
        if bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) { return append(contentsOf: bytes) }
        append(contentsOf: escapedForTerminal(bytes).utf8)
    }

    /// Starts a new, indented line; tabs are kept.
    mutating func append(indented bytes: some Collection<UInt8>) {
        append("\n")
        if !bytes.isEmpty { append("    ") }
        for (index, part) in bytes.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false).enumerated() {
            if index > 0 { append("\t") }
            append(escaped: part)
        }
    }

    mutating func append(indented text: String) {
        append(indented: text.utf8)
    }
}
