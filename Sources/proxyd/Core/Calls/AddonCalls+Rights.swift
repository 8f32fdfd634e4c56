import AddonProtocol

/// The gate through which every call passes: whether the addon may make it.
extension AddonCalls {
    /// - Throws: -32003 when it may not.
    func checkRight(to call: Call, _ params: JSONValue, _ session: AddonSession) throws(ProtocolError) {
        guard let right = call.right, !host.rights(of: session).allow(call) else { return }
        guard !concernsOnlyItself(call, params, session) else { return }
        throw .noGrant("call \(call.rawValue)", right: right.rawValue)
    }

    /// Its own options and commands every addon may use.
    private func concernsOnlyItself(_ call: Call, _ params: JSONValue, _ session: AddonSession) -> Bool {
        switch call {
        case .optionsSet:
            params["options"]?.members.map { host.addonOptions.areAll($0.map(\.name), of: session) } ?? false
        case .commandCall:
            session.registration.commands.contains { $0.name == params["name"]?.stringValue }
        default: false
        }
    }

    /// Logs the first refusal of each call.
    func note(_ error: ProtocolError, of call: Call, _ session: AddonSession) {
        guard error.code == ProtocolError.noGrant, session.noteRefusal(of: call) else { return }
        host.log.warn("refused \(call.rawValue): \(error.message)", source: session.source)
    }
}
