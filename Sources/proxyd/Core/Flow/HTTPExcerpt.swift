import AddonProtocol
import NIOCore

/// What `flow.blame` shows of an HTTP flow, kept as values.
extension HTTPFlow {
    func excerpt(of named: NamedFields) -> ChangeLog.Excerpt? {
        if named.fields == SnapshotFields.requestMessage.headers {
            return .init(.request, named.headers(ofRequest: request.headers))
        }
        if named.fields == SnapshotFields.responseMessage.headers, let headers = response?.headers {
            return .init(.response, named.headers(ofResponse: headers))
        }
        return excerpt(ofMore: named)
    }

    private func excerpt(ofMore named: NamedFields) -> ChangeLog.Excerpt {
        let fields = named.fields
        let shape = SnapshotShape(fields: fields, body: .preview(Limits.changedBodyBytes))
        let notes = notes
        let request = fields.isDisjoint(with: .request) ? nil : request.excerpt(of: named)
        let response = fields.isDisjoint(with: .response) ? nil : response?.excerpt(of: named)
        let (requestStream, responseStream) = (requestStream, responseStream)
        let (way, replay) = (fields.contains(.serverConnection) ? way : nil, replay)
        let byteCount = notes.byteCount(of: fields) + (request?.byteCount ?? 0) + (response?.byteCount ?? 0)
        return ChangeLog.Excerpt(
            byteCount: byteCount,
            content: .other { writer in
                notes.write(fields, into: &writer)
                if fields.contains(.isReplay) { writer.field("is_replay", replay?.rawValue) }
                if let way {
                    writer.key("server_conn")
                    writer.beginObject()
                    writer.field("address", way.address)
                    writer.field("via", way.via)
                    writer.endObject()
                }
                if let request { writer.member(request, requestStream, shape) }
                if let response { writer.member(response, responseStream, shape) }
            }
        )
    }
}

extension ChangeLog.Excerpt {
    init(_ message: Message, _ fields: HeaderFields) {
        byteCount = fields.wireByteCount
        content = .headers(message, fields)
    }
}

extension HTTPRequest {
    fileprivate func excerpt(of named: NamedFields) -> HTTPRequest {
        var excerpt = self
        excerpt.headers = named.headers(ofRequest: headers)
        excerpt.body = named.fields.contains(SnapshotFields.requestMessage.content) ? body.excerpt : Body()
        return excerpt
    }

    fileprivate var byteCount: Int { path.count + authority.count + headers.byteCount(body, trailers) }
}

extension HTTPResponse {
    fileprivate func excerpt(of named: NamedFields) -> HTTPResponse {
        var excerpt = self
        excerpt.headers = named.headers(ofResponse: headers)
        excerpt.body = named.fields.contains(SnapshotFields.responseMessage.content) ? body.excerpt : Body()
        return excerpt
    }

    fileprivate var byteCount: Int { reason.count + headers.byteCount(body, trailers) }
}

extension Body {
    /// A copy of the first bytes, which does not keep the rest in memory.
    fileprivate var excerpt: Body {
        Body(bytes: bytes?.excerpt)
    }
}

extension HeaderFields {
    fileprivate func byteCount(_ body: Body, _ trailers: HeaderFields?) -> Int {
        wireByteCount + (body.bytes?.readableBytes ?? 0) + (trailers?.wireByteCount ?? 0)
    }
}
