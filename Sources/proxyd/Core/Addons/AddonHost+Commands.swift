import AddonProtocol
import NIOCore

/// Commands that addons have declared and others can call.
extension AddonHost {
    /// Each command once, from the first addon in the chain that declares it.
    var commandListing: JSONValue {
        var known: Set<String> = []
        return .array(
            sessions.flatMap { session in
                session.registration.commands.filter { known.insert($0.name).inserted }.map { command in
                    .object((command.json.members ?? []) + [.init("addon", .string(session.name))])
                }
            }
        )
    }

    /// Calls the command at the first ready addon in the chain that declares it.
    ///
    /// - Throws: -32602 when nobody has declared the command, the command's own error, or -32603 when its addon does
    ///   not answer.
    func callCommand(_ name: String, _ arguments: JSONValue) async throws(ProtocolError) -> JSONValue {
        let owners = sessions.filter { $0.command(name) != nil }
        guard let first = owners.first else {
            let known = commandListing.arrayValue?.compactMap { $0["name"]?.stringValue }.joined(separator: ", ") ?? ""
            throw .invalidParams("name", found: .string(name), allowed: known.isEmpty ? "none exist" : known)
        }
        let params: JSONValue = ["name": .string(name), "args": arguments]
        for owner in owners {
            switch await owner.ask("command", params, within: options.current.maxTimeoutMs) {
            case .result(let result): return result.json
            case .failure(.error(let error)): throw error
            case .failure(let failure): throw .unanswered(name, owner, "\(failure)")
            case .interrupted, nil: continue
            }
        }
        throw .unanswered(name, first, "it is not ready")
    }

    /// - Throws: -32602 when another addon has declared a different command of the same name.
    static func check(
        _ commands: [DeclaredCommand],
        of session: AddonSession,
        among sessions: [AddonSession]
    ) throws(ProtocolError) {
        let others = sessions.filter { !$0.isOneAddon(with: session) }
        for command in commands {
            let place = "commands: the command \(command.name)"
            for other in others {
                guard let declared = other.command(command.name) else { continue }
                try session.checkSharing(declared, command, with: other, place)
            }
        }
    }
}

extension AddonSession {
    fileprivate func command(_ name: String) -> DeclaredCommand? { registration.commands.first { $0.name == name } }

    /// Sends a request that is not an event of a flow; nil when the addon is not ready for it.
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
            message: "addon \(owner.name) did not answer the command \(name): \(reason)"
        )
    }
}
