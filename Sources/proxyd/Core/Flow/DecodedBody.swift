import AddonProtocol
import NIOCore
import ProxyCodecs

/// Decodes bodies for addons that subscribed with `decode`.
extension Body {
    /// A decoded body that an addon supplied.
    static func plain(_ bytes: ByteBuffer) -> Body {
        Body(bytes: nil, isComplete: true, size: bytes.readableBytes, form: .replaced(bytes))
    }

    /// The decoded content; nil when the body has no coding, is incomplete, or cannot be decoded.
    var plain: ByteBuffer? {
        switch form {
        case .decoded(let plain), .replaced(let plain): plain
        case .coded, .undecodable: nil
        }
    }

    fileprivate var isReplaced: Bool {
        if case .replaced = form { true } else { false }
    }

    fileprivate func isPrepared(decoding: Bool) -> Bool {
        switch form {
        case .coded: !decoding || !isComplete
        case .replaced: decoding
        case .decoded, .undecodable: true
        }
    }

    /// Decodes the body, if requested and if its fields name a coding, or encodes it again.
    ///
    /// - Throws: why the body cannot be decoded. `Body.undecodable` then has it in its original form.
    fileprivate func prepared(
        decoding: Bool,
        _ fields: HeaderFields,
        limit: Int,
        on loop: LoopContext
    ) async throws(ContentCodingError) -> Body {
        let (budget, memoryLimit) = (loop.budget, loop.options.memoryLimitInForce)
        switch form {
        case .replaced(let plain) where !decoding:
            let codings = try ContentCodings(of: fields)
            let coded = try await loop.code(plain) { bytes throws(ContentCodingError) in try codings.encode(bytes) }
            return Body(bytes: coded, isComplete: true, size: coded.readableBytes, form: .decoded(plain))
        case .coded where decoding:
            let codings = try ContentCodings(of: fields)
            guard let bytes, !codings.isEmpty else { return undecodable }
            let plain = try await loop.code(bytes) { bytes throws(ContentCodingError) in
                try codings.decode(bytes, limit: min(limit, budget.room(within: memoryLimit)))
            }
            var body = self
            body.form = .decoded(plain)
            return body
        case .coded, .replaced, .decoded, .undecodable:
            return self
        }
    }

    fileprivate var undecodable: Body {
        var body = self
        body.form = .undecodable
        return body
    }
}

extension HTTPFlow {
    /// Whether both bodies already have the form that the shape shows.
    func isPrepared(for shape: SnapshotShape) -> Bool {
        request.body.isPrepared(decoding: shape.decodes) && response?.body.isPrepared(decoding: shape.decodes) ?? true
    }

    /// - Throws: when a decoded body would be larger than `limits.decodedBytes`.
    func prepare(_ shape: SnapshotShape, on loop: LoopContext) async throws(FlowError) -> String? {
        defer { loop.count(self) }
        var notes: [String] = []
        do {
            let isNew = request.body.isReplaced
            request.body = try await prepared(request.body, request.headers, shape, on: loop)
            if isNew { request.followContentLength() }
        } catch {
            notes.append(try note(error, on: "request", request.body, status: 413))
            request.body = request.body.undecodable
        }
        guard let response else { return notes.first }
        do {
            // In two steps, since a direct assignment would have exclusive access to the response during the wait.
            let body = try await prepared(response.body, response.headers, shape, on: loop)
            self.response?.body = body
            if response.body.isReplaced { self.response?.followContentLength(toMethod: request.method) }
        } catch {
            notes.append(try note(error, on: "response", response.body, status: 502))
            self.response?.body = response.body.undecodable
        }
        return notes.isEmpty ? nil : notes.joined(separator: "; ")
    }

    private func prepared(
        _ body: Body,
        _ fields: HeaderFields,
        _ shape: SnapshotShape,
        on loop: LoopContext
    ) async throws(ContentCodingError) -> Body {
        guard !body.isPrepared(decoding: shape.decodes) else { return body }
        return try await body.prepared(decoding: shape.decodes, fields, limit: limits.decodedBytes, on: loop)
    }

    private func note(
        _ error: ContentCodingError,
        on message: String,
        _ body: Body,
        status: Int
    ) throws(FlowError) -> String {
        switch error {
        case _ where body.bytes == nil:
            throw FlowError(.addonFailed, "the \(message) body cannot be encoded again: \(error)")
        case .tooLarge(let limit) where limit < limits.decodedBytes:
            throw FlowError(.memoryLimit, "there is no memory to decode the \(message) body (memory_limit)")
        case .tooLarge:
            throw FlowError(.bodyTooLarge, "the \(message) body: \(error)", status: status)
        case .unknown, .tooMany, .malformed, .failed:
            return "the \(message) body is sent to addons undecoded: \(error)"
        }
    }
}

extension LoopContext {
    /// Encodes or decodes, for large bodies on another thread, so that this loop stays free for other connections.
    fileprivate func code(
        _ bytes: ByteBuffer,
        _ work: @escaping @Sendable (ByteBuffer) throws(ContentCodingError) -> ByteBuffer
    ) async throws(ContentCodingError) -> ByteBuffer {
        guard bytes.readableBytes > Limits.codedOnLoop else { return try work(bytes) }
        let result = await offLoop { Result { () throws(ContentCodingError) in try work(bytes) } }
        return try result.get()
    }
}
