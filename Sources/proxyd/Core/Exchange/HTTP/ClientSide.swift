import AddonProtocol
import NIOCore
import ProxyCodecs

/// The client's end of one exchange, whatever version of HTTP it speaks; confined to the exchange's loop.
///
/// What a message is made of comes and goes here; how it is framed, and what becomes of the connection, is the side's own.
protocol ClientSide: AnyObject, Sendable {
    /// What ends the exchange's waits: the client has left it, or the daemon stops.
    var interruption: Interruption { get }

    // MARK: The request

    /// What the request's head says of its body.
    var requestLength: BodyLength { get }
    /// Whether the request has come to its end.
    var requestIsRead: Bool { get }
    /// Whether the next part is there already, so that reading it needs no wait.
    var hasRequestPart: Bool { get }

    /// The next of the request's body; not to be called after its end. Who does not call it holds the client back.
    ///
    /// - Returns: nil when `stopWaiting` ended the wait.
    func nextRequestPart() async throws(FlowError) -> BodyPart?
    /// Ends a wait of `nextRequestPart` for the client, which may still send more.
    func stopWaiting()
    /// The rest of the request is not wanted.
    func abandonRequest()

    // MARK: The response

    /// An interim response (RFC 9110, section 15.2), unless the client's version has none.
    func send(interim head: ResponseHead)
    /// The head of the final response, behind which its body follows in parts and an end.
    func send(_ response: HTTPResponse, _ body: OutgoingBody)
    func send(part: ByteBuffer)
    func sendEnd(trailers: HeaderFields?)
    /// A response that is all there.
    func send(whole response: HTTPResponse)
    /// Tells the client that its request has not been acted on, in a way that its software understands.
    ///
    /// - Returns: whether the client's version has such a way.
    func refuse() -> Bool
    /// Sends what was written.
    ///
    /// - Returns: whether the client has room for more.
    func send() -> Bool
    /// Waits until the client has room for more.
    func untilRoom() async throws(FlowError)

    // MARK: The end

    /// The connection as bytes, for another protocol after a 101; nil where other exchanges share it.
    var tunnel: ByteStream? { get }
    /// The head of a 101, behind which the tunnel begins.
    func send(upgrade response: HTTPResponse)
    /// The head of a 2xx to CONNECT, behind which the tunnel begins.
    func send(connected response: HTTPResponse)
    /// The exchange is over; what was sent arrives.
    func finish() async
    /// The exchange is cut off, without another word to the client.
    func abort()
}

extension ClientSide {
    /// Sends what was written, and waits until the client has room for more.
    @inline(__always)
    func flush() async throws(FlowError) {
        if !send() { try await untilRoom() }
    }
}
