import AddonProtocol

/// The calls that an addon made when it was recorded, with what they were answered.
struct RecordedCalls {
    private struct Call {
        let method: String
        let params: JSONValue
        /// nil: a notification, or one that was not answered any more.
        var answer: Result<JSONValue, ProtocolError>?
        var isMade = false
    }

    /// What depends on nothing but time, and so may come or not.
    private static let timeless: Set<String> = ["log", "ping", "progress", "leave"]

    private var calls: [Call] = []

    init(_ frames: [Recording.Frame]) {
        var open: [RequestID: Int] = [:]
        for frame in frames {
            switch (frame.isFromDaemon, frame.message) {
            case (false, .request(let id, let method, let params)):
                open[id] = calls.count
                calls.append(Call(method: method, params: params))
            case (false, .notification(let method, let params)):
                calls.append(Call(method: method, params: params))
            case (true, .success(let id, let result)):
                if let index = open.removeValue(forKey: id) { calls[index].answer = .success(result) }
            case (true, .failure(let id?, let error)):
                if let index = open.removeValue(forKey: id) { calls[index].answer = .failure(error) }
            default: break
            }
        }
    }

    /// What the next call of this name and these params was answered; nil: there was none.
    mutating func answer(_ method: String, _ params: JSONValue) -> Result<JSONValue, ProtocolError>? {
        let open = calls.indices.filter { calls[$0].method == method && !calls[$0].isMade }
        if let index = open.first(where: { calls[$0].params == params }) ?? open.first {
            calls[index].isMade = true
            return calls[index].answer ?? .success([:])
        }
        return Self.timeless.contains(method) ? .success([:]) : nil
    }

    /// Those that have not been made: each a method and its params.
    var missing: [(method: String, params: JSONValue)] {
        calls.filter { !$0.isMade && !Self.timeless.contains($0.method) }.map { ($0.method, $0.params) }
    }
}
