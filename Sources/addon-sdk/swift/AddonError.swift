import AddonProtocol

/// A mistake in how an addon is written.
public struct AddonError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, and what is allowed.
    public let description: String

    /// - Parameter description: what is wrong, and what is allowed.
    package init(_ description: String) { self.description = description }
}

extension HandlerTable {
    /// Rejects settings that ask for events without a handler, since every such event would fail.
    func check(_ settings: AddonSettings) throws(AddonError) {
        for subscription in settings.subscriptions where handler(of: subscription.event.rawValue) == nil {
            throw AddonError(
                "settings.subscriptions asks for \(subscription.event.rawValue), but the addon has no handler of it; it handles \(handled)"
            )
        }
        if !settings.commands.isEmpty, handler(of: "command") == nil {
            let names = settings.commands.map(\.name).joined(separator: ", ")
            throw AddonError("settings.commands declares \(names), but the addon is not a CommandHandler")
        }
    }

    /// The names of the events for which the addon has handlers.
    package var handled: String {
        events.isEmpty ? "none" : events.map(\.rawValue).joined(separator: ", ")
    }
}
