import AddonProtocol
import ProxyCore

/// Tries an addon against the rules of the protocol, one after another, on one connection.
final class Checker {
    /// A request sent to see whether the addon answers, and what its answer may be.
    struct Probe {
        let method: String
        let params: JSONValue
        /// nil: any result is accepted.
        let trial: EventTrial?
        /// The answer to the same request sent alone.
        var reply: AddonTalk.Reply?
    }

    let talk: AddonTalk
    let token: String?
    /// How long the addon may take to answer.
    private(set) var patience: Duration
    var registration: Registration?
    var findings: [Finding] = []
    /// The requests that the addon was found to answer.
    var probes: [Probe] = []
    private let patienceFor: (Registration?) -> Duration
    private var lastID = 0
    /// How many answers in a row did not arrive. After two there is no use in waiting for more.
    private var silences = 0
    /// The first call of a method that does not exist.
    private var wrongCall: Problem?
    /// A request that any addon answers, which shows that the addon has read everything before it.
    private var barrier: (method: String, params: JSONValue) = ("ping", [:])

    /// - Parameter patience: how long an answer may take, before the addon has registered (nil) and after that.
    init(_ link: AddonLink, token: String?, patience: @escaping (Registration?) -> Duration) {
        talk = AddonTalk(link)
        self.token = token
        self.patience = patience(nil)
        patienceFor = patience
        talk.answer = { [unowned self] in answerCall($0, $1) }
    }

    /// - Parameter endsByItself: whether the addon's process ends once the connection has ended.
    func run(endsByItself: () -> Bool) -> [Finding] {
        checkHandshake()
        if let reason = registration?.disable {
            skip("events", "its events are answered", "it does not take part: \(reason)")
            return findings
        }
        patience = patienceFor(registration)
        talk.link.patience = patience
        if registration != nil, findings.allSatisfy({ !$0.isFailure }) {
            checkPing()
            checkEvents()
            checkCommands()
            checkFraming()
            checkTolerance()
            checkControl()
            checkCalls()
            checkEnd(endsByItself)
        }
        return findings
    }

    // MARK: Rules

    /// Records whether the addon keeps the rule that `body` checks.
    func rule(_ name: String, _ about: String, _ body: () throws(Problem) -> Void) {
        guard talk.isOpen, silences < 2 else {
            return skip(name, about, talk.link.ending?.rawValue ?? "the addon no longer answers")
        }
        do throws(Problem) {
            try body()
            try throwFaults(sent: nil)
            findings.append(Finding(rule: name, about: about, outcome: .ok))
        } catch {
            findings.append(Finding(rule: name, about: about, outcome: .failed(error)))
            recover()
        }
    }

    /// Receives what is still to come of a broken rule, so that it does not count against the next one.
    private func recover() {
        talk.abandon()
        let id = nextID()
        talk.request(id, barrier.method, barrier.params)
        let deadline = deadline
        var reply: AddonTalk.Reply?
        repeat {
            _ = talk.takeFaults()
            reply = talk.reply(to: id, before: deadline)
        } while reply == nil && talk.hasFaults
        _ = talk.takeFaults()
        silences = reply == nil ? silences + 1 : 0
    }

    func skip(_ name: String, _ about: String, _ reason: String) {
        findings.append(Finding(rule: name, about: about, outcome: .skipped(reason)))
    }

    func nextID() -> RequestID {
        lastID += 1
        return .number(lastID)
    }

    var deadline: ContinuousClock.Instant { .now + patience }

    // MARK: Requests

    /// Sends a request and waits for its answer.
    func ask(_ method: String, _ params: JSONValue) throws(Problem) -> AddonTalk.Reply {
        let id = nextID()
        talk.request(id, method, params)
        return try reply(to: id, sent(id, method, params))
    }

    func sent(_ id: RequestID, _ method: String, _ params: JSONValue) -> String {
        String(decoding: Message.request(id: id, method: method, params: params).encoded(), as: UTF8.self)
    }

    func reply(to id: RequestID, _ sent: String) throws(Problem) -> AddonTalk.Reply {
        let reply = talk.reply(to: id, before: deadline)
        try throwFaults(sent: sent)
        if let reply {
            silences = 0
            return reply
        }
        silences += 1
        let ending = talk.link.ending.map { "the end of the connection: \($0.rawValue)" }
        let came = ending ?? "nothing within \(patience.milliseconds) ms"
        throw Problem(sent: sent, came: came, allowed: "an answer with the id \(id.json)")
    }

    /// Throws the first fault among the messages received.
    func throwFaults(sent: String?) throws(Problem) {
        guard let fault = talk.takeFaults().first else { return }
        throw Problem(sent: sent, came: fault.came, allowed: fault.reason)
    }

    /// Waits until the addon has read everything sent to it.
    func settle() throws(Problem) { _ = try ask(barrier.method, barrier.params) }

    private func checkPing() {
        rule("ping", "ping is answered by a result") { () throws(Problem) in
            barrier = ("configure", ["options": [:], "updated": []])
            let reply = try ask("ping", [:])
            guard case .result = reply else {
                throw Problem(sent: "the request ping {}", came: "\(reply.json)", allowed: "a result, such as {}")
            }
            barrier = ("ping", [:])
        }
    }

    /// Judges the answer to a probe as the daemon would.
    func judge(_ reply: AddonTalk.Reply, to probe: Probe, sent: String) throws(Problem) {
        guard case .result(let result) = reply else {
            throw Problem(
                sent: sent,
                came: "\(reply.json)",
                allowed: "a result: an error counts as a failure of the addon"
            )
        }
        guard let refusal = probe.trial?.refusal(of: result) else { return }
        throw Problem(sent: sent, came: "\(result)", allowed: "\(refusal.path): \(refusal.reason)")
    }

    // MARK: Calls

    /// Answers a call with its golden result. A call that no daemon knows, or that is invalid, is a fault.
    private func answerCall(_ method: String, _ params: JSONValue) -> Result<JSONValue, ProtocolError> {
        if method == Call.initialize.rawValue {
            return .failure(.init(code: ProtocolError.invalidRequest, message: "once is enough"))
        }
        if method == Call.optionsGet.rawValue, let registration {
            return .success(["options": Welcome.configuration(of: registration)["options"] ?? [:]])
        }
        if let text = GoldenExamples.results[method], let result = try? JSONReader.read(Array(text.utf8)) {
            return .success(result)
        }
        let error = ProtocolError(code: ProtocolError.methodNotFound, message: "no such call: \(method)")
        let allowed = GoldenExamples.results.keys.sorted().joined(separator: ", ")
        wrongCall = wrongCall ?? Problem(came: "\(method) \(params)", allowed: "the calls of the protocol: \(allowed)")
        return .failure(error)
    }

    private func checkCalls() {
        rule("calls", "its calls are calls of the protocol") { () throws(Problem) in
            if let wrongCall { throw wrongCall }
        }
    }
}
