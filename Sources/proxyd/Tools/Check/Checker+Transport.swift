import AddonProtocol

/// How frames arrive: split, merged, many before the first is answered, and with content that the addon does not know.
extension Checker {
    private static let interleaved = 8
    private static let largeBytes = 256 * 1024

    func checkFraming() {
        rule("split frames", "a frame that arrives in pieces is one frame") { () throws(Problem) in
            try exchange(probes[0]) { talk.link.write(pieces: Self.pieces(of: $0), before: deadline) }
        }
        rule("merged frames", "several frames that arrive at once are each answered") { () throws(Problem) in
            try exchangeAll(probes + [probes[0]])
        }
        rule("large frame", "a frame of \(Self.largeBytes / 1024) KiB is read") { () throws(Problem) in
            let padding = JSONValue.Member("x_padding", .string(String(repeating: "x", count: Self.largeBytes)))
            let large = Probe(
                method: probes[0].method,
                params: probes[0].params.adding(padding),
                trial: probes[0].trial
            )
            try exchange(large) { talk.link.write($0) }
        }
        let count = min(Self.interleaved, registration?.maxInFlight ?? Self.interleaved)
        rule("interleaved events", "\(count) events at once each get the answer with their id") { () throws(Problem) in
            try exchangeAll((0..<count).map { probes[$0 % probes.count] }, ids: "e-")
        }
    }

    /// Two single bytes, then the rest in parts, of which the last is the end of the frame.
    private static func pieces(of frame: [UInt8]) -> [ArraySlice<UInt8>] {
        let cuts = [0, 1, 2, frame.count / 3, frame.count / 2, frame.count - 1, frame.count]
        return zip(cuts, cuts.dropFirst()).compactMap { $0 < $1 ? frame[$0..<$1] : nil }
    }

    private func exchange(_ probe: Probe, write: ([UInt8]) -> Void) throws(Problem) {
        let id = nextID()
        write(talk.expect(id, probe.method, probe.params))
        let sent = "\(probe.method) \(probe.params)"
        try judge(try reply(to: id, sent), to: probe, sent: sent)
    }

    /// Writes all requests at once, then judges each answer.
    ///
    /// - Parameter ids: the prefix of every second id, which is a string; nil: all ids are numbers.
    private func exchangeAll(_ probes: [Probe], ids prefix: String? = nil) throws(Problem) {
        var frames: [UInt8] = []
        let asked = probes.enumerated().map { index, probe in
            let number = nextID()
            let id = prefix.map { index.isMultiple(of: 2) ? number : .string("\($0)\(number)") } ?? number
            frames += talk.expect(id, probe.method, probe.params)
            return (id: id, probe: probe)
        }
        talk.link.write(frames)
        var answered: [(probe: Probe, id: RequestID, reply: AddonTalk.Reply)] = []
        for (id, probe) in asked {
            answered.append((probe, id, try reply(to: id, "\(probe.method) with the id \(id.json) \(probe.params)")))
        }
        for (probe, id, reply) in answered {
            let other = answered.first {
                $0.probe.method != probe.method && $0.probe.reply == reply && $0.reply == probe.reply
            }
            if let other, reply != probe.reply {
                throw Problem(
                    sent:
                        "\(probe.method) with the id \(id.json) and \(other.probe.method) with the id \(other.id.json), at once",
                    came: "\(reply.json) for the id \(id.json), \(other.reply.json) for the id \(other.id.json)",
                    allowed: "each answer with the id of its own request: these are swapped"
                )
            }
            try judge(reply, to: probe, sent: "\(probe.method) with the id \(id.json) \(probe.params)")
        }
    }

    // MARK: Tolerance

    func checkTolerance() {
        let unknown = JSONValue.Member("x_unknown", ["a": [1, .null, "ü"]])
        rule("unknown members", "members that it does not know are ignored") { () throws(Problem) in
            let probe = probes[0]
            let params = JSONValue.object(
                (probe.params.members ?? []).map { member in
                    member.value.members == nil ? member : .init(member.name, member.value.adding(unknown))
                }
            ).adding(unknown)
            try exchange(Probe(method: probe.method, params: params, trial: probe.trial)) { talk.link.write($0) }
        }
        rule("unknown request", "a request that it does not know is answered by the error -32601") {
            () throws(Problem) in
            let reply = try ask("x_unknown", [:])
            guard case .error(let error) = reply, error.code == ProtocolError.methodNotFound else {
                throw Problem(
                    sent: "the request x_unknown {}",
                    came: "\(reply.json)",
                    allowed:
                        "an error with the code -32601, so that the daemon can tell a later version's request from an answered one"
                )
            }
        }
        rule("unknown notification", "a notification that it does not know is ignored") { () throws(Problem) in
            talk.notify("x_unknown", [:])
            try settle()
        }
        rule("dropped, rejected", "examples of these notifications are read, and get no answer") {
            () throws(Problem) in
            // Addons write both to their logs as faults of their own.
            Notice.write("examples of dropped and rejected follow; what the addon logs about them is not a fault")
            talk.notify("dropped", ["count": 1])
            talk.notify(
                "rejected",
                [
                    "event": "request", "flow": "f1", "path": "flow.request.method",
                    "reason": "an example of proxyd check",
                ]
            )
            try settle()
        }
    }
}

extension JSONValue {
    fileprivate func adding(_ member: Member) -> JSONValue { .object((members ?? []) + [member]) }
}
