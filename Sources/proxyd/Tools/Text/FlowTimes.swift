import AddonProtocol

/// How long each part of a flow took, as the daemon reports it.
struct FlowTimes {
    let cells: [(name: String, value: String)]

    init(flow: JSONValue, http: JSONValue) {
        cells = (flow["timings"] ?? http["timings"]).map(Self.cells) ?? []
    }

    /// The `timings` of a flow, in microseconds.
    private static func cells(_ timings: JSONValue) -> [(name: String, value: String)] {
        (timings.members ?? []).flatMap { member -> [(name: String, value: String)] in
            if let microseconds = member.value.doubleValue {
                return [(member.name, Words.duration(microseconds: microseconds))]
            }
            return (member.value.members ?? []).compactMap { addon in
                addon.value.doubleValue.map { ("waited for \(addon.name)", Words.duration(microseconds: $0)) }
            }
        }
    }
}
