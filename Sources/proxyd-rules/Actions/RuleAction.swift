/// What a rule does.
enum RuleAction: Sendable {
    case editHeaders(HeaderEdit, Side)
    case modifyHeaders([HeaderModification])
    case stripCookies(CookieStripping)
    case askForWhole
    case askForPlain
    case mapRemote(RemoteMap)
    case mapLocal(LocalMap)
    case mapLocalByPattern([LocalPattern])
    case respond(Answer)
    case refuse(Refusal, Odds?)
    case refuseListed([ListedRefusal])
    case redirect(Redirect)
    case delay(Delay)
    case throttle(Throttle)
    case mark(String)
    case comment(String)
    case substitute(Substitution, Side)
    case editJSON(JSONEdit, Side)
    case delayMessage(Delay)
    case substituteInMessage(Substitution)
    case editJSONOfMessage(JSONEdit)
    case dropMessage

    enum Side: Sendable {
        case request, response, both

        func stages(_ request: Stage, _ response: Stage) -> Set<Stage> {
            switch self {
            case .request: [request]
            case .response: [response]
            case .both: [request, response]
            }
        }
    }

    /// The stages at which the action runs.
    var stages: Set<Stage> {
        switch self {
        case .editHeaders(_, let side): side.stages(.requestHead, .responseHead)
        case .modifyHeaders, .stripCookies: [.requestHead, .responseHead]
        case .askForWhole, .askForPlain, .mapRemote, .mapLocal, .mapLocalByPattern, .respond, .refuse, .refuseListed,
            .redirect, .delay, .mark, .comment:
            [.requestHead]
        case .throttle(let throttle): throttle.stages
        case .substitute(_, let side), .editJSON(_, let side): side.stages(.request, .response)
        case .delayMessage, .substituteInMessage, .editJSONOfMessage, .dropMessage: [.message]
        }
    }

    /// Whether it belongs to neither side, so that it runs at the response if only the response can decide the filter.
    var followsCondition: Bool {
        switch self {
        case .delay, .mark, .comment: true
        default: false
        }
    }

    /// Whether it blocks traffic. Failures at random do not count, since they are only tests.
    var blocks: Bool {
        switch self {
        case .refuse(_, nil), .refuseListed: true
        default: false
        }
    }
}
