import AddonProtocol

/// What of a flow took how long: as the daemon says it, else from the timestamps.
struct FlowTimes {
    let cells: [(name: String, value: String)]

    init(flow: JSONValue, http: JSONValue) {
        let told = flow["timings"] ?? http["timings"]
        cells = told.map(Self.cells) ?? Self.derived(http)
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

    private static func derived(_ http: JSONValue) -> [(name: String, value: String)] {
        let (request, response) = (http["request"] ?? .null, http["response"] ?? .null)
        let server = http["server_conn"] ?? .null
        let spans: [(String, Double?, Double?)] = [
            ("request", request.seconds("timestamp_start"), request.seconds("timestamp_end")),
            ("connect", server.seconds("timestamp_start"), server.seconds("timestamp_tcp_setup")),
            ("tls", server.seconds("timestamp_tcp_setup"), server.seconds("timestamp_tls_setup")),
            ("wait", request.seconds("timestamp_end"), response.seconds("timestamp_start")),
            ("transfer", response.seconds("timestamp_start"), response.seconds("timestamp_end")),
            ("all", request.seconds("timestamp_start"), response.seconds("timestamp_end")),
        ]
        let began = request.seconds("timestamp_start") ?? 0
        return spans.compactMap { name, start, end in
            // What began before the request was done for another: the connection was there already.
            guard let start, let end, end >= start, start >= began else { return nil }
            return (name, Words.duration(seconds: end - start))
        }
    }
}
