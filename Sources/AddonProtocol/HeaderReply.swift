/// The reply that sets header fields of one message, and does nothing else: what most replies that change anything do.
///
/// It is read without making values of it. Members may come in any order and with any space. What is spelt with escapes, is
/// not ASCII, or is anything else, is left to `IncomingFrame`, which reads every reply.
public struct HeaderReply: Sendable {
    public private(set) var id = 0
    public let edits: HeaderEdits

    /// More fields are left to jansson, which finds a repeated name faster.
    static let fieldLimit = 32

    /// nil for everything else.
    public init?(_ frame: UnsafeRawBufferPointer, maximumDepth: Int = 64) {
        var walker = JSONWalker(frame, maximumDepth: maximumDepth)
        var hasVersion = false
        var id: Int?
        var edits: HeaderEdits?
        let isRead = walker.passObject { walker, name in
            if name.spells("jsonrpc"), !hasVersion {
                hasVersion = walker.passVersion()
                return hasVersion
            }
            if name.spells("id"), id == nil {
                id = walker.passWholeNumber()
                return id != nil
            }
            if name.spells("result"), edits == nil {
                edits = walker.passResult()
                return edits != nil
            }
            return false
        }
        walker.skipSpace()
        guard isRead, walker.isAtEnd, hasVersion, let id, let edits else { return nil }
        self.id = id
        self.edits = edits
    }

    /// The same as `IncomingFrame` reads it.
    public var message: Message { .success(id: .number(id), result: edits.json) }
}

extension JSONWalker {
    fileprivate mutating func passVersion() -> Bool {
        skipSpace()
        return passPlainString()?.spells("2.0") ?? false
    }

    /// `{"flow": {"response": {"headers": …}}}`
    fileprivate mutating func passResult() -> HeaderEdits? {
        var edits: HeaderEdits?
        let isRead = passOnlyMember { walker, name in
            name.spells("flow")
                && walker.passOnlyMember { walker, name in
                    guard let part = HeaderEdits.Part(spelt: name) else { return false }
                    return walker.passOnlyMember { walker, name in
                        guard name.spells("headers") else { return false }
                        edits = walker.passEdits(of: part)
                        return edits != nil
                    }
                }
        }
        return isRead ? edits : nil
    }

    /// Walks over an object with one member: `visit` gets its name and must pass its value.
    private mutating func passOnlyMember(_ visit: (inout JSONWalker, UnsafeRawBufferPointer) -> Bool) -> Bool {
        var count = 0
        let isRead = passObject { walker, name in
            count += 1
            return count == 1 && visit(&walker, name)
        }
        return isRead && count == 1
    }

    private mutating func passEdits(of part: HeaderEdits.Part) -> HeaderEdits? {
        var edits = HeaderEdits(of: part)
        let isRead = passObject { walker, name in
            guard edits.count < HeaderReply.fieldLimit, JSONScanner.isASCII(name),
                !edits.contains(where: { $0.isEqual(to: name) })
            else { return false }
            walker.skipSpace()
            if let value = walker.passPlainString() {
                edits.append(name, value)
                return JSONScanner.isASCII(value)
            }
            edits.append(name, nil)
            return walker.passNull()
        }
        return isRead && edits.count > 0 ? edits : nil
    }
}

extension HeaderEdits.Part {
    fileprivate init?(spelt name: UnsafeRawBufferPointer) {
        if name.spells("request") {
            self = .request
        } else if name.spells("response") {
            self = .response
        } else {
            return nil
        }
    }
}
