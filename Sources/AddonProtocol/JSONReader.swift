import CJansson

/// Reads JSON (RFC 8259), by jansson where it is not plain. Any value may be at the top and strings may contain NUL;
/// repeated members and lone surrogates are errors.
public enum JSONReader {
    /// - Parameter maximumDepth: how deeply arrays and objects may be nested.
    public static func read(_ bytes: [UInt8], maximumDepth: Int = 64) throws(JSONError) -> JSONValue {
        try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in
            try read(UnsafeRawBufferPointer(buffer), maximumDepth: maximumDepth)
        }
    }

    /// Reads JSON from bytes that need only be valid during the call.
    public static func read(
        _ bytes: UnsafeRawBufferPointer,
        maximumDepth: Int = 64
    ) throws(JSONError) -> JSONValue {
        if let plain = PlainJSONReader.read(bytes, maximumDepth: maximumDepth) { return plain }
        return try readWithJansson(bytes, maximumDepth: maximumDepth)
    }

    static func readWithJansson(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int) throws(JSONError) -> JSONValue {
        if let position = JSONScanner.tooDeep(bytes, maximumDepth: maximumDepth) {
            throw JSONError(nestingLimit: maximumDepth, position: position + 1)
        }
        let flags = JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY
        var error = json_error_t()
        if let tree = load(bytes, flags, &error) {
            defer { cjansson_decref(tree) }
            return value(of: tree)
        }
        // jansson rejects integers beyond Int64. RFC 8259, section 6, allows reading them with less precision instead.
        guard cjansson_is_overflow(&error) != 0, let tree = load(bytes, flags | JSON_DECODE_INT_AS_REAL, &error) else {
            throw JSONError(syntax: String(cString: cjansson_error_text(&error)), position: Int(error.position))
        }
        defer { cjansson_decref(tree) }
        return value(of: tree)
    }

    private static func load(
        _ bytes: UnsafeRawBufferPointer,
        _ flags: Int32,
        _ error: inout json_error_t
    ) -> UnsafeMutablePointer<json_t>? {
        guard let base = bytes.baseAddress else {
            return json_loadb("", 0, Int(flags), &error)
        }
        return json_loadb(base.assumingMemoryBound(to: CChar.self), bytes.count, Int(flags), &error)
    }

    private static func value(of json: UnsafeMutablePointer<json_t>) -> JSONValue {
        switch cjansson_typeof(json) {
        case JSON_OBJECT: .object(members(of: json))
        case JSON_ARRAY: .array(elements(of: json))
        case JSON_STRING: .string(string(json_string_value(json), json_string_length(json)))
        case JSON_INTEGER: .integer(Int(json_integer_value(json)))
        case JSON_REAL: .number(json_real_value(json))
        case JSON_TRUE: .bool(true)
        case JSON_FALSE: .bool(false)
        default: .null
        }
    }

    private static func members(of json: UnsafeMutablePointer<json_t>) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        members.reserveCapacity(json_object_size(json))
        var iterator = json_object_iter(json)
        while let current = iterator {
            if let child = json_object_iter_value(current) {
                let name = string(json_object_iter_key(current), json_object_iter_key_len(current))
                members.append(JSONValue.Member(name, value(of: child)))
            }
            iterator = json_object_iter_next(json, current)
        }
        return members
    }

    private static func elements(of json: UnsafeMutablePointer<json_t>) -> [JSONValue] {
        let count = json_array_size(json)
        var elements: [JSONValue] = []
        elements.reserveCapacity(count)
        for index in 0..<count {
            if let child = json_array_get(json, index) { elements.append(value(of: child)) }
        }
        return elements
    }

    private static func string(_ start: UnsafePointer<CChar>?, _ length: Int) -> String {
        String(decoding: UnsafeRawBufferPointer(start: start, count: length), as: UTF8.self)
    }
}
