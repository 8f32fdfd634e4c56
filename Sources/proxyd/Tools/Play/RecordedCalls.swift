import AddonProtocol

/// The calls that an addon made when it was recorded, with their answers.
struct RecordedCalls {
    private struct Call {
        let method: String
        let params: JSONValue
        /// nil: a notification, or a call that was not answered in the recording.
        var answer: Result<JSONValue, ProtocolError>?
    }

    /// Calls that depend only on timing, and so may be made or not.
    private static let timeless: Set<String> = ["log", "ping", "progress", "leave"]

    private var calls: [Call] = []
    /// By method, the indices in `calls` of those that have not been made again.
    private var open: [String: [Int]] = [:]

    init(_ frames: [Recording.Frame]) {
        var asked: [RequestID: Int] = [:]
        for frame in frames {
            switch (frame.isFromDaemon, frame.message) {
            case (false, .request(let id, let method, let params)):
                asked[id] = calls.count
                calls.append(Call(method: method, params: params))
            case (false, .notification(let method, let params)):
                calls.append(Call(method: method, params: params))
            case (true, .success(let id, let result)):
                if let index = asked.removeValue(forKey: id) { calls[index].answer = .success(result) }
            case (true, .failure(let id?, let error)):
                if let index = asked.removeValue(forKey: id) { calls[index].answer = .failure(error) }
            default: break
            }
        }
        open = Dictionary(grouping: calls.indices) { calls[$0].method }
    }

    /// The recorded answer to the next call with this method and these params; nil: there was none.
    mutating func answer(_ method: String, _ params: JSONValue) -> Result<JSONValue, ProtocolError>? {
        guard let left = open[method], !left.isEmpty else {
            return Self.timeless.contains(method) ? .success([:]) : nil
        }
        let place = left.firstIndex { calls[$0].params == params } ?? 0
        open[method]?.remove(at: place)
        return calls[left[place]].answer ?? .success([:])
    }

    /// The recorded calls that were not made, each as a method and its params.
    var missing: [(method: String, params: JSONValue)] {
        let left = open.filter { !Self.timeless.contains($0.key) }.values.joined().sorted()
        return left.map { (calls[$0].method, calls[$0].params) }
    }
}
