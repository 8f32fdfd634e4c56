/// A request or notification whose params have not been read yet.
public struct IncomingCall: Sendable {
    /// The request's id; nil for a notification.
    public let id: RequestID?
    /// The method.
    public let method: String
    /// The params, still as text.
    public let params: LazyJSON

    /// Creates a call.
    public init(id: RequestID?, method: String, params: LazyJSON) {
        self.id = id
        self.method = method
        self.params = params
    }

    /// Reads a frame up to its params, and checks that those are JSON.
    ///
    /// Nil for anything but a plain call whose params are an object; `IncomingFrame` handles the rest.
    public init?(_ frame: [UInt8], maximumDepth: Int = 64) {
        var head = Head()
        var map = JSONMap()
        let isWhole = frame.withUnsafeBytes { bytes in
            var walker = JSONWalker(bytes, maximumDepth: maximumDepth, drawsMap: true)
            let isObject = walker.passObject { walker, name in head.take(name, &walker) }
            walker.skipSpace()
            map = walker.map
            return isObject && walker.isAtEnd && JSONScanner.isUTF8(bytes)
        }
        func text(at start: Int) -> LazyJSON { LazyJSON(in: frame, at: start, map) }
        guard isWhole, let method = head.method, let params = head.params, frame[params] == UInt8(ascii: "{"),
            head.version.map({ text(at: $0).value }) == "2.0", let name = text(at: method).value.stringValue
        else { return nil }
        let id = head.id.map { text(at: $0).value }
        if let id, RequestID(id) == nil { return nil }
        self.init(id: id.flatMap(RequestID.init), method: name, params: text(at: params))
    }
}

/// Where the members of a call begin.
private struct Head {
    var version: Int?
    var id: Int?
    var method: Int?
    var params: Int?

    /// Reads a member; false when it is repeated or its value is not plain.
    mutating func take(_ name: UnsafeRawBufferPointer, _ walker: inout JSONWalker) -> Bool {
        walker.skipSpace()
        let isFirst =
            if name.spells("jsonrpc") {
                Self.note(walker.index, &version)
            } else if name.spells("id") {
                Self.note(walker.index, &id)
            } else if name.spells("method") {
                Self.note(walker.index, &method)
            } else if name.spells("params") {
                Self.note(walker.index, &params)
            } else {
                true
            }
        return isFirst && walker.passValue()
    }

    private static func note(_ index: Int, _ place: inout Int?) -> Bool {
        guard place == nil else { return false }
        place = index
        return true
    }
}
