import AddonProtocol
import Glibc

/// Plays the daemon's side of a recording to an addon, in the recorded order of frames. If an answer was recorded before the
/// next frame, the player waits for it.
final class Player {
    /// No recording is longer than this, in seconds, whatever its times say.
    private static let longestPause = 1_000_000.0

    /// Further differences are only counted.
    private static let mostDifferences = 1_000
    /// After this many requests in a row without an answer there is no use in waiting for more.
    private static let mostSilences = 2

    private let talk: AddonTalk
    private let frames: [Recording.Frame]
    /// How long an answer may take.
    private let patience: Duration
    /// Whether to ignore the recorded times, and send frames as soon as possible.
    private let isFast: Bool
    private var calls: RecordedCalls
    private(set) var differences: [Difference] = []
    /// The number of differences beyond those in `differences`.
    private(set) var omitted = 0
    private(set) var comparedReplies = 0
    /// Recorded replies without a recorded request before them.
    private(set) var unaskedReplies = 0
    private var silences = 0
    /// The pending requests, and what they are about, for people.
    private var subjects: [RequestID: String] = [:]
    /// Requests that the daemon cancelled. Whatever the addon answered afterwards was ignored.
    private var cancelled: Set<RequestID> = []

    /// - Parameter frames: the frames of one addon.
    init(_ talk: AddonTalk, _ frames: [Recording.Frame], patience: Duration, isFast: Bool) {
        self.talk = talk
        self.frames = frames
        self.patience = patience
        self.isFast = isFast
        calls = RecordedCalls(frames)
        talk.link.patience = patience
        talk.answer = { [unowned self] in answer($0, $1) }
    }

    /// - Parameter configuration: the params of `configure`, for a recording that begins after it.
    func run(configuration: JSONValue) {
        if !frames.contains(where: { $0.isFromDaemon && $0.method == Event.start.rawValue }) {
            exchange(.string("play-start"), "start", [:])
            exchange(.string("play-configure"), "configure", configuration)
        }
        let start = ContinuousClock.now
        for (index, frame) in frames.enumerated() {
            if let ending = ending(at: frame) {
                takeFaults()
                note("the connection", "open", "\(ending), after \(index) of \(frames.count) frames")
                return talk.link.shutdown()
            }
            if frame.isFromDaemon { send(frame, start) } else { compare(frame) }
        }
        takeFaults()
        for call in calls.missing { note("call \(call.method)", "\(call.params)", "nothing") }
        if !frames.contains(where: { $0.isFromDaemon && $0.method == Event.done.rawValue }) {
            exchange(.string("play-done"), "done", ["reason": "the end of the recording"])
        }
        talk.link.shutdown()
    }

    private func exchange(_ id: RequestID, _ method: String, _ params: JSONValue) {
        talk.request(id, method, params)
        if reply(to: id) == nil { note(method, "an answer", noAnswer) }
    }

    /// Why nothing can be sent or awaited any more.
    private func ending(at frame: Recording.Frame) -> String? {
        if frame.isFromDaemon, let ending = talk.link.ending { return ending.rawValue }
        return silences >= Self.mostSilences ? "the addon no longer answers" : nil
    }

    private var noAnswer: String {
        "no answer" + (talk.link.ending.map { ": \($0.rawValue)" } ?? " within \(patience.milliseconds) ms")
    }

    private func send(_ frame: Recording.Frame, _ start: ContinuousClock.Instant) {
        waitUntilDue(frame, start)
        switch frame.message {
        case .request(let id, let method, let params):
            subjects[id] = frame.subject
            talk.request(id, method, params)
        case .notification(let method, let params):
            if method == "$/cancel", let id = params["id"].flatMap(RequestID.init) { cancel(id) }
            talk.notify(method, params)
        case .success, .failure: break
        }
    }

    private func cancel(_ id: RequestID) {
        talk.cancel(id)
        if subjects.removeValue(forKey: id) != nil { cancelled.insert(id) }
    }

    /// Receives messages until the frame is due.
    private func waitUntilDue(_ frame: Recording.Frame, _ start: ContinuousClock.Instant) {
        guard !isFast, let first = frames.first else { return }
        let seconds = min(max(0, frame.time - first.time), Self.longestPause)
        let due = start + .seconds(seconds)
        while talk.isOpen, ContinuousClock.now < due {
            _ = talk.receive(before: due)
            takeFaults()
        }
    }

    private func compare(_ frame: Recording.Frame) {
        let (id, recorded): (RequestID, AddonTalk.Reply)
        switch frame.message {
        case .success(let answered, let result): (id, recorded) = (answered, .result(result))
        case .failure(let answered?, let error): (id, recorded) = (answered, .error(error))
        default: return
        }
        guard cancelled.remove(id) == nil else { return }
        guard let subject = subjects.removeValue(forKey: id) else {
            unaskedReplies += 1
            return
        }
        comparedReplies += 1
        guard let now = reply(to: id) else { return note(subject, "\(recorded.json)", noAnswer) }
        let room = Self.mostDifferences - differences.count
        let (shown, count) = Difference.between(recorded, now, subject, most: room)
        differences += shown
        omitted += count - shown.count
    }

    private func reply(to id: RequestID) -> AddonTalk.Reply? {
        let deadline = ContinuousClock.now + patience
        while true {
            let reply = talk.reply(to: id, before: deadline)
            let hasFaults = takeFaults()
            if reply == nil, hasFaults { continue }
            silences = reply == nil ? silences + 1 : 0
            return reply
        }
    }

    @discardableResult
    private func takeFaults() -> Bool {
        let faults = talk.takeFaults()
        for fault in faults { note("a frame", "nothing such", "\(fault.came) (\(fault.reason))") }
        return !faults.isEmpty
    }

    private func answer(_ method: String, _ params: JSONValue) -> Result<JSONValue, ProtocolError> {
        if let answer = calls.answer(method, params) { return answer }
        note("call \(method)", "nothing", "\(params)")
        return .failure(ProtocolError(code: ProtocolError.internalError, message: "\(method) is not in the recording"))
    }

    private func note(_ subject: String, _ recorded: String, _ now: String) {
        guard differences.count < Self.mostDifferences else {
            omitted += 1
            return
        }
        differences.append(Difference(subject: subject, path: "", recorded: recorded, now: now))
    }
}

extension Recording.Frame {
    var method: String? {
        switch message {
        case .request(_, let method, _), .notification(let method, _): method
        case .success, .failure: nil
        }
    }

    /// What the message is about, for people: `request 7, flow 3f2`.
    fileprivate var subject: String {
        guard case .request(let id, let method, let params) = message else { return method ?? "a frame" }
        let flow = params["flow"]?["id"]?.stringValue.map { ", flow \($0)" } ?? ""
        return "\(method) \(id)\(flow)"
    }
}
