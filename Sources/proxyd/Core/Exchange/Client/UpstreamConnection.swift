import AddonProtocol
import NIOCore
import ProxyCodecs
import ProxyTLS

/// A connection to a server, owned by one client connection. Confined to its loop.
final class UpstreamConnection: @unchecked Sendable {
    let stream: ByteStream
    let info: ConnectionInfo
    /// The only destination whose requests may use it.
    var destination: Destination
    /// Whether the peer is a proxy that needs the destination in each request (RFC 9112, section 3.2.2).
    var takesAbsoluteForm = false
    /// The server's TLS certificates.
    var peerCertificates: [PeerCertificate] = []
    /// Whether TLS was established before the client's protocol was known.
    var hasTLSAhead = false
    /// Whether an addon routed it elsewhere, in which case it serves only the request that it was made for.
    let isRedirected: Bool
    var parser: HTTP1HeadParser
    /// Whether a response has begun since it was last taken from the pool.
    var hasAnswered = false
    var onEnd: (() -> Void)?
    /// Whether it is kept for later requests, so that it ends when the server ends its side.
    var isPooled = false
    /// Its streams, once it speaks HTTP/2.
    private(set) var http2: HTTP2Connection?

    init(stream: ByteStream, info: ConnectionInfo, destination: Destination, isRedirected: Bool, limits: HeadLimits) {
        self.stream = stream
        self.info = info
        self.destination = destination
        self.isRedirected = isRedirected
        parser = HTTP1HeadParser(limits: limits)
        stream.onInputEnd = { [weak self] in self?.inputEnded() }
    }

    var isUsable: Bool { stream.isIdle }
    /// The server's unread bytes.
    var unreadBytes: ByteBufferView { stream.unread.readableBytesView }

    /// Whether HTTP/2 was negotiated, or is known to be spoken, so that exchanges share the connection.
    var isShared: Bool { info.tls.map { $0.alpn == ALPN.http2 } ?? destination.speaksH2C }

    /// The connection's streams. The first call starts HTTP/2.
    func streams(_ limits: HeadLimits) throws(FlowError) -> HTTP2Connection {
        if let http2 { return http2 }
        do {
            let connection = try HTTP2Connection.client(on: stream, limits)
            http2 = connection
            return connection
        } catch {
            throw FlowError(.connectFailed, "cannot speak HTTP/2 with \(destination.host): \(error)")
        }
    }

    private func inputEnded() {
        if isPooled { end() }
    }

    /// Closes the connection, and notifies its observers once.
    func end() {
        assertOnLoop(stream.transport.eventLoop)
        if let http2 { http2.close() } else { stream.close() }
        info.timestampEnd = info.timestampEnd ?? secondsSinceEpoch()
        let tell = onEnd
        onEnd = nil
        tell?()
    }
}
