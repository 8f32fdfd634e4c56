// An addon needs the protocol's values (events, subscriptions, JSON) as much as the SDK's own: one import brings both.
@_exported public import AddonProtocol
