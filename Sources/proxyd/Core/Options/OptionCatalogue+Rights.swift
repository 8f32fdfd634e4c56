/// Options that say what addons may do, and what they are shown.
extension OptionCatalogue {
    static let rights = [
        OptionDefinition(
            "attached_rights",
            \.attachedRights,
            .rights,
            help: """
                The rights of addons that come by themselves and run as the daemon's user or root. Addons that the daemon \
                starts have events, mutate, flows.read and flows.write; addons of other users have events.
                """
        ),
        OptionDefinition(
            "grants",
            \.grants,
            .grants,
            help: """
                Rights that single addons have besides, or with - before the right have not: NAME:RIGHT, *:RIGHT for all, \
                uid=N:RIGHT for a user's; the later line counts.
                """
        ),
        OptionDefinition(
            "redact",
            \.redact,
            .redactionRules,
            help: """
                Header fields whose values addons are not shown: NAME:FIELD, *:FIELD for all addons, uid=N:FIELD for those \
                of a user.
                """
        ),
    ]
}
