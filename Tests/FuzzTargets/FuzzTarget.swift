#if DEBUG
/// A parser of bytes that others send, and the properties that must hold for any input.
///
/// `make fuzz` searches for bytes that violate them; the tests replay what has been found so far.
public enum FuzzTarget: String, CaseIterable, Sendable {
    case body
    case clientHello = "client-hello"
    case config
    case fields
    case filter
    case frames
    case hpack
    case http1
    case http2
    case json
    case patch
    case regex
    case websocket

    /// - Throws: the violated property.
    public func run(_ bytes: [UInt8]) throws(FuzzFinding) {
        switch self {
        case .body: try fuzzBody(FuzzInput(bytes))
        case .clientHello: try fuzzClientHello(bytes)
        case .config: try fuzzConfig(bytes)
        case .fields: try fuzzFields(bytes)
        case .filter: try fuzzFilter(FuzzInput(bytes))
        case .frames: try fuzzFrames(FuzzInput(bytes))
        case .hpack: try fuzzHPACK(FuzzInput(bytes))
        case .http1: try fuzzHTTP1(FuzzInput(bytes))
        case .http2: try fuzzHTTP2(FuzzInput(bytes))
        case .json: try fuzzJSON(bytes)
        case .patch: try fuzzPatch(FuzzInput(bytes))
        case .regex: try fuzzRegex(FuzzInput(bytes))
        case .websocket: try fuzzWebSocket(FuzzInput(bytes))
        }
    }
}

/// A violated property.
public struct FuzzFinding: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

func hold(_ isTrue: Bool, _ otherwise: @autoclosure () -> String) throws(FuzzFinding) {
    if !isTrue { throw FuzzFinding(otherwise()) }
}

/// Bytes of which the first ones decide how to use the others.
struct FuzzInput {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        self.bytes = bytes[...]
    }

    var isEmpty: Bool { bytes.isEmpty }

    /// A number below `bound`; 0 when there are no bytes.
    mutating func choice(below bound: Int) -> Int {
        Int(bytes.popFirst() ?? 0) % bound
    }

    mutating func flag() -> Bool { choice(below: 2) == 1 }

    /// The sizes of the pieces in which the rest arrives.
    mutating func pieces() -> [Int] {
        [1 + choice(below: 255), 1 + choice(below: 255)]
    }

    mutating func take(atMost count: Int) -> [UInt8] {
        defer { bytes = bytes.dropFirst(count) }
        return Array(bytes.prefix(count))
    }

    /// Removes and returns the bytes up to the next NUL, or to the end; the NUL is dropped.
    mutating func takeToNUL() -> [UInt8] {
        let end = bytes.firstIndex(of: 0) ?? bytes.endIndex
        defer { bytes = bytes[end...].dropFirst() }
        return Array(bytes[..<end])
    }

    mutating func rest() -> [UInt8] { take(atMost: bytes.count) }
}

extension [UInt8] {
    /// The rest in pieces of the given sizes, the last one repeated.
    func cut(_ sizes: [Int]) -> [[UInt8]] {
        var (pieces, rest, sizes) = ([[UInt8]](), self[...], sizes[...])
        while !rest.isEmpty {
            let size = (sizes.count > 1 ? sizes.popFirst() : sizes.first) ?? rest.count
            pieces.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        return pieces
    }
}
#endif
