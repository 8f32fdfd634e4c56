import AddonProtocol

/// How long a held body of unknown length may pause before the proxy stops holding it, in seconds.
struct HoldIdle: Sendable, Equatable {
    var request: Int
    var response: Int
}

extension OptionKind where Value == HoldIdle {
    static var holdIdle: Self {
        Self(
            type: .intList,
            allowed: "seconds for requests and, if they differ, for responses: whole numbers from 1 to 3600",
            decode: { json in
                let elements = json.arrayValue ?? [json]
                let seconds = elements.compactMap(\.intValue).filter { (1...3_600).contains($0) }
                guard seconds.count == elements.count, (1...2).contains(seconds.count) else { return nil }
                return HoldIdle(request: seconds[0], response: seconds[seconds.count - 1])
            },
            encode: { [.integer($0.request), .integer($0.response)] }
        )
    }
}
