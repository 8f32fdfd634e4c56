import AddonProtocol
import Glibc
import Synchronization

/// One connection to the daemon, from `initialize` to its end. Created and run on the reading thread.
final class Session: Sendable {
    enum End: Sendable {
        /// `wasRegistered` is false when the connection was lost before the daemon answered `initialize`.
        case closed(wasRegistered: Bool)
        case refused(ProtocolError)
    }

    /// The most bytes to read from the socket at once.
    private static let readBytes = 256 * 1024
    /// How long replies to events of one read may wait for one another.
    private static let longestBatch = Duration.microseconds(50)
    /// The deepest nesting of a frame. The daemon limits what each addon sends (`json_depth_limit`, at most 512), and forwards it to
    /// others inside messages of its own.
    private static let maximumDepth = 1024
    private static let handshakeID = RequestID.string(Call.initialize.rawValue)

    private let socket: UnixSocket
    private let outbox: Outbox
    private let daemon: Daemon
    private let receiveCall: @Sendable (IncomingCall) -> Void

    /// - Parameter receive: gets each event and control message on the reading thread, after which the outbox is flushed.
    init(socket: UnixSocket, outbox: Outbox, daemon: Daemon, receive: @escaping @Sendable (IncomingCall) -> Void) {
        self.socket = socket
        self.outbox = outbox
        self.daemon = daemon
        receiveCall = receive
    }

    /// Registers and handles events until the connection ends.
    ///
    /// - Parameter registered: gets the result of `initialize`.
    func run(registration: JSONValue, registered: (JSONValue) -> Void = { _ in }) -> End {
        defer {
            outbox.close()
            daemon.disconnected()
        }
        let request = Message.request(
            id: Self.handshakeID,
            method: Call.initialize.rawValue,
            params: registration
        )
        try? outbox.append(request.encoded())
        outbox.flush()
        var end = End.closed(wasRegistered: false)
        readFrames { frame in
            guard case .closed(wasRegistered: true) = end else {
                end = handshake(frame, registered)
                return end.goesOn
            }
            receive(frame)
            return true
        }
        return end
    }

    /// Reads until the connection ends or `body` returns false, and writes the queued frames after each read.
    private func readFrames(_ body: ([UInt8]) -> Bool) {
        var decoder = FrameDecoder()
        withUnsafeTemporaryAllocation(byteCount: Self.readBytes, alignment: 16) { buffer in
            while true {
                let count = socket.read(into: buffer)
                guard count > 0 else { return }
                decoder.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]))
                let goesOn = Daemon.$bound.withValue(daemon) { decodeAll(&decoder, body) }
                outbox.flush()
                guard goesOn else { return }
            }
        }
    }

    private func decodeAll(_ decoder: inout FrameDecoder, _ body: ([UInt8]) -> Bool) -> Bool {
        do throws(ProtocolError) {
            var start = ContinuousClock.now
            while let frame = try decoder.next() {
                guard body(frame) else { return false }
                let now = ContinuousClock.now
                guard now - start > Self.longestBatch else { continue }
                outbox.flush()
                start = now
            }
            return true
        } catch {
            answerUnreadable(error)
            return false
        }
    }

    private func handshake(_ frame: [UInt8], _ registered: (JSONValue) -> Void) -> End {
        do throws(ProtocolError) {
            switch try IncomingFrame.decode(frame, maximumDepth: Self.maximumDepth) {
            case .single(.success(Self.handshakeID, let result)):
                if let limit = result["limits"]?["frame_bytes"]?.intValue { outbox.limitFrames(to: limit) }
                daemon.connected(to: outbox)
                registered(result)
                return .closed(wasRegistered: true)
            case .single(.failure(_, let error)): return .refused(error)
            case .single, .batch: return .refused(.unexpectedHandshake)
            }
        } catch {
            return .refused(error)
        }
    }

    private func receive(_ frame: [UInt8]) {
        if let call = IncomingCall(frame, maximumDepth: Self.maximumDepth) { return receiveCall(call) }
        do throws(ProtocolError) {
            switch try IncomingFrame.decode(frame, maximumDepth: Self.maximumDepth) {
            case .single(let message): receive(message)
            case .batch(let messages):
                for message in messages { receive(message) }
            }
        } catch {
            answerUnreadable(error)
        }
    }

    private func receive(_ message: Result<Message, ProtocolError>) {
        switch message {
        case .success(let message): receive(message)
        case .failure(let error): answerUnreadable(error)
        }
    }

    private func receive(_ message: Message) {
        switch message {
        case .request(let id, let method, let params):
            receiveCall(IncomingCall(id: id, method: method, params: LazyJSON(params)))
        case .notification(let method, let params):
            receiveCall(IncomingCall(id: nil, method: method, params: LazyJSON(params)))
        case .success(let id, let result): daemon.answered(id, .success(result))
        case .failure(let id?, let error): daemon.answered(id, .failure(error))
        case .failure(nil, let error): Diagnostics.write("proxyd could not read a message: \(error)")
        }
    }

    private func answerUnreadable(_ error: ProtocolError) {
        Diagnostics.write("unreadable message from proxyd: \(error)")
        try? outbox.append(Message.failure(id: nil, error).encoded())
    }
}

extension Session.End {
    fileprivate var goesOn: Bool {
        switch self {
        case .closed(let wasRegistered): wasRegistered
        case .refused: false
        }
    }
}

extension ProtocolError {
    fileprivate static var unexpectedHandshake: ProtocolError {
        ProtocolError(code: invalidRequest, message: "proxyd did not answer initialize first")
    }
}
