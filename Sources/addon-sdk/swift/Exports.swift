// Addons need the protocol's values (events, subscriptions, JSON) as well as the SDK's own; one import provides both.
@_exported public import AddonProtocol
