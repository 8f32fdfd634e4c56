import AddonProtocol

@testable import AddonSDK

// Tests write what the daemon sends as values where it does not matter that it arrives as text.

extension HTTPFlow {
    convenience init(_ json: JSONValue) { self.init(LazyJSON(json)) }
}

extension ConnectionEvent {
    convenience init(_ params: JSONValue) { self.init(LazyJSON(params)) }
}

extension BodyChunk {
    init(_ params: JSONValue) { self.init(LazyJSON(params)) }
}

extension Headers {
    init(_ json: JSONValue) { self.init(LazyJSON(json).headerFields) }
}

extension HandlerTable {
    subscript(method: String) -> (@Sendable (JSONValue) async throws -> JSONValue)? {
        guard let handler = handler(of: method) else { return nil }
        return { params in try await handler(LazyJSON(params)) }
    }
}
