import AddonProtocol

extension LiveFlow {
    /// The trace that the flow belongs to, decided at its first event: that of its request, or a new one.
    func trace(_ keys: inout RandomKeys) -> TraceContext {
        if let known = control.trace { return known }
        let trace = traceOfRequest ?? keys.nextTrace()
        control.trace = trace
        return trace
    }

    private var traceOfRequest: TraceContext? {
        guard let values = requestHeaders?.values("traceparent") else { return nil }
        return values.count == 1 ? values.first.flatMap { TraceContext(parsing: $0) } : nil
    }
}
