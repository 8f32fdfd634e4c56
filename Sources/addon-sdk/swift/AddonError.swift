import AddonProtocol

/// What is wrong with how an addon is written.
public struct AddonError: Error, Equatable, CustomStringConvertible {
    public let description: String

    package init(_ description: String) { self.description = description }
}

extension HandlerTable {
    /// Refuses settings that ask for what the addon has no handler for: every such event would fail.
    func check(_ settings: AddonSettings) throws(AddonError) {
        for subscription in settings.subscriptions where handler(of: subscription.event.rawValue) == nil {
            throw AddonError(
                "settings.subscriptions asks for \(subscription.event.rawValue), but the addon has no handler of it; it handles \(handled)"
            )
        }
        if !settings.commands.isEmpty, handler(of: "command") == nil {
            let names = settings.commands.map(\.name).joined(separator: ", ")
            throw AddonError("settings.commands declares \(names), but the addon is no CommandHandler")
        }
    }

    /// The names of the events that the addon has handlers of.
    package var handled: String {
        events.isEmpty ? "none" : events.map(\.rawValue).joined(separator: ", ")
    }
}
