import AddonProtocol
import NIOCore
import ProxyCodecs

/// Writes a flow as the JSON of protocol section 3.2, in one pass and without a tree.
extension HTTPFlow {
    func write(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        let fields = shape.fields
        writer.beginObject()
        writer.key("id")
        writer.string(id)
        writer.key("type")
        writer.string("http")
        if fields.contains(.clientConnection) {
            writer.key("client_conn")
            writer.raw(clientConnection.json)
        }
        if fields.contains(.serverConnection) {
            writer.field("server_conn", shownServer)
        }
        writeBookkeeping(fields, into: &writer)
        if !fields.isDisjoint(with: .request) { writer.member(request, requestStream, shape) }
        if !fields.isDisjoint(with: .response) { writer.member(response, responseStream, shape) }
        writer.endObject()
    }
}

extension JSONWriter {
    /// Writes a request as the member `request`.
    mutating func member(_ request: HTTPRequest, _ stream: StreamMode, _ shape: SnapshotShape) {
        let fields = shape.fields
        key("request")
        beginObject()
        if fields.contains(.method) { field("method", request.method) }
        if fields.contains(.scheme) { field("scheme", request.scheme) }
        if fields.contains(.host) { field("host", request.host) }
        if fields.contains(.port) {
            key("port")
            integer(request.port)
        }
        if fields.contains(.path) {
            key("path")
            bytes(request.path)
        }
        if fields.contains(.authority) {
            key("authority")
            bytes(request.authority)
        }
        if fields.contains(.url) {
            key("url")
            bytes(request.url)
        }
        if fields.contains(.requestVersion) { field("http_version", request.version.name) }
        message(
            fields,
            SnapshotFields.requestMessage,
            headers: request.headers,
            body: request.body,
            shape.decodes,
            shape.requestBody,
            trailers: request.trailers,
            start: request.timestampStart,
            end: request.timestampEnd,
            stream: stream
        )
        endObject()
    }

    /// Writes a response, or null, as the member `response`.
    mutating func member(_ response: HTTPResponse?, _ stream: StreamMode, _ shape: SnapshotShape) {
        let fields = shape.fields
        key("response")
        guard let response else { return null() }
        beginObject()
        if fields.contains(.status) {
            key("status_code")
            integer(response.status)
        }
        if fields.contains(.reason) {
            key("reason")
            bytes(response.reason)
        }
        if fields.contains(.responseVersion) { field("http_version", response.version.name) }
        message(
            fields,
            SnapshotFields.responseMessage,
            headers: response.headers,
            body: response.body,
            shape.decodes,
            shape.body,
            trailers: response.trailers,
            start: response.timestampStart,
            end: response.timestampEnd,
            stream: stream
        )
        if fields.contains(.origin) { field("origin", response.origin.name) }
        endObject()
    }

    /// Writes what requests and responses have in common.
    private mutating func message(
        _ fields: SnapshotFields,
        _ names: SnapshotFields.MessageFields,
        headers: HeaderFields,
        body: Body,
        _ decodes: Bool,
        _ delivery: Subscription.Body,
        trailers: HeaderFields?,
        start: Double,
        end: Double?,
        stream: StreamMode
    ) {
        if fields.contains(names.headers) {
            key("headers")
            self.headers(headers)
        }
        if fields.contains(names.content) { content(body, decodes, delivery) }
        if fields.contains(names.trailers) {
            key("trailers")
            if let trailers { self.headers(trailers) } else { null() }
        }
        if fields.contains(names.start) { field("timestamp_start", start) }
        if fields.contains(names.end) { field("timestamp_end", end) }
        if fields.contains(names.stream) {
            key("stream")
            value(stream.json)
        }
    }

    private mutating func content(_ body: Body, _ decodes: Bool, _ delivery: Subscription.Body) {
        let plain = decodes ? body.plain : nil
        let size = plain?.readableBytes ?? body.size
        let sent = (plain ?? body.bytes)?.delivered(by: delivery)
        key("content")
        if let sent {
            sent.withUnsafeReadableBytes { bytes($0) }
        } else {
            null()
        }
        key("content_complete")
        bool(body.isComplete && sent?.readableBytes == size)
        key("content_size")
        integer(size)
        guard decodes else { return }
        key("content_decoded")
        bool(plain != nil)
    }
}

extension ByteBuffer {
    /// As much of the body as a subscription asks for.
    fileprivate func delivered(by delivery: Subscription.Body) -> ByteBuffer? {
        switch delivery {
        case .none, .stream: nil
        case .full: self
        case .preview(let limit): getSlice(at: readerIndex, length: min(limit, readableBytes))
        }
    }
}
