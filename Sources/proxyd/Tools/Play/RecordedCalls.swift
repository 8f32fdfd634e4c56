import AddonProtocol

/// The calls that an addon made when it was recorded, with their answers.
struct RecordedCalls {
    private struct Entry {
        let method: String
        let params: JSONValue
        /// nil: a notification, or a call that was not answered in the recording.
        var answer: Result<JSONValue, ProtocolError>?
    }

    /// What depends on nothing but time, and so may come or not.
    private static let timeless: Set<String> = Set([Call.log, .ping, .progress, .leave].map(\.rawValue))

    private var calls: [Entry] = []
    /// By method, where in `calls` those are that have not been made again.
    private var open: [String: [Int]] = [:]

    init(_ frames: [Recording.Frame]) {
        var asked: [RequestID: Int] = [:]
        for frame in frames {
            switch (frame.isFromDaemon, frame.message) {
            case (false, .request(let id, let method, let params)):
                asked[id] = calls.count
                calls.append(Entry(method: method, params: params))
            case (false, .notification(let method, let params)):
                calls.append(Entry(method: method, params: params))
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
