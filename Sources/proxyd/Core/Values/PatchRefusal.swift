import AddonProtocol
import NIOCore

/// Why a patch was refused: what it asked for, and what is allowed there.
struct PatchRefusal: Error, Sendable, Equatable {
    /// The place in the reply, such as `flow.request.headers`.
    let path: String
    let reason: String
    /// Whether it would have been allowed earlier: what it would change has already been sent.
    let comesTooLate: Bool

    init(_ path: String, _ reason: String, comesTooLate: Bool = false) {
        self.path = path
        self.reason = reason
        self.comesTooLate = comesTooLate
    }

    /// The refusal of a value of the wrong type.
    static func wrongType(_ path: String, _ value: JSONValue, allowed: String) -> PatchRefusal {
        PatchRefusal(path, "found a JSON \(value.typeName); allowed: \(allowed)")
    }

    /// The refusal to change a read-only member.
    static func readOnly(_ path: String) -> PatchRefusal {
        PatchRefusal(path, "is read-only")
    }
}

/// Reads values from a reply; `path` locates the value in the error when it is not allowed.
extension JSONValue {
    /// The value as a string.
    func string(at path: @autoclosure () -> String) throws(PatchRefusal) -> String {
        guard let value = stringValue else { throw .wrongType(path(), self, allowed: "a string") }
        return value
    }

    /// The value as a whole number within a range.
    func integer(at path: @autoclosure () -> String, in range: ClosedRange<Int>) throws(PatchRefusal) -> Int {
        guard let value = intValue, range.contains(value) else {
            let found = intValue.map { String($0) } ?? "a JSON \(typeName)"
            throw PatchRefusal(path(), "found \(found); allowed: \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// The value as a boolean.
    func bool(at path: @autoclosure () -> String) throws(PatchRefusal) -> Bool {
        guard let value = boolValue else { throw .wrongType(path(), self, allowed: "true or false") }
        return value
    }

    /// The bytes of a Bytes value.
    func bytes(at path: @autoclosure () -> String) throws(PatchRefusal) -> [UInt8] {
        guard let value = bytesValue else {
            throw .wrongType(path(), self, allowed: "a string or {\"base64\": …}")
        }
        return value
    }

    /// The bytes of a Bytes value, as a buffer.
    func byteBuffer(at path: @autoclosure () -> String) throws(PatchRefusal) -> ByteBuffer {
        if case .string(let text) = self { return ByteBuffer(string: text) }
        return ByteBuffer(bytes: try bytes(at: path()))
    }

    /// The members of an object.
    func object(at path: @autoclosure () -> String) throws(PatchRefusal) -> [Member] {
        guard let members else { throw .wrongType(path(), self, allowed: "an object") }
        return members
    }

    /// The patch without members that equal what they would replace, at any depth; nil when nothing is left. By RFC
    /// 7396 such members change nothing, so an addon may answer with the whole snapshot, changed in one place.
    func pruned(against current: JSONValue) -> JSONValue? {
        if self == current { return nil }
        guard let members, current.members != nil else { return self }
        let kept = members.compactMap { member -> Member? in
            guard let old = current[member.name] else { return member }
            return member.value.pruned(against: old).map { Member(member.name, $0) }
        }
        return kept.isEmpty ? nil : .object(kept)
    }
}
