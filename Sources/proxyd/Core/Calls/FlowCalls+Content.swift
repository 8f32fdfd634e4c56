import AddonProtocol
import NIOCore
import ProxyCodecs

/// `flow.body`, `flow.messages` and `flow.forget`.
extension FlowCalls {
    func body(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        let id = try id(params)
        let part = try FlowPart(params["part"])
        let offset = try size("offset", params, or: 0)
        let length = min(try size("length", params, or: Limits.bodyPartBytes), Limits.bodyPartBytes)
        let decode = params["decode"] ?? false
        guard let decodes = decode.boolValue else {
            throw .invalidParams("decode", found: decode, allowed: "true or false")
        }
        let content = try await flows.with(id) { flow, _ throws(ProtocolError) in
            guard let body = flow.body(of: part) else {
                let allowed = "a message that the flow has"
                throw .invalidParams("part", found: params["part"], allowed: allowed)
            }
            return FlowContent(body: body, fields: flow.fields(of: part))
        }
        guard decodes else { return content.body.json(offset: offset, length: length) }
        return try await decoded(content, offset: offset, length: length, for: session)
    }

    private func decoded(
        _ content: FlowContent,
        offset: Int,
        length: Int,
        for session: AddonSession
    ) async throws(ProtocolError) -> JSONValue {
        let options = session.loop.options
        let room = flows.budget.room(within: options.memoryLimitInForce)
        let limit = min(options.decodedSizeLimit, room)
        let (body, isDecoded) = try await session.loop.offLoop { content.decoded(limit: limit) }.get()
        let hidesType = host.rights(of: session).redaction?.hides("content-type") ?? false
        let charset = hidesType ? nil : content.fields?.charset
        let members = body.json(offset: offset, length: length).members ?? []
        return .object(
            members + [
                .init("decoded", .bool(isDecoded)), .init("charset", charset.map { .string($0) } ?? .null),
            ]
        )
    }

    func messages(_ params: JSONValue) async throws(ProtocolError) -> JSONValue {
        let id = try id(params)
        let start = try params["from"].flatMap { $0.isNull ? nil : $0 } == nil ? nil : size("from", params, or: 0)
        let limit = try size("limit", params, or: 100)
        return try await flows.with(id) { flow, _ throws(ProtocolError) in
            guard let flow = flow as? any MessageFlow else {
                throw .invalidParams("id", found: params["id"], allowed: "a tcp or websocket flow")
            }
            return [
                "messages": flow.kept.json(from: start, limit: limit, byteLimit: Limits.bodyPartBytes),
                "first": flow.kept.first.map { .integer($0) } ?? .null, "count": .integer(flow.messageCount),
                "dropped": .integer(flow.messageCount - flow.kept.count),
            ]
        }
    }

    func forget(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        let ids = try ids(params["ids"])
        let filter = try filter(params, session)
        guard ids != nil || filter != nil else {
            throw .invalidParams("ids", found: params["ids"], allowed: "a list of ids, or a filter besides or instead")
        }
        let found = await flows.compactMap { flow in
            !flow.control.isLive && ids?.contains(flow.id) ?? true && filter?.matches(any: flow) ?? true ? flow.id : nil
        }
        return ["forgotten": .integer(flows.history.forget(Set(found)))]
    }

    private func ids(_ value: JSONValue?) throws(ProtocolError) -> Set<String>? {
        guard let value, !value.isNull else { return nil }
        let ids = value.arrayValue?.compactMap(\.stringValue)
        guard let ids, ids.count == value.arrayValue?.count else {
            throw .invalidParams("ids", found: value, allowed: "a list of flows' ids")
        }
        return Set(ids)
    }
}

/// A body and the fields that say how it is coded.
private struct FlowContent: Sendable {
    let body: Body
    let fields: HeaderFields?

    /// The body without its content codings; as it is where it has none, or none that can be undone.
    func decoded(limit: Int) -> Result<(Body, isDecoded: Bool), ProtocolError> {
        if let plain = body.plain { return .success((plained(plain), true)) }
        guard body.isComplete, let bytes = body.bytes, let fields, let codings = try? ContentCodings(of: fields),
            !codings.isEmpty
        else { return .success((body, false)) }
        do throws(ContentCodingError) {
            return .success((plained(try codings.decode(bytes, limit: limit)), true))
        } catch .tooLarge {
            let message = "decoded the body has more than \(limit) bytes (decoded_size_limit, or memory_limit)"
            let data: JSONValue = ["limit": .integer(limit)]
            return .failure(ProtocolError(code: ProtocolError.overLimit, message: message, data: data))
        } catch {
            return .success((body, false))
        }
    }

    private func plained(_ plain: ByteBuffer) -> Body {
        Body(bytes: plain, isComplete: body.isComplete, size: plain.readableBytes)
    }
}

extension LiveFlow {
    /// The fields of the message with this body; nil where it has none.
    fileprivate func fields(of part: FlowPart) -> HeaderFields? {
        guard let http = self as? HTTPFlow ?? (self as? WebSocketFlow)?.handshake else { return nil }
        switch part {
        case .request: return http.request.headers
        case .response: return http.response?.headers
        case .message: return nil
        }
    }
}

extension HeaderFields {
    /// The `charset` of the content-type (RFC 9110, section 8.3.2), in lower case; nil when it names none.
    var charset: String? {
        guard let value = first("content-type") else { return nil }
        for parameter in String(decoding: value, as: UTF8.self).lowercased().split(separator: ";").dropFirst() {
            let parts = parameter.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].trimmed == "charset" else { continue }
            let name = parts[1].trimmed.filter { $0 != "\"" }
            return name.isEmpty ? nil : name
        }
        return nil
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        let start = drop { $0 == " " || $0 == "\t" }
        return start.lastIndex { $0 != " " && $0 != "\t" }.map { start[...$0] } ?? ""
    }
}

extension FlowPart {
    fileprivate init(_ value: JSONValue?) throws(ProtocolError) {
        if value == "request" {
            self = .request
        } else if value == "response" {
            self = .response
        } else if let index = value?.intValue, index >= 0 {
            self = .message(index)
        } else {
            throw .invalidParams("part", found: value, allowed: "\"request\", \"response\", or a message's index")
        }
    }
}

extension Body {
    /// A piece of what is in memory, as `flow.body` answers it.
    fileprivate func json(offset: Int, length: Int) -> JSONValue {
        let held = bytes?.readableBytesView.dropFirst(offset).prefix(length)
        return [
            "data": JSONValue(bytes: held.map { Array($0) } ?? []), "size": .integer(size),
            "complete": .bool(isComplete),
        ]
    }
}
