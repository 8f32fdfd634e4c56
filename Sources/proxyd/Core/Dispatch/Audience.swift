/// Which subscribers an event is for, when not all of them get it at the same time.
enum Audience {
    case everyone
    /// Subscribers that decide ahead of the others.
    case only([DispatchPlan.Subscriber])
    /// The subscribers that are left after these.
    case except([DispatchPlan.Subscriber])

    /// The part of an event's route for this audience.
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
