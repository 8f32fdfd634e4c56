import AddonProtocol
import ProxyCodecs

/// A right that the user grants to an addon or takes from it: `NAME:RIGHT`, `*:RIGHT`, `uid=N:-RIGHT`.
struct Grant: Sendable, Equatable {
    let text: String
    let who: AddonMatch
    let right: Right

    init?(parsing text: String) {
        guard let (who, what) = AddonMatch.split(text), let right = Right(parsing: what) else { return nil }
        self.text = text
        self.who = who
        self.right = right
    }
}

/// Header fields whose values are hidden from some addons: `NAME:FIELD`, `*:FIELD`, `uid=N:FIELD`.
struct RedactionRule: Sendable, Equatable {
    let text: String
    let who: AddonMatch
    let field: String

    init?(parsing text: String) {
        guard let (who, field) = AddonMatch.split(text), HTTPSyntax.isToken(Array(field.utf8)) else { return nil }
        self.text = text
        self.who = who
        self.field = field
    }
}

extension OptionKind where Value == [Grant] {
    static var grants: Self {
        .list(
            allowed:
                "a list of NAME:RIGHT, *:RIGHT or uid=N:RIGHT; a RIGHT is one of \(Right.allowed), with - before it to take it away",
            parse: { Grant(parsing: $0) },
            text: \.text
        )
    }
}

extension OptionKind where Value == [RedactionRule] {
    static var redactionRules: Self {
        .list(
            allowed: "a list of NAME:FIELD, *:FIELD or uid=N:FIELD",
            parse: { RedactionRule(parsing: $0) },
            text: \.text
        )
    }
}
