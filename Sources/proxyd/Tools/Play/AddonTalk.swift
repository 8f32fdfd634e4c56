import AddonProtocol

/// The conversation of a tool and an addon: requests and their answers, and the addon's calls, which are answered as they arrive.
final class AddonTalk {
    enum Reply: Equatable {
        case result(JSONValue)
        case error(ProtocolError)

        var json: JSONValue {
            switch self {
            case .result(let value): ["result": value]
            case .error(let error):
                ["error": ["code": .integer(error.code), "message": .string(error.message)]]
            }
        }
    }

    /// A message that should not have been sent.
    struct Fault: Equatable {
        /// The frame, or its start.
        let came: String
        let reason: String
    }

    /// Answers a call of the addon.
    typealias Answer = (_ method: String, _ params: JSONValue) -> Result<JSONValue, ProtocolError>

    /// The most calls that the daemon accepts at once.
    private static let mostInBatch = 1_024
    /// How much of a faulty frame is kept, in bytes.
    private static let keptOfFault = 400

    let link: AddonLink
    var answer: Answer
    private var waiting: Set<RequestID> = []
    private var replies: [RequestID: Reply] = [:]
    private var faults: [Fault] = []
    /// Requests cancelled before they were answered. Their answers may still arrive.
    private var cancelled: Set<RequestID> = []

    init(_ link: AddonLink, answer: @escaping Answer = { _, _ in .success([:]) }) {
        self.link = link
        self.answer = answer
    }

    var isOpen: Bool { !link.isEnded }

    // MARK: Sending

    /// The frame of a request, whose answer is expected from now on.
    func expect(_ id: RequestID, _ method: String, _ params: JSONValue) -> [UInt8] {
        waiting.insert(id)
        replies[id] = nil
        return link.frame(.request(id: id, method: method, params: params))
    }

    func request(_ id: RequestID, _ method: String, _ params: JSONValue) {
        link.write(expect(id, method, params))
    }

    func notify(_ method: String, _ params: JSONValue) {
        link.send(.notification(method: method, params: params))
    }

    /// Stops waiting for the answer of a request.
    func cancel(_ id: RequestID) {
        if waiting.remove(id) != nil { cancelled.insert(id) }
    }

    /// Stops waiting for all answers.
    func abandon() {
        for id in waiting { cancel(id) }
        replies = [:]
    }

    // MARK: Receiving

    /// The answer to a request; nil when the time is up, the connection has ended, or a faulty message arrived.
    func reply(to id: RequestID, before deadline: ContinuousClock.Instant) -> Reply? {
        let before = faults.count
        while replies[id] == nil, faults.count == before, receive(before: deadline) {}
        return replies.removeValue(forKey: id)
    }

    /// Receives one frame; false when none arrived before the deadline, or none can arrive.
    func receive(before deadline: ContinuousClock.Instant) -> Bool {
        // An addon that never stops sending gets no more time than others.
        guard ContinuousClock.now < deadline else { return false }
        do throws(ProtocolError) {
            guard let frame = try link.next(before: deadline) else { return false }
            take(frame)
            return true
        } catch {
            faults.append(Fault(came: "the start of a frame", reason: error.message))
            return false
        }
    }

    var hasFaults: Bool { !faults.isEmpty }

    /// The faults since the last call.
    func takeFaults() -> [Fault] {
        defer { faults = [] }
        return faults
    }

    private func take(_ frame: [UInt8]) {
        do throws(ProtocolError) {
            switch try IncomingFrame.decode(frame) {
            case .single(let message):
                if let reply = take(message, frame) { link.send(reply) }
            case .batch(let messages): take(messages, frame)
            }
        } catch {
            fault(frame, error.message)
            link.send(.failure(id: nil, error))
        }
    }

    private func take(_ messages: [Result<Message, ProtocolError>], _ frame: [UInt8]) {
        guard messages.count <= Self.mostInBatch else {
            let error = ProtocolError(
                code: ProtocolError.overLimit,
                message: "a batch of \(messages.count) messages; at most \(Self.mostInBatch) are read"
            )
            fault(frame, error.message)
            return link.send(.failure(id: nil, error))
        }
        let replies = messages.compactMap { message -> Message? in
            switch message {
            case .success(let message): return take(message, frame)
            case .failure(let error):
                fault(frame, error.message)
                return .failure(id: nil, error)
            }
        }
        if !replies.isEmpty { link.send(batch: replies) }
    }

    /// - Returns: the answer, if the message is a call.
    private func take(_ message: Message, _ frame: [UInt8]) -> Message? {
        switch message {
        case .request(let id, let method, let params):
            switch answer(method, params) {
            case .success(let result): return .success(id: id, result: result)
            case .failure(let error):
                return .failure(id: id, error)
            }
        case .notification(let method, let params): _ = answer(method, params)
        case .success(let id, let result): note(.result(result), id, frame)
        case .failure(let id?, let error): note(.error(error), id, frame)
        case .failure(nil, _): fault(frame, "it answers a frame that it could not read")
        }
        return nil
    }

    private func note(_ reply: Reply, _ id: RequestID, _ frame: [UInt8]) {
        if waiting.remove(id) != nil {
            replies[id] = reply
        } else if cancelled.remove(id) == nil {
            let open = waiting.map { "\($0.json)" }.sorted().joined(separator: ", ")
            fault(
                frame,
                "no request with the id \(id.json) waits for an answer" + (open.isEmpty ? "" : "; these do: \(open)")
            )
        }
    }

    private func fault(_ frame: [UInt8], _ reason: String) {
        let rest = frame.count - Self.keptOfFault
        let start = String(decoding: frame.prefix(Self.keptOfFault), as: UTF8.self)
        faults.append(Fault(came: rest > 0 ? "\(start)… (\(rest) bytes more)" : start, reason: reason))
    }
}
