import AddonProtocol
import NIOCore
import ProxyCodecs
import ProxyTLS

/// One connection to a server, owned by one client connection; confined to its loop.
final class UpstreamConnection: @unchecked Sendable {
    let stream: ByteStream
    let info: ConnectionInfo
    /// Requests to another destination than this must not use it.
    var destination: Destination
    /// Whether the other end is a proxy that is told with each request where it goes (RFC 9112, section 3.2.2).
    var takesAbsoluteForm = false
    /// Those that the server showed in TLS.
    var peerCertificates: [PeerCertificate] = []
    /// Whether an addon had TLS spoken before it was known what the client speaks.
    var hasTLSAhead = false
    /// An addon sent it elsewhere, so it serves only the request that it was made for.
    let isRedirected: Bool
    var parser: HTTP1HeadParser
    /// Whether a response has begun since it was last taken from the pool.
    var hasAnswered = false
    var onEnd: (() -> Void)?
    /// Whether it is kept for requests to come, so that it ends once the server does.
    var isPooled = false
    /// Its streams, once HTTP/2 is spoken on it.
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
    /// What the server has said that nobody has taken yet.
    var unreadBytes: ByteBufferView { stream.unread.readableBytesView }

    /// Whether HTTP/2 was agreed on, or is known to be spoken, so that exchanges share the connection.
    var isShared: Bool { info.tls.map { $0.alpn == ALPN.http2 } ?? destination.speaksH2C }

    /// The connection's streams; HTTP/2 is spoken from the first call on.
    func streams(_ limits: HeadLimits) throws(FlowError) -> HTTP2Connection {
        if let http2 { return http2 }
        do {
            let connection = try HTTP2Connection.client(on: stream, limits)
            http2 = connection
            return connection
        } catch {
            throw FlowError(.connectFailed, "HTTP/2 cannot be spoken with \(destination.host): \(error)")
        }
    }

    private func inputEnded() {
        if isPooled { end() }
    }

    /// Closes, and tells whoever wants to know, once.
    func end() {
        assertOnLoop(stream.transport.eventLoop)
        if let http2 { http2.close() } else { stream.close() }
        info.timestampEnd = info.timestampEnd ?? secondsSinceEpoch()
        let tell = onEnd
        onEnd = nil
        tell?()
    }
}
