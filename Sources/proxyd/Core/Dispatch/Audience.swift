/// Whom an event is for, where not all of its subscribers get it at the same time.
enum Audience {
    case everyone
    /// Those that decide ahead of the others.
    case only([DispatchPlan.Subscriber])
    /// Those that these have left over.
    case except([DispatchPlan.Subscriber])

    /// The part of an event's route that is for this audience.
    func route(_ whole: DispatchPlan.Route) -> DispatchPlan.Route {
        switch self {
        case .everyone: whole
        case .only(let subscribers): DispatchPlan.Route(enforcing: subscribers)
        case .except(let subscribers) where subscribers.isEmpty: whole
        case .except(let subscribers):
            DispatchPlan.Route(
                enforcing: whole.enforcing.filter { !$0.isAny(of: subscribers) },
                observing: whole.observing.filter { !$0.isAny(of: subscribers) }
            )
        }
    }
}

extension DispatchPlan.Subscriber {
    fileprivate func isAny(of others: [DispatchPlan.Subscriber]) -> Bool {
        others.contains { $0.seat === seat }
    }
}
