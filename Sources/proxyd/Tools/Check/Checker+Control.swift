import AddonProtocol

/// The daemon's messages other than events, and the end of the connection.
extension Checker {
    func checkControl() {
        rule("$/cancel", "an event may be cancelled, and the next one is answered") { () throws(Problem) in
            let (id, probe) = (nextID(), probes[0])
            let cancel = Message.notification(
                method: "$/cancel",
                params: ["id": id.json, "reason": "the client has left"]
            )
            let frames = talk.expect(id, probe.method, probe.params) + talk.link.frame(cancel)
            talk.cancel(id)
            talk.link.write(frames)
            talk.notify("$/cancel", ["id": 1_000_000, "reason": "nobody has this id"])
            let sent = "\(probe.method) \(probe.params)"
            try judge(try ask(probe.method, probe.params), to: probe, sent: sent)
        }
        rule("configure", "a change of options is answered, by a result or by an error, which is a veto") {
            () throws(Problem) in
            let option = registration?.options.first { !$0.isSecret }
            let name = option?.name ?? "timeout_ms"
            let value = option.map(\.otherValue) ?? 4_000
            let params: JSONValue = ["options": .object([.init(name, value)]), "updated": [.string(name)]]
            _ = try ask("configure", withMeta(params, isRequest: true))
        }
    }

    func checkEnd(_ endsByItself: () -> Bool) {
        rule("done", "done is answered, and nothing but what was asked for comes after it") { () throws(Problem) in
            _ = try ask("done", withMeta(["reason": "shutdown"], isRequest: true))
        }
        talk.link.shutdown()
        let about = "its process ends within \(AddonUnderTest.endSeconds) s of the end of the connection"
        guard !endsByItself() else { return findings.append(Finding(rule: "end", about: about, outcome: .ok)) }
        let problem = Problem(
            sent: "the end of the connection",
            came: "it is still running, or a process that it started is",
            allowed: "all of them ended; the daemon kills the rest"
        )
        findings.append(Finding(rule: "end", about: about, outcome: .failed(problem)))
    }
}

extension DeclaredOption {
    /// A value that the option allows, other than the default if one is at hand.
    fileprivate var otherValue: JSONValue {
        if let choices { return choices.last.map { .string($0) } ?? defaultValue }
        return switch (kind, defaultValue) {
        case (.bool, .bool(let value)): .bool(!value)
        case (.int, .integer(let value)): .integer(value &+ 1)
        default: defaultValue
        }
    }
}
