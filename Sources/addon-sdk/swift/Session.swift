import AddonProtocol
import Glibc
import Synchronization

/// One connection to the daemon, from `initialize` to its end. Made and run on the thread that reads.
final class Session: Sendable {
    enum End: Sendable {
        /// `wasRegistered` is false when the connection was lost before the daemon had answered `initialize`.
        case closed(wasRegistered: Bool)
        case refused(ProtocolError)
    }

    /// How much is read from the socket at once.
    private static let readBytes = 256 * 1024
    /// How long replies to events that came in one read wait for one another.
    private static let longestBatch = Duration.microseconds(50)
    private static let handshakeID = RequestID.string("initialize")

    private let socket: UnixSocket
    private let outbox: Outbox
    private let daemon: Daemon
    private let events: EventRunner

    init(socket: UnixSocket, table: HandlerTable, daemon: Daemon, maxInFlight: Int) {
        self.socket = socket
        self.daemon = daemon
        outbox = Outbox(socket)
        events = EventRunner(table: table, outbox: outbox, socket: socket, maxInFlight: maxInFlight)
    }

    /// Registers and handles events until the connection ends.
    func run(registration: JSONValue) -> End {
        defer {
            outbox.close()
            daemon.disconnected()
        }
        _ = outbox.append(Message.request(id: Self.handshakeID, method: "initialize", params: registration).encoded())
        outbox.flush()
        var end = End.closed(wasRegistered: false)
        readFrames { frame in
            guard case .closed(wasRegistered: true) = end else {
                end = handshake(frame)
                return end.goesOn
            }
            receive(frame)
            return true
        }
        return end
    }

    /// Reads until the connection ends or `body` answers false; what it has to send is written after each read.
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

    private func handshake(_ frame: [UInt8]) -> End {
        do throws(ProtocolError) {
            switch try IncomingFrame.decode(frame) {
            case .single(.success(Self.handshakeID, _)):
                daemon.connected(to: outbox)
                return .closed(wasRegistered: true)
            case .single(.failure(_, let error)): return .refused(error)
            case .single, .batch: return .refused(.unexpectedHandshake)
            }
        } catch {
            return .refused(error)
        }
    }

    private func receive(_ frame: [UInt8]) {
        if let call = IncomingCall(frame) { return events.receive(call) }
        do throws(ProtocolError) {
            switch try IncomingFrame.decode(frame) {
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
            events.receive(IncomingCall(id: id, method: method, params: LazyJSON(params)))
        case .notification(let method, let params):
            events.receive(IncomingCall(id: nil, method: method, params: LazyJSON(params)))
        case .success(let id, let result): daemon.answered(id, .success(result))
        case .failure(let id?, let error): daemon.answered(id, .failure(error))
        case .failure(nil, let error): Diagnostics.write("proxyd could not read a message: \(error)")
        }
    }

    private func answerUnreadable(_ error: ProtocolError) {
        Diagnostics.write("unreadable message from proxyd: \(error)")
        _ = outbox.append(Message.failure(id: nil, error).encoded())
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
