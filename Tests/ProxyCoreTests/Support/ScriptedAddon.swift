import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// An addon whose answers the test writes. It speaks the protocol over a socket pair, with the real session at the other end.
final class ScriptedAddon: @unchecked Sendable {
    /// What the daemon has sent: an event, or another notification.
    struct Heard: Sendable {
        let id: RequestID?
        let method: String
        let params: JSONValue

        var flow: JSONValue { params["flow"] ?? .null }
    }

    let name: String
    let wire: Wire
    /// What it answers at once; nil of it: the test answers.
    var script: (Heard) -> JSONValue? = { _ in nil }
    /// Whether it reads what it is sent, rather than leave it in the socket.
    var isReading = true {
        didSet {
            let waiting = isReading ? gate : nil
            if isReading { gate = nil }
            waiting?.resume()
        }
    }
    /// All that has come, frame by frame.
    private(set) var lines: [String] = []
    private var inbox: [Heard] = []
    private var gate: CheckedContinuation<Void, Never>?
    private var reader: CheckedContinuation<Void, Never>?
    private var calls: [Int: CheckedContinuation<Message, any Error>] = [:]
    private var lastCall = 0
    private var hasEnded = false

    fileprivate init(_ name: String, _ wire: Wire) {
        self.name = name
        self.wire = wire
    }

    // MARK: What comes

    /// Reads frames until the connection ends.
    fileprivate func listen() async {
        while let line = try? await nextLine() {
            lines.append(line)
            switch try? IncomingFrame.decode(Array(line.utf8)) {
            case .single(let message): take(message)
            case .batch(let elements):
                for element in elements { take((try? element.get()) ?? .failure(id: nil, .unread)) }
            case nil: take(.failure(id: nil, .unread))
            }
        }
        hasEnded = true
        resume()
        for call in calls.values { call.resume(throwing: Wire.Ended(text: "")) }
        calls = [:]
    }

    private func nextLine() async throws -> String {
        while !isReading { await withCheckedContinuation { gate = $0 } }
        return try await wire.read(through: "\n")
    }

    private func take(_ message: Message) {
        switch message {
        case .request(let id, let method, let params): take(Heard(id: id, method: method, params: params))
        case .notification(let method, let params): take(Heard(id: nil, method: method, params: params))
        case .success(.number(let id), _), .failure(.number(let id)?, _):
            calls.removeValue(forKey: id)?.resume(returning: message)
        case .success, .failure:
            // An answer to what could not be read.
            take(Heard(id: nil, method: "failure", params: .string("\(message)")))
        }
    }

    private func take(_ heard: Heard) {
        if let reply = script(heard) {
            answer(heard, reply)
            if !["start", "configure", "done"].contains(heard.method) { answered.append(heard.method) }
        } else {
            inbox.append(heard)
            resume()
        }
    }

    private func resume() {
        let waiting = reader
        reader = nil
        waiting?.resume()
    }

    /// The next that has come.
    func next() async throws -> Heard {
        while inbox.isEmpty {
            guard !hasEnded else { throw Wire.Ended(text: name) }
            await withCheckedContinuation { reader = $0 }
        }
        return inbox.removeFirst()
    }

    /// The next that has come, which must be this.
    func next(_ method: String, at location: SourceLocation = #_sourceLocation) async throws -> Heard {
        let heard = try await next()
        #expect(heard.method == method, sourceLocation: location)
        return heard
    }

    /// The names of what its script has answered.
    private(set) var answered: [String] = []

    /// The names of what has come so far and was not taken by `next`: what the daemon had sent before this call.
    func told() async throws -> [String] {
        try await call("ping")
        defer { inbox = [] }
        return inbox.map(\.method)
    }

    /// A story that is over has used up what its addons were told.
    func hasNothingMore() async throws {
        guard !hasEnded else { return }
        let rest = try await told()
        #expect(rest == [], "\(name) was told what the story does not say")
    }

    // MARK: What it says

    /// Goes without a word; afterwards the daemon knows.
    func leave() async {
        await wire.finish()
        await isLetGo()
    }

    /// Waits until the daemon has ended the connection.
    func isLetGo() async {
        while (try? await next()) != nil {}
    }

    func answer(_ heard: Heard, _ reply: JSONValue = [:]) {
        if let id = heard.id { send(.success(id: id, result: reply)) }
    }

    func fail(_ heard: Heard, _ reason: String) {
        send(.failure(id: heard.id, ProtocolError(code: -32000, message: reason)))
    }

    func send(_ message: Message) { wire.send(ByteBuffer(bytes: message.encoded() + [UInt8(ascii: "\n")])) }

    /// Makes a call, and waits for the answer.
    @discardableResult
    func call(_ method: String, _ params: JSONValue = [:]) async throws -> JSONValue {
        lastCall += 1
        send(.request(id: .number(lastCall), method: method, params: params))
        switch try await answer(to: lastCall) {
        case .success(_, let result): return result
        case .failure(_, let error): throw error
        case .request, .notification: return .null
        }
    }

    private func answer(to id: Int) async throws -> Message {
        guard !hasEnded else { throw Wire.Ended(text: name) }
        return try await withCheckedThrowingContinuation { calls[id] = $0 }
    }
}

extension Bench {
    /// A connection to the addon socket, over which nothing has been said yet.
    func connectAddon(_ name: String = "addon") async throws -> ScriptedAddon {
        let (ours, theirs) = try await channelPair()
        let options = services.options.current
        let socket = AddonChannel(
            channel: ours,
            maximumFrameBytes: options.frameSizeLimit,
            maximumDepth: options.jsonDepthLimit
        )
        try await ours.setOption(.writeBufferWaterMark, value: Limits.writeBuffer).get()
        try ours.pipeline.syncOperations.addHandler(socket)
        guard let peer = PeerCredentials(of: ours) else { throw Wire.Ended(text: "no credentials") }
        socket.setReceiver(
            AddonPeer(channel: socket, loop: loop, host: host, calls: calls, peer: peer, needsToken: false)
        )
        let addon = ScriptedAddon(name, theirs)
        keep(addon)
        loop.start { await addon.listen() }
        return addon
    }

    /// An addon in the chain.
    ///
    /// - Parameters:
    ///   - events: as in `initialize`.
    ///   - extra: other members of `initialize`.
    func addon(
        _ name: String,
        _ events: JSONValue,
        _ extra: [JSONValue.Member] = []
    ) async throws -> ScriptedAddon {
        let addon = try await connectAddon(name)
        try await addon.call("initialize", .object([.init("name", .string(name)), .init("events", events)] + extra))
        addon.answer(try await addon.next("start"))
        addon.answer(try await addon.next("configure"))
        // What it is asked from now on comes after the answer to `configure`.
        try await addon.call("ping")
        return addon
    }
}

extension ProtocolError {
    /// What the daemon has sent cannot be read.
    fileprivate static let unread = ProtocolError(code: parseError, message: "the daemon has sent what is no message")
}
