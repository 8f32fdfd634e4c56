import AddonProtocol
import AddonSDK

/// A flow that the user named.
enum FlowArgument {
    /// The flow as it is now.
    /// - Throws: `ToolFailure` when the daemon does not know the flow, or no longer does.
    static func flow(_ id: String, of daemon: Daemon) async throws -> JSONValue {
        try await found(id, by: daemon)["flow"] ?? .null
    }

    /// The same as `{flow, held}`.
    static func found(_ id: String, by daemon: Daemon) async throws -> JSONValue {
        try await known(id) { try await daemon.call(.flowGet, ["id": .string(id)]) }
    }

    /// Makes a call; if the flow is unknown, says where to find others.
    static func known<Value>(_ id: String, _ call: () async throws -> Value) async throws -> Value {
        guard !id.isEmpty else {
            throw ToolFailure.usage("the id of a flow is empty; proxyd flows lists the flows")
        }
        do {
            return try await call()
        } catch let error as ProtocolError where error.code == ProtocolError.unknownFlow {
            throw ToolFailure.nothing("there is no flow \(id), or not any more; proxyd flows lists the flows")
        }
    }

    /// The part of a body that is in memory, without its content coding if the daemon can decode it.
    static func body(_ part: JSONValue, of id: String, decoded: Bool, _ daemon: Daemon) async throws -> Body {
        var body = Body()
        while true {
            let answer = try await daemon.call(
                .flowBody,
                ["id": .string(id), "part": part, "offset": .integer(body.bytes.count), "decode": .bool(decoded)]
            )
            let piece = answer["data"]?.bytesValue ?? []
            body.bytes += piece
            body.size = answer["size"]?.intValue ?? body.bytes.count
            body.isComplete = answer["complete"]?.boolValue ?? false
            if piece.isEmpty || body.bytes.count >= body.size { return body }
        }
    }

    struct Body: Sendable {
        var bytes: [UInt8] = []
        var size = 0
        var isComplete = false
    }
}
