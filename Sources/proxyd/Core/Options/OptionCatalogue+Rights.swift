/// Options for the rights of addons, and for what is hidden from them.
extension OptionCatalogue {
    static let rights = [
        OptionDefinition(
            "attached_rights",
            \.attachedRights,
            .rights,
            help: """
                The rights of addons that attach themselves and run as the daemon's user or root. Addons that the \
                daemon starts have events, mutate, flows.read and flows.write; addons of other users have events.
                """
        ),
        OptionDefinition(
            "grants",
            \.grants,
            .grants,
            help: """
                Additional rights for single addons; a - before the right takes it away: NAME:RIGHT, *:RIGHT for all, \
                uid=N:RIGHT for those of a user. Later lines win.
                """
        ),
        OptionDefinition(
            "redact",
            \.redact,
            .redactionRules,
            help: """
                Header fields whose values are hidden from addons: NAME:FIELD, *:FIELD for all addons, uid=N:FIELD for \
                those of a user.
                """
        ),
    ]
}
