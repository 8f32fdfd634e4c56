extension HeaderFields {
    /// Reads `[[name, value], …]`, each a Bytes value. Skips anything that is not a pair.
    init(reading json: JSONValue) {
        for element in json.arrayValue ?? [] { append(pair: element) }
    }

    /// Reads the list from text that begins at `start`. Pairs of strings without escapes are read without intermediate
    /// values.
    init(reading text: [UInt8], at start: Int) {
        reserveCapacity(fields: 16, bytes: 512)
        text.withUnsafeBytes { bytes in
            var walker = JSONWalker(bytes, from: start)
            _ = walker.passArray { walker in
                walker.skipSpace()
                if let (name, value) = walker.passPlainPair() {
                    append(name: name, value: value)
                    return true
                }
                append(pair: LazyJSON(in: text, at: walker.index).value)
                return walker.passValue()
            }
        }
    }

    private mutating func append(pair: JSONValue) {
        guard let pair = pair.arrayValue, pair.count == 2 else { return }
        append(name: pair[0].bytesValue ?? [], value: pair[1].bytesValue ?? [])
    }
}
