import AddonProtocol
import NIOCore

/// Commands that addons have registered, called by others.
extension AddonHost {
    var commandListing: JSONValue {
        var known: [AddonSession] = []
        return .array(
            sessions.flatMap { session -> [JSONValue] in
                guard !known.contains(where: session.isOneAddon) else { return [] }
                known.append(session)
                return session.registration.commands.map { command in
                    .object((command.json.members ?? []) + [.init("addon", .string(session.name))])
                }
            }
        )
    }

    /// What the command answers.
    ///
    /// - Throws: -32602 when nobody has registered the command, the command's own error, or -32603 when its addon does
    ///   not answer.
    func callCommand(_ name: String, _ arguments: JSONValue) async throws(ProtocolError) -> JSONValue {
        guard let owner = sessions.first(where: { $0.has(command: name) }) else {
            let known = sessions.flatMap { $0.registration.commands.map(\.name) }.joined(separator: ", ")
            throw .invalidParams("name", found: .string(name), allowed: known.isEmpty ? "none, there are none" : known)
        }
        let params: JSONValue = ["name": .string(name), "args": arguments]
        let reply = await owner.ask("command", params, within: options.current.maxTimeoutMs)
        switch reply {
        case .result(let result): return result
        case .failure(.error(let error)): throw error
        case .failure(let failure): throw .unanswered(name, owner, "\(failure)")
        case .interrupted, nil: throw .unanswered(name, owner, "it is not ready")
        }
    }

    /// - Throws: -32602 when another addon has a command of the same name.
    static func check(
        _ commands: [DeclaredCommand],
        of session: AddonSession,
        among sessions: [AddonSession]
    ) throws(ProtocolError) {
        let others = sessions.filter { !$0.isOneAddon(with: session) }
        for command in commands {
            guard let owner = others.first(where: { $0.has(command: command.name) }) else { continue }
            throw ProtocolError(
                code: ProtocolError.invalidParams,
                message: "commands: the command \(command.name) is \(owner.name)'s already"
            )
        }
    }
}

extension AddonSession {
    fileprivate func has(command name: String) -> Bool { registration.commands.contains { $0.name == name } }

    /// Sends a request that is no flow's event; nil when the addon is not ready for it.
    func ask(_ method: String, _ params: JSONValue, within milliseconds: Int) async -> EventReply? {
        await loop.perform {
            guard self.phase == .ready else { return nil }
            return await self.request(method, params: params, within: .milliseconds(Int64(milliseconds)))
        }
    }
}

extension ProtocolError {
    fileprivate static func unanswered(_ name: String, _ owner: AddonSession, _ reason: String) -> ProtocolError {
        ProtocolError(
            code: internalError,
            message: "addon \(owner.name) does not answer the command \(name): \(reason)"
        )
    }
}
