import AddonProtocol
import NIOCore

extension HTTPFlow {
    /// The `timings` of protocol section 7.3, computed from times that the flow records anyway.
    var timings: JSONValue {
        let server = serverConnection.flatMap { $0.timestampStart ?? 0 >= timestampCreated ? $0 : nil }
        let ofServer = response.flatMap { $0.origin == .server ? $0 : nil }
        return [
            "connect": time(from: server?.timestampStart, to: server?.timestampTCPSetup),
            "tls": time(from: server?.timestampTCPSetup, to: server?.timestampTLSSetup),
            "wait": time(from: waitStart(server), to: ofServer?.timestampStart),
            "transfer": time(from: response?.timestampStart, to: response?.timestampEnd),
            "held": .integer(control.waits.held), "addons": control.waits.addons,
        ]
    }

    /// The time from which only the response was awaited.
    private func waitStart(_ server: ConnectionInfo?) -> Double {
        let answered = control.waits.requestAnswered.map { answered in
            secondsSinceEpoch() - Double((NIODeadline.now() - answered).nanoseconds) / 1e9
        }
        let times = [request.timestampEnd, server?.timestampTCPSetup, server?.timestampTLSSetup, answered]
        return times.compactMap(\.self).max() ?? timestampCreated
    }

    private func time(from start: Double?, to end: Double?) -> JSONValue {
        guard let start, let end else { return .null }
        return .integer(Int(max(0, end - start) * 1e6))
    }
}
