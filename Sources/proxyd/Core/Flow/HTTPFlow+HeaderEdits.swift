import AddonProtocol
import ProxyCodecs

/// The short way of a patch that sets header fields alone: they are set in place. `FlowPatch` would set the same.
extension HTTPFlow {
    func apply(_ edits: HeaderEdits) -> (before: ChangeLog.Excerpt, after: ChangeLog.Excerpt)? {
        switch edits.part {
        case .request:
            guard !requestIsSent, request.headers.mayTake(edits, limits) else { return nil }
            revision += 1
            return request.headers.take(edits, of: .request)
        case .response:
            guard !responseIsSent, !responseIsLost, response?.headers.mayTake(edits, limits) ?? false else {
                return nil
            }
            revision += 1
            return response?.headers.take(edits, of: .response)
        }
    }
}

extension HeaderFields {
    /// Makes the edits.
    ///
    /// - Returns: the fields that they name, before and after.
    fileprivate mutating func take(
        _ edits: HeaderEdits,
        of message: ChangeLog.Excerpt.Message
    ) -> (before: ChangeLog.Excerpt, after: ChangeLog.Excerpt) {
        let before = named(by: edits)
        apply(edits)
        return (.init(message, before), .init(message, named(by: edits)))
    }

    /// Whether nothing speaks against the edits and nothing follows from them. What does not fit for sure may still fit: as many
    /// fields may come as go.
    fileprivate func mayTake(_ edits: HeaderEdits, _ limits: FlowLimits) -> Bool {
        count + edits.count <= limits.headFields && wireByteCount + edits.wireByteCount <= limits.headBytes
            && edits.allSatisfy { name, value in
                HTTPSyntax.isToken(name) && !name.isMeaningful && (value?.isTrimmedFieldValue ?? true)
            }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether it names a field that says something about the body, or to the next proxy.
    fileprivate var isMeaningful: Bool {
        isEqual(ignoringCase: "content-length") || isEqual(ignoringCase: "content-encoding")
            || isEqual(ignoringCase: "transfer-encoding") || isEqual(ignoringCase: "proxy-authorization")
    }

    /// Whether a patch would set it as it is: without space around it, which is cut off.
    fileprivate var isTrimmedFieldValue: Bool {
        HTTPSyntax.isFieldValue(self) && first.map(Self.isSpace) != true && last.map(Self.isSpace) != true
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
