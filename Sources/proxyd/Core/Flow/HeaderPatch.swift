import AddonProtocol
import ProxyCodecs

/// Applies the `headers` of a reply: a list replaces all fields; an object sets the fields that it names, or removes
/// them if null.
enum HeaderPatch {
    /// Returns the fields after the patch.
    static func apply(
        _ patch: JSONValue,
        to fields: HeaderFields,
        at path: @autoclosure () -> String
    ) throws(PatchRefusal) -> HeaderFields {
        switch patch {
        case .array(let list):
            return try replacing(list, at: path())
        case .object(let members):
            var result = fields
            for member in members { try apply(member, to: &result, at: path()) }
            return result
        case .null, .bool, .integer, .number, .string:
            throw .wrongType(path(), patch, allowed: "a list of [name, value] pairs, or an object")
        }
    }

    private static func replacing(_ list: [JSONValue], at path: String) throws(PatchRefusal) -> HeaderFields {
        var result = HeaderFields()
        for pair in list {
            guard let pair = pair.arrayValue, pair.count == 2 else {
                throw .wrongType(path, pair, allowed: "[name, value] in the list")
            }
            let name = try checkedName(pair[0].bytes(at: path), at: path)
            result.append(name: name, value: try checkedValue(pair[1], name: name, at: path))
        }
        return result
    }

    private static func apply(
        _ member: JSONValue.Member,
        to fields: inout HeaderFields,
        at path: @autoclosure () -> String
    )
        throws(PatchRefusal)
    {
        let name = try checkedName(Array(member.name.utf8), at: path())
        switch member.value {
        case .null:
            fields.remove(name: name)
        case .array(let values):
            var checked: [[UInt8]] = []
            for value in values { checked.append(try checkedValue(value, name: name, at: path())) }
            fields.set(name: name, values: checked)
        case .bool, .integer, .number, .string, .object:
            let value = try checkedValue(member.value, name: name, at: path())
            fields.set(name: name, values: CollectionOfOne(value))
        }
    }

    private static func checkedName(
        _ name: [UInt8],
        at path: @autoclosure () -> String
    ) throws(PatchRefusal) -> [UInt8] {
        var shown: String { String(decoding: name, as: UTF8.self) }
        if name.first == UInt8(ascii: ":") {
            throw PatchRefusal(path(), "\"\(shown)\" is a pseudo header; set method, scheme, authority or path instead")
        }
        guard HTTPSyntax.isToken(name) else {
            throw PatchRefusal(path(), "\"\(shown)\" is not a field name (RFC 9110, section 5.1)")
        }
        return name
    }

    private static func checkedValue(
        _ value: JSONValue,
        name: [UInt8],
        at path: @autoclosure () -> String
    ) throws(PatchRefusal)
        -> [UInt8]
    {
        var shown: String { String(decoding: name, as: UTF8.self) }
        let bytes = try value.bytes(at: path() + "." + shown)
        guard HTTPSyntax.isFieldValue(bytes) else {
            throw PatchRefusal(path(), "the value of \"\(shown)\" has a control character; only a tab is allowed")
        }
        return Array(bytes[...].trimmingOptionalWhitespace())
    }
}
