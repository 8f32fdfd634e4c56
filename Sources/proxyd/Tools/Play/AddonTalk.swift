import AddonProtocol

/// What a tool and an addon say to each other: requests and their answers, and the addon's calls, which are answered as they come.
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

    /// What came and should not have.
    struct Fault: Equatable {
        /// The frame.
        let came: String
        let reason: String
    }

    /// Answers a call of the addon's.
    typealias Answer = (_ method: String, _ params: JSONValue) -> Result<JSONValue, ProtocolError>

    let link: AddonLink
    var answer: Answer
    private var waiting: [String: RequestID] = [:]
    private var replies: [String: Reply] = [:]
    private var faults: [Fault] = []
    /// What is over before it is answered; its answer may still come.
    private var cancelled: Set<String> = []

    init(_ link: AddonLink, answer: @escaping Answer = { _, _ in .success([:]) }) {
        self.link = link
        self.answer = answer
    }

    var isOpen: Bool { !link.isEnded }

    // MARK: Sending

    /// The frame of a request whose answer counts from now on.
    func expect(_ id: RequestID, _ method: String, _ params: JSONValue) -> [UInt8] {
        waiting[id.description] = id
        replies[id.description] = nil
        return link.frame(.request(id: id, method: method, params: params))
    }

    func request(_ id: RequestID, _ method: String, _ params: JSONValue) {
        link.write(expect(id, method, params))
    }

    func notify(_ method: String, _ params: JSONValue) {
        link.send(.notification(method: method, params: params))
    }

    /// Nobody waits for its answer any more.
    func cancel(_ id: RequestID) {
        if waiting.removeValue(forKey: id.description) != nil { cancelled.insert(id.description) }
    }

    /// Nobody waits for anything any more.
    func abandon() {
        for id in Array(waiting.values) { cancel(id) }
        replies = [:]
    }

    // MARK: Receiving

    /// The answer to a request; nil when the time is over, the connection has ended, or something came that is a fault.
    func reply(to id: RequestID, before deadline: ContinuousClock.Instant) -> Reply? {
        let before = faults.count
        while replies[id.description] == nil, faults.count == before, receive(before: deadline) {}
        return replies.removeValue(forKey: id.description)
    }

    /// Takes one frame; false when none came before the deadline, or none can come.
    func receive(before deadline: ContinuousClock.Instant) -> Bool {
        // One that never stops talking has no more time than others.
        guard ContinuousClock.now < deadline else { return false }
        do throws(ProtocolError) {
            guard let frame = try link.next(before: deadline) else { return false }
            take(frame)
            return true
        } catch {
            if faults.last?.reason != error.message { faults.append(Fault(came: "", reason: error.message)) }
            return false
        }
    }

    var hasFaults: Bool { !faults.isEmpty }

    /// The faults since the last time.
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
        let replies = messages.compactMap { message -> Message? in
            switch message {
            case .success(let message): return take(message, frame)
            case .failure(let error):
                fault(frame, error.message)
                return .failure(id: nil, error)
            }
        }
        guard !replies.isEmpty else { return }
        let list = replies.map { String(decoding: $0.encoded(), as: UTF8.self) }.joined(separator: ",")
        link.write((Framing.lines).frame(Array("[\(list)]".utf8)))
    }

    /// - Returns: the answer to a call.
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
        let key = id.description
        if waiting.removeValue(forKey: key) != nil {
            replies[key] = reply
        } else if cancelled.remove(key) == nil {
            let open = waiting.values.map { "\($0.json)" }.sorted().joined(separator: ", ")
            fault(
                frame,
                "no request with the id \(id.json) waits for an answer" + (open.isEmpty ? "" : "; these do: \(open)")
            )
        }
    }

    private func fault(_ frame: [UInt8], _ reason: String) {
        faults.append(Fault(came: String(decoding: frame, as: UTF8.self), reason: reason))
    }
}
